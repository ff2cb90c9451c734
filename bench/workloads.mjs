// What is measured. Each workload prepares a server that is empty, does the same again and again, and looks at what
// came of it: a wrong answer is a failure and never a fast result.
import { readdirSync } from 'node:fs';
import { CT_IMAGE, ctStudy, fileHead, MULTI_FRAME_WORD, multiFrameHead, noise, uid } from './dicom.mjs';
import { Client, firstPart } from './http.mjs';
import { commandPdu, dataPdus, StoreScu, storePdus } from './store-scu.mjs';

/** No repetition of a storing workload goes on beyond this, however slow the server is. */
const STORE_SECONDS = 30;
const READ_SECONDS = 3;
const SLICES = 200;
const WEB_CONNECTIONS = 8;

const DICOM = 'multipart/related; type="application/dicom"; transfer-syntax=*';
const FRAMES = 'multipart/related; type="application/octet-stream"';

/**
 * @typedef {object} Workload
 * @property {string} name
 * @property {string} what one sentence
 * @property {string} unit
 * @property {'dimse' | 'web'} [door] what a peer must speak to be measured too
 * @property {(server) => Promise<unknown>} [prepare] what it returns is given to `run`
 * @property {(server, prepared) => Promise<{ units: number, seconds: number }>} run one repetition
 */

/** @type {readonly Workload[]} */
export const SERVER_WORKLOADS = [
  {
    name: 'cstore-ct-1',
    what: `C-STORE of ${SLICES} CT slices (512 x 512 x 16 bit) over one association, PDUs of 16 KiB`,
    unit: 'slices',
    door: 'dimse',
    run: (server) => storeByDimse(server, 1),
  },
  {
    name: 'cstore-ct-4',
    what: `the same over four associations at once`,
    unit: 'slices',
    door: 'dimse',
    run: (server) => storeByDimse(server, 4),
  },
  {
    name: 'stow-ct-1',
    what: `STOW-RS of ${SLICES} CT slices, ten a request, one request at a time`,
    unit: 'slices',
    door: 'web',
    run: storeByWeb,
  },
  {
    name: 'qido-study',
    what: 'QIDO-RS of a study by Patient ID among 2,000 studies, eight connections',
    unit: 'answers',
    door: 'web',
    prepare: async (server) => ({ studies: await storeSmallStudies(server, 2000) }),
    run: (server, { studies }) =>
      readByWeb(server, async (client, turn) => {
        const { study, patientId } = studies[(turn * 7919) % studies.length];
        const found = await client.getJson(`/studies?PatientID=${patientId}`);
        expect(found.length === 1 && found[0]['0020000D'].Value[0] === study, 'QIDO-RS found another study');
      }),
  },
  {
    name: 'wado-instance',
    what: 'WADO-RS of CT instances, eight connections',
    unit: 'instances',
    door: 'web',
    prepare: storeOneSeries,
    run: (server, slices) =>
      readByWeb(server, async (client, turn) => {
        const slice = slices[turn % slices.length];
        const answer = await client.get(instancePath(slice), DICOM);
        if (turn % 20 === 0)
          expect(firstPart(answer).subarray(-slice.pixels.length).equals(slice.pixels), 'pixels differ');
        else expect(answer.length > slice.dataSet.length, 'an instance came short');
      }),
  },
  {
    name: 'wado-frame',
    what: 'WADO-RS of frames of CT instances, eight connections',
    unit: 'frames',
    door: 'web',
    prepare: storeOneSeries,
    run: (server, slices) =>
      readByWeb(server, async (client, turn) => {
        const slice = slices[turn % slices.length];
        const answer = await client.get(`${instancePath(slice)}/frames/1`, FRAMES);
        if (turn % 20 === 0) expect(firstPart(answer).equals(slice.pixels), 'the frame differs');
        else expect(answer.length > slice.pixels.length, 'a frame came short');
      }),
  },
  {
    name: 'metadata-series',
    what: 'WADO-RS metadata of a series of 100 CT instances, one connection',
    unit: 'series',
    door: 'web',
    prepare: storeOneSeries,
    run: (server, slices) =>
      readByWeb(
        server,
        async (client, turn) => {
          const answer = await client.get(
            `/studies/${slices[0].study}/series/${slices[0].series}/metadata`,
            'application/dicom+json',
          );
          if (turn > 0) return expect(answer.length > 100_000, 'the metadata came short');
          const found = JSON.parse(answer.body().toString());
          expect(found.length === slices.length && found.every((one) => one['00281052']), 'metadata are missing');
        },
        1,
      ),
  },
];

function expect(holds, sentence) {
  if (!holds) throw new Error(sentence);
}

const instancePath = ({ study, series, sop }) => `/studies/${study}/series/${series}/instances/${sop}`;
const seconds = (since) => (performance.now() - since) / 1000;

async function storeByDimse(server, associations) {
  const slices = ctStudy({ slices: SLICES, series: associations });
  const result = await sendAll(server, slices, associations);
  await verifyStored(server, slices.slice(0, result.units));
  return result;
}

/** Sends until all is sent or time is up; the clock runs from the first association to the last response. */
async function sendAll(server, slices, associations) {
  const messages = slices.map((slice) => storePdus(CT_IMAGE, slice));
  const before = performance.now();
  let next = 0;
  await Promise.all(
    Array.from({ length: associations }, async () => {
      const scu = await StoreScu.open(server.dimse, CT_IMAGE);
      while (next < messages.length && seconds(before) < STORE_SECONDS) {
        const status = await scu.store(messages[next++]);
        expect(status === 0, `C-STORE ended with status ${status.toString(16).toUpperCase()}H`);
      }
      await scu.release();
    }),
  );
  return { units: next, seconds: seconds(before) };
}

async function storeByWeb(server) {
  const slices = ctStudy({ slices: SLICES });
  const client = new Client(server.web, 1);
  const before = performance.now();
  let sent = 0;
  while (sent < slices.length && seconds(before) < STORE_SECONDS) {
    const some = slices.slice(sent, sent + 10);
    const parts = some.flatMap(({ sop, dataSet }) => [PART_HEAD, fileHead(CT_IMAGE, sop), dataSet, PART_END]);
    const answer = await client.send('POST', '/studies', {
      accept: 'application/dicom+json',
      headers: { 'content-type': STOW_TYPE },
      body: Buffer.concat([...parts, BODY_END]),
    });
    const stored = answer.status === 200 ? JSON.parse(answer.body().toString())['00081199'].Value.length : 0;
    expect(stored === some.length, `STOW-RS took ${stored} of ${some.length} (HTTP ${answer.status})`);
    sent += some.length;
  }
  const result = { units: sent, seconds: seconds(before) };
  client.close();
  await verifyStored(server, slices.slice(0, sent));
  return result;
}

const STOW_TYPE = 'multipart/related; type="application/dicom"; boundary=voxgatebench';
const PART_HEAD = Buffer.from('--voxgatebench\r\nContent-Type: application/dicom\r\n\r\n');
const PART_END = Buffer.from('\r\n');
const BODY_END = Buffer.from('--voxgatebench--\r\n');

/** Every instance is there, and some have the pixels that were sent. */
async function verifyStored(server, slices) {
  if (!server.web) {
    const files = readdirSync(server.folder);
    const missing = slices.filter(({ sop }) => !files.some((file) => file.endsWith(sop)));
    return expect(missing.length === 0, `${missing.length} objects were acknowledged and are no files`);
  }
  const client = new Client(server.web, 1);
  const found = await client.getJson(`/studies/${slices[0].study}/instances`);
  const uids = new Set(found.map((instance) => instance['00080018'].Value[0]));
  const missing = slices.filter(({ sop }) => !uids.has(sop));
  expect(missing.length === 0, `${missing.length} objects were acknowledged and are not found`);
  for (const slice of [slices[0], slices.at(-1)])
    expect(
      firstPart(await client.get(`${instancePath(slice)}/frames/1`, FRAMES)).equals(slice.pixels),
      'stored pixels differ',
    );
  client.close();
}

async function storeOneSeries(server) {
  const slices = ctStudy({ slices: 100 });
  await sendAll(server, slices, 1);
  await verifyStored(server, slices);
  return slices;
}

async function storeSmallStudies(server, count) {
  const studies = Array.from({ length: count }, (_, i) => ({
    study: uid(),
    patientId: `BENCH${String(i).padStart(6, '0')}`,
  }));
  const { units } = await sendAll(
    server,
    studies.flatMap((study) => ctStudy({ ...study, slices: 1, size: 8 })),
    4,
  );
  return studies.slice(0, units);
}

async function readByWeb(server, ask, connections = WEB_CONNECTIONS) {
  const client = new Client(server.web, connections);
  const before = performance.now();
  let turns = 0;
  await Promise.all(
    Array.from({ length: connections }, async () => {
      while (seconds(before) < READ_SECONDS) await ask(client, turns++);
    }),
  );
  const result = { units: turns, seconds: seconds(before) };
  client.close();
  return result;
}

const GIBIBYTE = 2 ** 30;
const FRAME_BYTES = 512 * 512 * 2;
/** Pixels are sent as this again and again. */
const MEBIBYTE = 2 ** 20;

/**
 * One multi-frame object with 1 GiB of pixels, made while it is sent.
 * @param {'C-STORE' | 'STOW-RS'} way
 */
export async function storeGibibyte(server, way) {
  const object = { frames: GIBIBYTE / FRAME_BYTES, study: uid(), series: uid(), sop: uid() };
  const head = multiFrameHead(object);
  const pixels = noise(MEBIBYTE / 2);
  const before = performance.now();
  await (way === 'C-STORE' ? gibibyteByDimse : gibibyteByWeb)(server, { ...object, head, pixels });
  const elapsed = seconds(before);
  const client = new Client(server.web, 1);
  const last = await client.get(`${instancePath(object)}/frames/${object.frames}`, FRAMES);
  expect(firstPart(last).equals(pixels.subarray(-FRAME_BYTES)), 'the last frame differs');
  client.close();
  return { units: 1, seconds: elapsed };
}

async function gibibyteByDimse(server, { sop, head, pixels }) {
  const pduLength = 65_536;
  const scu = await StoreScu.open(server.dimse, MULTI_FRAME_WORD);
  await scu.write(commandPdu(MULTI_FRAME_WORD, sop));
  await scu.write(dataPdus(head, { last: false, pduLength }));
  const block = dataPdus(pixels, { last: false, pduLength });
  for (let sent = MEBIBYTE; sent < GIBIBYTE; sent += MEBIBYTE) await scu.write(block);
  const status = await scu.store(dataPdus(pixels, { pduLength }));
  expect(status === 0, `C-STORE ended with status ${status.toString(16).toUpperCase()}H`);
  await scu.release();
}

async function gibibyteByWeb(server, { sop, head, pixels }) {
  const start = Buffer.concat([PART_HEAD, fileHead(MULTI_FRAME_WORD, sop), head]);
  const end = Buffer.concat([PART_END, BODY_END]);
  const client = new Client(server.web, 1);
  const answer = await client.send('POST', '/studies', {
    accept: 'application/dicom+json',
    headers: { 'content-type': STOW_TYPE, 'content-length': start.length + GIBIBYTE + end.length },
    body: async (outgoing) => {
      outgoing.write(start);
      for (let sent = 0; sent < GIBIBYTE; sent += MEBIBYTE)
        if (!outgoing.write(pixels)) await new Promise((resolve) => outgoing.once('drain', resolve));
      outgoing.end(end);
    },
  });
  expect(answer.status === 200, `STOW-RS ended with HTTP ${answer.status}`);
  client.close();
}
