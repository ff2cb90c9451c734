// Repetitions of workloads, in turns between this node and its peers (a b c, c b a, a b c), since a machine drifts by
// more than two runs of anything differ. What others used of the machine meanwhile is measured too.
import { setTimeout as sleep } from 'node:timers/promises';
import { headerReaders } from './parse-header.mjs';
import { cpuSeconds, machineSeconds, peakMegabytes, resetPeak } from './proc.mjs';
import { startVoxgate } from './servers.mjs';

/** Above this use of the machine by others, in cores, a figure is called disturbed. */
export const CALM_CORES = 0.3;
const CALM_WITHIN_MS = 2000;

/**
 * Measures workloads that share their servers.
 * @param {readonly import('./workloads.mjs').Workload[]} workloads of one fixture, or one alone
 * @param {{ peers: { name: string, start: Function }[], repetitions: number, cpuProfile?: string, receiver: import('./receiver.mjs').Receiver, patient: boolean, onResult: (result: object) => void }} options
 */
export async function measureTogether(workloads, { peers, repetitions, cpuProfile, receiver, patient, onResult }) {
  const [{ prepare, parallelStores = false }] = workloads;
  const options = { receiverPort: receiver.port, parallelStores };
  const sides = [];
  try {
    const starts = [
      { name: 'voxgate', start: () => startVoxgate({ ...options, cpuProfile }) },
      ...peers.map(({ name, start }) => ({ name, start: () => start(options) })),
    ];
    for (const { name, start } of starts) {
      const side = { name };
      sides.push(side);
      await attempt(side, async () => {
        side.server = await start();
        side.prepared = await prepare?.(side.server);
      });
    }
    for (const workload of workloads) onResult(await measureOne(workload, sides, { repetitions, receiver, patient }));
  } finally {
    for (const { server } of sides) await server?.stop();
  }
}

async function measureOne(workload, sides, { repetitions, receiver, patient }) {
  const all = sides.map(({ name, server, prepared, failed }) => ({ name, server, prepared, failed, runs: [] }));
  const servers = all.flatMap(({ server }) => server ?? []);
  const pids = () => servers.flatMap((server) => server.pids());
  const measured = async (side) =>
    attempt(side, async () => {
      if (patient) await calm();
      side.runs.push(await observe(workload, side, pids(), receiver));
    });
  // Not counted: both sides warm their caches, ours its compiler.
  for (const side of all) {
    await measured(side);
    side.runs.length = 0;
  }
  for (let repetition = 0; repetition < repetitions; repetition++)
    for (const side of repetition % 2 === 0 ? all : all.toReversed()) await measured(side);
  return summary(workload, all);
}

/** A side that failed is not asked again; why it failed is its result. */
async function attempt(side, act) {
  if (side.failed) return;
  try {
    await act();
  } catch (error) {
    side.failed = error.message;
  }
}

async function observe(workload, { server, prepared }, pids, receiver) {
  const hasPeak = resetPeak(server.pid);
  const cpuBefore = cpuSeconds(server.pids());
  const othersBefore = machineSeconds() - cpuSeconds([...pids, process.pid]);
  const before = performance.now();
  const result = await workload.run(server, prepared, receiver);
  const elapsed = (performance.now() - before) / 1000;
  const others = (machineSeconds() - cpuSeconds([...pids, process.pid]) - othersBefore) / elapsed;
  const cpuMs = ((cpuSeconds(server.pids()) - cpuBefore) * 1000) / result.units;
  const peakMb = hasPeak ? peakMegabytes(server.pid) : undefined;
  await workload.verify?.(server, prepared, result);
  const sorted = result.latencies.toSorted((a, b) => a - b);
  return {
    rate: result.units / result.seconds,
    p50: percentile(sorted, 0.5),
    p99: percentile(sorted, 0.99),
    cpuMs,
    peakMb,
    others: Math.max(0, others),
  };
}

/** Waits, not for long, until neither the servers nor anybody else has work left. */
export async function calm() {
  const deadline = performance.now() + CALM_WITHIN_MS;
  const busy = () => machineSeconds() - cpuSeconds([process.pid]);
  do {
    const before = busy();
    await sleep(200);
    if ((busy() - before) / 0.2 < CALM_CORES) return;
  } while (performance.now() < deadline);
}

export async function measureParser({ repetitions }) {
  const readers = Object.entries(await headerReaders());
  const sides = readers.map(([name, read]) => ({ name, read, runs: [] }));
  // Not counted: the compiler warms up.
  for (const { read } of sides) read();
  for (let repetition = 0; repetition < repetitions; repetition++)
    for (const side of repetition % 2 === 0 ? sides : sides.toReversed()) {
      const before = cpuSeconds([process.pid]);
      const { units, seconds } = side.read();
      side.runs.push({ rate: units / seconds, cpuMs: ((cpuSeconds([process.pid]) - before) * 1000) / units });
    }
  return summary({ name: 'parse-header', unit: 'headers' }, sides);
}

function summary({ name, unit, goal }, [ours, ...others]) {
  const peers = others.map((peer) => ({
    ...figures(peer),
    ratios: ours.failed || peer.failed ? undefined : ratios(ours.runs, peer.runs),
  }));
  const compared = peers.filter(({ ratios }) => ratios);
  return {
    name,
    unit,
    goal,
    ours: figures(ours),
    peers,
    /** The faster peer is the one that counts. */
    counts: compared.toSorted((one, other) => one.ratios.rate - other.ratios.rate)[0]?.name,
  };
}

function figures({ name, runs, failed }) {
  if (failed) return { name, failed };
  const rates = runs.map(({ rate }) => rate);
  const all = (key) => runs.flatMap((run) => run[key] ?? []);
  return {
    name,
    rate: median(rates),
    slowest: Math.min(...rates),
    fastest: Math.max(...rates),
    p50: median(all('p50')),
    p99: median(all('p99')),
    cpuMs: median(all('cpuMs')),
    peakMb: all('peakMb').length > 0 ? Math.max(...all('peakMb')) : undefined,
    others: median(all('others')),
  };
}

/** Above 1: ours is better. Medians of the ratios of neighbours in time, not ratios of medians. */
function ratios(ours, peers) {
  const of = (ratio) => median(ours.map((run, i) => ratio(run, peers[i])).filter(Number.isFinite));
  return {
    rate: of((run, peer) => run.rate / peer.rate),
    cpu: of((run, peer) => peer.cpuMs / run.cpuMs),
    memory: of((run, peer) => peer.peakMb / run.peakMb),
  };
}

/** @param {readonly number[]} sorted */
export const percentile = (sorted, part) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))];

export function median(numbers) {
  if (numbers.length === 0) return undefined;
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
