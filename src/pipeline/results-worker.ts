import { parentPort, workerData } from 'node:worker_threads';
import { VoxgateError } from '../errors.ts';
import { type BuiltResults, buildResults, type ResultMaterial } from './build-results.ts';

/** What the worker thread answers with. */
export type ResultsReply =
  | { readonly ok: true; readonly built: BuiltResults }
  | { readonly ok: false; readonly code: VoxgateError['code'] | undefined; readonly message: string };

function reply(material: ResultMaterial): ResultsReply {
  try {
    return { ok: true, built: buildResults(material) };
  } catch (error) {
    const code = error instanceof VoxgateError ? error.code : undefined;
    return { ok: false, code, message: error instanceof Error ? error.message : String(error) };
  }
}

parentPort?.postMessage(reply(workerData));
