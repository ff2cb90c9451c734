import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { dataset, type Fields } from '../../src/dicom/build.ts';
import type { JsonDataset } from '../../src/dicom/dataset.ts';
import { encodePart10 } from '../../src/dicom/write.ts';
import { anInstance } from '../support/instances.ts';
import { expectedRows, hasSharedData, sharedData } from '../support/shared-data.ts';
import { type Answer, ask, askJson, partsOf, stored } from './client.ts';
import { aSharedNode } from './shared-node.ts';

const shared = aSharedNode();
const EXPLICIT = '1.2.840.10008.1.2.1';
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

let count = 0;

/** Stores an object with these attributes, and says where it is. */
async function store(fields: Fields, binary?: Readonly<Record<string, Buffer>>): Promise<string> {
  count += 1;
  const uid = `1.2.3.720.${count}`;
  const place = { StudyInstanceUID: uid, SeriesInstanceUID: `${uid}.1`, SOPInstanceUID: `${uid}.1.1` };
  await stored(shared.http, [
    encodePart10(dataset(anInstance({ ...place, ...fields })), {
      transferSyntaxUid: EXPLICIT,
      ...(binary && { binary }),
    }),
  ]);
  return `/dicom-web/studies/${uid}/series/${uid}.1/instances/${uid}.1.1`;
}

const get = (path: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> =>
  ask(shared.http, path, { headers });
const octets = (length: number): Buffer => Buffer.from(Array.from({ length }, (_, i) => (i * 7) % 251));

/** A document in an object, of odd length: a byte of padding stands behind it. */
function document(type: string, bytes: Buffer): Promise<string> {
  return store(
    {
      SOPClassUID: '1.2.840.10008.5.1.4.1.1.104.1',
      MIMETypeOfEncapsulatedDocument: type,
      EncapsulatedDocumentLength: bytes.length,
    },
    { '00420011': Buffer.concat([bytes, Buffer.alloc(bytes.length % 2)]) },
  );
}

describe('a document (PS3.18 10.4.1.1.5, PS3.3 C.24.2)', () => {
  const pdf = Buffer.concat([Buffer.from('%PDF-1.7\n'), octets(3000)]);
  expect(pdf.length % 2).toBe(1);

  it.each([
    ['*/*', 'application/pdf'],
    ['application/pdf', 'application/pdf'],
    ['text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', 'application/pdf'],
    ['application/octet-stream', 'application/octet-stream'],
    ['application/octet-stream;q=0.5, application/pdf', 'application/pdf'],
  ])('is given as what it is, without the padding: Accept %s', async (accept, type) => {
    const answer = await get(`${await document('application/pdf', pdf)}/bulkdata/00420011`, { accept });
    expect([answer.status, answer.type]).toEqual([200, type]);
    expect(answer.body.equals(pdf)).toBe(true);
    expect(answer.headers['x-content-type-options']).toBe('nosniff');
  });

  it('is a part where it is asked for as one', async () => {
    const path = `${await document('application/pdf', pdf)}/bulkdata/00420011`;
    for (const type of ['application/pdf', 'application/octet-stream']) {
      const answer = await get(path, { accept: `multipart/related; type="${type}"` });
      const [part, ...more] = partsOf(answer);
      expect([part!.headers['content-type'], more.length]).toEqual([type, 0]);
      expect(part!.headers['content-location']).toBe(shared.http + path);
      expect(part!.body.equals(pdf)).toBe(true);
    }
  });

  it.each(['text/html', 'image/svg+xml', 'text/xml'])(
    'runs nothing in a browser: %s is shut into a sandbox',
    async (type) => {
      const path = `${await document(type, Buffer.concat([Buffer.from('<script>'), octets(2001)]))}/bulkdata/00420011`;
      const answer = await get(path, { accept: '*/*' });
      expect([answer.type, answer.headers['content-security-policy']]).toEqual([type, "sandbox; default-src 'none'"]);
    },
  );

  it.each(['text/html\r\nx-forged: 1', 'no type', '*/*; x'])('of no media type is octets: %j', async (type) => {
    const answer = await get(`${await document(type, octets(2001))}/bulkdata/00420011`);
    expect([answer.status, answer.type]).toEqual([200, 'application/octet-stream']);
    expect(answer.headers['x-forged']).toBeUndefined();
  });
});

describe('values at any place', () => {
  it('gives ranges of values inside sequences', async () => {
    const waveform = octets(5000);
    const path = await store({ WaveformSequence: [{ WaveformData: octets(2) }, { WaveformData: waveform }] });
    const answer = await get(`${path}/bulkdata/54000100/1/54001010`, { range: 'bytes=4000-4099' });
    expect([answer.status, answer.body.equals(waveform.subarray(4000, 4100))]).toEqual([206, true]);
    expect((await get(`${path}/bulkdata/54000100/2/54001010`)).status).toBe(404);
  });

  it('gives a value that is longer than what is read ahead, without holding it', async () => {
    const pixels = octets(8 * 1024 * 1024);
    const path = await store({ Rows: 4096, Columns: 2048 }, { '7FE00010': pixels });
    const answer = await get(`${path}/bulkdata/7FE00010`, { accept: 'application/octet-stream' });
    expect([answer.headers['content-length'], sha256(answer.body)]).toEqual([String(pixels.length), sha256(pixels)]);
  });
});

describe.skipIf(!hasSharedData)('bulk data of real objects', () => {
  const rows = hasSharedData ? expectedRows() : [];
  async function storeFile(file: string): Promise<{ path: string; row: Readonly<Record<string, string>> }> {
    const row = rows.find((one) => one['file'] === file)!;
    await stored(shared.http, [readFileSync(sharedData(file))]);
    const path = `/dicom-web/studies/${row['StudyInstanceUID']}/series/${row['SeriesInstanceUID']}/instances/${row['SOPInstanceUID']}`;
    return { path, row };
  }

  /** All addresses in the metadata, at any depth. */
  function bulkAddresses(json: JsonDataset): string[] {
    return [...JSON.stringify(json).matchAll(/"BulkDataURI":"([^"]+)"/g)].map(([, uri]) => uri!);
  }

  it.each([
    'transfer-syntaxes/mr-small/MR_small_bigendian.dcm',
    'transfer-syntaxes/enhanced-mr-small/emri_small_big_endian.dcm',
    'transfer-syntaxes/deflated/image_dfl.dcm',
  ])('gives the pixels of %s as an independent reader found them', async (file) => {
    const { path, row } = await storeFile(file);
    const [json] = await askJson(shared.http, `${path}/metadata`);
    const uri = new URL(json!['7FE00010']!.BulkDataURI!).pathname;
    const whole = await get(uri, { accept: 'application/octet-stream' });
    expect([whole.status, sha256(whole.body.subarray(0, Number(row['pixel_bytes'])))]).toEqual([
      200,
      row['pixel_sha256'],
    ]);
    // Where words are swapped (PS3.5 7.3), a range may begin and end within one.
    for (const [start, end] of [
      [0, 8],
      [1, 2],
      [3, 10],
      [511, 4001],
      [101, 301],
      [whole.body.length - 1, whole.body.length],
    ] as const) {
      const part = await get(uri, { accept: 'application/octet-stream', range: `bytes=${start}-${end - 1}` });
      expect([part.status, part.body.equals(whole.body.subarray(start, end))]).toEqual([206, true]);
    }
  });

  it('gives a film as what it is, and any range of it', async () => {
    const { path } = await storeFile('derived/us-h264-mp4.102.dcm');
    const uri = `${path}/bulkdata/7FE00010`;
    const film = (await get(`${path}/frames/1`, { accept: 'video/mp4' })).body;
    const whole = await get(uri, { accept: 'video/mp4' });
    expect(whole.type).toBe('video/mp4; transfer-syntax=1.2.840.10008.1.2.4.102');
    expect(whole.body.equals(film)).toBe(true);
    expect((await get(uri)).type).toContain('video/mp4');
    const part = await get(uri, { accept: 'video/*', range: 'bytes=1000-' });
    expect([part.status, part.body.equals(film.subarray(1000))]).toEqual([206, true]);
    const [one] = partsOf(await get(uri, { accept: 'multipart/related; type="video/mp4"' }));
    expect(one!.body.equals(film)).toBe(true);
  });

  it('gives compressed pixels frame by frame, as the frames are given', async () => {
    const { path, row } = await storeFile('images/sm/sm_image_jpegls_nobot.dcm');
    const accept = 'multipart/related; type="image/jls"';
    const numbers = Array.from({ length: Number(row['NumberOfFrames']) }, (_, i) => i + 1).join(',');
    const frames = partsOf(await get(`${path}/frames/${numbers}`, { accept }));
    const bulk = partsOf(await get(`${path}/bulkdata/7FE00010`, { accept }));
    expect(bulk.map(({ body }) => sha256(body))).toEqual(frames.map(({ body }) => sha256(body)));
    expect(bulk[0]!.headers['content-type']).toBe('image/jls; transfer-syntax=1.2.840.10008.1.2.4.80');
  });

  it('gives every address that the metadata of real objects name', async () => {
    for (const file of [
      'images/pdf/pdf.dcm',
      'transfer-syntaxes/deflated/report_dfl',
      'images/hp/hanging-protocol.dcm',
    ]) {
      if (!rows.some((row) => row['file'] === file)) continue;
      const { path } = await storeFile(file);
      const [json] = await askJson(shared.http, `${path}/metadata`);
      for (const uri of bulkAddresses(json!)) {
        const answer = await get(new URL(uri).pathname);
        expect([answer.status, answer.body.length > 0]).toEqual([200, true]);
      }
    }
  });
});
