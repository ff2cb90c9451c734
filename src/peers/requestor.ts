import { connect } from 'node:net';
import dimse from 'dcmjs-dimse';
import { IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME } from '../dicom/implementation.ts';
import { sentenceOf, VoxgateError } from '../errors.ts';

dimse.log.setLevel('silent');

export interface DimseAddress {
  readonly callingAe: string;
  readonly calledAe: string;
  readonly host: string;
  readonly port: number;
}

/** One request and the abstract and transfer syntax it goes by. */
export interface Exchange {
  readonly abstractSyntaxUid: string;
  readonly transferSyntaxUids: readonly string[];
  /** Called when its turn has come, and not at all where the peer did not accept the syntax. */
  makeRequest(): Promise<Request>;
}
export type Request = Parameters<InstanceType<typeof dimse.Client>['addRequest']>[0];
type Association = InstanceType<typeof dimse.association.Association>;

export interface Answer {
  readonly status: number;
  readonly comment: string;
}

const CONNECT_MS = 10_000;
/** Nothing came and nothing went for so long. */
const SILENCE_MS = 60_000;
/** One object: a gigabyte over a slow line, and a peer that thinks. */
const REQUEST_MS = 10 * 60_000;
/** The library counts from the last PDU that came, however busily it sends; the socket's own silence is counted here. */
const NEVER = Number.MAX_SAFE_INTEGER;

/** PS3.8 9.3.2.2: presentation context IDs are the odd numbers up to 255. */
const MOST_CONTEXTS = 128;

/** What of dcmjs-dimse's Network is not in its type declarations and is used here. */
interface NetworkInternals {
  sendAssociationRequest(association: Association): void;
  sendAssociationReleaseRequest(): void;
  sendRequests(requests: readonly Request[]): void;
}

/**
 * One association as service class user: proposes each syntax in a presentation context of its own, so that an object
 * goes out as it is stored or not at all, sends the requests in order, releases. The next request is made when the one
 * before it has been answered: one object at a time is in memory, however many there are.
 *
 * The library's own client always proposes implicit and explicit VR together and re-encodes what the peer picks; its
 * SCP class is the exported part of its network layer that lets us propose for ourselves.
 *
 * @returns one answer a request, in order; undefined where the peer did not accept the syntax
 * @throws VoxgateError peer-failed, or whatever the making of a request threw
 */
export function exchange(address: DimseAddress, exchanges: readonly Exchange[]): Promise<(Answer | undefined)[]> {
  return new Promise((resolve, reject) => {
    const answers: (Answer | undefined)[] = [];
    const proposed = propose(address, exchanges);
    const socket = connect({ host: address.host, port: address.port, noDelay: true });
    let over = false;
    let deadline: NodeJS.Timeout | undefined;
    const within = (milliseconds: number, what: string): void => {
      clearTimeout(deadline);
      if (over) return;
      deadline = setTimeout(() => fail(`${what} within ${milliseconds / 1000} s`), milliseconds);
    };
    const end = (error?: unknown): void => {
      over = true;
      clearTimeout(deadline);
      socket.destroy();
      if (error === undefined) resolve(answers);
      else reject(error);
    };
    // Once everything is answered, how the peer takes its leave is all the same.
    let answered = false;
    const fail = (reason: string): void => {
      const sentence = `${address.calledAe} at ${address.host}:${address.port}: ${reason}`;
      end(answered ? undefined : new VoxgateError('peer-failed', sentence));
    };

    // Before the library listens, which calls all of these its own names.
    socket.once('error', (error: NodeJS.ErrnoException) => fail(error.code ?? error.message));
    socket.once('timeout', () => fail(`silent for ${SILENCE_MS / 1000} s`));
    const network = new dimse.Scp(socket, { associationTimeout: NEVER, pduTimeout: NEVER });
    const internals = network as unknown as NetworkInternals;
    socket.setTimeout(SILENCE_MS);
    within(CONNECT_MS, 'no connection');

    const sendAll = async (association: Association): Promise<void> => {
      for (const one of exchanges) {
        within(REQUEST_MS, 'no answer to a request');
        const request = isAccepted(association, one) ? await one.makeRequest() : undefined;
        if (over) return;
        answers.push(request && (await perform(internals, request)));
      }
      answered = true;
      within(SILENCE_MS, 'no answer to the release');
      internals.sendAssociationReleaseRequest();
    };
    network.on('connect', () => {
      within(SILENCE_MS, 'no answer to the association request');
      internals.sendAssociationRequest(proposed);
    });
    network.on('associationAccepted', (association: Association) => void sendAll(association).catch(end));
    network.on('associationRejected', (rejection: unknown) =>
      fail(`the association was rejected (${describeRejection(rejection)})`),
    );
    network.on('associationReleaseResponse', () => end());
    network.on('abort', () => fail('the peer aborted the association'));
    network.on('networkError', (error: unknown) => fail(sentenceOf(error)));
    network.on('close', () => fail('the connection was closed before the end'));
  });
}

/** Sends one request; undefined where the library could not send it. */
function perform(network: NetworkInternals, request: Request): Promise<Answer | undefined> {
  return new Promise((resolve) => {
    let answer: Answer | undefined;
    request.on('response', (response: { getStatus(): number; getErrorComment(): string | undefined }) => {
      answer = { status: response.getStatus(), comment: response.getErrorComment() ?? '' };
    });
    request.on('done', () => resolve(answer));
    network.sendRequests([request]);
  });
}

function propose(address: DimseAddress, exchanges: readonly Exchange[]): Association {
  const association = new dimse.association.Association(address.callingAe, address.calledAe);
  association.setImplementationClassUid(IMPLEMENTATION_CLASS_UID);
  association.setImplementationVersion(IMPLEMENTATION_VERSION_NAME);
  const contexts = new Map(exchanges.map((e) => [`${e.abstractSyntaxUid} ${e.transferSyntaxUids.join(' ')}`, e]));
  if (contexts.size > MOST_CONTEXTS)
    throw new VoxgateError(
      'peer-failed',
      `${contexts.size} kinds of object (SOP class and transfer syntax) do not go over one association: it has ${MOST_CONTEXTS} presentation contexts`,
    );
  for (const { abstractSyntaxUid, transferSyntaxUids } of contexts.values()) {
    const id = association.addPresentationContext(abstractSyntaxUid);
    for (const uid of transferSyntaxUids) association.addTransferSyntaxToPresentationContext(id, uid);
  }
  return association;
}

/** Asked here: where only another transfer syntax of the SOP class was accepted, the library would convert. */
function isAccepted(association: Association, { abstractSyntaxUid, transferSyntaxUids }: Exchange): boolean {
  return association
    .getPresentationContexts()
    .some(
      ({ context }) =>
        context.getResult() === dimse.constants.PresentationContextResult.Accept &&
        context.getAbstractSyntaxUid() === abstractSyntaxUid &&
        transferSyntaxUids.includes(context.getAcceptedTransferSyntaxUid() ?? ''),
    );
}

/** Reason by source (PS3.8 Table 9-21). */
const REJECTIONS: Readonly<Record<string, string>> = {
  '1 1': 'no reason given',
  '1 2': 'application context name not supported',
  '1 3': 'calling AE title not recognized',
  '1 7': 'called AE title not recognized',
  '2 1': 'no reason given',
  '2 2': 'protocol version not supported',
  '3 1': 'temporary congestion',
  '3 2': 'local limit exceeded',
};

function describeRejection(rejection: unknown): string {
  if (typeof rejection !== 'object' || rejection === null) return 'no reason given';
  const { result, source, reason } = { result: '?', source: '?', reason: '?', ...rejection };
  const meaning = REJECTIONS[`${source} ${reason}`] ?? 'a reason that the standard does not know';
  return `result ${result}, source ${source}, reason ${reason}: ${meaning}`;
}
