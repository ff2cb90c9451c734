import { parentPort, workerData } from 'node:worker_threads';
import { sentenceOf } from '../errors.ts';
import { type Agreement, compareMasks } from './compare-masks.ts';
import { readMasks } from './mask-file.ts';

export type ComparisonReply =
  | { readonly ok: true; readonly agreements: readonly Agreement[] }
  | { readonly ok: false; readonly reason: string };

async function compare({ primary, shadow }: { primary: string; shadow: string }): Promise<ComparisonReply> {
  try {
    return { ok: true, agreements: compareMasks(await readMasks(primary), await readMasks(shadow)) };
  } catch (error) {
    return { ok: false, reason: sentenceOf(error) };
  }
}

void compare(workerData).then((reply) => parentPort?.postMessage(reply));
