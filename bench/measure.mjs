// Repetitions of one workload, interleaved between this node and a peer (a b, b a, a b), since a machine drifts by more
// than two runs of anything differ. What others used of the machine meanwhile is measured too.
import { headerReaders } from './parse-header.mjs';
import { cpuSeconds, machineSeconds, peakMegabytes, resetPeak } from './proc.mjs';
import { startVoxgate } from './servers.mjs';
import { storeGibibyte } from './workloads.mjs';

/** What the main process may take while a gigabyte passes through it; one that gathered the object would need it all. */
export const MEMORY_LIMIT_MB = 350;

export async function measureServers(workload, { peer, repetitions, cpuProfile }) {
  const servers = [await startVoxgate(cpuProfile)];
  try {
    if (peer) servers.push(await peer.start());
    const prepared = new Map();
    for (const server of servers) {
      prepared.set(server, await workload.prepare?.(server));
      // Not counted: both sides warm their caches, ours its compiler.
      await workload.run(server, prepared.get(server));
    }
    const runs = new Map(servers.map((server) => [server, []]));
    for (let repetition = 0; repetition < repetitions; repetition++)
      for (const server of repetition % 2 === 0 ? servers : servers.toReversed())
        runs.get(server).push(await observe(servers, server, () => workload.run(server, prepared.get(server))));
    return summary(
      workload.name,
      workload.unit,
      servers.map((server) => ({ name: server.name, runs: runs.get(server) })),
    );
  } finally {
    for (const server of servers) await server.stop();
  }
}

async function observe(servers, server, run) {
  const all = servers.flatMap(({ pids }) => pids());
  const hasPeak = resetPeak(server.pid);
  const cpuBefore = cpuSeconds(server.pids());
  const othersBefore = machineSeconds() - cpuSeconds([...all, process.pid]);
  const before = performance.now();
  const { units, seconds } = await run();
  const others =
    (machineSeconds() - cpuSeconds([...all, process.pid]) - othersBefore) / ((performance.now() - before) / 1000);
  return {
    rate: units / seconds,
    cpuMs: ((cpuSeconds(server.pids()) - cpuBefore) * 1000) / units,
    peakMb: hasPeak ? peakMegabytes(server.pid) : undefined,
    others: Math.max(0, others),
  };
}

export async function measureParser({ repetitions }) {
  const readers = Object.entries(await headerReaders());
  const runs = new Map(readers.map(([name]) => [name, []]));
  // Not counted: the compiler warms up.
  for (const [, run] of readers) run();
  for (let repetition = 0; repetition < repetitions; repetition++)
    for (const [name, run] of repetition % 2 === 0 ? readers : readers.toReversed()) {
      const before = cpuSeconds([process.pid]);
      const { units, seconds } = run();
      runs.get(name).push({ rate: units / seconds, cpuMs: ((cpuSeconds([process.pid]) - before) * 1000) / units });
    }
  return summary(
    'parse-header',
    'headers',
    readers.map(([name]) => ({ name, runs: runs.get(name) })),
  );
}

/** Largest resident size of the main process while one object with 1 GiB of pixels is stored. */
export async function measureMemory() {
  const rows = [];
  for (const way of ['C-STORE', 'STOW-RS']) {
    const server = await startVoxgate();
    try {
      if (!resetPeak(server.pid)) throw new Error('the peak of a process cannot be read on this machine');
      const { seconds } = await storeGibibyte(server, way);
      const peakMb = peakMegabytes(server.pid);
      rows.push({ way, seconds, peakMb, withinLimit: peakMb <= MEMORY_LIMIT_MB });
    } finally {
      await server.stop();
    }
  }
  return rows;
}

function summary(name, unit, [ours, peer]) {
  return {
    name,
    unit,
    ours: { name: ours.name, ...figures(ours.runs) },
    peer: peer && { name: peer.name, ...figures(peer.runs) },
    // The median of the ratios of neighbours in time, not the ratio of the medians.
    ratio: peer && median(ours.runs.map(({ rate }, i) => rate / peer.runs[i].rate)),
    others: median([...ours.runs, ...(peer?.runs ?? [])].flatMap(({ others }) => others ?? [])),
  };
}

function figures(runs) {
  const rates = runs.map(({ rate }) => rate);
  const peaks = runs.flatMap(({ peakMb }) => peakMb ?? []);
  return {
    rate: median(rates),
    slowest: Math.min(...rates),
    fastest: Math.max(...rates),
    cpuMs: median(runs.map(({ cpuMs }) => cpuMs)),
    peakMb: peaks.length > 0 ? Math.max(...peaks) : undefined,
  };
}

function median(numbers) {
  if (numbers.length === 0) return undefined;
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
