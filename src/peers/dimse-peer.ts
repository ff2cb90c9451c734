import type { JsonDataset } from '../dicom/dataset.ts';
import { VERIFICATION } from '../dicom/sop-classes.ts';
import { EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN } from '../dicom/transfer-syntaxes.ts';
import { VoxgateError } from '../errors.ts';
import { hex, sendInOrder, type Transcoder } from '../network/send-object.ts';
import type { DimseAddress } from './dimse-address.ts';
import type { OutgoingObject, QueryModel, QueryPeer, RetrievedObjects, RetrieveResult } from './peer.ts';
import { find, get, move } from './query-user.ts';
import { openAssociation, type RequestorAssociation } from './requestor.ts';
import { StoreAssociations } from './store-association.ts';

/** A node reached by DIMSE. */
export class DimsePeer implements QueryPeer {
  readonly name: string;
  readonly #address: DimseAddress;
  readonly #transcoder: Transcoder | undefined;

  /** @param transcoder for peers that do not take what we hold; without one it is sent as it is stored or not at all */
  constructor(name: string, address: DimseAddress, transcoder?: Transcoder) {
    this.name = name;
    this.#address = address;
    this.#transcoder = transcoder;
  }

  async store(objects: readonly OutgoingObject[]): Promise<void> {
    if (objects.length === 0) return;
    const associations = await StoreAssociations.open(this.#address, objects, this.#transcoder);
    const refused: string[] = [];
    try {
      for await (const { outcome } of sendInOrder(associations, objects)) {
        if (outcome.kind === 'lost') throw new VoxgateError('peer-failed', outcome.reason);
        if (outcome.kind === 'refused' || outcome.kind === 'unsent') refused.push(outcome.reason);
      }
    } catch (error) {
      await associations.abort();
      throw error;
    }
    await associations.release();
    if (refused.length > 0)
      throw new VoxgateError('peer-failed', `${this.name} (${this.#address.calledAe}): ${eachOnce(refused)}`);
  }

  async echo(): Promise<void> {
    const association = await openAssociation(this.#address, [
      { sopClassUid: VERIFICATION, transferSyntaxUids: [EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN] },
    ]);
    const status = await echoOn(association);
    await association.release();
    if (status !== 0)
      throw new VoxgateError(
        'peer-failed',
        `${this.name}: C-ECHO was answered with ${status === undefined ? 'nothing' : hex(status)}`,
      );
  }

  find(model: QueryModel, identifier: JsonDataset): AsyncGenerator<JsonDataset, void> {
    return find(this.#address, model, identifier);
  }

  move(model: QueryModel, identifier: JsonDataset, destination: string): Promise<RetrieveResult> {
    return move(this.#address, model, identifier, destination);
  }

  get(
    model: QueryModel,
    identifier: JsonDataset,
    sopClassUids: readonly string[],
    into: RetrievedObjects,
  ): Promise<RetrieveResult> {
    return get(this.#address, model, identifier, { sopClassUids, into });
  }
}

/** Undefined where the peer did not accept verification. */
async function echoOn(association: RequestorAssociation): Promise<number | undefined> {
  const [context] = association.contexts;
  if (!context) return undefined;
  const { command } = await association.request(context.id, 'C-ECHO-RQ', { affectedSopClassUid: VERIFICATION });
  return command.status;
}

/** A series is often refused as a whole, each of its objects with the same words. */
function eachOnce(sentences: readonly string[]): string {
  return [...new Set(sentences)]
    .map((sentence) => {
      const times = sentences.filter((other) => other === sentence).length;
      return times === 1 ? sentence : `${sentence} (${times} objects)`;
    })
    .join('; ');
}
