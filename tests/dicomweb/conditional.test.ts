import { beforeAll, describe, expect, it } from 'vitest';
import { asFile } from '../support/instances.ts';
import { type Answer, type Ask, ask, partsOf, stored } from './client.ts';
import { aSharedNode } from './shared-node.ts';

const shared = aSharedNode();
const STUDY = '1.2.3.700';
const SERIES = `/dicom-web/studies/${STUDY}/series/${STUDY}.1`;
const INSTANCE = `${SERIES}/instances/${STUDY}.1.1`;
const file = asFile(
  { StudyInstanceUID: STUDY, SeriesInstanceUID: `${STUDY}.1`, SOPInstanceUID: `${STUDY}.1.1`, Rows: 64, Columns: 64 },
  Buffer.from(Array.from({ length: 64 * 64 }, (_, i) => i % 251)),
);
const other = asFile({ StudyInstanceUID: STUDY, SeriesInstanceUID: `${STUDY}.1`, SOPInstanceUID: `${STUDY}.1.2` });

const get = (path: string, headers: Readonly<Record<string, string>> = {}, more: Ask = {}): Promise<Answer> =>
  ask(shared.http, path, { ...more, headers });
const SINGLE = { accept: 'application/dicom' };

beforeAll(async () => {
  await stored(shared.http, [file, other]);
});

describe('conditions (RFC 9110 13)', () => {
  it.each([
    ['an instance', INSTANCE, 'application/dicom'],
    ['an instance as multipart', INSTANCE, 'multipart/related; type="application/dicom"'],
    ['a series', SERIES, 'multipart/related; type="application/dicom"'],
    ['a series as ZIP', SERIES, 'application/zip'],
    ['metadata', `${SERIES}/metadata`, 'application/dicom+json'],
    ['metadata as XML', `${SERIES}/metadata`, 'multipart/related; type="application/dicom+xml"'],
    ['bulk data', `${INSTANCE}/bulkdata/7FE00010`, 'application/octet-stream'],
    ['bulk data as multipart', `${INSTANCE}/bulkdata/7FE00010`, 'multipart/related; type="application/octet-stream"'],
  ])('tell who has %s already that it has: 304 and nothing else', async (_what, path, accept) => {
    const first = await get(path, { accept });
    expect(first.status).toBe(200);
    const etag = String(first.headers['etag']);
    expect(etag).toMatch(accept === 'application/zip' ? /^W\/"[\w-]+"$/ : /^"[\w-]+"$/);
    expect(first.headers['cache-control']).toBe('private, no-cache');
    expect(String(first.headers['vary'])).toMatch(/\baccept\b/i);
    for (const known of [etag, `"other", ${etag}`, `W/${etag.replace('W/', '')}`, '*']) {
      const again = await get(path, { accept, 'if-none-match': known });
      expect([again.status, again.body.length, again.headers['etag']]).toEqual([304, 0, etag]);
    }
    const changed = await get(path, { accept, 'if-none-match': '"other"' });
    expect(changed.status).toBe(200);
    // A strong tag is of the same bytes, boundaries included (8.8.1).
    if (!etag.startsWith('W/')) expect(changed.body.equals(first.body)).toBe(true);
    expect((await get(path, { accept, 'if-match': '"other"' })).status).toBe(412);
    expect((await get(path, { accept, 'if-match': '*' })).status).toBe(200);
  });

  it('have other tags for other representations', async () => {
    const tags = await Promise.all(
      [
        [INSTANCE, { accept: 'application/dicom' }],
        [INSTANCE, { accept: 'multipart/related' }],
        [`${INSTANCE}/metadata`, { accept: 'application/dicom+json' }],
        [`${INSTANCE}/metadata`, { accept: 'application/dicom+json', 'accept-encoding': 'gzip' }],
        [`${INSTANCE}/metadata`, { accept: 'application/json' }],
        [`${INSTANCE}/metadata`, { accept: 'application/dicom+xml' }],
        [`${INSTANCE}/metadata`, { accept: 'application/dicom+json', host: 'pacs.example.org' }],
        [`${SERIES}/metadata`, { accept: 'application/dicom+json' }],
      ].map(async ([path, headers]) => (await get(path as string, headers as Record<string, string>)).headers['etag']),
    );
    expect(new Set(tags).size).toBe(tags.length);
  });

  it('go by the time of receipt where the bytes are one object’s', async () => {
    const { headers } = await get(INSTANCE, SINGLE);
    const date = String(headers['last-modified']);
    expect(new Date(date).toUTCString()).toBe(date);
    expect((await get(INSTANCE, { ...SINGLE, 'if-modified-since': date })).status).toBe(304);
    expect((await get(INSTANCE, { ...SINGLE, 'if-modified-since': 'Thu, 01 Jan 2015 00:00:00 GMT' })).status).toBe(200);
    expect((await get(INSTANCE, { ...SINGLE, 'if-modified-since': 'not a date' })).status).toBe(200);
    // The tag is the better witness (13.2.2).
    expect((await get(INSTANCE, { ...SINGLE, 'if-modified-since': date, 'if-none-match': '"other"' })).status).toBe(
      200,
    );
    expect((await get(INSTANCE, { ...SINGLE, 'if-unmodified-since': 'Thu, 01 Jan 2015 00:00:00 GMT' })).status).toBe(
      412,
    );
    expect((await get(INSTANCE, { ...SINGLE, 'if-unmodified-since': date })).status).toBe(200);
  });

  it('never go by the time for a set: it may lose a member without becoming newer', async () => {
    const { headers } = await get(SERIES);
    expect((await get(SERIES, { 'if-modified-since': String(headers['last-modified']) })).status).toBe(200);
  });
});

describe('ranges (RFC 9110 14)', () => {
  it.each([
    ['bytes=0-0', 0, 1],
    ['bytes=10-19', 10, 20],
    ['bytes=132-', 132, file.length],
    ['bytes=-5', file.length - 5, file.length],
    [`bytes=5-${'9'.repeat(15)}`, 5, file.length],
    ['BYTES = 3 - 4', 3, 5],
  ])('of an instance: %s', async (range, start, end) => {
    const answer = await get(INSTANCE, { ...SINGLE, range });
    expect([answer.status, answer.headers['content-range']]).toEqual([206, `bytes ${start}-${end - 1}/${file.length}`]);
    expect(answer.headers['content-length']).toBe(String(end - start));
    expect(answer.body).toEqual(file.subarray(start, end));
  });

  it.each([
    'bytes=0-1,4-5',
    'bytes=5-2',
    'items=0-1',
    'bytes=x-y',
    'bytes=-',
    'bytes=',
    'bytes=0-1;',
    `bytes=0-${'9'.repeat(400)}`,
  ])('that are none, or several, are answered with the whole: %s', async (range) => {
    const answer = await get(INSTANCE, { ...SINGLE, range });
    expect([answer.status, answer.body.equals(file), answer.headers['accept-ranges']]).toEqual([200, true, 'bytes']);
  });

  it.each([`bytes=${file.length}-`, 'bytes=999999-1000000', 'bytes=-0'])(
    'beyond the end are 416: %s',
    async (range) => {
      const answer = await get(INSTANCE, { ...SINGLE, range });
      expect([answer.status, answer.headers['content-range']]).toEqual([416, `bytes */${file.length}`]);
      expect(JSON.parse(answer.text).error).toContain(String(file.length));
    },
  );

  it('go on with a download only where it is still that object (13.1.5)', async () => {
    const { headers } = await get(INSTANCE, SINGLE);
    const range = 'bytes=100-';
    for (const [ifRange, status] of [
      [String(headers['etag']), 206],
      [String(headers['last-modified']), 206],
      ['"other"', 200],
      [`W/${headers['etag']}`, 200],
      ['Thu, 01 Jan 2015 00:00:00 GMT', 200],
      ['nonsense', 200],
    ] as const)
      expect((await get(INSTANCE, { ...SINGLE, range, 'if-range': ifRange })).status).toBe(status);
  });

  it('mean nothing to HEAD and to multipart', async () => {
    const head = await get(INSTANCE, { ...SINGLE, range: 'bytes=0-1' }, { method: 'HEAD' });
    expect([head.status, head.headers['content-length'], head.body.length]).toEqual([200, String(file.length), 0]);
    const parts = partsOf(await get(INSTANCE, { accept: 'multipart/related', range: 'bytes=0-1' }));
    expect(parts[0]!.body).toEqual(file);
  });
});

describe('HEAD (RFC 9110 9.3.2)', () => {
  it.each([
    [INSTANCE, 'application/dicom'],
    [INSTANCE, 'multipart/related'],
    [SERIES, 'multipart/related'],
    [`${SERIES}/metadata`, 'application/dicom+json'],
    [`${INSTANCE}/bulkdata/7FE00010`, 'application/octet-stream'],
    [`${INSTANCE}/bulkdata/7FE00010`, 'multipart/related'],
  ])('says of %s as %s what GET says, its length too', async (path, accept) => {
    const whole = await get(path, { accept });
    const head = await get(path, { accept }, { method: 'HEAD' });
    expect([head.status, head.body.length]).toEqual([200, 0]);
    expect(head.headers['content-length']).toBe(String(whole.body.length));
    for (const name of ['content-type', 'etag', 'last-modified', 'accept-ranges', 'vary', 'cache-control'])
      expect([name, head.headers[name]]).toEqual([name, whole.headers[name]]);
  });
});
