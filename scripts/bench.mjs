// npm run bench: this project's own benchmark. `-- --list` lists the workloads, `-- NAME ...` runs some of them.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { cpus, loadavg, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { prepare } from './prepare.mjs';

const OPTIONS = {
  list: { type: 'boolean', default: false },
  peer: { type: 'string' },
  repetitions: { type: 'string', default: '3' },
  json: { type: 'string' },
  profile: { type: 'string' },
};
const USAGE = `npm run bench -- [NAME ...] [--list] [--peer orthanc|storescp|none] [--repetitions 3] [--json FILE]
                [--profile FOLDER: CPU profiles of our main process]`;

let values;
let positionals;
try {
  ({ values, positionals } = parseArgs({ options: OPTIONS, allowPositionals: true }));
} catch (error) {
  end(`${error.message}\n${USAGE}`);
}
if (process.platform !== 'linux') end('The benchmark reads CPU time and memory from /proc: it runs on Linux only.');

prepare();
const { measureMemory, measureParser, measureServers, MEMORY_LIMIT_MB } = await import('../bench/measure.mjs');
const { PEERS } = await import('../bench/servers.mjs');
const { SERVER_WORKLOADS } = await import('../bench/workloads.mjs');

const PARSER = { name: 'parse-header', what: 'reading the header of a CT slice in memory; its peer is dcmjs' };
const MEMORY = {
  name: 'memory-1gib',
  what: `peak memory of the main process while an object with 1 GiB of pixels is stored; limit ${MEMORY_LIMIT_MB} MB`,
};
const ALL = [...SERVER_WORKLOADS, PARSER, MEMORY];
if (values.list) {
  for (const { name, what } of ALL) console.log(`${name.padEnd(16)} ${what}`);
  process.exit(0);
}
const unknown = positionals.filter((name) => !ALL.some((workload) => workload.name === name));
if (unknown.length > 0) end(`There is no workload ${unknown.join(', ')}. "npm run bench -- --list" lists them.`);
const repetitions = Number(values.repetitions);
if (!Number.isInteger(repetitions) || repetitions < 1 || repetitions > 20)
  end('--repetitions is a number from 1 to 20.');
if (values.peer !== undefined && values.peer !== 'none' && !PEERS[values.peer])
  end(`--peer is orthanc, storescp or none.\n${USAGE}`);
if (PEERS[values.peer]?.absent) end(`${PEERS[values.peer].absent}.`);

const chosen = ALL.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
const results = { date: new Date().toISOString(), machine: machine(), workloads: [], memory: [], failed: [] };
console.log(`${results.machine}\nLoad before: ${load()}`);
for (const [name, peer] of Object.entries(PEERS))
  if (peer.absent) console.log(`${peer.absent}: no comparison with ${name}.`);
console.log(`\n${header()}`);
for (const workload of chosen) {
  try {
    if (workload === MEMORY) await runMemory();
    else await runRates(workload);
  } catch (error) {
    results.failed.push({ name: workload.name, reason: error.message });
    console.log(`| ${workload.name} | FAILED: ${error.message} |`);
  }
}
console.log(`\nLoad after: ${load()}`);
if (values.json) writeFileSync(values.json, `${JSON.stringify(results, null, 2)}\n`);
if (results.failed.length > 0 || results.memory.some(({ withinLimit }) => !withinLimit)) process.exitCode = 1;

async function runRates(workload) {
  const peer = workload === PARSER ? undefined : peerFor(workload);
  const result =
    workload === PARSER
      ? await measureParser({ repetitions })
      : await measureServers(workload, { peer, repetitions, cpuProfile: values.profile });
  results.workloads.push(result);
  console.log(line(result));
}

async function runMemory() {
  const rows = await measureMemory();
  results.memory = rows;
  for (const { way, seconds, peakMb, withinLimit } of rows)
    console.log(
      `| memory-1gib, ${way} | ${(1024 / seconds).toFixed(0)} MiB/s | | | | | ${peakMb.toFixed(0)} MB, ${
        withinLimit ? `within ${MEMORY_LIMIT_MB} MB` : `OVER ${MEMORY_LIMIT_MB} MB`
      } | |`,
    );
}

/** The peer that was asked for, or the best that is here and speaks what the workload needs. */
function peerFor({ door }) {
  if (values.peer === 'none') return undefined;
  const candidates = values.peer ? [PEERS[values.peer]] : Object.values(PEERS);
  return candidates.find((peer) => !peer.absent && (door === 'dimse' || peer.speaksWeb));
}

function header() {
  const cells = [
    'workload',
    'voxgate a second (slowest to fastest)',
    'peer a second',
    'ratio',
    'our CPU ms each',
    "peer's CPU ms each",
    'our peak RSS',
    'cores used by others',
  ];
  return `| ${cells.join(' | ')} |\n|${' --- |'.repeat(cells.length)}`;
}

function line({ name, unit, ours, peer, ratio, others }) {
  const cells = [
    name,
    `${rate(ours)} ${unit}`,
    peer ? `${rate(peer)} (${peer.name})` : 'no peer',
    peer ? ratio.toFixed(2) : '',
    ours.cpuMs.toFixed(2),
    peer ? peer.cpuMs.toFixed(2) : '',
    ours.peakMb === undefined ? '' : `${ours.peakMb.toFixed(0)} MB`,
    others === undefined ? '' : others.toFixed(2),
  ];
  return `| ${cells.join(' | ')} |`;
}

function rate({ rate, slowest, fastest }) {
  return `${short(rate)} (${short(slowest)}-${short(fastest)})`;
}

function short(number) {
  return number >= 100 ? number.toFixed(0) : number.toPrecision(3);
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
