// Storing by C-STORE, and looking whether what was acknowledged is there.
import { readdirSync } from 'node:fs';
import { Association, hex, storePdus } from './association.mjs';
import { CT_IMAGE, tinyObject, uid } from './dicom.mjs';
import { Client, firstPart } from './http.mjs';

export const FRAMES = 'multipart/related; type="application/octet-stream"';

export function expect(holds, sentence) {
  if (!holds) throw new Error(sentence);
}

export const secondsSince = (before) => (performance.now() - before) / 1000;
export const instancePath = ({ study, series, sop }) => `/studies/${study}/series/${series}/instances/${sop}`;

/**
 * Sends CT objects over some associations until all are sent or time is up. The messages are made before the clock
 * starts; it stops with the last response.
 * @returns {Promise<{ units: number, seconds: number, latencies: number[], sent: object[] }>} latencies in milliseconds
 */
export async function sendAll(server, objects, associations, atMostSeconds) {
  const contexts = [{ sopClass: CT_IMAGE }];
  const senders = await Promise.all(
    Array.from({ length: associations }, () => Association.open(server.dimse, contexts)),
  );
  const messages = objects.map((object) => storePdus(CT_IMAGE, object, senders[0].pduLength));
  const latencies = [];
  const before = performance.now();
  let next = 0;
  await Promise.all(
    senders.map(async (sender) => {
      while (next < messages.length && secondsSince(before) < atMostSeconds)
        latencies.push(await storeOne(sender, messages[next++]));
    }),
  );
  const seconds = secondsSince(before);
  await Promise.all(senders.map((sender) => sender.release()));
  return { units: next, seconds, latencies, sent: objects.slice(0, next) };
}

/** Milliseconds until the response. */
export async function storeOne(sender, message) {
  const before = performance.now();
  const status = await sender.store(message);
  expect(status === 0, `C-STORE ended with status ${hex(status)}`);
  return performance.now() - before;
}

/** Studies to ask for among many others: two a patient, so many tiny objects each. */
export function manyStudies({ studies, perStudy }) {
  return {
    studies: Array.from({ length: studies }, (_, i) => ({
      study: uid(),
      series: uid(),
      patientId: `BENCH${String(i >> 1).padStart(7, '0')}`,
    })),
    perStudy,
  };
}

/** Stores tiny objects of these studies, made while they are sent. */
export async function fill(server, { studies, perStudy }, associations = server.fillsAlone ? 1 : 4) {
  const total = studies.length * perStudy;
  let next = 0;
  await Promise.all(
    Array.from({ length: associations }, async () => {
      const sender = await Association.open(server.dimse, [{ sopClass: CT_IMAGE }]);
      while (next < total) {
        const turn = next++;
        const object = tinyObject({ ...studies[Math.floor(turn / perStudy)], number: 1 + (turn % perStudy) });
        await storeOne(sender, storePdus(CT_IMAGE, object, sender.pduLength));
      }
      await sender.release();
    }),
  );
}

/** Every object is there, and the first and the last have the pixels that were sent. */
export async function verifyStored(server, objects) {
  if (!server.web) {
    const files = new Set(readdirSync(server.folder).map((file) => file.slice(file.indexOf('.') + 1)));
    const missing = objects.filter(({ sop }) => !files.has(sop));
    return expect(missing.length === 0, `${missing.length} objects were acknowledged and are no files`);
  }
  const client = new Client(server.web, 1);
  const missing = new Set(objects.map(({ sop }) => sop));
  for (const study of new Set(objects.map((object) => object.study)))
    for (const instance of await client.getJson(`/studies/${study}/instances`))
      missing.delete(instance['00080018'].Value[0]);
  expect(missing.size === 0, `${missing.size} objects were acknowledged and are not found`);
  for (const object of [objects[0], objects.at(-1)])
    expect(
      firstPart(await client.get(`${instancePath(object)}/frames/1`, FRAMES)).equals(object.pixels),
      'stored pixels differ',
    );
  client.close();
}
