import { readFileSync } from 'node:fs';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { dataset, type Fields } from '../../src/dicom/build.ts';
import { encodePart10 } from '../../src/dicom/write.ts';
import { anInstance, asFile } from '../support/instances.ts';
import { hasSharedData, sharedData } from '../support/shared-data.ts';
import { type Answer, ask, partsOf, stored } from './client.ts';
import { aSharedNode } from './shared-node.ts';

const shared = aSharedNode();
const ROOT = '/dicom-web';
const get = (path: string, accept?: string, more: Readonly<Record<string, string>> = {}): Promise<Answer> =>
  ask(shared.http, ROOT + path, { headers: { ...(accept === undefined ? {} : { accept }), ...more } });

interface Pixels {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  readonly data: Buffer;
}

async function pixelsOf(answer: Pick<Answer, 'body'> & { status?: number; text?: string }): Promise<Pixels> {
  if (answer.status !== undefined && answer.status !== 200) throw new Error(`${answer.status}: ${answer.text}`);
  const { data, info } = await sharp(answer.body).raw().toBuffer({ resolveWithObject: true });
  return { data, width: info.width, height: info.height, channels: info.channels };
}

const greysOf = async (answer: Answer): Promise<number[]> => {
  const { data, channels } = await pixelsOf(answer);
  return Array.from({ length: data.length / channels }, (_, i) => data[i * channels]!);
};

const STUDY = '1.2.3.900';
const INSTANCE = `/studies/${STUDY}/series/${STUDY}.1/instances/${STUDY}.1.1`;
const at = (series: number, instance: number): string =>
  `/studies/${STUDY}/series/${STUDY}.${series}/instances/${STUDY}.${series}.${instance}`;

function anImage(series: number, instance: number, fields: Fields, pixels: Uint8Array): Buffer {
  return asFile(
    {
      StudyInstanceUID: STUDY,
      SeriesInstanceUID: `${STUDY}.${series}`,
      SOPInstanceUID: `${STUDY}.${series}.${instance}`,
      InstanceNumber: instance,
      ...fields,
    },
    pixels,
  );
}

/** 0, 16, 32 … 240, row by row. */
const RAMP = Uint8Array.from({ length: 16 }, (_, i) => i * 16);
const TWELVE_BITS = { BitsAllocated: 16, BitsStored: 12, HighBit: 11 };
const words = (values: readonly number[]): Uint8Array => new Uint8Array(Uint16Array.from(values).buffer);

beforeAll(async () => {
  await stored(shared.http, [
    anImage(1, 1, {}, RAMP),
    anImage(2, 1, { PhotometricInterpretation: 'MONOCHROME1' }, RAMP),
    anImage(
      3,
      1,
      { ...TWELVE_BITS, RescaleSlope: 2, RescaleIntercept: -1000, WindowCenter: [0], WindowWidth: [401] },
      words(Array.from({ length: 16 }, (_, i) => 400 + i * 13)),
    ),
    anImage(
      4,
      1,
      { NumberOfFrames: 3, FrameTime: 40 },
      Uint8Array.from({ length: 48 }, (_, i) => Math.floor(i / 16) * 100),
    ),
    anImage(5, 1, { PixelSpacing: [2, 1] }, RAMP),
  ]);
});

describe('Rendered instances (PS3.18 10.4.1.1.3)', () => {
  it('is a JPEG where anything is taken, with a strong tag that answers 304', async () => {
    const answer = await get(`${INSTANCE}/rendered`);
    expect(answer.status).toBe(200);
    expect(answer.type).toBe('image/jpeg');
    expect(answer.headers['content-location']).toBe(`${shared.http}${ROOT}${INSTANCE}/frames/1/rendered`);
    expect(answer.headers['cache-control']).toMatch(/private/);
    const etag = String(answer.headers['etag']);
    expect(etag).toMatch(/^"/);
    expect((await get(`${INSTANCE}/rendered`, undefined, { 'if-none-match': etag })).status).toBe(304);
    expect((await get(`${INSTANCE}/rendered?quality=20`, undefined, { 'if-none-match': etag })).status).toBe(200);
    expect((await get(`${INSTANCE}/rendered`, 'image/png', { 'if-none-match': etag })).status).toBe(200);
  });

  it('shows values of 8 bits as they are, and the lowest of MONOCHROME1 as white (PS3.3 C.7.6.3.1.2)', async () => {
    expect(await greysOf(await get(`${INSTANCE}/rendered`, 'image/png'))).toEqual([...RAMP]);
    expect(await greysOf(await get(`${at(2, 1)}/rendered`, 'image/png'))).toEqual([...RAMP].map((grey) => 255 - grey));
  });

  it('applies slope, intercept and the window of the image, or the window asked for (C.11.1, C.11.2)', async () => {
    const hu = Array.from({ length: 16 }, (_, i) => (400 + i * 13) * 2 - 1000);
    const linear = (c: number, w: number) =>
      hu.map((x) => Math.round(255 * Math.max(0, Math.min(1, (x - (c - 0.5)) / (w - 1) + 0.5))));
    expect(await greysOf(await get(`${at(3, 1)}/rendered`, 'image/png'))).toEqual(linear(0, 401));
    expect(await greysOf(await get(`${at(3, 1)}/rendered?window=-50,101,linear`, 'image/png'))).toEqual(
      linear(-50, 101),
    );
    const exact = hu.map((x) => Math.round(255 * Math.max(0, Math.min(1, (x + 50) / 101 + 0.5))));
    expect(await greysOf(await get(`${at(3, 1)}/rendered?window=-50,101,linear-exact`, 'image/png'))).toEqual(exact);
    const sigmoid = hu.map((x) => Math.round(255 / (1 + Math.exp((-4 * (x + 50)) / 101))));
    expect(await greysOf(await get(`${at(3, 1)}/rendered?window=-50,101,sigmoid`, 'image/png'))).toEqual(sigmoid);
  });

  it('shows a region, mirrored where its width or height is negative (PS3.18 8.3.5.1.3)', async () => {
    const of = async (viewport: string) => greysOf(await get(`${INSTANCE}/rendered?viewport=${viewport}`, 'image/png'));
    expect(await of('2,2,1,0,2,2')).toEqual([16, 32, 80, 96]);
    expect(await of('2,2,1,0,-2,2')).toEqual([32, 16, 96, 80]);
    expect(await of('2,2,1,0,2,-2')).toEqual([80, 96, 16, 32]);
    expect(await of('4,4,,,-4,')).toEqual([0, 1, 2, 3].flatMap((row) => [3, 2, 1, 0].map((x) => (row * 4 + x) * 16)));
  });

  it('keeps the shape within a viewport, pixels that are not square made so', async () => {
    const size = async (path: string) => {
      const { width, height } = await pixelsOf(await get(path, 'image/png'));
      return [width, height];
    };
    expect(await size(`${INSTANCE}/rendered?viewport=40,20`)).toEqual([20, 20]);
    expect(await size(`${at(5, 1)}/rendered`)).toEqual([4, 8]);
    expect(await size(`${at(5, 1)}/rendered?viewport=100,100`)).toEqual([50, 100]);
  });

  it.each([
    ['window=1', 'window'],
    ['window=1,0,linear', 'window'],
    ['window=a,5,linear', 'window'],
    ['window=1,5,cubic', 'window'],
    ['viewport=0,10', 'viewport'],
    ['viewport=10', 'viewport'],
    ['viewport=9999999,10', 'viewport'],
    ['viewport=4,4,-1,0,2,2', 'viewport'],
    ['quality=0', 'quality'],
    ['quality=101', 'quality'],
    ['annotation=everything', 'annotation'],
    ['iccprofile=adobergb', 'iccprofile'],
    ['iccprofile=maybe', 'iccprofile'],
  ])('refuses %s with 400, naming the parameter', async (query, name) => {
    const answer = await get(`${INSTANCE}/rendered?${query}`);
    expect(answer.status).toBe(400);
    expect(JSON.parse(answer.text).error).toContain(`the parameter ${name} `);
  });

  it('refuses a region outside the image with 400', async () => {
    const answer = await get(`${INSTANCE}/rendered?viewport=4,4,2,2,3,3`);
    expect(answer.status).toBe(400);
    expect(answer.text).toContain('4 x 4');
  });

  it('embeds an ICC profile where that is asked for (8.3.5.1.5)', async () => {
    const profiled = async (query: string) =>
      (await sharp((await get(`${INSTANCE}/rendered${query}`, 'image/png')).body).metadata()).icc !== undefined;
    expect(await profiled('')).toBe(false);
    expect(await profiled('?iccprofile=yes')).toBe(true);
    expect(await profiled('?iccprofile=srgb')).toBe(true);
  });

  it('burns in who and how on the wish of the client alone (8.3.5.1.1)', async () => {
    const plain = await pixelsOf(await get(`${INSTANCE}/rendered?viewport=256,256`, 'image/png'));
    const named = await pixelsOf(await get(`${INSTANCE}/rendered?viewport=256,256&annotation=patient`, 'image/png'));
    const changed = (from: number, to: number): number => {
      let count = 0;
      for (let pixel = from * 256; pixel < to * 256; pixel++)
        if (Math.abs(plain.data[pixel * plain.channels]! - named.data[pixel * named.channels]!) > 8) count += 1;
      return count;
    };
    expect(changed(0, 40)).toBeGreaterThan(50);
    expect(changed(60, 256)).toBe(0);
  });

  it('says 406 to who takes no picture, and 404 for what is not held', async () => {
    const refused = await get(`${INSTANCE}/rendered`, 'image/webp');
    expect(refused.status).toBe(406);
    expect(JSON.parse(refused.text).error).toContain('image/jpeg');
    expect((await get(`/studies/${STUDY}/series/${STUDY}.1/instances/9.9/rendered`)).status).toBe(404);
    expect((await get(`${INSTANCE}/frames/2/rendered`)).status).toBe(404);
    expect((await get(`${INSTANCE}/frames/x/rendered`)).status).toBe(400);
  });
});

describe('Rendered frames, series and studies (PS3.18 10.4.1.1.3)', () => {
  it('gives frames in the order asked as parts, each with its address', async () => {
    const answer = await get(`${at(4, 1)}/frames/3,1/rendered`, 'multipart/related; type="image/png"');
    expect(answer.status).toBe(200);
    const parts = partsOf(answer);
    expect(parts.map(({ headers }) => headers['content-location'])).toEqual(
      [3, 1].map((frame) => `${shared.http}${ROOT}${at(4, 1)}/frames/${frame}/rendered`),
    );
    const shades = await Promise.all(parts.map(async ({ body }) => (await pixelsOf({ body })).data[0]));
    expect(shades).toEqual([200, 0]);
  });

  it('gives several frames alone only as an animation', async () => {
    expect((await get(`${at(4, 1)}/frames/1,2/rendered`, 'image/jpeg')).status).toBe(406);
    const answer = await get(`${at(4, 1)}/rendered`, 'image/gif');
    const { pages, delay } = await sharp(answer.body, { animated: true }).metadata();
    expect([pages, delay]).toEqual([3, [40, 40, 40]]);
  });

  it('gives of many frames the middle one to who takes one picture, and says which it is', async () => {
    const answer = await get(`${at(4, 1)}/rendered`, 'image/png');
    expect(answer.headers['content-location']).toMatch(/\/frames\/2\/rendered$/);
    expect((await greysOf(answer))[0]).toBe(100);
  });

  it('gives a study as parts of all its images, or one that stands for it', async () => {
    const all = await get(`/studies/${STUDY}/rendered`, 'multipart/related; type="image/jpeg"');
    expect(partsOf(all)).toHaveLength(7);
    for (const type of ['image/png', 'image/gif']) {
      const parts = partsOf(await get(`/studies/${STUDY}/rendered`, `multipart/related; type="${type}"`));
      expect(parts.map(({ headers }) => headers['content-type'])).toEqual(Array(7).fill(type));
    }
    expect((await get(`/studies/${STUDY}/rendered`)).type).toContain('multipart/related; type="image/jpeg"');
    expect((await get(`/studies/${STUDY}/series/${STUDY}.3/rendered`, 'image/jpeg')).type).toBe('image/jpeg');
  });

  it.each([`/studies/${STUDY}`, `/studies/${STUDY}/series/${STUDY}.4`, at(4, 1), `${at(4, 1)}/frames/3`])(
    'gives a thumbnail of %s, no larger than asked for (10.4.1.1.4)',
    async (path) => {
      const answer = await get(`${path}/thumbnail?viewport=2,3`);
      expect(answer.type).toBe('image/jpeg');
      const { width, height } = await pixelsOf(answer);
      expect([width, height]).toEqual([2, 2]);
      expect(answer.headers['etag']).toBeDefined();
      expect((await pixelsOf(await get(`${path}/thumbnail`))).width).toBe(4);
      for (const type of ['image/png', 'image/gif']) expect((await get(`${path}/thumbnail`, type)).type).toBe(type);
    },
  );

  it('leaves out of a series what cannot be shown, says so in the log, and breaks off where frames are named', async () => {
    const of = (instance: number, fields: Fields): Buffer =>
      asFile(
        {
          StudyInstanceUID: '1.2.3.901',
          SeriesInstanceUID: '1.2.3.901.1',
          SOPInstanceUID: `1.2.3.901.1.${instance}`,
          InstanceNumber: instance,
          ...fields,
        },
        RAMP,
      );
    await stored(shared.http, [of(1, { PhotometricInterpretation: 'HSV' }), of(2, {}), of(4, {})]);
    const series = '/studies/1.2.3.901/series/1.2.3.901.1';
    const parts = partsOf(await get(`${series}/rendered`, 'multipart/related; type="image/png"'));
    expect(parts.map(({ headers }) => headers['content-location']?.match(/1\.(\d)\/frames/)?.[1])).toEqual(['2', '4']);
    expect(shared.log()).toContain('a picture of a series was left out');
    const refused = await get(`${series}/instances/1.2.3.901.1.1/rendered`);
    expect([refused.status, JSON.parse(refused.text).error]).toEqual([406, expect.stringContaining('HSV')]);
  });

  it('makes a picture once for all who want it, and keeps it', async () => {
    const answers = await Promise.all(Array.from({ length: 8 }, () => get(`${at(3, 1)}/rendered?quality=77`)));
    expect(new Set(answers.map(({ body }) => body.toString('base64'))).size).toBe(1);
    const again = await get(`${at(3, 1)}/rendered?quality=77`);
    expect(again.body).toEqual(answers[0]!.body);
  });
});

describe('WADO-URI (PS3.18 9)', () => {
  const wado = (more: string, series = 1, accept?: string): Promise<Answer> =>
    get(
      `/wado?requestType=WADO&studyUID=${STUDY}&seriesUID=${STUDY}.${series}&objectUID=${STUDY}.${series}.1${more}`,
      accept,
    );

  it('shows one frame as a JPEG, many as a DICOM file, unless another type is wanted', async () => {
    expect((await wado('')).type).toBe('image/jpeg');
    for (const type of ['image/png', 'image/gif']) expect((await wado(`&contentType=${type}`)).type).toBe(type);
    const file = await wado('', 4);
    expect(file.type).toMatch(/^application\/dicom/);
    expect(file.body.toString('latin1', 128, 132)).toBe('DICM');
    expect((await greysOf(await wado('&contentType=image/png&frameNumber=3', 4)))[0]).toBe(200);
  });

  it('takes window, rows, columns and region', async () => {
    const png = '&contentType=image/png';
    expect((await greysOf(await wado(`${png}&windowCenter=128&windowWidth=2`)))[7]).toBe(0);
    const { width, height } = await pixelsOf(await wado(`${png}&rows=8&columns=100`));
    expect([width, height]).toEqual([8, 8]);
    expect(await greysOf(await wado(`${png}&region=0.5,0,1,0.5`))).toEqual([32, 48, 96, 112]);
  });

  it.each([
    ['&windowCenter=5', 400, 'windowWidth'],
    ['&rows=0', 400, 'rows'],
    ['&region=0,0,2,1', 400, 'region'],
    ['&frameNumber=0', 400, 'frameNumber'],
    ['&imageQuality=900', 400, 'imageQuality'],
    ['&transferSyntax=1.2.840.10008.1.2.1', 400, 'transferSyntax'],
    ['&anonymize=yes', 406, 'anonymize'],
    ['&contentType=image/webp', 406, 'image/jpeg'],
    ['&presentationUID=1.2', 400, 'presentationSeriesUID'],
    ['&contentType=application/dicom&frameNumber=1', 400, 'frameNumber'],
  ])('refuses %s with %i', async (more, status, named) => {
    const answer = await wado(more);
    expect(answer.status).toBe(status);
    expect(JSON.parse(answer.text).error).toContain(named);
  });

  it('names the parameter that is missing', async () => {
    const answer = await get(`/wado?requestType=WADO&studyUID=${STUDY}&seriesUID=${STUDY}.1`);
    expect(answer.status).toBe(400);
    expect(JSON.parse(answer.text).error).toContain('objectUID');
    expect((await get('/wado')).status).toBe(400);
  });
});

/** Stores a file of the shared data and gives the address of its object. */
async function send(...path: string[]): Promise<string> {
  const answer = await stored(shared.http, [readFileSync(sharedData(...path))]);
  const url = JSON.stringify(answer).match(
    /"00081190":\{"vr":"UR","Value":\["[^"]*(\/studies\/[^"]*instances[^"]*)"/,
  )?.[1];
  if (!url) throw new Error('no address in the answer');
  return url;
}

describe.skipIf(!hasSharedData)('Segmentations and presentation states (PS3.18 8.3.5.1)', () => {
  const LIVER = 'series/ct-liver-3slice-with-seg';

  it('shows a segmentation over the images that it is about, each once, and refuses without them', async () => {
    const seg = await send(LIVER, 'liver.dcm');
    const alone = await get(`${seg}/rendered`);
    expect(alone.status).toBe(404);
    expect(JSON.parse(alone.text).error).toContain('none of the images that the segmentation is about');
    for (const name of ['01.dcm', '02.dcm', '03.dcm']) await send(LIVER, name);

    const parts = partsOf(await get(`${seg}/rendered`, 'multipart/related; type="image/png"'));
    expect(parts.map(({ headers }) => headers['content-location'])).toEqual(
      [1, 2, 3].map((frame) => `${shared.http}${ROOT}${seg}/frames/${frame}/rendered`),
    );
    const one = await get(`${seg}/frames/2/rendered`, 'image/png');
    expect(one.body).toEqual(parts[1]!.body);
    const { channels, width } = await pixelsOf(one);
    expect([channels, width]).toEqual([3, 512]);
    expect((await pixelsOf(await get(`${seg}/thumbnail`))).width).toBe(128);
    expect((await get(`${seg}/frames/9/rendered`)).status).toBe(404);
    // A study is its images; what is shown over them is asked for by its own address.
    const study = await get(seg.replace(/\/series.*/, '/rendered'), 'multipart/related; type="image/jpeg"');
    expect(partsOf(study)).toHaveLength(3);
    expect(study.headers['warning']).toContain('1 objects');
  });

  it('shows an image as a presentation state says, by its own address and by WADO-URI', async () => {
    const state = await send('sr-seg', 'pr', 'prLUTs.dcm');
    expect((await get(`${state}/rendered`)).status).toBe(404);
    const image = await send('sr-seg', 'pr', 'imageForPrLUTs.dcm');
    const shown = await get(`${state}/rendered`, 'image/png');
    expect(shown.status).toBe(200);
    expect((await get(`${image}/rendered`, 'image/png')).body).not.toEqual(shown.body);
    expect((await get(`${state}/rendered?window=1,2,linear`)).status).toBe(400);

    const [, study, series, object] = /studies\/(.*)\/series\/(.*)\/instances\/(.*)$/.exec(image)!;
    const [, , stateSeries, stateObject] = /studies\/(.*)\/series\/(.*)\/instances\/(.*)$/.exec(state)!;
    const query = `requestType=WADO&studyUID=${study}&seriesUID=${series}&objectUID=${object}&contentType=image/png`;
    const by = `&presentationSeriesUID=${stateSeries}&presentationUID=${stateObject}`;
    expect((await get(`/wado?${query}${by}`)).body).toEqual(shown.body);
    expect((await get(`/wado?${query}${by}&windowCenter=1&windowWidth=2`)).status).toBe(400);
  });
});

describe('Documents and films that are made up', () => {
  const of = (instance: number, fields: Fields): Fields =>
    anInstance({
      StudyInstanceUID: '1.2.3.902',
      SeriesInstanceUID: '1.2.3.902.1',
      SOPInstanceUID: `1.2.3.902.1.${instance}`,
      InstanceNumber: instance,
      ...fields,
    });
  const address = (instance: number): string =>
    `/studies/1.2.3.902/series/1.2.3.902.1/instances/1.2.3.902.1.${instance}/rendered`;
  const uri = (instance: number, more: string): string =>
    `/wado?requestType=WADO&studyUID=1.2.3.902&seriesUID=1.2.3.902.1&objectUID=1.2.3.902.1.${instance}${more}`;

  it('gives a clinical document as XML, shut in a sandbox', async () => {
    const xml = `<ClinicalDocument xmlns="urn:hl7-org:v3">${'<component/>'.repeat(200)}</ClinicalDocument>`;
    const fields = {
      SOPClassUID: '1.2.840.10008.5.1.4.1.1.104.2',
      MIMETypeOfEncapsulatedDocument: 'text/XML',
      EncapsulatedDocument: { vr: 'OB' },
      ...Object.fromEntries(['Rows', 'Columns', 'BitsAllocated', 'PixelData'].map((name) => [name, undefined])),
    } as const;
    const binary = { '00420011': Buffer.from(xml) };
    await stored(shared.http, [
      encodePart10(dataset(of(1, fields)), { transferSyntaxUid: '1.2.840.10008.1.2.1', binary }),
    ]);
    for (const answer of [await get(address(1)), await get(uri(1, '&contentType=text/xml'))]) {
      expect([answer.status, answer.type]).toEqual([200, 'text/xml']);
      expect(answer.text.trimEnd()).toBe(xml);
      expect(answer.headers['content-security-policy']).toContain('sandbox');
    }
    expect((await get(address(1), 'application/pdf')).status).toBe(406);
  });

  it('gives a film that is an MPEG-2 stream, and refuses one that no player reads', async () => {
    const film = (instance: number, syntax: string, stream: Buffer): Buffer => {
      const header = encodePart10(dataset(of(instance, { NumberOfFrames: 2 })), { transferSyntaxUid: syntax });
      const length = Buffer.alloc(4);
      length.writeUInt32LE(stream.length);
      const [item, end] = [Buffer.from('feff00e0', 'hex'), Buffer.from('feffdde000000000', 'hex')];
      const pixels = Buffer.from('e07f10004f420000ffffffff', 'hex');
      return Buffer.concat([header, pixels, item, Buffer.alloc(4), item, length, stream, end]);
    };
    const mpeg = Buffer.concat([Buffer.from('000001b3', 'hex'), Buffer.alloc(60, 7)]);
    await stored(shared.http, [
      film(2, '1.2.840.10008.1.2.4.100', mpeg),
      film(3, '1.2.840.10008.1.2.4.102', Buffer.concat([Buffer.from('0000000167', 'hex'), Buffer.alloc(59)])),
    ]);
    for (const answer of [await get(address(2)), await get(uri(2, '&contentType=video/mpeg'))]) {
      expect([answer.status, answer.type]).toEqual([200, 'video/mpeg']);
      expect(answer.body).toEqual(mpeg);
    }
    const bare = await get(address(3));
    expect([bare.status, JSON.parse(bare.text).error]).toEqual([406, expect.stringContaining('bare stream')]);
  });
});

describe('Anything that can be asked', () => {
  it('is answered with a picture or a reason, and never with 500', async () => {
    let seed = 7;
    const random = (below: number): number => {
      seed = (seed * 48271) % 0x7fffffff;
      return seed % below;
    };
    const pieces = [
      '1',
      '-1',
      '0',
      '1e9',
      '1e-9',
      'NaN',
      '',
      ',',
      ',,',
      '%00',
      '%',
      '%ff',
      '99999',
      '0x10',
      'linear',
      '4,4',
      '0.5',
      '-0',
      '\u00e9',
    ];
    const names = [
      'window',
      'viewport',
      'quality',
      'annotation',
      'iccprofile',
      'accept',
      'charset',
      'frameNumber',
      'region',
      'rows',
      'columns',
      'windowCenter',
      'windowWidth',
      'contentType',
      'imageQuality',
      'transferSyntax',
    ];
    const statuses = new Map<number, number>();
    for (let i = 0; i < 600; i++) {
      const query = Array.from({ length: 1 + random(3) }, () => {
        const value = Array.from({ length: random(7) }, () => pieces[random(pieces.length)]).join(random(2) ? ',' : '');
        return `${names[random(names.length)]}=${encodeURI(value).replaceAll('%25', '%')}`;
      }).join('&');
      const path = [
        `${INSTANCE}/rendered?`,
        `${INSTANCE}/thumbnail?`,
        `${at(4, 1)}/frames/1,2/rendered?`,
        `/wado?requestType=WADO&studyUID=${STUDY}&seriesUID=${STUDY}.3&objectUID=${STUDY}.3.1&`,
      ][random(4)];
      const { status, text } = await get(`${path}${query}`);
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
      if (![200, 400, 404, 406, 413].includes(status)) throw new Error(`${path}${query}: ${status} ${text}`);
    }
    expect(statuses.get(200)).toBeGreaterThan(10);
    expect(statuses.get(400)).toBeGreaterThan(100);
  });
});

/** The address of an object as WADO-URI has it. */
function byUri(url: string, more: string): string {
  const [, study, series, object] = /studies\/(.*)\/series\/(.*)\/instances\/(.*)$/.exec(url) ?? [];
  return `/wado?requestType=WADO&studyUID=${study}&seriesUID=${series}&objectUID=${object}${more}`;
}

describe.skipIf(!hasSharedData)('What is no picture (PS3.18 8.7.4)', () => {
  it('gives a report as a page without script, or as plain text', async () => {
    const url = await send('sr-seg', 'sr', 'reportsi.dcm');
    const page = await get(`${url}/rendered`);
    expect(page.type).toBe('text/html; charset=utf-8');
    expect(page.text).toMatch(/^<!DOCTYPE html>/);
    expect(page.text).not.toMatch(/<script|javascript:|https?:/i);
    expect(page.headers['content-security-policy']).toContain('sandbox');
    const plain = await get(`${url}/rendered`, 'text/plain');
    expect(plain.type).toBe('text/plain; charset=utf-8');
    expect(plain.text.split('\n').length).toBeGreaterThan(5);
    expect((await get(`${url}/rendered`, 'image/jpeg')).status).toBe(406);
    expect((await get(`${url}/thumbnail`)).status).toBe(404);
    expect((await get(byUri(url, ''))).text).toBe(page.text);
    expect((await get(byUri(url, '&contentType=text/plain'))).text).toBe(plain.text);
    expect((await get(byUri(url, '&charset=iso-8859-1'))).status).toBe(406);
  });

  it('gives an encapsulated PDF as it is', async () => {
    const url = await send('images', 'pdf', 'pdf.dcm');
    const answer = await get(`${url}/rendered`, 'application/pdf');
    expect(answer.type).toBe('application/pdf');
    expect(answer.body.toString('latin1', 0, 5)).toBe('%PDF-');
    expect((await get(byUri(url, ''))).body).toEqual(answer.body);
  });

  it('gives a film that is an MP4 file as it is, any part of it, and refuses others', async () => {
    const url = await send('derived', 'us-h264-mp4.102.dcm');
    const answer = await get(`${url}/rendered`, 'video/mp4');
    expect(answer.type).toBe('video/mp4');
    expect(answer.body.toString('latin1', 4, 8)).toBe('ftyp');
    const part = await get(`${url}/rendered`, '*/*', { range: 'bytes=4-7' });
    expect([part.status, part.text]).toEqual([206, 'ftyp']);
    expect((await get(byUri(url, '&contentType=video/mp4'))).body).toEqual(answer.body);
    expect((await get(`${url}/rendered`, 'image/jpeg')).status).toBe(406);
  });
});
