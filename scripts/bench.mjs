// npm run bench: this project's own benchmark. `-- --list` lists the workloads, `-- --only NAME,...` runs some of them.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { cpus, loadavg, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { prepare } from './prepare.mjs';

const OPTIONS = {
  list: { type: 'boolean', default: false },
  only: { type: 'string' },
  peers: { type: 'string', default: 'orthanc,orthanc-pg' },
  reps: { type: 'string', default: '3' },
  quick: { type: 'boolean', default: false },
  instances: { type: 'string' },
  studies: { type: 'string' },
  'per-study': { type: 'string' },
  'store-all': { type: 'boolean', default: false },
  json: { type: 'string' },
  profile: { type: 'string' },
};
const USAGE = `npm run bench -- [--list] [--only NAME,NAME] [--reps 3] [--quick] [--json FILE]
  --peers orthanc,orthanc-pg  whom to compare with: orthanc (SQLite), orthanc-pg (PostgreSQL), storescp, or none
  --quick                     everything very small, to see whether it works; its figures say nothing
  --studies 10000             what C-FIND and QIDO-RS ask: so many studies, each of --per-study 1 instances
  --instances 100000          what ingest-slope compares with 10,000
  --store-all                 ingest-slope stores them all; without it, the rows of the first 10,000 are multiplied
  --profile FOLDER            CPU profiles of our main process`;

let values;
let positionals;
try {
  ({ values, positionals } = parseArgs({ options: OPTIONS, allowPositionals: true }));
} catch (error) {
  end(`${error.message}\n${USAGE}`);
}
if (process.platform !== 'linux') end('The benchmark reads CPU time and memory from /proc: it runs on Linux only.');

prepare();
const { measureParser, measureTogether } = await import('../bench/measure.mjs');
const { inferenceLines, measureInference } = await import('../bench/inference.mjs');
const { LIMIT_MB, measureEightGibibytes, measureOneGibibyte } = await import('../bench/memory.mjs');
const { measureSlope, SLOPE_LIMIT } = await import('../bench/ingest-slope.mjs');
const { Receiver } = await import('../bench/receiver.mjs');
const { HEADER, lines, memoryLine, oneLine, slopeLines } = await import('../bench/report.mjs');
const { measureSettling, SETTLE_GOALS, settleLines } = await import('../bench/settle.mjs');
const { PEERS } = await import('../bench/servers.mjs');
const { FULL, QUICK, serverWorkloads } = await import('../bench/workloads.mjs');

const scale = { ...(values.quick ? QUICK : FULL) };
if (values.studies) scale.studies = number('--studies', values.studies, 2, 1e6);
if (values['per-study']) scale.perStudy = number('--per-study', values['per-study'], 1, 1000);
if (values.instances) scale.instances = number('--instances', values.instances, 1000, 1e7);
const repetitions = values.quick ? 1 : number('--reps', values.reps, 1, 20);

const ALONE = [
  {
    name: 'parse-header',
    what: 'reading the header of a CT slice in memory; its peer is dcmjs',
    run: async () => show(await measureParser({ repetitions })),
  },
  {
    name: 'memory-1gib',
    what: `peak memory of the main process while an object of 1 GiB is stored, by C-STORE and by STOW-RS; limit ${LIMIT_MB.one} MB`,
    run: (options) => remember('memory-1gib', measureOneGibibyte(options)),
  },
  {
    name: 'memory-8x1gib',
    what: `the same with eight objects of 1 GiB over eight associations at once; limit ${LIMIT_MB.eight} MB, 10 GiB of disk`,
    run: (options) => remember('memory-8x1gib', measureEightGibibytes(options)),
  },
  {
    name: 'ingest-slope',
    what: `p95 of a C-STORE into an archive of ${scale.instances} instances beside one of ${scale.sloped}; limit ${SLOPE_LIMIT} times`,
    run: async (options) => {
      const say = (line) => console.error(`ingest-slope: ${line}`);
      results.slope = await measureSlope({ ...options, repetitions, storeAll: values['store-all'], say });
      console.log(slopeLines(results.slope, SLOPE_LIMIT));
    },
  },
  {
    name: 'inference',
    what: 'U-Nets in a lane, alone and by windows, from file to file; their peer is PyTorch, where python3 has it',
    run: async () => {
      const say = (line) => console.error(`inference: ${line}`);
      results.inference = await measureInference({ repetitions, say });
      console.log(`\n${inferenceLines(results.inference)}`);
    },
  },
  {
    name: 'settle',
    what: `from the last C-STORE response to the start of the analysis; goals (p95): ${SETTLE_GOALS.evidence} s where the evidence agrees, ${SETTLE_GOALS.quiet} s on quiet time alone`,
    run: async () => {
      results.settle = await measureSettling({ series: values.quick ? 2 : 20 });
      for (const line of settleLines(results.settle)) console.log(`settle, ${line}`);
    },
  },
];
const ON_SERVERS = serverWorkloads(scale);
const ALL = [...ON_SERVERS, ...ALONE];
if (values.list) {
  for (const { name, what } of ALL) console.log(`${name.padEnd(16)} ${what}`);
  process.exit(0);
}
const wanted = [...(values.only?.split(',') ?? []), ...positionals];
const unknown = wanted.filter((name) => !ALL.some((workload) => workload.name === name));
if (unknown.length > 0) end(`There is no workload ${unknown.join(', ')}. "npm run bench -- --list" lists them.`);
const chosen = ({ name }) => wanted.length === 0 || wanted.includes(name);
const peerNames = values.peers === 'none' ? [] : values.peers.split(',');
const strangers = peerNames.filter((name) => !PEERS[name]);
if (strangers.length > 0) end(`There is no peer ${strangers.join(', ')}.\n${USAGE}`);

const results = { date: new Date().toISOString(), machine: machine(), scale, workloads: [], memory: [], failed: [] };
console.log(`${results.machine}\nLoad before: ${load()}`);
for (const name of peerNames.filter((each) => PEERS[each].absent))
  console.log(`${PEERS[name].absent}: no comparison with ${name}.`);
const peers = peerNames.filter((name) => !PEERS[name].absent).map((name) => ({ name, ...PEERS[name] }));
console.log(
  `\nA ratio above 1 says that ours is better; the faster peer, in bold, is the one that counts.\n\n${HEADER}`,
);

const receiver = await Receiver.listen();
// A quick run does not wait for a calm machine.
const options = { scale, receiver, cpuProfile: values.profile, patient: !values.quick };
for (const together of fixtures(ON_SERVERS.filter(chosen)))
  await guarded(together.map(({ name }) => name).join(', '), () =>
    measureTogether(together, { ...options, repetitions, peers: peersFor(together[0]), onResult: show }),
  );
for (const { name, run } of ALONE.filter(chosen)) await guarded(name, () => run(options));
receiver.close();

console.log(`\nLoad after: ${load()}`);
if (values.json) writeFileSync(values.json, `${JSON.stringify(results, null, 2)}\n`);
if (results.failed.length > 0 || results.memory.some(({ withinLimit }) => !withinLimit)) process.exitCode = 1;

/** Workloads that share their servers, together; others alone. */
function fixtures(workloads) {
  const groups = new Map();
  for (const workload of workloads) {
    const key = workload.fixture ?? workload.name;
    groups.set(key, [...(groups.get(key) ?? []), workload]);
  }
  return groups.values();
}

function peersFor({ door }) {
  return peers.filter(({ archives }) => archives || door === 'dimse');
}

async function guarded(name, act) {
  try {
    await act();
  } catch (error) {
    fail(name, error.message);
    console.log(`| ${name} | | FAILED: ${oneLine(error.message)} |`);
  }
}

function fail(name, reason) {
  results.failed.push({ name, reason });
}

function show(result) {
  results.workloads.push(result);
  if (result.ours.failed) fail(result.name, result.ours.failed);
  console.log(lines(result));
}

async function remember(name, measured) {
  for (const result of await measured) {
    results.memory.push({ name, ...result });
    console.log(memoryLine(name, result));
  }
}

function number(option, text, least, most) {
  const value = Number(text);
  if (!Number.isInteger(value) || value < least || value > most) end(`${option} is a number from ${least} to ${most}.`);
  return value;
}

function machine() {
  let revision = '';
  try {
    revision = `, revision ${execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()}`;
  } catch {
    // not a clone
  }
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`;
  return `${cpus().length} x ${cpus()[0]?.model ?? 'unknown processor'}, ${memory}, Node ${process.version}${revision}`;
}

function load() {
  return `${loadavg()
    .map((average) => average.toFixed(2))
    .join(' ')} (1, 5, 15 minutes)`;
}

function end(sentence) {
  console.error(sentence);
  process.exit(1);
}
