import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { VoxgateError } from '../errors.ts';
import { spawnable } from '../spawnable.ts';
import type { Agreement } from './compare-masks.ts';
import type { ComparisonReply } from './compare-masks-worker.ts';

/** A hundred segments of a thousand slices take two seconds. */
const DEADLINE_MS = 120_000;

/** Holds two files of `writeMasks` against each other in a thread of its own. @throws VoxgateError mismatch */
export async function compareMaskFiles(primary: string, shadow: string): Promise<readonly Agreement[]> {
  const worker = new Worker(spawnable(import.meta.url, './compare-masks-worker.ts'), {
    workerData: { primary, shadow },
  });
  try {
    const [reply]: [ComparisonReply] = (await once(worker, 'message', {
      signal: AbortSignal.timeout(DEADLINE_MS),
    })) as [ComparisonReply];
    if (!reply.ok) throw new VoxgateError('mismatch', reply.reason);
    return reply.agreements;
  } finally {
    await worker.terminate();
  }
}
