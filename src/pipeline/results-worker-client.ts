import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { VoxgateError } from '../errors.ts';
import { spawnable } from '../spawnable.ts';
import type { BuiltResults, ResultMaterial } from './build-results.ts';
import type { ResultsReply } from './results-worker.ts';

/**
 * Builds and checks the result objects in a worker thread: 440 frames of 512 × 512 take 0.7 to 1.3 s, for which no
 * sender and no viewer shall wait.
 * @throws VoxgateError bad-result
 */
export async function buildResultsApart(material: ResultMaterial): Promise<BuiltResults> {
  const [first, ...others] = material.sources;
  const sources = [first!, ...others.map(({ attributes: _, ...source }) => source)];
  const worker = new Worker(spawnable(import.meta.url, './results-worker.ts'), {
    workerData: { ...material, sources } satisfies ResultMaterial,
  });
  try {
    const [reply]: [ResultsReply] = (await once(worker, 'message')) as [ResultsReply];
    if (!reply.ok) throw reply.code ? new VoxgateError(reply.code, reply.message) : new Error(reply.message);
    // Buffers arrive as plain byte arrays.
    return {
      ...reply.built,
      objects: reply.built.objects.map((bytes) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)),
    };
  } finally {
    await worker.terminate();
  }
}
