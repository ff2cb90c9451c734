// Studies are sent, analysed and delivered while every process of the node is killed at random moments: the node itself,
// its lane, its volume process, PostgreSQL. At the end each study has its one set of results, here and at the peer.
import { createHash } from 'node:crypto';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { Association, storePdus } from '../../bench/association.mjs';
import { Receiver } from '../../bench/receiver.mjs';
import { CrashNode } from './node.mjs';
import { SOP_CLASS, seeded } from './objects.mjs';

const LONGEST_RUN_MS = 2500;
const [SLICES, SIZE] = [16, 128];
/** Who is killed, and how often. PostgreSQL dies with the node, before or after it. */
const SHARES = [
  ['node', 0.4],
  ['node and database', 0.15],
  ['lane-process', 0.25],
  ['volume-process', 0.2],
];
/** All studies are sent before this share of the kills is through. */
const SENT_BY = 0.9;
const END_WITHIN_MS = 300_000;

/** @returns {Promise<number>} the exit code */
export async function crashAnalyses({ kills: wanted, studies: count, seconds, seed }) {
  const random = seeded(seed);
  const receiver = await Receiver.listen();
  /** Digests of what came under each SOP Instance UID. */
  const received = new Map();
  receiver.onObject = (sop, data) => {
    const hash = createHash('sha256');
    for (const piece of data) hash.update(piece);
    const digests = received.get(sop) ?? new Set();
    received.set(sop, digests.add(hash.digest('hex')));
  };
  const peer = { aeTitle: 'PACS', host: '127.0.0.1', port: receiver.port };
  const node = await CrashNode.make({
    config: { peers: { pacs: peer } },
    settings: { VOXGATE_MODELS: resolve('models'), VOXGATE_IDLE_SETTLE_SECONDS: '5' },
  });
  for (const signal of ['SIGINT', 'SIGTERM'])
    process.on(signal, () => {
      node.remove();
      process.exit(1);
    });
  const started = performance.now();
  const died = {};
  let kills = 0;
  let faults = [];
  try {
    const studies = await Promise.all(Array.from({ length: count }, (_, i) => aStudy(seed + i)));
    node.launch();
    await node.ready();
    let over = false;
    const queue = [...studies.entries()];
    const isDue = (i) => over || i < 2 || kills >= (i * wanted * SENT_BY) / count;
    const sending = Promise.all([0, 1].map(() => sendAll(node, queue, isDue)));
    while (kills < wanted && performance.now() - started < seconds * 1000) {
      await sleep(random() * LONGEST_RUN_MS);
      const victim = await kill(node, random);
      if (victim === undefined) continue;
      died[victim] = (died[victim] ?? 0) + 1;
      kills += 1;
      if (kills % 10 === 0) console.log(`${clock(started)} s: ${kills} kills, ${received.size} results at the peer`);
    }
    over = true;
    await sending;
    await ended(node);
    faults = await judge(node, studies, received);
    const code = await node.stop();
    if (code !== 0) faults.push(`the node ended with ${code} when asked to stop`);
  } catch (error) {
    faults.push(`${error.stack}\n${node.lastWords}`);
  } finally {
    node.remove();
    receiver.close();
  }
  const lost = faults.filter((fault) => fault.includes('lost')).length;
  const doubled = faults.filter((fault) => fault.includes('twice')).length;
  console.log(
    `${clock(started)} s, kills ${kills} (${Object.entries(died)
      .map(([name, n]) => `${name} ${n}`)
      .join(
        ', ',
      )}), studies ${count}, results at the peer ${received.size}, lost ${lost}, doubled ${doubled}, seed ${seed}`,
  );
  for (const fault of faults.slice(0, 20)) console.error(`FAULT ${fault}`);
  return faults.length > 0 ? 1 : 0;
}

const clock = (started) => ((performance.now() - started) / 1000).toFixed(0);

/** A small phantom chest: analysed within a second or two. */
async function aStudy(seed) {
  const { phantomStudy } = await import('../../dist/src/imaging/phantom-study.js');
  const { bufferSource, parsePart10 } = await import('../../dist/src/dicom/parse.js');
  const instances = [...phantomStudy({ slices: SLICES, rows: SIZE, columns: SIZE, seed })];
  const { studyInstanceUid: study, seriesInstanceUid: series } = instances[0];
  return {
    study,
    series,
    objects: instances.map(({ sopInstanceUid: sop, bytes }) => ({
      sop,
      dataSet: bytes.subarray(parsePart10(bufferSource(bytes)).dataSetOffset),
    })),
  };
}

/** One study after another, each again from its beginning until every object of it is acknowledged. */
async function sendAll(node, queue, isDue) {
  for (let next = queue.shift(); next; next = queue.shift()) {
    const [i, study] = next;
    while (!isDue(i)) await sleep(50);
    while (!(await send(node, study).catch(() => false))) await sleep(100);
  }
}

async function send(node, { objects }) {
  const association = await Association.open(node.dimse, [{ sopClass: SOP_CLASS }]);
  for (const object of objects) if ((await association.store(storePdus(SOP_CLASS, object))) !== 0) return false;
  await association.release();
  return true;
}

/** kill -9 of one of them; undefined where it does not run just now. */
async function kill(node, random) {
  let share = random();
  const [victim] = SHARES.find(([, part]) => {
    share -= part;
    return share < 0;
  });
  if (victim.startsWith('node')) {
    await node.kill({ database: victim !== 'node', databaseFirst: random() < 0.5 });
    node.launch();
    // Now and then it dies again while it starts.
    if (random() < 0.9) await node.ready();
    else await sleep(random() * 1500);
    return victim;
  }
  const pids = node.childrenOf(victim);
  const pid = pids[Math.floor(random() * pids.length)];
  if (pid === undefined) return undefined;
  process.kill(pid, 'SIGKILL');
  return victim;
}

/** Until nothing waits or runs; pauses before another try are not waited for. */
async function ended(node) {
  await node.ready();
  const deadline = performance.now() + END_WITHIN_MS;
  for (;;) {
    const [{ open }] = await ask(
      node,
      `SELECT (SELECT count(*) FROM analyses WHERE state IN ('waiting', 'running'))
         + (SELECT count(*) FROM graphile_worker.jobs WHERE attempts < max_attempts)
         + (SELECT count(*) FROM settlements WHERE state = 'waiting') AS open`,
    );
    if (Number(open) === 0) return;
    if (performance.now() > deadline)
      throw new Error(
        `not at rest: ${JSON.stringify(await ask(node, 'SELECT task_identifier, key, attempts, run_at, locked_at, last_error FROM graphile_worker.jobs'))} ${JSON.stringify(await ask(node, "SELECT id, state, reason FROM analyses WHERE state IN ('waiting', 'running')"))}`,
      );
    await ask(
      node,
      `UPDATE graphile_worker._private_jobs SET run_at = now() WHERE locked_at IS NULL AND attempts > 0 AND run_at > now()`,
    );
    await sleep(500);
  }
}

/** A sentence for each result that is lost or there twice. */
async function judge(node, studies, received) {
  const rows = await ask(
    node,
    `SELECT a.study_instance_uid AS study, a.id, a.revision, a.state, a.reason,
       coalesce(json_agg(json_build_object('sop', r.sop_instance_uid, 'kind', r.sop_class_uid, 'held', i.id IS NOT NULL))
         FILTER (WHERE r.analysis_id IS NOT NULL), '[]') AS results
     FROM analyses a LEFT JOIN results r ON r.analysis_id = a.id LEFT JOIN instances i ON i.sop_instance_uid = r.sop_instance_uid
     GROUP BY a.id ORDER BY a.id`,
  );
  const faults = [];
  const expected = new Set();
  for (const { study } of studies) {
    const own = rows.filter((row) => row.study === study);
    const last = own.filter(({ state }) => state === 'delivered').at(-1);
    if (!last) {
      faults.push(
        `study ${study}: its results are lost: ${own.map(({ state, reason }) => `${state}: ${reason}`).join('; ')}`,
      );
      continue;
    }
    const earlier = own.filter((row) => row !== last && row.results.length > 0);
    const isRejected = last.results.some(({ kind }) => kind === KEY_OBJECT_SELECTION);
    if (earlier.length > 0 && !isRejected)
      faults.push(`study ${study}: was analysed twice, and the first is not rejected`);
    for (const { results } of own)
      for (const { sop, held } of results) {
        expected.add(sop);
        if (!held) faults.push(`study ${study}: result ${sop} is lost here`);
      }
    for (const { sop } of last.results)
      if (!received.has(sop)) faults.push(`study ${study}: result ${sop} is lost at the peer`);
  }
  for (const [sop, digests] of received) {
    if (!expected.has(sop)) faults.push(`the peer has ${sop}, which is of no analysis: it was made twice`);
    if (digests.size > 1) faults.push(`the peer got ${sop} twice with other bytes`);
  }
  const own = await ask(node, `SELECT sop_instance_uid AS sop FROM instances WHERE origin = 'self'`);
  for (const { sop } of own)
    if (!expected.has(sop)) faults.push(`${sop} is held and is of no analysis: it was made twice`);
  const letters = await ask(node, 'SELECT job, reason FROM dead_letters WHERE ended_at IS NULL');
  for (const { job, reason } of letters) faults.push(`a job is lost: ${job}: ${reason}`);
  return faults;
}

const KEY_OBJECT_SELECTION = '1.2.840.10008.5.1.4.1.1.88.59';

async function ask({ databaseUrl }, statement) {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    return (await client.query(statement)).rows;
  } finally {
    await client.end();
  }
}
