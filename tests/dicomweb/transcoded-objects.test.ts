import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { readBulk } from '../../src/dicom/bulk.ts';
import { bufferSource, parsePart10 } from '../../src/dicom/parse.ts';
import { type ExpectedRow, expectedRows, hasSharedData, sharedData } from '../support/shared-data.ts';
import { type Answer, ask, partsOf, stored } from './client.ts';
import { aSharedNode } from './shared-node.ts';

const EXPLICIT = '1.2.840.10008.1.2.1';
const RLE = '1.2.840.10008.1.2.5';
const LOSSLESS = [
  'transfer-syntaxes/ct-one-image-many-ts/CTImage.dcm',
  'transfer-syntaxes/mr-small/MR_small_bigendian.dcm',
  'transfer-syntaxes/deflated/image_dfl.dcm',
  'transfer-syntaxes/fragments/CT0012.fragmented_no_bot_jpeg_ls.80.dcm',
  'transfer-syntaxes/jpeg-lossless/JPEG-LL.dcm',
  'transfer-syntaxes/enhanced-mr-small/emri_small_RLE.dcm',
  'derived/mr-htj2k-lossless.201.dcm',
];
const LOSSY = ['transfer-syntaxes/jpeg-lossy-12bit/JPEG-lossy.dcm', 'transfer-syntaxes/j2k/MR2_J2KI.dcm'];

describe.skipIf(!hasSharedData)('whole objects in a transfer syntax (PS3.18 8.7.3.5)', () => {
  const shared = aSharedNode();
  const rows = new Map(hasSharedData ? expectedRows().map((row) => [row['file']!, row]) : []);
  const rowOf = (file: string): ExpectedRow => rows.get(file)!;
  const pathOf = (file: string): string => {
    const { StudyInstanceUID, SeriesInstanceUID, SOPInstanceUID } = rowOf(file);
    return `/dicom-web/studies/${StudyInstanceUID}/series/${SeriesInstanceUID}/instances/${SOPInstanceUID}`;
  };
  const get = (file: string, accept: string): Promise<Answer> =>
    ask(shared.http, pathOf(file), { headers: { accept } });
  const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

  beforeAll(async () => {
    for (const file of [...LOSSLESS, ...LOSSY]) await stored(shared.http, [readFileSync(sharedData(file))]);
  });

  it.each(LOSSLESS)('gives %s without compression to who names no syntax, with the pixels it had', async (file) => {
    for (const accept of ['application/dicom', 'multipart/related; type="application/dicom"']) {
      const answer = await get(file, accept);
      expect([answer.status, answer.headers['accept-ranges']]).toEqual([200, undefined]);
      const { headers, body } = accept.startsWith('multipart')
        ? partsOf(answer)[0]!
        : { headers: { 'content-type': answer.type }, body: answer.body };
      expect(headers['content-type']).toBe(`application/dicom; transfer-syntax=${EXPLICIT}`);
      const source = bufferSource(body);
      const { bulk, transferSyntaxUid, complete } = parsePart10(source);
      expect([transferSyntaxUid, complete]).toEqual([EXPLICIT, true]);
      const pixels = readBulk(bulk.get('7FE00010')!, source);
      expect(sha256(pixels.subarray(0, Number(rowOf(file)['pixel_bytes'])))).toBe(rowOf(file)['pixel_sha256']);
    }
  });

  it.each(LOSSY)('gives %s, which is lossy, as it is stored to who names no syntax', async (file) => {
    const answer = await get(file, 'application/dicom');
    expect([answer.status, sha256(answer.body)]).toEqual([200, rowOf(file)['sha256']]);
  });

  it.each([
    'application/dicom; transfer-syntax=*',
    '*/*',
    'multipart/related; type="application/dicom"; transfer-syntax=*',
    'multipart/related',
  ])('gives the sender’s bytes for Accept %s', async (accept) => {
    for (const file of [...LOSSLESS, ...LOSSY]) {
      const answer = await get(file, accept);
      const body = answer.type.startsWith('multipart') ? partsOf(answer)[0]!.body : answer.body;
      expect([file, sha256(body)]).toEqual([file, rowOf(file)['sha256']]);
    }
  });

  it('compresses without loss where that is asked for, never with', async () => {
    const [file] = LOSSLESS as [string];
    const answer = await get(file, `application/dicom; transfer-syntax=${RLE}`);
    expect([answer.status, answer.type]).toEqual([200, `application/dicom; transfer-syntax=${RLE}`]);
    const { transferSyntaxUid, complete } = parsePart10(bufferSource(answer.body));
    expect([transferSyntaxUid, complete]).toEqual([RLE, true]);
    for (const lossy of ['1.2.840.10008.1.2.4.50', '1.2.840.10008.1.2.4.81', '1.2.840.10008.1.2.4.91']) {
      const refused = await get(file, `application/dicom; transfer-syntax=${lossy}`);
      expect(refused.status).toBe(406);
      expect(JSON.parse(refused.text).error).toContain(`application/dicom; transfer-syntax=${RLE}`);
    }
  });

  it('tags what is made apart from what is stored', async () => {
    const [file] = LOSSLESS as [string];
    const tags = await Promise.all(
      ['application/dicom', 'application/dicom; transfer-syntax=*'].map(
        async (accept) => (await get(file, accept)).headers['etag'],
      ),
    );
    expect(new Set(tags).size).toBe(2);
    const known = await ask(shared.http, pathOf(file), {
      headers: { accept: 'application/dicom', 'if-none-match': String(tags[0]) },
    });
    expect(known.status).toBe(304);
  });
});
