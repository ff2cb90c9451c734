// Results as Markdown tables.
import { CALM_CORES } from './measure.mjs';

export const HEADER = table([
  'workload',
  'peer',
  'ours a second (slowest to fastest)',
  "peer's",
  'ratio',
  'p50 / p99 ms',
  "peer's",
  'CPU ms each',
  "peer's",
  'ratio',
  'peak RSS MB',
  "peer's",
  'ratio',
  'cores used by others',
]);

function table(cells) {
  return `${row(cells)}\n|${' --- |'.repeat(cells.length)}`;
}

function row(cells) {
  return `| ${cells.join(' | ')} |`;
}

/** One line a peer; the peer that counts, being the faster one, is in bold. */
export function lines({ name, unit, ours, peers, counts, goal }) {
  if (ours.failed) return [ours, ...peers].map((side) => row(alone(name, unit, side))).join('\n');
  if (peers.length === 0) return row(cells(name, unit, ours));
  return peers.map((peer) => row(cells(name, unit, ours, peer, peer.name === counts, goal))).join('\n');
}

/** A side without the others: ours failed. */
function alone(name, unit, side) {
  if (side.failed) return [name, side.name, `FAILED: ${oneLine(side.failed)}`];
  return [name, side.name, '', rate(side, unit), '', '', latency(side), '', fixed(side.cpuMs, 2)];
}

function cells(name, unit, ours, peer, counts = false, goal) {
  const peerName = counts ? `**${peer.name}**` : (peer?.name ?? 'none');
  if (peer?.failed) return [name, peerName, rate(ours, unit), `FAILED: ${oneLine(peer.failed)}`, ...mine(ours)];
  const rateGoal = typeof goal?.rate === 'object' ? goal.rate[peer?.name] : counts ? goal?.rate : undefined;
  const others = Math.max(ours.others ?? 0, peer?.others ?? 0);
  return [
    name,
    peerName,
    rate(ours, unit),
    peer ? rate(peer) : '',
    peer ? judged(peer.ratios.rate, rateGoal) : '',
    latency(ours),
    peer ? latency(peer) : '',
    fixed(ours.cpuMs, 2),
    peer ? fixed(peer.cpuMs, 2) : '',
    peer ? judged(peer.ratios.cpu, counts ? goal?.cpu : undefined) : '',
    fixed(ours.peakMb, 0),
    peer ? fixed(peer.peakMb, 0) : '',
    peer?.ratios.memory === undefined ? '' : short(peer.ratios.memory),
    ours.others === undefined ? '' : `${others.toFixed(2)}${others > CALM_CORES ? ' (disturbed)' : ''}`,
  ];
}

function mine(ours) {
  return ['', latency(ours), '', fixed(ours.cpuMs, 2), '', '', fixed(ours.peakMb, 0), '', '', ''];
}

/** A ratio beside what it should be at least. */
function judged(ratio, goal) {
  if (ratio === undefined) return '';
  return goal === undefined ? short(ratio) : `${short(ratio)} (goal ${goal}: ${ratio >= goal ? 'met' : 'SHORT'})`;
}

export function memoryLine(name, { way, mebibytes, seconds, cpuMsEach, peakMb, limitMb, withinLimit }) {
  const judgement = withinLimit ? `within ${limitMb} MB` : `OVER ${limitMb} MB`;
  return row([
    `${name}, ${way}`,
    'none',
    `${(mebibytes / seconds).toFixed(0)} MiB`,
    ...Array(4).fill(''),
    cpuMsEach.toFixed(0),
    '',
    '',
    `${peakMb.toFixed(0)}, ${judgement}`,
    '',
    '',
    '',
  ]);
}

export function slopeLines({ small, large, slope, withinLimit }, limit) {
  const each = ({ instances, p50, p95, p99, bytesPerInstance, peakMb }) =>
    row([
      `ingest-slope, ${instances} held`,
      'none',
      '',
      '',
      '',
      `${fixed(p50, 2)} / ${fixed(p99, 2)}, p95 ${fixed(p95, 2)}`,
      '',
      '',
      '',
      '',
      fixed(peakMb, 0),
      '',
      '',
      `${bytesPerInstance.toFixed(0)} bytes of PostgreSQL an instance`,
    ]);
  const verdict = `p95 ${slope.toFixed(2)} times (limit ${limit}: ${withinLimit ? 'met' : 'EXCEEDED'})`;
  return `${each(small)}\n${each(large)}\n${row(['ingest-slope', 'none', '', '', verdict])}`;
}

function rate({ rate, slowest, fastest }, unit = '') {
  return `${short(rate)} (${short(slowest)}-${short(fastest)}) ${unit}`.trimEnd();
}

const latency = ({ p50, p99 }) => (p50 === undefined ? '' : `${short(p50)} / ${short(p99)}`);
const fixed = (number, digits) => (number === undefined ? '' : number.toFixed(digits));

export function short(number) {
  return number >= 100 ? number.toFixed(0) : number.toPrecision(3);
}

export const oneLine = (text) => text.replaceAll('\n', ' ').slice(0, 200);
