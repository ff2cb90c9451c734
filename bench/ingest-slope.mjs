// What an object costs as the archive grows: two nodes, one holding few instances and one holding many, are stored to in
// turns, so that the machine's drift meets both.
import pg from 'pg';
import { Association, storePdus } from './association.mjs';
import { CT_IMAGE, tinyObject, uid } from './dicom.mjs';
import { Client } from './http.mjs';
import { calm, median, percentile } from './measure.mjs';
import { multiplyRows } from './multiply-rows.mjs';
import { peakMegabytes } from './proc.mjs';
import { startVoxgate } from './servers.mjs';
import { expect, fill, manyStudies, secondsSince, storeOne } from './storing.mjs';

/** p95 of the large archive may be so many times that of the small one. */
export const SLOPE_LIMIT = 1.15;
const PER_STUDY = 10;
const FILL_ASSOCIATIONS = 8;

/**
 * @param {{ scale: object, receiver: object, repetitions: number, storeAll: boolean, cpuProfile?: string, patient: boolean, say: (line: string) => void }} options
 */
export async function measureSlope({ scale, receiver, repetitions, storeAll, cpuProfile, patient, say }) {
  const options = { receiverPort: receiver.port };
  const archives = [];
  try {
    for (const instances of [Math.min(scale.sloped, scale.instances), scale.instances]) {
      const server = await startVoxgate({
        ...options,
        cpuProfile: instances === scale.instances ? cpuProfile : undefined,
      });
      const archive = { server, instances, turns: [] };
      archives.push(archive);
      const before = performance.now();
      archive.filledBy = await fillTo(server, instances, scale, storeAll);
      archive.held = await countInstances(server);
      expect(archive.held === instances, `the archive says it holds ${archive.held} instances and not ${instances}`);
      archive.bytesPerInstance = (await databaseBytes(server)) / instances;
      say(`${instances} instances filled in ${secondsSince(before).toFixed(0)} s: ${archive.filledBy}`);
    }
    // The first turn of each is not counted.
    for (let turn = -1; turn < repetitions; turn++)
      for (const archive of turn % 2 === 0 ? archives : archives.toReversed()) {
        if (patient) await calm();
        const figures = await storeSome(archive.server, scale.slopeObjects);
        if (turn >= 0) archive.turns.push(figures);
      }
    const [small, large] = archives.map(({ server, instances, filledBy, bytesPerInstance, turns }) => ({
      instances,
      filledBy,
      bytesPerInstance,
      p50: median(turns.map(({ p50 }) => p50)),
      p95: median(turns.map(({ p95 }) => p95)),
      p99: median(turns.map(({ p99 }) => p99)),
      peakMb: peakMegabytes(server.pid),
    }));
    const slope = median(archives[1].turns.map(({ p95 }, i) => p95 / archives[0].turns[i].p95));
    return { small, large, slope, withinLimit: slope <= SLOPE_LIMIT };
  } finally {
    for (const { server } of archives) await server.stop();
  }
}

async function fillTo(server, instances, scale, storeAll) {
  const stored = storeAll ? instances : Math.min(scale.sloped, instances);
  await fill(server, manyStudies({ studies: stored / PER_STUDY, perStudy: PER_STUDY }), FILL_ASSOCIATIONS);
  if (stored === instances) return `${stored} by C-STORE, ${FILL_ASSOCIATIONS} associations`;
  expect(instances % stored === 0, `${instances} instances are no multiple of the ${stored} that are stored first`);
  await multiplyRows(server.database, instances / stored);
  return `${stored} by C-STORE, their rows ${instances / stored} times with UIDs and Patient IDs of their own`;
}

/** One association, ten objects a study: what a sender that waits for each answer sees. */
async function storeSome(server, count) {
  const sender = await Association.open(server.dimse, [{ sopClass: CT_IMAGE }]);
  const latencies = [];
  let place;
  for (let i = 0; i < count; i++) {
    if (i % PER_STUDY === 0) place = { study: uid(), series: uid(), patientId: `SLOPE${uid().slice(-10)}` };
    const object = tinyObject({ ...place, number: 1 + (i % PER_STUDY) });
    latencies.push(await storeOne(sender, storePdus(CT_IMAGE, object, sender.pduLength)));
  }
  await sender.release();
  const client = new Client(server.web, 1);
  const found = await client.getJson(`/studies/${place.study}/instances`);
  client.close();
  const expected = count % PER_STUDY || PER_STUDY;
  expect(found.length === expected, `${found.length} of ${expected} acknowledged objects are found`);
  const sorted = latencies.toSorted((a, b) => a - b);
  return { p50: percentile(sorted, 0.5), p95: percentile(sorted, 0.95), p99: percentile(sorted, 0.99) };
}

async function countInstances(server) {
  return Number((await query(server, 'SELECT count(*) AS n FROM instances')).n);
}

/** What the tables of the archive take with all their indexes. */
async function databaseBytes(server) {
  const total = `SELECT sum(pg_total_relation_size(oid)) AS n FROM pg_class
    WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace`;
  return Number((await query(server, total)).n);
}

async function query(server, sql) {
  const client = new pg.Client({ connectionString: server.database });
  await client.connect();
  try {
    return (await client.query(sql)).rows[0];
  } finally {
    await client.end();
  }
}
