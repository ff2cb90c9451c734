// From the last C-STORE response to the start of the analysis: with evidence (one association, places without a hole),
// and on quiet time alone (the series comes on two associations at once, so that nothing says that it is whole).
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CrashNode } from '../scripts/crash/node.mjs';
import { SOP_CLASS } from '../scripts/crash/objects.mjs';
import { Association, storePdus } from './association.mjs';

const OPTIONS = { slices: 16, rows: 128, columns: 128 };
const ENDED_WITHIN_MS = 120_000;

/** Seconds that 95 of 100 series may take; on quiet time alone the quiet time included. */
export const SETTLE_GOALS = { evidence: 1, quiet: 4 };

/**
 * @param {{ series: number }} scale series of each kind, one after another: none waits for another's analysis
 * @returns {Promise<Record<'evidence' | 'quiet', number[]>>} seconds, ascending
 */
export async function measureSettling({ series }) {
  const { phantomStudy } = await import('../dist/src/imaging/phantom-study.js');
  const { bufferSource, parsePart10 } = await import('../dist/src/dicom/parse.js');
  const node = await CrashNode.make({ settings: { VOXGATE_MODELS: resolve('models') } });
  try {
    node.launch();
    await node.ready();
    const times = { evidence: [], quiet: [] };
    for (const [kind, associations] of [
      ['evidence', 1],
      ['quiet', 2],
    ])
      for (let i = 0; i < series; i++) {
        const instances = [...phantomStudy({ ...OPTIONS, seed: 2 * i + associations })];
        const objects = instances.map(({ sopInstanceUid: sop, bytes }) => ({
          sop,
          dataSet: bytes.subarray(parsePart10(bufferSource(bytes)).dataSetOffset),
        }));
        const stored = await send(node, objects, associations);
        const started = await startOf(node, instances[0].seriesInstanceUid);
        times[kind].push((started - stored) / 1000);
      }
    for (const list of Object.values(times)) list.sort((a, b) => a - b);
    return times;
  } finally {
    await node.stop();
    node.remove();
  }
}

/** @returns {Promise<number>} when the last response came */
async function send(node, objects, count) {
  const associations = [];
  for (let i = 0; i < count; i++) associations.push(await Association.open(node.dimse, [{ sopClass: SOP_CLASS }]));
  for (const [i, object] of objects.entries()) {
    const status = await associations[i % count].store(storePdus(SOP_CLASS, object));
    if (status !== 0) throw new Error(`C-STORE status ${status}`);
  }
  const stored = Date.now();
  await Promise.all(associations.map((association) => association.release()));
  return stored;
}

/** When the analysis began; resolves when it has ended, so that the next series finds the lane free. */
async function startOf(node, series) {
  const deadline = performance.now() + ENDED_WITHIN_MS;
  for (;;) {
    const answer = await fetch(`${node.root}/api/series/${series}/analyses`);
    const { analyses = [], outcome } = await answer.json();
    const [analysis] = analyses;
    if (analysis && ['skipped', 'failed'].includes(analysis.state)) throw new Error(`not analysed: ${analysis.reason}`);
    if (analysis?.state === 'delivered') return Date.parse(analysis.timings.started);
    if (performance.now() > deadline) throw new Error(`not analysed in time: ${outcome}`);
    await sleep(100);
  }
}

/** One line for each kind. */
export function settleLines(times) {
  return Object.entries(times).map(([kind, list]) => {
    const at = (share) => list[Math.min(list.length - 1, Math.floor(share * list.length))].toFixed(2);
    const goal = SETTLE_GOALS[kind];
    return `${kind}: median ${at(0.5)} s, p95 ${at(0.95)} s, longest ${list.at(-1).toFixed(2)} s of ${list.length} series (goal: p95 ${goal} s)`;
  });
}
