import { EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN } from '../dicom/transfer-syntaxes.ts';
import { sentenceOf, VoxgateError } from '../errors.ts';
import type { CommandValues, RequestName } from './command-set.ts';
import { FilePayload } from './file-payload.ts';
import type { IncomingResponse } from './message-exchange.ts';
import type { Payload } from './message-writer.ts';

/** An object as it is stored: a file, and where the data set begins in it. */
export interface StoredObject {
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  readonly transferSyntaxUid: string;
  readonly path: string;
  /** Of the file. */
  readonly size: number;
  readonly dataSetOffset: number;
}

/** SOP class and transfer syntax: what a presentation context is proposed for. */
export type Kind = Pick<StoredObject, 'sopClassUid' | 'transferSyntaxUid'>;

/** An object in another transfer syntax, in a file of its own that is gone when it is disposed of. */
export interface TranscodedObject {
  readonly path: string;
  /** Of the data set, which is all that is in the file. */
  readonly size: number;
  dispose(): Promise<void>;
}

/** Brings objects into a transfer syntax without compression; done elsewhere, since a codec would hold up everybody. */
export interface Transcoder {
  canRead(transferSyntaxUid: string): boolean;
  /** @throws VoxgateError that says why it cannot be done */
  transcode(object: StoredObject, transferSyntaxUid: string): Promise<TranscodedObject>;
}

/** An accepted presentation context. */
export interface StoreContext {
  readonly id: number;
  readonly abstractSyntaxUid: string;
  readonly transferSyntaxUid: string;
}

/** The association that objects go out on. */
export interface StoreChannel {
  readonly contexts: readonly StoreContext[];
  readonly isOpen: boolean;
  request(
    contextId: number,
    name: RequestName,
    values: CommandValues,
    payload: Payload,
    deadlineMs?: number,
  ): Promise<IncomingResponse>;
}

/** Whose C-MOVE an object is sent for (PS3.7 9.1.1.1). */
export interface MoveOriginator {
  readonly aeTitle: string;
  readonly messageId: number;
}

/** What became of one object. */
export interface StoreOutcome {
  /** Unsent: not asked for; lost: the association was gone before the answer. */
  readonly kind: 'stored' | 'warning' | 'refused' | 'unsent' | 'lost';
  /** Why it was not stored, or with which warning; empty for one that is simply stored. */
  readonly reason: string;
}

/** An object whose turn comes next. */
export type PreparedObject =
  | {
      readonly channel: StoreChannel;
      readonly context: StoreContext;
      readonly object: StoredObject;
      readonly payload: FilePayload;
      /** @param sent it was answered */
      dispose(sent?: boolean): Promise<void>;
    }
  | { readonly outcome: StoreOutcome };

const LOST: StoreOutcome = { kind: 'lost', reason: 'the association is over' };

/** Syntaxes that everything decodable can be brought into, the one that says more first. */
const PLAIN_SYNTAXES = [EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN];

/** The syntaxes that an object of that kind can be sent in, the stored one first. */
export function sendableSyntaxes({ transferSyntaxUid }: Kind, transcoder: Transcoder | undefined): string[] {
  const others = transcoder?.canRead(transferSyntaxUid) ? PLAIN_SYNTAXES : [];
  return [...new Set([transferSyntaxUid, ...others])];
}

/** Makes an object ready while the one before it is on its way: its first bytes are read, or it is transcoded. */
export async function prepareObject(
  channel: StoreChannel,
  object: StoredObject,
  transcoder: Transcoder | undefined,
): Promise<PreparedObject> {
  if (!channel.isOpen) return { outcome: LOST };
  const { sopClassUid, transferSyntaxUid } = object;
  const syntaxes = sendableSyntaxes(object, transcoder);
  const ofClass = channel.contexts.filter((context) => context.abstractSyntaxUid === sopClassUid);
  const context = syntaxes
    .map((uid) => ofClass.find((one) => one.transferSyntaxUid === uid))
    .find((one) => one !== undefined);
  if (!context)
    return unsent(
      `did not accept SOP class ${sopClassUid} in transfer syntax ${transferSyntaxUid}${orAnother(syntaxes)}`,
    );
  try {
    if (context.transferSyntaxUid === transferSyntaxUid) {
      const payload = await FilePayload.open(object.path, object.dataSetOffset, object.size - object.dataSetOffset);
      return { channel, context, object, payload, dispose: (sent) => payload.close(sent) };
    }
    // It has a choice of syntaxes because there is a transcoder.
    const transcoded = await transcoder!.transcode(object, context.transferSyntaxUid);
    const payload = await FilePayload.open(transcoded.path, 0, transcoded.size);
    const dispose = async (sent?: boolean): Promise<void> => {
      await payload.close(sent);
      await transcoded.dispose();
    };
    return { channel, context, object, payload, dispose };
  } catch (error) {
    return unsent(`was not sent SOP class ${sopClassUid}: ${sentenceOf(error)}`);
  }
}

function orAnother(syntaxes: readonly string[]): string {
  return syntaxes.length > 1 ? ' or without compression' : '';
}

function unsent(reason: string): PreparedObject {
  return { outcome: { kind: 'unsent', reason } };
}

/** Sends a prepared object by C-STORE and disposes of it. */
export async function sendPrepared(prepared: PreparedObject, originator?: MoveOriginator): Promise<StoreOutcome> {
  if ('outcome' in prepared) return prepared.outcome;
  const { channel, context, object, payload } = prepared;
  let answered = false;
  try {
    if (!channel.isOpen) return LOST;
    const { command } = await channel.request(
      context.id,
      'C-STORE-RQ',
      {
        affectedSopClassUid: object.sopClassUid,
        affectedSopInstanceUid: object.sopInstanceUid,
        priority: 0,
        moveOriginatorAeTitle: originator?.aeTitle,
        moveOriginatorMessageId: originator?.messageId,
      },
      payload,
    );
    answered = true;
    return outcomeOf(object, command.status ?? 0, command.errorComment ?? '');
  } catch (error) {
    if (error instanceof VoxgateError && error.code !== 'peer-failed')
      return { kind: 'unsent', reason: `was not sent SOP class ${object.sopClassUid}: ${error.message}` };
    return { kind: 'lost', reason: sentenceOf(error) };
  } finally {
    await prepared.dispose(answered);
  }
}

/** Success, the warnings of PS3.4 Table B.2-1 (stored, with a remark) and those of PS3.7 Annex C. */
function outcomeOf({ sopClassUid }: StoredObject, status: number, comment: string): StoreOutcome {
  if (status === 0) return { kind: 'stored', reason: '' };
  const said = `status ${hex(status)} ${comment}`.trim();
  const warns = status >> 12 === 0xb || status === 0x0001 || status === 0x0107 || status === 0x0116;
  return warns
    ? { kind: 'warning', reason: `stored SOP class ${sopClassUid} with ${said}` }
    : { kind: 'refused', reason: `refused SOP class ${sopClassUid} with ${said}` };
}

export function hex(status: number): string {
  return `${status.toString(16).toUpperCase().padStart(4, '0')}H`;
}

/** Where objects go out: one association, or several where they have too many kinds for one. */
export interface StoreLink {
  prepare(object: StoredObject): Promise<PreparedObject>;
}

/** Sends them in order, the next made ready while the answer to the last is awaited. */
export async function* sendInOrder<T extends StoredObject>(
  link: StoreLink,
  objects: Iterable<T> | AsyncIterable<T>,
  originator?: MoveOriginator,
): AsyncGenerator<{ readonly object: T; readonly outcome: StoreOutcome }, void> {
  let waiting: { object: T; prepared: Promise<PreparedObject> } | undefined;
  try {
    for await (const object of objects) {
      const last = waiting;
      const answer = last?.prepared.then((prepared) => sendPrepared(prepared, originator));
      waiting = {
        object,
        prepared: last ? afterwards(last.prepared, () => link.prepare(object)) : link.prepare(object),
      };
      if (last && answer) yield { object: last.object, outcome: await answer };
    }
    const last = waiting;
    waiting = undefined;
    if (last) yield { object: last.object, outcome: await sendPrepared(await last.prepared, originator) };
  } finally {
    const left = await waiting?.prepared;
    if (left && 'dispose' in left) await left.dispose();
  }
}

/** Not two at a time: the next begins to be read when the one before it has been. */
function afterwards<T>(last: Promise<unknown>, next: () => Promise<T>): Promise<T> {
  return last.then(next);
}
