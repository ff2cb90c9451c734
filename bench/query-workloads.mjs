// Workloads that ask an archive which holds many studies.
import { Association, IMPLICIT_LITTLE, STUDY_ROOT } from './association.mjs';
import { Client } from './http.mjs';
import { expect, fill, manyStudies, secondsSince } from './storing.mjs';

const CONNECTIONS = 8;
const ASSOCIATIONS = 4;

/** @returns {import('./workloads.mjs').Workload[]} */
export function queryWorkloads(scale) {
  const shared = {
    fixture: 'index',
    async prepare(server) {
      const many = manyStudies(scale);
      await fill(server, many);
      return many.studies;
    },
  };
  const among = `among ${scale.studies} studies of ${scale.perStudy}, two a patient`;
  return [
    {
      ...shared,
      name: 'cfind-4',
      what: `C-FIND of studies by Patient ID ${among}, four associations`,
      unit: 'queries',
      door: 'archive',
      // Of the SQLite index ten times the queries, of the PostgreSQL index as many.
      goal: { rate: { orthanc: 10, 'orthanc-pg': 1 } },
      run: (server, studies) => findByPatient(server, studies, scale),
    },
    {
      ...shared,
      name: 'qido-study',
      what: `QIDO-RS of studies by Patient ID ${among}, eight connections`,
      unit: 'answers',
      door: 'web',
      run: (server, studies) => askByWeb(server, studies, scale),
    },
  ];
}

/** The studies of a patient: those at an even place and the next one. Their order is the archive's. */
function pairOf(studies, turn) {
  const at = 2 * ((turn * 7919) % (studies.length >> 1));
  return [studies[at], studies[at + 1]];
}

async function findByPatient(server, studies, { readSeconds }) {
  const contexts = [{ sopClass: STUDY_ROOT.find, transferSyntax: IMPLICIT_LITTLE }];
  const askers = await Promise.all(
    Array.from({ length: ASSOCIATIONS }, () => Association.open(server.dimse, contexts)),
  );
  const latencies = [];
  const before = performance.now();
  let turns = 0;
  await Promise.all(
    askers.map(async (asker) => {
      while (secondsSince(before) < readSeconds) {
        const [one, other] = pairOf(studies, turns++);
        const started = performance.now();
        const matches = await asker.find([
          [0x00080020, ''],
          [0x00080050, ''],
          [0x00080052, 'STUDY'],
          [0x00100010, ''],
          [0x00100020, one.patientId],
          [0x0020000d, ''],
        ]);
        latencies.push(performance.now() - started);
        const found = (study) => matches.filter((match) => match.includes(study.study, 0, 'latin1')).length;
        expect(
          matches.length === 2 && found(one) === 1 && found(other) === 1,
          `C-FIND gave ${matches.length} matches, or others than the 2 of the patient`,
        );
      }
    }),
  );
  const seconds = secondsSince(before);
  await Promise.all(askers.map((asker) => asker.release()));
  return { units: latencies.length, seconds, latencies };
}

function askByWeb(server, studies, { readSeconds }) {
  return readByWeb(server, readSeconds, CONNECTIONS, async (client, turn) => {
    const [one, other] = pairOf(studies, turn);
    const found = await client.getJson(`/studies?PatientID=${one.patientId}`);
    const uids = found.map((study) => study['0020000D'].Value[0]).sort();
    expect(uids.join() === [one.study, other.study].sort().join(), 'QIDO-RS found other studies');
  });
}

/** Asks over and over; the latency is that of one answer, in milliseconds. */
export async function readByWeb(server, readSeconds, connections, ask) {
  const client = new Client(server.web, connections);
  const latencies = [];
  const before = performance.now();
  let turns = 0;
  await Promise.all(
    Array.from({ length: connections }, async () => {
      while (secondsSince(before) < readSeconds) {
        const started = performance.now();
        await ask(client, turns++);
        latencies.push(performance.now() - started);
      }
    }),
  );
  const result = { units: turns, seconds: secondsSince(before), latencies };
  client.close();
  return result;
}
