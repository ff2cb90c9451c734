import { describe, expect, it } from 'vitest';
import { call, first, get, getJson, once, partsOf, post } from '../wire/http.ts';
import { readXml } from '../wire/models.ts';
import { aUid, nodeUnderTest } from '../wire/node.ts';
import { anObject, anRleObject, RLE, SIDE, type TestObject } from '../wire/objects.ts';

const node = nodeUnderTest();
const EXPLICIT = '1.2.840.10008.1.2.1';
const study = aUid();
const series = aUid();
const native = anObject({ study, series, number: 1, frames: 3 });
const rle = anRleObject({ study, series, number: 2, frames: 3 });

const held = once(async () => {
  for (const { file } of [native, rle]) {
    const { status } = await post(`${node.dicomweb}/studies`, [file]);
    if (status !== 200) throw new Error(`STOW-RS was answered with HTTP ${status}`);
  }
});

const urlOf = ({ instance }: TestObject): string =>
  `${node.dicomweb}/studies/${study}/series/${series}/instances/${instance}`;
const frameOf = (number: number): Buffer => native.pixels.subarray((number - 1) * SIDE * SIDE, number * SIDE * SIDE);
const headersOf = (accept: string, more: Record<string, string> = {}) => ({ headers: { accept, ...more } });

describe('Retrieve, metadata (PS3.18 10.4.1.1.2)', () => {
  it.each([`/studies/${study}`, `/studies/${study}/series/${series}`])(
    'of a place: one object an instance (case %#)',
    async (path) => {
      await held();
      const found = await getJson(`${node.dicomweb}${path}/metadata`);
      expect(found.map((one) => first(one, '00080018')).sort()).toEqual([native.instance, rle.instance].sort());
      for (const one of found) expect(Object.keys(one['7FE00010'] ?? {})).not.toContain('InlineBinary');
    },
  );

  it('in XML, a part for each instance (8.7.3.2, PS3.19 A.1)', async () => {
    await held();
    const answer = await get(
      `${node.dicomweb}/studies/${study}/metadata`,
      'multipart/related; type="application/dicom+xml"',
    );
    expect(answer.status).toBe(200);
    const uids = partsOf(answer).map(({ body }) => readXml(body.toString()).get('00080018'));
    expect(uids.sort()).toEqual([native.instance, rle.instance].sort());
  });

  it('has no group 0002 (PS3.18 F.2.1.1)', async () => {
    await held();
    const [metadata] = await getJson(`${urlOf(native)}/metadata`);
    expect(Object.keys(metadata!).filter((tag) => tag.startsWith('0002'))).toEqual([]);
  });

  it('has its attributes in ascending order (PS3.18 F.2.2)', async () => {
    await held();
    const { body } = await get(`${urlOf(native)}/metadata`, 'application/dicom+json');
    const tags = [...body.toString().matchAll(/"([0-9A-F]{8})":\{/g)].map(([, tag]) => tag!);
    expect(tags).toEqual([...tags].sort());
  });
});

describe('Retrieve, frames (PS3.18 10.4.1.1.6)', () => {
  it('compressed frames are given without compression where octets are asked for (8.7.3.3)', async () => {
    await held();
    const answer = await get(`${urlOf(rle)}/frames/2,3`, 'multipart/related; type="application/octet-stream"');
    expect(answer.status).toBe(200);
    expect(partsOf(answer).map(({ body }) => body)).toEqual([frameOf(2), frameOf(3)]);
  });

  it('compressed frames are given as they are stored where that is asked for (Table 8.7.3-4)', async () => {
    await held();
    const accept = `multipart/related; type="image/dicom-rle"; transfer-syntax=${RLE}`;
    const [frame] = partsOf(await get(`${urlOf(rle)}/frames/1`, accept));
    expect(frame!.type).toContain('image/dicom-rle');
    expect(frame!.body.readUInt32LE(0)).toBe(1);
    expect(frame!.body.subarray(65, 65 + SIDE * SIDE)).toEqual(frameOf(1));
  });

  it('the better of several that are accepted is given (RFC 9110 12.5.1)', async () => {
    await held();
    const accept =
      'multipart/related; type="image/jls"; q=0.9, multipart/related; type="application/octet-stream"; q=0.5';
    const answer = await get(`${urlOf(native)}/frames/1`, accept);
    expect(answer.status).toBe(200);
    const [frame] = partsOf(answer);
    expect(frame!.type).toMatch(/image\/jls|application\/octet-stream/);
  });

  it('one frame is given as a single part where that is asked for (8.7.5)', async () => {
    await held();
    const { status, body } = await get(`${urlOf(native)}/frames/2`, 'application/octet-stream');
    expect([status, body]).toEqual([200, frameOf(2)]);
  });
});

describe('Retrieve, instances (PS3.18 10.4.1.1.1)', () => {
  it('in the explicit little endian that is asked for, where it is stored in RLE (8.7.3.5)', async () => {
    await held();
    const accept = `multipart/related; type="application/dicom"; transfer-syntax=${EXPLICIT}`;
    const answer = await get(urlOf(rle), accept);
    expect(answer.status).toBe(200);
    const [part] = partsOf(answer);
    expect(part!.body.includes(Buffer.from(`${EXPLICIT}\0`))).toBe(true);
    expect(part!.body.includes(native.pixels)).toBe(true);
  });

  it('as they are stored for transfer-syntax=* (8.7.3.5.2)', async () => {
    await held();
    const [part] = partsOf(await get(urlOf(rle), 'multipart/related; type="application/dicom"; transfer-syntax=*'));
    expect(part!.body).toEqual(rle.file);
  });

  it('as application/zip, a file for each (10.4.1.1.1, 8.7.3.6)', async () => {
    await held();
    const { status, type, body } = await get(`${node.dicomweb}/studies/${study}`, 'application/zip');
    expect([status, type.split(';')[0]]).toEqual([200, 'application/zip']);
    expect(body.toString('latin1', 0, 2)).toBe('PK');
    expect(body.toString('latin1').split('PK\x01\x02')).toHaveLength(3);
  });
});

describe('Retrieve, single parts (PS3.18 8.7.5)', () => {
  it('an instance as application/dicom', async () => {
    await held();
    const { status, type, body } = await get(urlOf(native), 'application/dicom');
    expect([status, type.split(';')[0]]).toEqual([200, 'application/dicom']);
    expect(body).toEqual(native.file);
  });
});

describe('Retrieve, bulk data (PS3.18 10.4.1.1.5)', () => {
  const bulk = once(async () => {
    await held();
    const [metadata] = await getJson(`${urlOf(native)}/metadata`);
    return new URL(metadata!['7FE00010']!.BulkDataURI!, `${urlOf(native)}/metadata`).href;
  });

  it('a part of it by Range: 206 and Content-Range (RFC 9110 14)', async () => {
    const { status, headers, body } = await call(
      await bulk(),
      headersOf('application/octet-stream', { range: 'bytes=10-19' }),
    );
    expect([status, headers.get('content-range')]).toEqual([206, `bytes 10-19/${native.pixels.length}`]);
    expect(body).toEqual(native.pixels.subarray(10, 20));
  });

  it('416 for a range beyond its end (RFC 9110 15.5.17)', async () => {
    const { status } = await call(await bulk(), headersOf('application/octet-stream', { range: 'bytes=99999-' }));
    expect(status).toBe(416);
  });
});

describe('Retrieve, conditional requests (PS3.18 8.5, RFC 9110 13)', () => {
  it.each([
    ['an instance', (): string => urlOf(native), 'application/dicom'],
    ['metadata', (): string => `${urlOf(native)}/metadata`, 'application/dicom+json'],
  ])('%s has an ETag, by which 304 is answered', async (_what, url, accept) => {
    await held();
    const { headers } = await get(url(), accept);
    const etag = headers.get('etag');
    expect(etag).toMatch(/^(W\/)?".+"$/);
    const again = await call(url(), headersOf(accept, { 'if-none-match': etag! }));
    expect([again.status, again.body.length]).toEqual([304, 0]);
  });

  it('HEAD of an instance has the headers of GET and no body (RFC 9110 9.3.2)', async () => {
    await held();
    const { status, body } = await call(urlOf(native), { method: 'HEAD', ...headersOf('application/dicom') });
    expect([status, body.length]).toEqual([200, 0]);
  });
});

/** Width and height of a PNG. */
const sizeOf = (png: Buffer): [number, number] => {
  expect(png.toString('latin1', 1, 4)).toBe('PNG');
  return [png.readUInt32BE(16), png.readUInt32BE(20)];
};

describe('Retrieve, rendered (PS3.18 10.4.1.1.3)', () => {
  it('an instance as JPEG, PNG and GIF (Table 8.7.4-1)', async () => {
    await held();
    const begins = { 'image/jpeg': 'ffd8', 'image/png': '89504e47', 'image/gif': '474946' };
    for (const [type, begin] of Object.entries(begins)) {
      const answer = await get(`${urlOf(native)}/frames/1/rendered`, type);
      expect([answer.status, answer.type], type).toEqual([200, type]);
      expect(answer.body.toString('hex').startsWith(begin), type).toBe(true);
    }
  });

  it('an instance with a window (8.3.5.1.4)', async () => {
    await held();
    const url = `${urlOf(native)}/frames/1/rendered?window=${encodeURIComponent('10,4,linear')}`;
    const { status, body } = await get(url, 'image/png');
    expect(status).toBe(200);
    expect(sizeOf(body)).toEqual([SIDE, SIDE]);
  });

  it('in a viewport: scaled to fit (8.3.5.1.3)', async () => {
    await held();
    const { status, body } = await get(`${urlOf(native)}/frames/1/rendered?viewport=12,12`, 'image/png');
    expect(status).toBe(200);
    expect(sizeOf(body)).toEqual([12, 12]);
  });

  it('answers 400 to a window that is none (10.4.3)', async () => {
    await held();
    expect((await get(`${urlOf(native)}/rendered?window=much`, 'image/jpeg')).status).toBe(400);
  });

  it.each([
    ['study', `/studies/${study}`],
    ['series', `/studies/${study}/series/${series}`],
    ['instance', `/studies/${study}/series/${series}/instances/${native.instance}`],
  ])('a thumbnail of a %s (10.4.1.1.4)', async (_level, path) => {
    await held();
    const { status, type } = await get(`${node.dicomweb}${path}/thumbnail`, 'image/jpeg');
    expect([status, type]).toEqual([200, 'image/jpeg']);
  });
});

describe('URI service, WADO-URI (PS3.18 9)', () => {
  /** Where it is, the standard leaves open: below the DICOMweb root or beside it. */
  async function wado(query: Record<string, string>) {
    await held();
    const parameters = new URLSearchParams({
      requestType: 'WADO',
      studyUID: study,
      seriesUID: series,
      objectUID: native.instance,
      ...query,
    });
    // The slash of a media type needs no escape in a query (RFC 3986 3.4), and not every server reads one there.
    const asked = String(parameters).replaceAll('%2F', '/');
    const below = await call(`${node.dicomweb}/wado?${asked}`);
    const isThere = below.status !== 404 && below.status !== 405;
    return isThere ? below : call(`${new URL(node.dicomweb).origin}/wado?${asked}`);
  }

  it('contentType=application/dicom gives the object (9.1.2.1)', async () => {
    const { status, body } = await wado({ contentType: 'application/dicom' });
    expect(status).toBe(200);
    expect(body.subarray(-native.pixels.length)).toEqual(native.pixels);
  });

  it('gives JPEG where no contentType is named, PNG where that is asked for (9.1.2.2)', async () => {
    const jpeg = await wado({ frameNumber: '2' });
    expect([jpeg.status, jpeg.type]).toEqual([200, 'image/jpeg']);
    const png = await wado({ frameNumber: '2', contentType: 'image/png' });
    expect([png.status, png.type]).toEqual([200, 'image/png']);
  });

  it('answers 400 where requestType is not WADO, 404 for an unknown object (9.3)', async () => {
    expect((await wado({ requestType: 'OTHER' })).status).toBe(400);
    expect((await wado({ objectUID: aUid() })).status).toBe(404);
  });
});
