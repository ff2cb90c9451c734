// Workloads that store: each has servers of its own, which are empty when it begins.
import { CT_IMAGE, ctSeries, fileHead } from './dicom.mjs';
import { Client } from './http.mjs';
import { multiFrame, openSender, sendMultiFrame, verifyMultiFrame } from './multi-frame.mjs';
import { expect, secondsSince, sendAll, verifyStored } from './storing.mjs';

/** @returns {import('./workloads.mjs').Workload[]} */
export function storeWorkloads(scale) {
  const ct = () => Array.from({ length: 2 }, () => ctSeries({ slices: scale.slices / 2 })).flat();
  const small = () => Array.from({ length: scale.small / 10 }, () => ctSeries({ slices: 10, size: 64 })).flat();
  const cstore = (objects, associations) => ({
    unit: 'objects',
    door: 'dimse',
    parallelStores: true,
    run: (server) => sendAll(server, objects(), associations, scale.storeSeconds),
    verify: (server, _prepared, { sent }) => verifyStored(server, sent),
  });
  return [
    {
      name: 'cstore-ct-1',
      what: `C-STORE of ${scale.slices} CT slices (512 x 512 x 16 bit) over one association`,
      goal: { rate: 1.8, cpu: 1 },
      ...cstore(ct, 1),
    },
    {
      name: 'cstore-ct-4',
      what: 'the same over four associations at once',
      goal: { rate: 1.4, cpu: 1 },
      ...cstore(ct, 4),
    },
    {
      name: 'cstore-small-1',
      what: `C-STORE of ${scale.small} slices of 64 x 64, ten a study, over one association`,
      goal: { rate: 2, cpu: 1 },
      ...cstore(small, 1),
    },
    {
      name: 'cstore-small-4',
      what: 'the same over four associations at once',
      goal: { rate: 2, cpu: 1 },
      ...cstore(small, 4),
    },
    {
      name: 'cstore-mf',
      what: `C-STORE of multi-frame objects of ${Math.round(scale.multiFrames * 0.524288)} MB, one association`,
      unit: 'objects',
      door: 'web',
      goal: { rate: 2, cpu: 1 },
      run: (server) => storeMultiFrames(server, scale),
      verify: async (server, _prepared, { sent }) => {
        for (const object of sent) await verifyMultiFrame(server, object);
      },
    },
    {
      name: 'stow-ct-1',
      what: `STOW-RS of ${scale.slices} CT slices, ten a request, one request at a time`,
      unit: 'objects',
      door: 'web',
      run: (server) => storeByWeb(server, ct(), scale),
      verify: (server, _prepared, { sent }) => verifyStored(server, sent),
    },
  ];
}

async function storeMultiFrames(server, { multiFrames, multiFrameObjects }) {
  const sent = Array.from({ length: multiFrameObjects }, () => multiFrame(multiFrames));
  const sender = await openSender(server);
  const latencies = [];
  for (const object of sent) latencies.push(1000 * (await sendMultiFrame(sender, object)));
  await sender.release();
  return { units: sent.length, seconds: latencies.reduce((sum, each) => sum + each, 0) / 1000, latencies, sent };
}

const STOW_TYPE = 'multipart/related; type="application/dicom"; boundary=voxgatebench';
const PART_HEAD = Buffer.from('--voxgatebench\r\nContent-Type: application/dicom\r\n\r\n');
const PART_END = Buffer.from('\r\n');
const BODY_END = Buffer.from('--voxgatebench--\r\n');

async function storeByWeb(server, slices, { storeSeconds }) {
  const bodies = Array.from({ length: Math.ceil(slices.length / 10) }, (_, i) => {
    const some = slices.slice(10 * i, 10 * i + 10);
    const parts = some.flatMap(({ sop, dataSet }) => [PART_HEAD, fileHead(CT_IMAGE, sop), dataSet, PART_END]);
    return { count: some.length, body: Buffer.concat([...parts, BODY_END]) };
  });
  const client = new Client(server.web, 1);
  const latencies = [];
  const before = performance.now();
  let units = 0;
  for (const { count, body } of bodies) {
    if (secondsSince(before) > storeSeconds) break;
    const started = performance.now();
    const answer = await client.send('POST', '/studies', {
      accept: 'application/dicom+json',
      headers: { 'content-type': STOW_TYPE },
      body,
    });
    latencies.push(performance.now() - started);
    const stored = answer.status === 200 ? JSON.parse(answer.body().toString())['00081199'].Value.length : 0;
    expect(stored === count, `STOW-RS took ${stored} of ${count} (HTTP ${answer.status})`);
    units += count;
  }
  const seconds = secondsSince(before);
  client.close();
  return { units, seconds, latencies, sent: slices.slice(0, units) };
}
