import type { Archive } from '../../archive/archive.ts';
import type { SelectedInstances } from '../../archive/send-instances.ts';
import { VoxgateError } from '../../errors.ts';
import type { Log } from '../../log.ts';
import { type MoveOriginator, type StoreLink, type StoreOutcome, sendInOrder } from '../../network/send-object.ts';
import type { ServiceRequest } from '../service.ts';
import { comment } from '../store-status.ts';
import { retrieveKeys } from './retrieve-identifier.ts';
import { RETRIEVE_STATUS, RetrieveProgress } from './retrieve-progress.ts';

/** Where the sub-operations of a retrieval go. */
export interface RetrieveLink extends StoreLink {
  /** All is sent. */
  release(): Promise<void>;
  /** At once: what is on its way is given up. */
  abort(): void;
}

export interface Retrieval {
  readonly archive: Pick<Archive, 'select'>;
  readonly log: Log;
  /** Who receives, for the log. */
  readonly destination: string;
  readonly originator?: MoveOriginator;
  /** Asked when it is known what is to be sent. @throws VoxgateError peer-failed */
  open(selected: SelectedInstances): Promise<RetrieveLink>;
}

/**
 * One C-MOVE or C-GET from identifier to final response (PS3.4 C.4.2 and C.4.3): sends what is meant, one after the other
 * in the order of the series, tells of it every second, and stops when it is cancelled.
 */
export async function retrieve(request: ServiceRequest, retrieval: Retrieval): Promise<void> {
  const selected = await select(request, retrieval);
  if (!selected) return;
  const progress = new RetrieveProgress(request, selected.total);
  try {
    const cancelled = whenAborted(request.signal);
    const sent = sendAll(request, retrieval, selected, progress);
    // What hangs is not waited for: the answer to a C-CANCEL comes now, and what still comes back goes nowhere.
    const reason = await Promise.race([sent, cancelled.promise]).finally(cancelled.forget);
    await (reason === undefined ? progress.cancelled() : progress.finish(reason));
    // A sub-operation under way keeps the association: the next request waits for its end.
    await sent;
  } catch (error) {
    // A caller that is gone is told nothing.
    if (!request.association.isOpen) return;
    retrieval.log.error({ error: error instanceof Error ? error.stack : String(error) }, 'a retrieval failed');
    await progress.fail();
  } finally {
    progress.stop();
  }
}

/** What the identifier means; undefined where the request was answered with why not. */
async function select(request: ServiceRequest, { archive, log }: Retrieval): Promise<SelectedInstances | undefined> {
  const { identifierDoesNotMatch, cannotCount, unableToProcess } = RETRIEVE_STATUS;
  const refuse = async (status: number, sentence: string): Promise<undefined> => {
    await request.respond({ status, errorComment: comment(sentence) });
  };
  let keys: ReturnType<typeof retrieveKeys>;
  try {
    keys = retrieveKeys(request.dataSet ?? Buffer.alloc(0), request);
  } catch (error) {
    if (!(error instanceof VoxgateError)) throw error;
    return refuse(error.code === 'bad-request' ? identifierDoesNotMatch : unableToProcess, error.message);
  }
  try {
    return await archive.select(keys);
  } catch (error) {
    log.error({ error: error instanceof Error ? error.stack : String(error) }, 'a retrieval could not be counted');
    return refuse(cannotCount, 'the matches cannot be counted; see the log of this node');
  }
}

/** Resolves to why something failed, or '' where nothing did; undefined where it was cancelled. */
async function sendAll(
  request: ServiceRequest,
  retrieval: Retrieval,
  selected: SelectedInstances,
  progress: RetrieveProgress,
): Promise<string | undefined> {
  const { log, destination, originator } = retrieval;
  const { signal } = request;
  if (selected.total === 0) return '';
  const reasons = new Map<string, number>();
  const count = (sopInstanceUid: string, outcome: StoreOutcome): void => {
    progress.count(sopInstanceUid, outcome);
    if (outcome.reason !== '') reasons.set(outcome.reason, (reasons.get(outcome.reason) ?? 0) + 1);
  };
  let link: RetrieveLink | undefined;
  const abort = (): void => link?.abort();
  try {
    try {
      link = await retrieval.open(selected);
    } catch (error) {
      if (!(error instanceof VoxgateError)) throw error;
      for await (const { sopInstanceUid } of selected.objects())
        count(sopInstanceUid, { kind: 'lost', reason: error.message });
      return error.message;
    }
    signal.addEventListener('abort', abort);
    if (signal.aborted) abort();
    for await (const { object, outcome } of sendInOrder(link, selected.objects(), originator)) {
      if (signal.aborted) return undefined;
      count(object.sopInstanceUid, outcome);
    }
    await link.release();
    return [...reasons.keys()][0] ?? '';
  } finally {
    signal.removeEventListener('abort', abort);
    if (signal.aborted) abort();
    for (const [reason, objects] of [...reasons].slice(0, MOST_REASONS))
      log.warn({ destination, objects, reason }, 'objects of a retrieval were not sent, or with a remark');
  }
}

/** Different ones in the log of one retrieval. */
const MOST_REASONS = 20;

function whenAborted(signal: AbortSignal): { promise: Promise<undefined>; forget(): void } {
  let onAbort = (): void => undefined;
  const promise = new Promise<undefined>((resolve) => {
    onAbort = () => resolve(undefined);
    if (signal.aborted) resolve(undefined);
    else signal.addEventListener('abort', onAbort);
  });
  return { promise, forget: () => signal.removeEventListener('abort', onAbort) };
}
