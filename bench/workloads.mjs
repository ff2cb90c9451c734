// What is measured. Each workload does the same again and again and looks at what came of it: a wrong answer is a
// failure and never a fast result.
import { queryWorkloads } from './query-workloads.mjs';
import { retrieveWorkloads } from './retrieve-workloads.mjs';
import { storeWorkloads } from './store-workloads.mjs';

/**
 * How much of everything; times in seconds. `studies` times `perStudy` tiny objects are what is asked for studies.
 * No repetition of a storing workload goes on beyond `storeSeconds`, however slow the server is.
 */
export const FULL = {
  slices: 200,
  small: 600,
  multiFrames: 200,
  multiFrameObjects: 2,
  series: 100,
  studies: 10_000,
  perStudy: 1,
  storeSeconds: 15,
  readSeconds: 2,
  gibibyteFrames: 2048,
  instances: 100_000,
  sloped: 10_000,
  slopeObjects: 1000,
};

/** Small enough to see within a minute or two whether all works; its figures say nothing. */
export const QUICK = {
  ...FULL,
  slices: 20,
  small: 60,
  multiFrames: 8,
  multiFrameObjects: 1,
  series: 20,
  studies: 200,
  readSeconds: 0.3,
  gibibyteFrames: 64,
  instances: 2000,
  sloped: 500,
  slopeObjects: 100,
};

/**
 * @typedef {object} Workload
 * @property {string} name
 * @property {string} what one sentence
 * @property {string} unit
 * @property {'dimse' | 'archive' | 'web'} door what a peer must be asked: to store, to find and retrieve too, DICOMweb
 * @property {{ rate?: number | Record<string, number>, cpu?: number }} [goal] ratios to the faster peer, or by peer
 * @property {string} [fixture] workloads of one fixture are measured on the same servers, prepared once
 * @property {boolean} [parallelStores] objects are stored over several associations at once
 * @property {(server) => Promise<unknown>} [prepare] what it returns is given to `run`
 * @property {(server, prepared, receiver) => Promise<{ units: number, seconds: number, latencies: number[] }>} run
 *   one repetition; latencies in milliseconds
 * @property {(server, prepared, result) => Promise<void>} [verify] what must hold afterwards; not measured
 */

/** @returns {readonly Workload[]} */
export function serverWorkloads(scale) {
  return [...storeWorkloads(scale), ...queryWorkloads(scale), ...retrieveWorkloads(scale)];
}
