// The lanes beside PyTorch on the same networks: from a tensor in a file to scores in a file, process boundary included.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Lanes } from '../dist/src/inference/lanes/lanes.js';
import { median } from './measure.mjs';
import { cpuSeconds } from './proc.mjs';

/** Ratios of time to eager PyTorch that are wanted; equal scores within what two libraries may differ. */
const CASES = [
  { name: 'a flat U-Net, 256 × 256', network: 'flat', shape: [1, 1, 256, 256], times: 10, goal: 1.5 },
  { name: 'a deep U-Net, 64³', network: 'deep', shape: [1, 1, 64, 64, 64], times: 3, goal: 1 },
  {
    name: 'windows of 64³ over 96 × 160 × 160',
    network: 'deep',
    shape: [1, 1, 96, 160, 160],
    roi: [64, 64, 64],
    times: 1,
    goal: 1.8,
  },
];
const TOLERANCE = 1e-3;

/** @returns figures for each case, or why there are none */
export async function measureInference({ repetitions, say }) {
  const folder = mkdtempSync(join(tmpdir(), 'voxgate-bench-inference-'));
  const lanes = new Lanes({ cores: Math.min(2, availableParallelism()) });
  let torch;
  try {
    torch = await startTorch(folder);
    if (!torch) return { absent: 'python3 with PyTorch and NumPy is absent: no comparison of the lanes' };
    await lanes.ready(60_000);
    const results = [];
    for (const one of CASES) results.push(await measureCase(one, { folder, lanes, torch, repetitions, say }));
    return { torch: torch.version, results };
  } finally {
    lanes.close();
    torch?.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measureCase(one, { folder, lanes, torch, repetitions, say }) {
  const path = join(folder, 'image.f32');
  const values = Float32Array.from(
    { length: one.shape.reduce((a, b) => a * b) },
    (_, i) => Math.sin(i * 0.37) + Math.sin(i * 0.011),
  );
  writeFileSync(path, new Uint8Array(values.buffer));
  const theirs = join(folder, 'torch.f32');
  const delay = monitorEventLoopDelay({ resolution: 1 });
  const ours = async () => {
    const cpu = () => cpuSeconds([process.pid]) - cpuSeconds([torch.pid]);
    const before = { clock: performance.now(), cpu: cpu() };
    delay.enable();
    let scores;
    for (let i = 0; i < one.times; i++) scores = (await lanes.run(requestOf(one, folder, path))).outputs['scores'].path;
    delay.disable();
    const seconds = (performance.now() - before.clock) / 1000 / one.times;
    return { seconds, cpu: (cpu() - before.cpu) / one.times, scores };
  };
  const ask = { network: one.network, input: path, output: theirs, shape: one.shape, roi: one.roi, times: one.times };
  // Not counted: both load and warm up; and what they say is held against each other.
  const first = await ours();
  await torch.run(ask);
  const difference = farthest(first.scores, theirs);
  if (difference > TOLERANCE) throw new Error(`${one.name}: the scores differ by ${difference}`);
  const runs = [];
  for (let i = 0; i < repetitions; i++) {
    say(`${one.name}, ${i + 1} of ${repetitions}`);
    const pair = i % 2 === 0 ? [await ours(), await torch.run(ask)] : [await torch.run(ask), await ours()].reverse();
    runs.push({ ours: pair[0], theirs: pair[1] });
  }
  return {
    name: one.name,
    goal: one.goal,
    ours: median(runs.map((run) => run.ours.seconds)),
    theirs: median(runs.map((run) => run.theirs.seconds)),
    ratio: median(runs.map((run) => run.theirs.seconds / run.ours.seconds)),
    cpuRatio: median(runs.map((run) => run.theirs.cpu / run.ours.cpu)),
    difference,
    loopP99: delay.percentile(99) / 1e6 - 1,
  };
}

function requestOf({ network, shape, roi }, folder, path) {
  return {
    name: network,
    priority: 0,
    model: {
      key: network,
      files: [join(folder, `${network}.onnx`)],
      engine: { providers: ['cpu'], timeoutSeconds: 600 },
    },
    input: { name: 'image', type: 'float32', tensor: { path, shape } },
    outputs: ['scores'],
    ...(roi && {
      window: { roi, overlap: 0.25, blend: 'gaussian', sigmaScale: 0.125, grid: 'monai', padding: 0, batch: 4 },
    }),
    folder,
  };
}

/** The first Python that has PyTorch; Debian's may lie behind another. */
async function startTorch(folder) {
  return (await startTorchOf('python3', folder)) ?? (await startTorchOf('/usr/bin/python3', folder));
}

async function startTorchOf(python, folder) {
  const script = fileURLToPath(new URL('./inference.py', import.meta.url));
  const child = spawn(python, [script, folder], { stdio: ['pipe', 'pipe', 'ignore'] });
  child.on('error', () => undefined);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const first = await lines.next();
  if (first.done) return undefined;
  return {
    pid: child.pid,
    version: JSON.parse(first.value).torch,
    run: async (ask) => {
      child.stdin.write(`${JSON.stringify(ask)}\n`);
      const { value, done } = await lines.next();
      if (done) throw new Error('PyTorch ended');
      return JSON.parse(value);
    },
    stop: () => child.kill('SIGKILL'),
  };
}

function farthest(onePath, otherPath) {
  const [one, other] = [onePath, otherPath].map((path) => new Float32Array(new Uint8Array(readFileSync(path)).buffer));
  if (one.length !== other.length) return Number.POSITIVE_INFINITY;
  return one.reduce((most, value, i) => Math.max(most, Math.abs(value - other[i])), 0);
}

export function inferenceLines({ absent, torch, results }) {
  if (absent) return absent;
  const rows = results.map(
    ({ name, ours, theirs, ratio, goal, cpuRatio, difference, loopP99 }) =>
      `| ${name} | ${(ours * 1000).toFixed(0)} | ${(theirs * 1000).toFixed(0)} | ${ratio.toFixed(2)} | ${goal}${ratio < goal ? ' short' : ''} | ${cpuRatio.toFixed(2)} | ${difference.toExponential(1)} | ${loopP99.toFixed(1)} |`,
  );
  return [
    `The lanes beside PyTorch ${torch}, eager, two threads each:`,
    '| network | lanes ms | PyTorch ms | ratio | goal | ratio of CPU time | greatest difference | event loop p99 ms |',
    '| --- | --- | --- | --- | --- | --- | --- | --- |',
    ...rows,
  ].join('\n');
}
