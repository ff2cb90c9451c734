import { connect, type Socket } from 'node:net';
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
  readonly request: Request;
  readonly abstractSyntaxUid: string;
  readonly transferSyntaxUids: readonly string[];
}
type Request = Parameters<InstanceType<typeof dimse.Client>['addRequest']>[0];

export interface Answer {
  readonly status: number;
  readonly comment: string;
}

const CONNECT_MS = 10_000;
const ANSWER_MS = 60_000;
/** A whole association: results are tens of megabytes at most. */
const WHOLE_MS = 10 * 60_000;

/** What of dcmjs-dimse's Network is not in its type declarations and is used here. */
interface NetworkInternals {
  sendAssociationRequest(association: InstanceType<typeof dimse.association.Association>): void;
  sendAssociationReleaseRequest(): void;
  sendRequests(requests: readonly Request[]): void;
}

/**
 * One association as service class user: proposes each syntax in a presentation context of its own, so that an object
 * goes out as it is stored or not at all, sends the requests in order, releases.
 *
 * The library's own client always proposes implicit and explicit VR together and re-encodes what the peer picks; its
 * SCP class is the exported part of its network layer that lets us propose for ourselves.
 *
 * @returns one answer a request, in order; undefined where the peer did not accept the syntax
 * @throws VoxgateError peer-failed
 */
export function exchange(address: DimseAddress, exchanges: readonly Exchange[]): Promise<(Answer | undefined)[]> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: address.host, port: address.port, noDelay: true });
    const answers: (Answer | undefined)[] = exchanges.map(() => undefined);
    let settled = false;
    const settle = (act: () => void): void => {
      if (settled) return;
      settled = true;
      clearTimeout(connectTimer);
      clearTimeout(wholeTimer);
      act();
    };
    const fail = (reason: string): void =>
      settle(() => {
        socket.destroy();
        reject(new VoxgateError('peer-failed', `${address.calledAe} at ${address.host}:${address.port}: ${reason}`));
      });
    const connectTimer = setTimeout(() => fail(`no connection within ${CONNECT_MS / 1000} s`), CONNECT_MS);
    const wholeTimer = setTimeout(() => fail(`not done within ${WHOLE_MS / 1000} s`), WHOLE_MS);

    const network = new dimse.Scp(socket, {
      associationTimeout: ANSWER_MS,
      pduTimeout: ANSWER_MS,
      connectTimeout: ANSWER_MS,
    });
    const internals = network as unknown as NetworkInternals;
    listenForAnswers(exchanges, answers);
    socket.once('error', (error: NodeJS.ErrnoException) => fail(error.code ?? error.message));
    network.on('connect', () => {
      clearTimeout(connectTimer);
      internals.sendAssociationRequest(propose(address, exchanges));
    });
    network.on('associationAccepted', () => internals.sendRequests(exchanges.map(({ request }) => request)));
    network.on('associationRejected', (rejection: unknown) =>
      fail(`the association was rejected (${describeRejection(rejection)})`),
    );
    network.on('done', () => internals.sendAssociationReleaseRequest());
    network.on('associationReleaseResponse', () => {
      socket.end();
      settle(() => resolve(answers));
    });
    network.on('abort', () => fail('the peer aborted the association'));
    network.on('networkError', (error: unknown) => fail(sentenceOf(error)));
    network.on('close', () => fail('the connection was closed before the end'));
    closeOnSettle(socket);
  });
}

function closeOnSettle(socket: Socket): void {
  socket.setTimeout(ANSWER_MS, () => socket.destroy());
}

function listenForAnswers(exchanges: readonly Exchange[], answers: (Answer | undefined)[]): void {
  exchanges.forEach(({ request }, i) => {
    request.on('response', (response: { getStatus(): number; getErrorComment(): string | undefined }) => {
      answers[i] = { status: response.getStatus(), comment: response.getErrorComment() ?? '' };
    });
  });
}

function propose(
  address: DimseAddress,
  exchanges: readonly Exchange[],
): InstanceType<typeof dimse.association.Association> {
  const association = new dimse.association.Association(address.callingAe, address.calledAe);
  association.setImplementationClassUid(IMPLEMENTATION_CLASS_UID);
  association.setImplementationVersion(IMPLEMENTATION_VERSION_NAME);
  const contexts = new Map(exchanges.map((e) => [`${e.abstractSyntaxUid} ${e.transferSyntaxUids.join(' ')}`, e]));
  for (const { abstractSyntaxUid, transferSyntaxUids } of contexts.values()) {
    const id = association.addPresentationContext(abstractSyntaxUid);
    for (const uid of transferSyntaxUids) association.addTransferSyntaxToPresentationContext(id, uid);
  }
  return association;
}

/** PS3.8 Table 9-21. */
function describeRejection(rejection: unknown): string {
  if (typeof rejection !== 'object' || rejection === null) return 'no reason given';
  const { result, source, reason } = { result: '?', source: '?', reason: '?', ...rejection };
  return `result ${result}, source ${source}, reason ${reason}`;
}
