// Workloads that retrieve from a series of CT slices.
import { AE_TITLE, Association, IMPLICIT_LITTLE, STUDY_ROOT } from './association.mjs';
import { CT_IMAGE, ctSeries } from './dicom.mjs';
import { firstPart } from './http.mjs';
import { FRAME_BYTES, multiFrame, openSender, sendMultiFrame, verifyMultiFrame } from './multi-frame.mjs';
import { readByWeb } from './query-workloads.mjs';
import { expect, FRAMES, instancePath, secondsSince, sendAll, verifyStored } from './storing.mjs';

const CONNECTIONS = 8;
const FRAMES_OF_ONE = 200;
const DICOM = 'multipart/related; type="application/dicom"; transfer-syntax=*';
/** Every so many objects are looked at to the last pixel; of the others UID and length. */
const LOOK_AT = 20;

/** @returns {import('./workloads.mjs').Workload[]} */
export function retrieveWorkloads(scale) {
  const shared = {
    fixture: 'series',
    async prepare(server) {
      const slices = ctSeries({ slices: scale.series });
      await sendAll(server, slices, 1, 300);
      await verifyStored(server, slices);
      return slices;
    },
  };
  const whole = `of a series of ${scale.series} CT slices, one at a time`;
  return [
    {
      ...shared,
      name: 'cget-series',
      what: `C-GET ${whole} (p50 and p99 are of a series)`,
      unit: 'objects',
      door: 'archive',
      goal: { rate: 1.2 },
      run: (server, slices) => getSeries(server, slices, scale),
    },
    {
      ...shared,
      name: 'cmove-series',
      what: `C-MOVE ${whole}, to a receiver that keeps nothing (p50 and p99 are of a series)`,
      unit: 'objects',
      door: 'archive',
      goal: { rate: 1.2 },
      run: (server, slices, receiver) => moveSeries(server, slices, receiver, scale),
    },
    {
      ...shared,
      name: 'wado-instance',
      what: 'WADO-RS of CT instances, eight connections',
      unit: 'instances',
      door: 'web',
      run: (server, slices) =>
        readByWeb(server, scale.readSeconds, CONNECTIONS, async (client, turn) => {
          const slice = slices[turn % slices.length];
          const answer = await client.get(instancePath(slice), DICOM);
          if (turn % LOOK_AT === 0)
            expect(firstPart(answer).subarray(-slice.pixels.length).equals(slice.pixels), 'pixels differ');
          else expect(answer.length > slice.dataSet.length, 'an instance came short');
        }),
    },
    {
      ...shared,
      name: 'wado-frame',
      what: 'WADO-RS of frames of CT instances, eight connections',
      unit: 'frames',
      door: 'web',
      goal: { rate: 3 },
      run: (server, slices) =>
        readByWeb(server, scale.readSeconds, CONNECTIONS, async (client, turn) => {
          const slice = slices[turn % slices.length];
          const answer = await client.get(`${instancePath(slice)}/frames/1`, FRAMES);
          if (turn % LOOK_AT === 0) expect(firstPart(answer).equals(slice.pixels), 'the frame differs');
          else expect(answer.length > slice.pixels.length, 'a frame came short');
        }),
    },
    {
      name: 'wado-frame-200',
      what: `WADO-RS of single frames of an object of ${FRAMES_OF_ONE} frames, eight connections`,
      unit: 'frames',
      door: 'web',
      goal: { rate: 50 },
      async prepare(server) {
        const object = multiFrame(FRAMES_OF_ONE);
        const sender = await openSender(server);
        await sendMultiFrame(sender, object);
        await sender.release();
        await verifyMultiFrame(server, object);
        return object;
      },
      run: (server, object) =>
        readByWeb(server, scale.readSeconds, CONNECTIONS, async (client, turn) => {
          const number = 1 + ((turn * 7) % FRAMES_OF_ONE);
          const answer = await client.get(`${instancePath(object)}/frames/${number}`, FRAMES);
          expect(firstPart(answer).length === FRAME_BYTES, 'a frame came short');
        }),
    },
    {
      ...shared,
      name: 'metadata-series',
      what: `WADO-RS metadata ${whole}`,
      unit: 'series',
      door: 'web',
      run: (server, slices) =>
        readByWeb(server, scale.readSeconds, 1, async (client, turn) => {
          const { study, series } = slices[0];
          const answer = await client.get(`/studies/${study}/series/${series}/metadata`, 'application/dicom+json');
          if (turn > 0) return expect(answer.length > 1000 * slices.length, 'the metadata came short');
          const found = JSON.parse(answer.body().toString());
          expect(found.length === slices.length && found.every((one) => one['00281052']), 'metadata are missing');
        }),
    },
  ];
}

const seriesKeys = ([{ study, series }]) => [
  [0x00080052, 'SERIES'],
  [0x0020000d, study],
  [0x0020000e, series],
];

async function getSeries(server, slices, { readSeconds }) {
  const asker = await Association.open(server.dimse, [
    { sopClass: STUDY_ROOT.get, transferSyntax: IMPLICIT_LITTLE },
    { sopClass: CT_IMAGE, asScp: true },
  ]);
  const result = await again(readSeconds, slices, (onObject) => asker.get(seriesKeys(slices), onObject));
  await asker.release();
  return result;
}

async function moveSeries(server, slices, receiver, { readSeconds }) {
  const asker = await Association.open(server.dimse, [{ sopClass: STUDY_ROOT.move, transferSyntax: IMPLICIT_LITTLE }]);
  const result = await again(readSeconds, slices, (onObject) => {
    receiver.onObject = onObject;
    return asker.move(AE_TITLE, seriesKeys(slices));
  });
  await asker.release();
  return result;
}

/** Retrieves the series over and over; the objects that came are looked at after each time, the clock standing. */
async function again(readSeconds, slices, retrieve) {
  const latencies = [];
  let spent = 0;
  while (spent < readSeconds) {
    const came = [];
    const started = performance.now();
    await retrieve((sop, pieces) =>
      came.push({ sop, pieces: came.length % LOOK_AT === 0 ? pieces : lengthOf(pieces) }),
    );
    const seconds = secondsSince(started);
    spent += seconds;
    latencies.push(1000 * seconds);
    check(slices, came);
  }
  return { units: latencies.length * slices.length, seconds: spent, latencies };
}

const lengthOf = (pieces) => pieces.reduce((sum, piece) => sum + piece.length, 0);

function check(slices, came) {
  const missing = new Map(slices.map((slice) => [slice.sop, slice]));
  for (const { sop, pieces } of came) {
    const slice = missing.get(sop);
    expect(slice, 'an object came that was not asked for, or twice');
    missing.delete(sop);
    if (typeof pieces === 'number') expect(pieces > slice.pixels.length, 'an object came short');
    else expect(Buffer.concat(pieces).subarray(-slice.pixels.length).equals(slice.pixels), 'pixels differ');
  }
  expect(missing.size === 0, `${missing.size} of ${slices.length} objects did not come`);
}
