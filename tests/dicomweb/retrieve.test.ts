import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { dataset } from '../../src/dicom/build.ts';
import type { JsonDataset } from '../../src/dicom/dataset.ts';
import { items, number, text } from '../../src/dicom/read-values.ts';
import { encodePart10 } from '../../src/dicom/write.ts';
import { decodeFrame } from '../../src/imaging/decode.ts';
import { layoutOf } from '../../src/imaging/frame-layout.ts';
import { anInstance, asFile } from '../support/instances.ts';
import { type ExpectedRow, expectedRows, hasSharedData, sharedData } from '../support/shared-data.ts';
import { type Answer, type Ask, ask, askJson, partsOf, stored } from './client.ts';
import { aSharedNode } from './shared-node.ts';

const shared = aSharedNode();
const ROOT = '/dicom-web';
const EXPLICIT = '1.2.840.10008.1.2.1';
const MULTIPART_DICOM = 'multipart/related; type="application/dicom"';

const get = (path: string, accept?: string, more: Ask = {}): Promise<Answer> =>
  ask(shared.http, ROOT + path, { ...more, headers: { ...(accept === undefined ? {} : { accept }), ...more.headers } });
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** Two series, of two and one instance, in one study. */
const STUDY = '1.2.3.200';
const FILES: Readonly<Record<string, Buffer>> = Object.fromEntries(
  ['1.1', '1.2', '2.1'].map((tail, i) => [
    `/studies/${STUDY}/series/${STUDY}.${tail[0]}/instances/${STUDY}.${tail}`,
    asFile(
      {
        StudyInstanceUID: STUDY,
        SeriesInstanceUID: `${STUDY}.${tail[0]}`,
        SOPInstanceUID: `${STUDY}.${tail}`,
        InstanceNumber: i + 1,
      },
      Buffer.alloc(16, i + 1),
    ),
  ]),
);
const PATHS = Object.keys(FILES);
const [FIRST] = PATHS as [string];
const SERIES = `/studies/${STUDY}/series/${STUDY}.1`;

beforeAll(async () => {
  await stored(shared.http, Object.values(FILES));
});

describe('WADO-RS of instances (PS3.18 10.4.1.1.1)', () => {
  it.each([
    ['an instance', FIRST, 1],
    ['a series', SERIES, 2],
    ['a study', `/studies/${STUDY}`, 3],
  ])('gives %s as multipart, each part as it was stored and with its own address', async (_what, path, count) => {
    const answer = await get(path, MULTIPART_DICOM);
    expect(answer.status).toBe(200);
    expect(answer.type).toMatch(/^multipart\/related; type="application\/dicom"; boundary=\S+$/);
    const parts = partsOf(answer);
    expect(parts).toHaveLength(count);
    for (const [i, { headers, body }] of parts.entries()) {
      expect(headers['content-type']).toBe(`application/dicom; transfer-syntax=${EXPLICIT}`);
      expect(headers['content-location']).toBe(shared.http + ROOT + PATHS[i]);
      expect(body).toEqual(FILES[PATHS[i]!]);
    }
  });

  it('gives one instance as a single part to those who ask for it', async () => {
    const answer = await get(FIRST, 'application/dicom');
    expect(answer.status).toBe(200);
    expect(answer.type).toBe(`application/dicom; transfer-syntax=${EXPLICIT}`);
    expect(answer.headers['content-length']).toBe(String(FILES[FIRST]!.length));
    expect(answer.body).toEqual(FILES[FIRST]);
  });

  it('gives many instances only as multipart: 406 for a single part', async () => {
    const answer = await get(`/studies/${STUDY}`, 'application/dicom');
    expect(answer.status).toBe(406);
    expect(JSON.parse(answer.text).error).toContain('multipart/related; type="application/dicom"');
  });

  it.each([
    undefined,
    '',
    '*/*',
    'multipart/related',
    'multipart/*',
    'multipart/related; type=application/dicom',
    'multipart/related; type="application/dicom"; transfer-syntax=*',
    'multipart/related; type="application/dicom"; transfer-syntax="*"',
    `multipart/related; type="application/dicom"; transfer-syntax=${EXPLICIT}`,
    'multipart/related; type="*/*"',
    'Multipart/Related; Type="Application/DICOM"',
    'image/jpeg, multipart/related; type="application/dicom"; q=0.1',
    'multipart/related; type="application/dicom"; transfer-syntax=1.2.840.10008.1.2.4.50, */*; q=0.1',
  ])('understands Accept: %s', async (accept) => {
    const answer = await get(FIRST, accept);
    expect(answer.status).toBe(200);
    expect(partsOf(answer)).toHaveLength(1);
  });

  it.each([
    'text/html',
    'application/dicom+json',
    'multipart/related; type="image/jpeg"',
    'multipart/related; type="application/dicom"; transfer-syntax=1.2.840.10008.1.2.4.50',
    'multipart/related; type="application/dicom"; q=0',
    'nonsense',
  ])('answers 406 to Accept: %s, and says what there is', async (accept) => {
    const answer = await get(FIRST, accept);
    expect(answer.status).toBe(406);
    expect(answer.type).toContain('application/json');
    expect(JSON.parse(answer.text).error).toContain(EXPLICIT);
  });

  it('takes the accept parameter of a link before the header (8.3.3.1)', async () => {
    const answer = await get(`${FIRST}?accept=application/dicom`, 'text/html,*/*;q=0.8');
    expect(answer.type).toContain('application/dicom;');
    const json = await get(`${FIRST}/metadata?accept=application/dicom+json`, 'text/html');
    expect(json.type).toBe('application/dicom+json');
    const escaped = await get(`${FIRST}/metadata?accept=application/dicom%2Bjson`, 'text/html');
    expect(escaped.type).toBe('application/dicom+json');
  });

  it('answers HEAD with the headers of GET and nothing else', async () => {
    const single = await get(FIRST, 'application/dicom', { method: 'HEAD' });
    expect([single.status, single.headers['content-length'], single.body.length]).toEqual([
      200,
      String(FILES[FIRST]!.length),
      0,
    ]);
    for (const path of [`/studies/${STUDY}`, SERIES, `${FIRST}/frames/1`, `${FIRST}/metadata`]) {
      const answer = await get(path, undefined, { method: 'HEAD' });
      expect([answer.status, answer.body.length]).toEqual([200, 0]);
    }
    expect((await get('/studies/1.2.3.999', undefined, { method: 'HEAD' })).status).toBe(404);
  });

  it.each([
    ['/studies/1.2.3.999', 'a study that is not held'],
    [`/studies/${STUDY}/series/1.2.3.999`, 'a series that is not of the study'],
    [`/studies/1.2.3.999/series/${STUDY}.1`, 'a series under another study'],
    [`/studies/${STUDY}/series/${STUDY}.2/instances/${STUDY}.1.1`, 'an instance under another series'],
    [`/studies/${STUDY}/nothing`, 'a resource that is none'],
    ['/studies/1.2.3.999/metadata', 'metadata of a study that is not held'],
    [`${FIRST}/bulkdata/`, 'bulk data without a path'],
  ])('answers 404 to %s, %s', async (path) => {
    const answer = await get(path);
    expect(answer.status).toBe(404);
    expect(JSON.parse(answer.text).error).toMatch(/\w+ \w+/);
  });

  it.each([
    '/studies/a%20b',
    '/studies/%2e%2e',
    '/studies/1.2.3%00',
    '/studies/1.2:3',
    `/studies/${'1.'.repeat(40)}1`,
    `/studies/${STUDY}/series/..%2f..%2fetc`,
    `${SERIES}/instances/1.2.3;x`,
    '/studies/%zz',
    '/studies/1.2.3%',
  ])('answers 400 to the bad address %s', async (path) => {
    const answer = await get(path);
    expect(answer.status).toBe(400);
    expect(answer.text).not.toMatch(/ at |\.ts|node_modules/);
  });

  it('answers 405 to a method that a resource does not have, with those it has (RFC 9110 15.5.6)', async () => {
    const answer = await get(`/studies/${STUDY}`, undefined, { method: 'PUT' });
    expect([answer.status, answer.headers['allow']]).toEqual([405, 'GET, HEAD, POST, DELETE, OPTIONS']);
    const options = await get('/series', undefined, { method: 'OPTIONS' });
    expect([options.status, options.headers['allow']]).toEqual([204, 'GET, HEAD, OPTIONS']);
  });
});

describe('addresses that the node gives of itself', () => {
  it('are those of the Host header, so that they are right behind a name or proxy', async () => {
    const [json] = await askJson(shared.http, `${ROOT}${FIRST}/metadata`, { host: 'pacs.example.org:8443' });
    expect(json?.['7FE00010']?.BulkDataURI).toBe(`http://pacs.example.org:8443${ROOT}${FIRST}/bulkdata/7FE00010`);
    const [study] = await askJson(shared.http, `${ROOT}/studies?StudyInstanceUID=${STUDY}`, { host: '[::1]:80' });
    expect(text(study!, 'RetrieveURL')).toBe(`http://[::1]:80${ROOT}/studies/${STUDY}`);
  });

  it.each([
    [{ 'x-forwarded-proto': 'https', 'x-forwarded-host': 'pacs.example.org' }, 'https://pacs.example.org'],
    [
      { 'x-forwarded-proto': 'https, http', 'x-forwarded-host': 'pacs.example.org:444, inner' },
      'https://pacs.example.org:444',
    ],
    [
      { forwarded: 'for=192.0.2.60;proto=https;host="pacs.example.org:8443", for=10.0.0.1' },
      'https://pacs.example.org:8443',
    ],
    [{ forwarded: 'for="[2001:db8::17]";Proto=https', host: 'a.example.org' }, 'https://a.example.org'],
    [{ 'x-forwarded-proto': 'javascript', host: 'a.example.org' }, 'http://a.example.org'],
  ])('are those that a proxy passes on (RFC 7239): %j', async (headers, root) => {
    const [study] = await askJson(shared.http, `${ROOT}/studies?StudyInstanceUID=${STUDY}`, headers);
    expect(text(study!, 'RetrieveURL')).toBe(`${root}${ROOT}/studies/${STUDY}`);
  });

  it('are not made of what a proxy passes on when that is no host', async () => {
    for (const [name, value] of [
      ['x-forwarded-host', 'a"b'],
      ['forwarded', 'host="evil.org/path"'],
    ] as const)
      expect((await get('/studies', undefined, { headers: { [name]: value } })).status).toBe(400);
  });

  it.each(['a"b', 'evil.org/path', 'a b', "a'b", 'x:port', 'user@evil.org', '$&', 'a\tb', 'é', 'x:123456', '<script>'])(
    'are not made of a Host that is none: 400 for %s',
    async (host) => {
      const headers = { host: Buffer.from(host, 'utf8').toString('latin1') };
      for (const path of ['/studies', `${FIRST}/metadata`, FIRST]) {
        const answer = await get(path, undefined, { headers });
        expect(answer.status).toBe(400);
        expect(answer.text).not.toContain(host);
      }
    },
  );
});

describe('metadata and bulk data (PS3.18 10.4.1.1.2, 10.4.1.1.5)', () => {
  const PLACE = { StudyInstanceUID: '1.2.3.201', SeriesInstanceUID: '1.2.3.201.1', SOPInstanceUID: '1.2.3.201.1.1' };
  const PATH = '/studies/1.2.3.201/series/1.2.3.201.1/instances/1.2.3.201.1.1';
  const pixels = Buffer.from(Array.from({ length: 64 * 64 }, (_, i) => i % 251));
  const waveform = Buffer.from(Array.from({ length: 3000 }, (_, i) => i % 241));

  beforeAll(async () => {
    const file = encodePart10(
      dataset(
        anInstance({
          ...PLACE,
          Rows: 64,
          Columns: 64,
          ImageComments: 'it says "BulkDataURI":"bulkdata/7FE00010" here',
          WaveformSequence: [{ WaveformData: waveform, NumberOfWaveformChannels: 1 }],
          OverlayRows: undefined,
          RedPaletteColorLookupTableData: Buffer.from([1, 2, 3, 4]),
        }),
      ),
      { transferSyntaxUid: EXPLICIT, binary: { '7FE00010': pixels } },
    );
    await stored(shared.http, [file]);
  });

  it('gives one object for each instance of study, series or instance, without their bulk', async () => {
    for (const [path, count] of [
      [`/studies/${STUDY}/metadata`, 3],
      [`${SERIES}/metadata`, 2],
      [`${FIRST}/metadata`, 1],
    ] as const) {
      const answer = await get(path, 'application/dicom+json');
      expect(answer.type).toBe('application/dicom+json');
      const all: JsonDataset[] = JSON.parse(answer.text);
      expect(all.map((one) => text(one, 'StudyInstanceUID'))).toEqual(Array(count).fill(STUDY));
    }
  });

  it('takes what OHIF sends, a list with multipart in it, and refuses what is no JSON', async () => {
    const path = `${FIRST}/metadata`;
    const ohif = 'application/dicom+json, multipart/related; type=application/octet-stream; transfer-syntax=*';
    expect((await get(path, ohif)).type).toBe('application/dicom+json');
    expect((await get(path, 'application/dicom+json, application/json')).type).toBe('application/dicom+json');
    expect((await get(path, 'application/json')).type).toBe('application/json');
    expect((await get(path, 'application/pdf')).status).toBe(406);
  });

  it('names large values by addresses that can be fetched, single part and multipart', async () => {
    const [json] = await askJson(shared.http, `${ROOT}${PATH}/metadata`);
    const uri = json!['7FE00010']!.BulkDataURI!;
    expect(uri).toBe(`${shared.http}${ROOT}${PATH}/bulkdata/7FE00010`);
    const single = await ask(shared.http, new URL(uri).pathname, { headers: { accept: 'application/octet-stream' } });
    expect([single.status, single.type]).toEqual([200, 'application/octet-stream']);
    expect(single.body).toEqual(pixels);
    for (const accept of [
      'multipart/related; type="application/octet-stream"',
      'multipart/related; type="*/*"',
      'multipart/related; type=application/octet-stream; transfer-syntax=*',
      `multipart/related; type=application/octet-stream; transfer-syntax=${EXPLICIT}`,
    ]) {
      const [part, ...more] = partsOf(await ask(shared.http, new URL(uri).pathname, { headers: { accept } }));
      expect(more).toEqual([]);
      expect(part!.headers['content-type']).toBe('application/octet-stream');
      expect(part!.body).toEqual(pixels);
    }
  });

  it('names values inside sequences too, and gives small ones at once', async () => {
    const [json] = await askJson(shared.http, `${ROOT}${PATH}/metadata`);
    const uri = items(json!, 'WaveformSequence')[0]!['54001010']!.BulkDataURI!;
    const answer = await ask(shared.http, new URL(uri).pathname, { headers: { accept: 'application/octet-stream' } });
    expect(answer.body).toEqual(waveform);
    expect(json!['00281201']!.InlineBinary).toBe(Buffer.from([1, 2, 3, 4]).toString('base64'));
  });

  it('is not misled by a text that looks like a name of bulk data', async () => {
    const [json] = await askJson(shared.http, `${ROOT}${PATH}/metadata`);
    expect(text(json!, 'ImageComments')).toBe('it says "BulkDataURI":"bulkdata/7FE00010" here');
  });

  it.each(['00100010', '7FE00010/0', '..%2f..%2fetc%2fpasswd', '54000100/9/54001010', 'constructor', '%00'])(
    'answers 404 to bulk data that the object has not: %s',
    async (path) => {
      expect((await get(`${PATH}/bulkdata/${path}`)).status).toBe(404);
    },
  );
});

describe('frames (PS3.18 10.4)', () => {
  const PLACE = { StudyInstanceUID: '1.2.3.202', SeriesInstanceUID: '1.2.3.202.1', SOPInstanceUID: '1.2.3.202.1.1' };
  const PATH = '/studies/1.2.3.202/series/1.2.3.202.1/instances/1.2.3.202.1.1/frames';
  const frame = (n: number): Buffer => Buffer.alloc(16, n);
  const OCTETS = 'multipart/related; type=application/octet-stream; transfer-syntax=*';

  beforeAll(async () => {
    await stored(shared.http, [asFile({ ...PLACE, NumberOfFrames: 5 }, Buffer.concat([1, 2, 3, 4, 5].map(frame)))]);
  });

  it('gives one frame, with its transfer syntax and address', async () => {
    const [part, ...more] = partsOf(await get(`${PATH}/3`, OCTETS));
    expect(more).toEqual([]);
    expect(part!.headers['content-type']).toBe(`application/octet-stream; transfer-syntax=${EXPLICIT}`);
    expect(part!.headers['content-location']).toBe(`${shared.http}${ROOT}${PATH}/3`);
    expect(part!.body).toEqual(frame(3));
  });

  it('gives a list in the order that was asked for, repeats included', async () => {
    const parts = partsOf(await get(`${PATH}/4,1,1,5`, OCTETS));
    expect(parts.map(({ body }) => body[0])).toEqual([4, 1, 1, 5]);
    expect(partsOf(await get(`${PATH}/2%2C3`, OCTETS)).map(({ body }) => body[0])).toEqual([2, 3]);
  });

  it('gives one frame as a single part, and several only as multipart', async () => {
    const answer = await get(`${PATH}/2`, 'application/octet-stream');
    expect(answer.type).toBe(`application/octet-stream; transfer-syntax=${EXPLICIT}`);
    expect(answer.body).toEqual(frame(2));
    expect((await get(`${PATH}/1,2`, 'application/octet-stream')).status).toBe(406);
  });

  it('gives frame 1 of an image without Number of Frames, as viewers ask for it', async () => {
    const [part] = partsOf(await get(`${FIRST}/frames/1`, OCTETS));
    expect(part!.body).toEqual(Buffer.alloc(16, 1));
  });

  it.each([
    OCTETS,
    'multipart/related; type="application/octet-stream"; transfer-syntax=*',
    'multipart/related; type="application/octet-stream"',
    'multipart/related; type="*/*"',
    `multipart/related; type="application/octet-stream"; transfer-syntax=${EXPLICIT}`,
    '*/*',
    undefined,
  ])('takes what viewers and clients send: Accept %s', async (accept) => {
    expect((await get(`${PATH}/1`, accept)).status).toBe(200);
  });

  it.each([
    'image/png',
    'image/jpeg; transfer-syntax=1.2.840.10008.1.2.4.50',
    'image/jls; transfer-syntax=1.2.840.10008.1.2.4.81',
    'multipart/related; type="image/jp2"; transfer-syntax=1.2.840.10008.1.2.4.91',
    'text/plain',
  ])('answers 406 to what would have to be rendered or compressed with loss: Accept %s', async (accept) => {
    const answer = await get(`${PATH}/1`, accept);
    expect([answer.status, answer.headers['etag']]).toEqual([406, undefined]);
    expect(JSON.parse(answer.text).error).toContain(`application/octet-stream; transfer-syntax=${EXPLICIT}`);
  });

  it('knows a frame again by its entity tag, and gives another to another form (RFC 9110 13.1.2)', async () => {
    const first = await get(`${PATH}/1`, 'application/octet-stream');
    const tag = String(first.headers['etag']);
    expect(tag).toMatch(/^"[\w-]{16,}"$/);
    const again = await get(`${PATH}/1`, 'application/octet-stream', { headers: { 'if-none-match': tag } });
    expect([again.status, again.body.length]).toEqual([304, 0]);
    for (const [path, accept] of [
      [`${PATH}/2`, 'application/octet-stream'],
      [`${PATH}/1`, OCTETS],
      [`${PATH}/1`, 'image/jls'],
    ] as const) {
      const other = await get(path, accept, { headers: { 'if-none-match': tag } });
      expect([other.status, other.headers['etag'] === tag]).toEqual([200, false]);
    }
    expect((await get(`${PATH}/1,2`, OCTETS)).body).toEqual((await get(`${PATH}/1,2`, OCTETS)).body);
  });

  it('gives a part of a frame that stands alone (RFC 9110 14)', async () => {
    const answer = await get(`${PATH}/2`, 'application/octet-stream', { headers: { range: 'bytes=4-7' } });
    expect([answer.status, answer.headers['content-range']]).toEqual([206, 'bytes 4-7/16']);
    expect(answer.body).toEqual(frame(2).subarray(4, 8));
  });

  it('goes on to the next form that is wanted where pixels cannot be had in the first', async () => {
    const bits = { Rows: 3, Columns: 3, BitsAllocated: 1, BitsStored: 1, HighBit: 0, NumberOfFrames: 2 };
    const place = { StudyInstanceUID: '1.2.3.205', SeriesInstanceUID: '1.2.3.205.1', SOPInstanceUID: '1.2.3.205.1.1' };
    await stored(shared.http, [asFile({ ...place, ...bits }, Buffer.from([0xff, 0x01, 0x02, 0]))]);
    const path = '/studies/1.2.3.205/series/1.2.3.205.1/instances/1.2.3.205.1.1/frames/2';
    const answer = await get(path, 'image/jls, application/octet-stream;q=0.5');
    expect([answer.status, answer.type]).toEqual([200, `application/octet-stream; transfer-syntax=${EXPLICIT}`]);
    const refused = await get(path, 'image/jls');
    expect([refused.status, refused.headers['etag']]).toEqual([406, undefined]);
    expect(JSON.parse(refused.text).error).toContain('Bits Allocated is 1');
  });

  it.each(['6', '1,6', '999999999'])('answers 404 to frame %s of five', async (list) => {
    const answer = await get(`${PATH}/${list}`, OCTETS);
    expect(answer.status).toBe(404);
    expect(JSON.parse(answer.text).error).toContain('the object has 5');
  });

  it.each(['0', '-1', '1.5', 'x', '1,', ',1', '1,,2', '0x1', '1e0', '%201', '1-3', '+1', '99999999999', '%00'])(
    'answers 400 to the malformed list %s',
    async (list) => {
      expect((await get(`${PATH}/${list}`, OCTETS)).status).toBe(400);
    },
  );

  it('answers 404 to a frame of an object without pixels', async () => {
    const place = { StudyInstanceUID: '1.2.3.203', SeriesInstanceUID: '1.2.3.203.1', SOPInstanceUID: '1.2.3.203.1.1' };
    const report = encodePart10(dataset({ ...place, SOPClassUID: '1.2.840.10008.5.1.4.1.1.88.33', Modality: 'SR' }), {
      transferSyntaxUid: EXPLICIT,
    });
    await stored(shared.http, [report]);
    expect((await get('/studies/1.2.3.203/series/1.2.3.203.1/instances/1.2.3.203.1.1/frames/1')).status).toBe(404);
  });
});

describe.skipIf(!hasSharedData)('frames of real objects', () => {
  const rows = new Map(hasSharedData ? expectedRows().map((row) => [row['file']!, row]) : []);
  const rowOf = (file: string): ExpectedRow => rows.get(file)!;
  const pathOf = ({ StudyInstanceUID, SeriesInstanceUID, SOPInstanceUID }: ExpectedRow): string =>
    `/studies/${StudyInstanceUID}/series/${SeriesInstanceUID}/instances/${SOPInstanceUID}`;

  async function store(file: string): Promise<string> {
    await stored(shared.http, [readFileSync(sharedData(file))]);
    return pathOf(rowOf(file));
  }

  it('gives 1-bit frames that do not begin on a byte, each shifted to bit 0 (PS3.5 8.1.1)', async () => {
    const file = 'sr-seg/seg/liver_nonbyte_aligned.dcm';
    const row = rowOf(file);
    const count = Number(row['NumberOfFrames']);
    const bits = Number(row['Rows']) * Number(row['Columns']);
    expect(bits % 8).not.toBe(0);
    const path = await store(file);
    const list = Array.from({ length: count }, (_, i) => i + 1).join(',');
    const frames = partsOf(await get(`${path}/frames/${list}`, '*/*')).map(({ body }) => body);
    expect(frames.map((frame) => frame.length)).toEqual(Array(count).fill(Math.ceil(bits / 8)));
    // Put back bit by bit, the frames are the pixel data that an independent reader found.
    const packed = Buffer.alloc(Math.ceil((count * bits) / 8));
    frames.forEach((frame, n) => {
      for (let bit = 0; bit < bits; bit += 1) {
        const at = n * bits + bit;
        if ((frame[bit >> 3]! >> (bit & 7)) & 1) packed[at >> 3]! |= 1 << (at & 7);
      }
    });
    expect(sha256(packed)).toBe(row['pixel_sha256']);
  });

  it.each(['series/ct-liver-3slice-with-seg/partial_overlaps.dcm', 'sr-seg/seg/seg_image_ct_binary.dcm'])(
    'gives the first and last 1-bit frame of %s as an independent reader found them',
    async (file) => {
      const row = rowOf(file);
      const path = await store(file);
      const [first, last] = partsOf(await get(`${path}/frames/1,${row['NumberOfFrames']}`, '*/*'));
      expect([sha256(first!.body), sha256(last!.body)]).toEqual([row['frame1_sha256'], row['frameN_sha256']]);
    },
  );

  it.each(['series/mr-enhanced-philips-fieldmap/IM_0027_fMAP.dcm', 'series/mr-enhanced-knee/MOVEKNEE.dcm'])(
    'gives the first and last frame of %s as an independent reader found them',
    async (file) => {
      const row = rowOf(file);
      const path = await store(file);
      const [first, last] = partsOf(await get(`${path}/frames/1,${row['NumberOfFrames']}`, '*/*'));
      expect([sha256(first!.body), sha256(last!.body)]).toEqual([row['frame1_sha256'], row['frameN_sha256']]);
    },
  );

  const JPEG_LS = 'images/sm/sm_image_jpegls_nobot.dcm';
  const LOSSLESS_LS = '1.2.840.10008.1.2.4.80';

  it.each([
    ['multipart/related; type="image/jls"', 'image/jls'],
    ['multipart/related; type=image/jls', 'image/jls'],
    [`multipart/related; type="image/jls"; transfer-syntax=${LOSSLESS_LS}`, 'image/jls'],
    ['multipart/related; type=application/octet-stream; transfer-syntax=*', 'application/octet-stream'],
    [`multipart/related; type="application/octet-stream"; transfer-syntax=${LOSSLESS_LS}`, 'application/octet-stream'],
    ['multipart/related; type="*/*"', 'image/jls'],
    ['multipart/related; type="image/*"', 'image/jls'],
    ['*/*', 'image/jls'],
  ])('gives compressed frames as they are stored for Accept %s', async (accept, type) => {
    const path = await store(JPEG_LS);
    const answer = await get(`${path}/frames/1,2`, accept);
    expect(answer.status).toBe(200);
    expect(answer.type).toContain(`type="${type}"`);
    for (const { headers, body } of partsOf(answer)) {
      expect(headers['content-type']).toBe(`${type}; transfer-syntax=${LOSSLESS_LS}`);
      expect(body.subarray(0, 4).toString('hex')).toBe('ffd8fff7');
    }
  });

  it.each([
    ['multipart/related; type="application/octet-stream"', 'octets without a syntax are uncompressed (8.7.3.3)'],
    [`multipart/related; type="application/octet-stream"; transfer-syntax=${EXPLICIT}`, 'uncompressed is asked for'],
  ])('decodes one frame alone for Accept %s: %s', async (accept) => {
    const path = await store(JPEG_LS);
    const [part, ...more] = partsOf(await get(`${path}/frames/25`, accept));
    expect(more).toEqual([]);
    expect(part!.headers).toMatchObject({
      'content-type': `application/octet-stream; transfer-syntax=${EXPLICIT}`,
      'photometric-interpretation': rowOf(JPEG_LS)['pixel_pi'],
      'planar-configuration': '0',
    });
    expect(sha256(part!.body)).toBe(rowOf(JPEG_LS)['frameN_sha256']);
  });

  it.each([
    ['image/jpeg', '1.2.840.10008.1.2.4.70'],
    ['image/jp2', '1.2.840.10008.1.2.4.90'],
    ['image/jphc', '1.2.840.10008.1.2.4.201'],
    ['image/dicom-rle', '1.2.840.10008.1.2.5'],
  ])('compresses a frame losslessly: %s is %s', async (type, transferSyntaxUid) => {
    const row = rowOf(JPEG_LS);
    const path = await store(JPEG_LS);
    const answer = await get(`${path}/frames/25`, type);
    expect([answer.status, answer.type]).toEqual([200, `${type}; transfer-syntax=${transferSyntaxUid}`]);
    const { bytes } = await decodeFrame(answer.body, {
      ...layoutOf(JSON.parse((await get(`${path}/metadata`, 'application/json')).text)[0], transferSyntaxUid),
      photometricInterpretation: 'RGB',
    });
    expect(sha256(bytes)).toBe(row['frameN_sha256']);
    const parts = partsOf(await get(`${path}/frames/25,1,25`, `multipart/related; type="${type}"`));
    expect(parts.map(({ body }) => body.equals(answer.body))).toEqual([true, false, true]);
  });

  it('answers 406 to another process than the stored one, and names what there is', async () => {
    const path = await store(JPEG_LS);
    const answer = await get(`${path}/frames/1`, 'image/jls; transfer-syntax=1.2.840.10008.1.2.4.81');
    expect(answer.status).toBe(406);
    expect(JSON.parse(answer.text).error).toContain(LOSSLESS_LS);
  });

  it('gives a lossy frame uncompressed as octets without a syntax, and as it is stored to who takes that', async () => {
    const path = await store('images/us/examples_ybr_color.dcm');
    const [part] = partsOf(await get(`${path}/frames/30`, 'multipart/related; type="application/octet-stream"'));
    expect(part!.headers).toMatchObject({
      'content-type': `application/octet-stream; transfer-syntax=${EXPLICIT}`,
      'photometric-interpretation': 'RGB',
    });
    for (const accept of ['*/*', 'multipart/related; type=application/octet-stream; transfer-syntax=*']) {
      const [stored] = partsOf(await get(`${path}/frames/30`, accept));
      expect(stored!.headers['content-type']).toContain('transfer-syntax=1.2.840.10008.1.2.4.50');
      expect(stored!.body.subarray(0, 2).toString('hex')).toBe('ffd8');
    }
  });

  it.each(['transfer-syntaxes/deflated/image_dfl.dcm'])(
    'gives the frame of a deflated object uncompressed: %s',
    async (file) => {
      const path = await store(file);
      const [part] = partsOf(await get(`${path}/frames/1`, 'multipart/related; type="application/octet-stream"'));
      expect(sha256(part!.body)).toBe(rowOf(file)['pixel_sha256']);
    },
  );

  it('gives the fragments of a video as one frame, and says what it is', async () => {
    const path = await store('derived/us-h264-mp4.102.dcm');
    const answer = await get(`${path}/frames/1`, 'video/mp4');
    expect([answer.status, answer.type]).toEqual([200, 'video/mp4; transfer-syntax=1.2.840.10008.1.2.4.102']);
    expect(answer.body.toString('latin1', 4, 8)).toBe('ftyp');
    expect((await get(`${path}/frames/2`, 'video/mp4')).status).toBe(404);
    const decoded = await get(`${path}/frames/1`, `application/octet-stream; transfer-syntax=${EXPLICIT}`);
    expect(decoded.status).toBe(406);
    expect(JSON.parse(decoded.text).error).toContain('1.2.840.10008.1.2.4.102');
  });

  it('spares the good frames of an object of which one is broken', async () => {
    const file = 'malformed/truncated/MR_truncated.dcm';
    const answer = await ask(shared.http, `${ROOT}/studies`, {
      method: 'POST',
      headers: { 'content-type': 'application/dicom' },
      body: readFileSync(sharedData(file)),
    });
    expect(answer.status).toBe(202);
    const path = pathOf(rowOf(file));
    expect((await get(`${path}/frames/1`, '*/*')).status).toBe(404);
    expect((await get(path, 'application/dicom')).body).toEqual(readFileSync(sharedData(file)));
    const [json] = await askJson(shared.http, `${ROOT}${path}/metadata`);
    expect(number(json!, 'Rows')).toBe(Number(rowOf(file)['Rows']));
    const bulk = json!['7FE00010']?.BulkDataURI;
    if (bulk !== undefined) expect([200, 404]).toContain((await ask(shared.http, new URL(bulk).pathname)).status);
  });
});
