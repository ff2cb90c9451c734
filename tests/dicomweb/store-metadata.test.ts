import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { deflateSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { dataset, type Fields } from '../../src/dicom/build.ts';
import type { JsonDataset, JsonElement } from '../../src/dicom/dataset.ts';
import { nativeXml } from '../../src/dicom/native-xml.ts';
import { bufferSource, parsePart10 } from '../../src/dicom/parse.ts';
import { readNativeXml } from '../../src/dicom/read-native-xml.ts';
import { isItem, items, number, text, texts } from '../../src/dicom/read-values.ts';
import { anInstance, SECONDARY_CAPTURE } from '../support/instances.ts';
import { hasSharedData, sharedData } from '../support/shared-data.ts';
import { type Answer, ask, askJson, partsOf, stow } from './client.ts';
import { aSharedNode } from './shared-node.ts';

const shared = aSharedNode({ settleSeconds: 300, idleSettleSeconds: 3000 });
const PATH = '/dicom-web/studies';

interface SentPart {
  readonly type: string;
  readonly location?: string;
  readonly body: Buffer | string;
}

function bodyOf(parts: readonly SentPart[]): Buffer {
  return Buffer.concat([
    ...parts.flatMap(({ type, location, body }) => [
      Buffer.from(
        `--a-boundary\r\nContent-Type: ${type}\r\n${location === undefined ? '' : `Content-Location: ${location}\r\n`}\r\n`,
      ),
      Buffer.from(body),
      Buffer.from('\r\n'),
    ]),
    Buffer.from('--a-boundary--\r\n'),
  ]);
}

type Model = 'json' | 'xml';

function upload(
  parts: readonly SentPart[],
  { model = 'json', path = PATH, headers = {}, accept = 'application/dicom+json' }: {
    readonly model?: Model; readonly path?: string; readonly headers?: Record<string, string>; readonly accept?: string;
  } = {}, // biome-ignore format: one line each
): Promise<Answer> {
  return ask(shared.http, path, {
    method: 'POST',
    headers: {
      'content-type': `multipart/related; type="application/dicom+${model}"; boundary=a-boundary`,
      accept,
      ...headers,
    },
    body: bodyOf(parts),
  });
}

const inJson = (...dataSets: JsonDataset[]): SentPart => ({
  type: 'application/dicom+json',
  body: JSON.stringify(dataSets),
});
const inXml = (dataSet: JsonDataset): SentPart => ({ type: 'application/dicom+xml', body: nativeXml(dataSet) });

let studies = 0;

/** An image whose pixels are elsewhere, with UIDs of its own. */
function anImage(fields: Fields = {}, uri = 'pixels'): { uid: string; dataSet: JsonDataset; address: string } {
  studies += 1;
  const study = `1.2.3.150.${studies}`;
  const uid = `${study}.1.1`;
  const dataSet = {
    ...dataset(
      anInstance({ StudyInstanceUID: study, SeriesInstanceUID: `${study}.1`, SOPInstanceUID: uid, ...fields }),
    ),
    '7FE00010': { vr: 'OW', BulkDataURI: uri } as const,
  };
  return { uid, dataSet, address: `${PATH}/${study}/series/${study}.1/instances/${uid}` };
}

const responseOf = (answer: Answer): JsonDataset => JSON.parse(answer.text);

async function stored(address: string) {
  const answer = await ask(shared.http, address, {
    headers: { accept: 'application/dicom; transfer-syntax=*' },
  });
  expect(answer.status).toBe(200);
  const object = parsePart10(bufferSource(answer.body));
  return { ...object, bytes: answer.body };
}

function valueIn({ bulk, bytes }: Awaited<ReturnType<typeof stored>>, tag: string): Buffer {
  const value = bulk.get(tag)!;
  return bytes.subarray(value.offset, value.offset + value.length);
}

/** Fragments of encapsulated Pixel Data, the Basic Offset Table first (PS3.5 A.4), read with code of its own. */
function fragmentsOf(bytes: Buffer): Buffer[] {
  const at = bytes.indexOf(Buffer.from([0xe0, 0x7f, 0x10, 0x00, 0x4f, 0x42, 0, 0, 0xff, 0xff, 0xff, 0xff])) + 12;
  const found: Buffer[] = [];
  for (let item = at; bytes.readUInt32LE(item) === 0xe000fffe; item += 8 + bytes.readUInt32LE(item + 4))
    found.push(bytes.subarray(item + 8, item + 8 + bytes.readUInt32LE(item + 4)));
  return found;
}

/** Headers of a JPEG Baseline image, and no more of it than a header has to say; 16 bytes of scan. */
function jpeg({ rows = 4, columns = 4, components = 1, sof = 0xc0, precision = 8, selection = 0 } = {}): Buffer {
  const frame = [precision, rows >> 8, rows & 255, columns >> 8, columns & 255, components];
  const scan = [components];
  for (let i = 1; i <= components; i += 1) {
    frame.push(i, 0x11, 0);
    scan.push(i, 0);
  }
  scan.push(selection, 63, 0);
  const segment = (marker: number, content: number[]): number[] => [0xff, marker, 0, content.length + 2, ...content];
  return Buffer.from([
    ...[0xff, 0xd8, ...segment(sof, frame), ...segment(0xda, scan)],
    ...Buffer.alloc(16, 7),
    ...[0xff, 0xd9],
  ]);
}

describe('STOW-RS of metadata and bulk data (PS3.18 10.5.1)', () => {
  it.each<[Model]>([['json'], ['xml']])('makes a Part 10 object of metadata in %s and octets', async (model) => {
    const { uid, dataSet, address } = anImage({ PatientName: 'Müller^Jörg', SpecificCharacterSet: 'ISO_IR 192' });
    const pixels = Buffer.from(Array.from({ length: 16 }, (_, i) => i));
    const answer = await upload(
      [model === 'json' ? inJson(dataSet) : inXml(dataSet), { type: 'application/octet-stream', location: 'pixels', body: pixels }],
      { model },
    ); // biome-ignore format: two parts
    expect([answer.status, answer.text]).toEqual([200, expect.stringContaining(uid)]);
    const object = await stored(address);
    expect(object.transferSyntaxUid).toBe('1.2.840.10008.1.2.1');
    expect(valueIn(object, '7FE00010')).toEqual(pixels);
    expect({ ...object.dataset, '7FE00010': undefined }).toEqual({ ...dataSet, '7FE00010': undefined });
    expect(shared.staged()).toEqual([]);
  });

  it('stores several instances of one request as their parts come, and takes one part for two of them', async () => {
    const [a, b, c] = [anImage({}, 'a'), anImage({}, 'both'), anImage({}, 'both')];
    const answer = await upload([
      inJson(a.dataSet, b.dataSet, c.dataSet),
      { type: 'application/octet-stream', location: 'both', body: Buffer.alloc(16, 2) },
      { type: 'application/octet-stream', location: 'a', body: Buffer.alloc(16, 1) },
    ]);
    expect(answer.status).toBe(200);
    for (const [{ address }, value] of [[a, 1], [b, 2], [c, 2]] as const) // biome-ignore format: pairs
      expect(valueIn(await stored(address), '7FE00010')).toEqual(Buffer.alloc(16, value));
  });

  it('takes several documents in XML, relative and absolute locations, and large values by way of the disk', async () => {
    const large = Buffer.alloc(2048 * 2048, 9);
    const a = anImage({ Rows: 2048, Columns: 2048 }, './bulk/1');
    const b = anImage({}, 'https://elsewhere.example.org/bulk/2');
    const answer = await upload(
      [
        inXml(a.dataSet),
        inXml(b.dataSet),
        { type: 'application/octet-stream', location: 'bulk/1', body: large },
        { type: 'application/octet-stream', location: 'https://elsewhere.example.org/bulk/2', body: Buffer.alloc(16, 3) },
      ], // biome-ignore format: a line each
      { model: 'xml' },
    );
    expect([answer.status, answer.text]).toEqual([200, expect.anything()]);
    expect(valueIn(await stored(a.address), '7FE00010').equals(large)).toBe(true);
    expect(valueIn(await stored(b.address), '7FE00010')).toEqual(Buffer.alloc(16, 3));
    expect(shared.staged()).toEqual([]);
  });

  it('puts values into nested and private attributes, of odd length with their padding (PS3.5 7.1)', async () => {
    const { dataSet, address } = anImage();
    const nested = {
      ...dataSet,
      '00091001': { vr: 'OB', BulkDataURI: 'private' },
      '00090010': { vr: 'LO', Value: ['VOXGATE TEST'] },
      '00082112': { vr: 'SQ', Value: [{ '00091002': { vr: 'UN', BulkDataURI: 'nested' } }] },
    };
    const octets = 'application/octet-stream';
    const answer = await upload([
      { type: 'application/dicom+json', body: JSON.stringify([nested]) },
      { type: octets, location: 'pixels', body: Buffer.alloc(16) },
      { type: octets, location: 'private', body: Buffer.alloc(2001, 5) },
      { type: octets, location: 'nested', body: Buffer.alloc(1500, 6) },
    ]);
    expect([answer.status, answer.text]).toEqual([200, expect.anything()]);
    const object = await stored(address);
    expect(valueIn(object, '00091001')).toEqual(Buffer.concat([Buffer.alloc(2001, 5), Buffer.alloc(1)]));
    expect(valueIn(object, '00082112/0/00091002')).toEqual(Buffer.alloc(1500, 6));
  });

  it('takes metadata that need no bulk data, alone as the whole body', async () => {
    const { dataSet, address } = anImage();
    const { '7FE00010': _pixels, ...rest } = dataSet;
    const answer = await ask(shared.http, PATH, {
      method: 'POST',
      headers: { 'content-type': 'application/dicom+json', accept: 'application/dicom+json' },
      body: JSON.stringify({ ...rest, '00020010': { vr: 'UI', Value: ['1.2.840.10008.1.2.1'] } }),
    });
    expect([answer.status, answer.text]).toEqual([200, expect.anything()]);
    expect(text((await stored(address)).dataset, 'PatientID')).toBe('T1');
  });
});

describe('metadata in XML alone', () => {
  it('are taken as the whole body: one document, one instance', async () => {
    const { dataSet, address } = anImage();
    const { '7FE00010': _pixels, ...rest } = dataSet;
    const answer = await ask(shared.http, PATH, {
      method: 'POST',
      headers: { 'content-type': 'application/dicom+xml', accept: 'application/dicom+json' },
      body: nativeXml(rest),
    });
    expect([answer.status, answer.text]).toEqual([200, expect.anything()]);
    expect(text((await stored(address)).dataset, 'PatientID')).toBe('T1');
  });
});

describe('compressed images as bulk data', () => {
  it('writes frames as fragments behind a Basic Offset Table, by the syntax that their headers show', async () => {
    const { dataSet, address } = anImage({ NumberOfFrames: 3, SOPClassUID: '1.2.840.10008.5.1.4.1.1.7.2' });
    const frames = [jpeg(), Buffer.concat([jpeg(), Buffer.alloc(1)]), jpeg()];
    const answer = await upload([
      inJson(dataSet),
      ...frames.map((body) => ({ type: 'image/jpeg', location: 'pixels', body })),
    ]);
    expect([answer.status, answer.text]).toEqual([200, expect.anything()]);
    const object = await stored(address);
    expect(object.transferSyntaxUid).toBe('1.2.840.10008.1.2.4.50');
    const [table, ...fragments] = fragmentsOf(object.bytes);
    const padded = frames.map((frame) => Buffer.concat([frame, Buffer.alloc(frame.length % 2)]));
    expect(fragments).toEqual(padded);
    expect([0, 4, 8].map((at) => table!.readUInt32LE(at))).toEqual([
      0,
      8 + padded[0]!.length,
      16 + padded[0]!.length + padded[1]!.length,
    ]);
  });

  it('describes a photograph that came without its Image Pixel module', async () => {
    const { dataSet, address } = anImage();
    const bare = Object.fromEntries(Object.entries(dataSet).filter(([tag]) => !tag.startsWith('0028')));
    const answer = await upload([
      inJson(bare),
      { type: 'image/jpeg', location: 'pixels', body: jpeg({ rows: 300, columns: 200, components: 3 }) },
    ]);
    expect([answer.status, answer.text]).toEqual([200, expect.anything()]);
    const { dataset: found } = await stored(address);
    expect(['Rows', 'Columns', 'SamplesPerPixel', 'BitsStored'].map((keyword) => number(found, keyword))).toEqual([
      300, 200, 3, 8,
    ]);
    expect(text(found, 'PhotometricInterpretation')).toBe('YBR_FULL');
    expect(text(found, 'LossyImageCompression')).toBe('01');
  });

  const LOSSLESS = jpeg({ sof: 0xc3, selection: 1 });
  it.each<[string, Fields, SentPart[], RegExp]>([
    ['other rows', { Rows: 5 }, [{ type: 'image/jpeg', body: jpeg() }], /rows, columns and samples/],
    ['other samples', {}, [{ type: 'image/jpeg', body: jpeg({ components: 3 }) }], /rows, columns and samples/],
    ['more bits than are allocated', {}, [{ type: 'image/jpeg', body: jpeg({ sof: 0xc1, precision: 12 }) }], /12 bits/],
    ['a frame too few', { NumberOfFrames: 2 }, [{ type: 'image/jpeg', body: jpeg() }], /did not come/],
    ['another syntax than it says', {}, [{ type: 'image/jpeg; transfer-syntax=1.2.840.10008.1.2.4.50', body: LOSSLESS }], /4\.70/],
    ['another type than it says', {}, [{ type: 'image/jls', body: jpeg() }], /told to be image\/jls/],
    ['a cut stream', {}, [{ type: 'image/jpeg', body: jpeg().subarray(0, -2) }], /breaks off/],
    ['no stream', {}, [{ type: 'image/jpeg', body: 'no picture at all' }], /no such header/],
    ['an unknown syntax', {}, [{ type: 'image/jpeg; transfer-syntax=1.2.3', body: jpeg() }], /not known/],
    ['octets too few', {}, [{ type: 'application/octet-stream', body: Buffer.alloc(15) }], /15 bytes/],
    ['octets too many', {}, [{ type: 'application/octet-stream', body: Buffer.alloc(17) }], /17 bytes/],
    ['big endian octets', {}, [{ type: 'application/octet-stream; transfer-syntax=1.2.840.10008.1.2.2', body: Buffer.alloc(16) }], /little endian/],
    ['no Rows', { Rows: null }, [{ type: 'application/octet-stream', body: Buffer.alloc(16) }], /missing/],
    ['no Number of Frames', { NumberOfFrames: 0 }, [{ type: 'application/octet-stream', body: Buffer.alloc(16) }], /positive/],
    ['RLE with too few segments', {}, [{ type: 'image/dicom-rle', body: Buffer.alloc(80) }], /segment/],
    ['QuickTime', {}, [{ type: 'video/mp4', body: '\0\0\0\x14ftypqt  0000' }], /QuickTime/],
    ['a PNG', {}, [{ type: 'image/png', body: '\x89PNG' }], /no such header/],
    ['a page', {}, [{ type: 'text/html', body: '<p>' }], /text\/html/],
  ])('refuses pixels with %s, and says why', async (_what, fields, parts, reason) => {
    const { uid, dataSet, address } = anImage(fields);
    const good = anImage({}, 'good');
    const answer = await upload([
      inJson(dataSet, good.dataSet),
      ...parts.map((part) => ({ ...part, location: 'pixels' })),
      { type: 'application/octet-stream', location: 'good', body: Buffer.alloc(16) },
    ]);
    expect([answer.status, answer.text]).toEqual([202, expect.anything()]);
    const [failure, ...more] = items(responseOf(answer), 'FailedSOPSequence');
    expect(more).toEqual([]);
    expect(text(failure!, 'ReferencedSOPInstanceUID')).toBe(uid);
    expect([0xa900, 0xc122]).toContain(number(failure!, 'FailureReason'));
    expect(String(answer.headers['warning'])).toMatch(reason);
    expect((await ask(shared.http, address)).status).toBe(404);
    expect((await stored(good.address)).transferSyntaxUid).toBe('1.2.840.10008.1.2.1');
    expect(shared.staged()).toEqual([]);
  }); // biome-ignore format: a line each
});

describe('documents and videos as bulk data', () => {
  const PDF = '1.2.840.10008.5.1.4.1.1.104.1';
  const aDocument = (fields: Fields = {}) => {
    const { dataSet, ...rest } = anImage({ SOPClassUID: PDF, MIMETypeOfEncapsulatedDocument: 'application/pdf', ...fields });
    const kept = Object.entries(dataSet).filter(([tag]) => !tag.startsWith('0028') && tag !== '7FE00010');
    return { ...rest, dataSet: { ...Object.fromEntries(kept), '00420011': { vr: 'OB', BulkDataURI: 'document' } as const } };
  }; // biome-ignore format: a line each

  it('keeps a PDF with its length, which its padding would hide', async () => {
    const { dataSet, address } = aDocument();
    const pdf = Buffer.concat([Buffer.from('%PDF-1.4 '), Buffer.alloc(1500, 0x20)]);
    expect(pdf.length % 2).toBe(1);
    const answer = await upload([inJson(dataSet), { type: 'application/pdf', location: 'document', body: pdf }]);
    expect([answer.status, answer.text]).toEqual([200, expect.anything()]);
    const object = await stored(address);
    expect(number(object.dataset, 'EncapsulatedDocumentLength')).toBe(pdf.length);
    expect(valueIn(object, '00420011').subarray(0, pdf.length)).toEqual(pdf);
  });

  it('refuses a document of another type or length than the metadata say', async () => {
    const wrongType = aDocument({ MIMETypeOfEncapsulatedDocument: 'text/XML' });
    const wrongLength = aDocument({ EncapsulatedDocumentLength: 7 });
    for (const { dataSet } of [wrongType, wrongLength]) {
      const answer = await upload([
        inJson(dataSet),
        { type: 'application/pdf', location: 'document', body: '%PDF-1.4' },
      ]);
      expect(answer.status).toBe(409);
      expect(number(items(responseOf(answer), 'FailedSOPSequence')[0]!, 'FailureReason')).toBe(0xa900);
    }
  });

  it('keeps a video as one fragment, in the syntax it is told to be of', async () => {
    const { dataSet, address } = anImage({ SOPClassUID: '1.2.840.10008.5.1.4.1.1.77.1.4.1', NumberOfFrames: 25 });
    const video = Buffer.concat([Buffer.from('\0\0\0\x18ftypisom0000'), Buffer.alloc(300_000, 4)]);
    const type = 'video/mp4; transfer-syntax=1.2.840.10008.1.2.4.103';
    const answer = await upload([inJson(dataSet), { type, location: 'pixels', body: video }]);
    expect([answer.status, answer.text]).toEqual([200, expect.anything()]);
    const object = await stored(address);
    expect(object.transferSyntaxUid).toBe('1.2.840.10008.1.2.4.103');
    const [table, ...fragments] = fragmentsOf(object.bytes);
    expect([table!.length, fragments.length]).toEqual([0, 1]);
    expect(fragments[0]!.equals(video)).toBe(true);
  });
});

describe('what does not belong together', () => {
  it('fails an instance whose bulk data do not come, and stores the others', async () => {
    const [lacking, good] = [anImage({}, 'never'), anImage()];
    const answer = await upload([
      inJson(lacking.dataSet, good.dataSet),
      { type: 'application/octet-stream', location: 'pixels', body: Buffer.alloc(16) },
    ]);
    expect(answer.status).toBe(202);
    const response = responseOf(answer);
    expect(texts(items(response, 'ReferencedSOPSequence')[0]!, 'ReferencedSOPInstanceUID')).toEqual([good.uid]);
    const [failure] = items(response, 'FailedSOPSequence');
    expect(text(failure!, 'ReferencedSOPInstanceUID')).toBe(lacking.uid);
    expect(number(failure!, 'FailureReason')).toBe(0xa900);
    const [attribute] = items(failure!, 'FailedAttributesSequence');
    expect(text(attribute!, 'SelectorAttribute')).toBe('7FE00010');
    expect(text(attribute!, 'ErrorComment')).toContain('Content-Location');
  });

  it('never fetches a BulkDataURI, of this node or of another', async () => {
    const good = anImage();
    await upload([
      inJson(good.dataSet),
      { type: 'application/octet-stream', location: 'pixels', body: Buffer.alloc(16) },
    ]);
    const { dataSet } = anImage({}, `${shared.http}${good.address}/bulkdata/7FE00010`);
    expect((await upload([inJson(dataSet)])).status).toBe(409);
  });

  it('tells of parts that no metadata name, that come before them, or once more', async () => {
    const { dataSet } = anImage();
    const pixels = { type: 'application/octet-stream', location: 'pixels', body: Buffer.alloc(16) };
    const stranger = { type: 'application/octet-stream', location: 'stranger', body: Buffer.alloc(16) };
    const nameless = { type: 'application/octet-stream', body: Buffer.alloc(16) };
    const answer = await upload([pixels, inJson(dataSet), stranger, nameless, pixels, pixels]);
    expect(answer.status).toBe(202);
    expect(items(responseOf(answer), 'ReferencedSOPSequence')).toHaveLength(1);
    const reasons = items(responseOf(answer), 'OtherFailuresSequence').map((item) => number(item, 'FailureReason'));
    expect(reasons).toEqual([0xa900, 0xa900, 0xc122, 0xa900]);
  });

  it('answers 400 to metadata that cannot be read, and names no line of ours', async () => {
    const pixels = { type: 'application/octet-stream', location: 'pixels', body: Buffer.alloc(16) };
    for (const body of ['{', '[]', '"text"', '[null]', '\xff\xfe', `${'['.repeat(100_000)}${']'.repeat(100_000)}`]) {
      const answer = await upload([{ type: 'application/dicom+json', body: Buffer.from(body, 'latin1') }, pixels]);
      expect([body.slice(0, 20), answer.status]).toEqual([body.slice(0, 20), 400]);
      expect(items(responseOf(answer), 'OtherFailuresSequence')).toHaveLength(1);
    }
    const xml = await upload([{ type: 'application/dicom+xml', body: '<NativeDicomModel>' }, pixels], { model: 'xml' });
    expect(xml.status).toBe(400);
    expect(xml.text).not.toMatch(/\.ts|at \w+\.\w+/);
  });

  it('names each attribute that is not as its VR demands, and no value (Failed Attributes Sequence)', async () => {
    const { uid, dataSet } = anImage();
    const broken = {
      ...dataSet,
      '00100020': { vr: 'LO', Value: ['DOE\\JOHN'] },
      '00280010': { vr: 'US', Value: [70_000] },
      '00081115': { vr: 'SQ', Value: [{ '0020000E': { vr: 'UI', Value: [12] } }] },
      '00100010': { vr: 'PN', Value: [['DOE']] },
      '0008103E': { vr: 'XX', Value: ['x'] },
      '00420011': { vr: 'OB', InlineBinary: 'DOE^JOHN' },
      doe: { vr: 'LO', Value: ['x'] },
    };
    const answer = await upload([{ type: 'application/dicom+json', body: JSON.stringify([broken]) }]);
    expect(answer.status).toBe(409);
    const [failure] = items(responseOf(answer), 'FailedSOPSequence');
    expect(text(failure!, 'ReferencedSOPInstanceUID')).toBe(uid);
    expect(number(failure!, 'FailureReason')).toBe(0xc000);
    const named = items(failure!, 'FailedAttributesSequence').map((item) => text(item, 'SelectorAttribute'));
    expect(named.sort()).toEqual(
      ['00000000', '00081115', '0008103E', '00100010', '00100020', '00280010', '00420011'].sort(),
    );
    expect(`${answer.text}${answer.headers['warning']}`).not.toMatch(/DOE|JOHN|70000/i);
  });

  it('fails what belongs to another study than the path names, each by itself (10.5.1)', async () => {
    const [own, other] = [anImage(), anImage()];
    const study = text(own.dataSet, 'StudyInstanceUID')!;
    const answer = await upload(
      [
        inJson(own.dataSet, other.dataSet),
        { type: 'application/octet-stream', location: 'pixels', body: Buffer.alloc(16) },
      ],
      { path: `${PATH}/${study}` },
    );
    expect(answer.status).toBe(202);
    const [failure] = items(responseOf(answer), 'FailedSOPSequence');
    expect(text(failure!, 'ReferencedSOPInstanceUID')).toBe(other.uid);
    expect(number(failure!, 'FailureReason')).toBe(0xa900);
  });

  it('tells what was stored when the body breaks off later, and leaves nothing behind', async () => {
    const [first, second] = [anImage({}, 'one'), anImage({ Rows: 512, Columns: 512 }, 'two')];
    const body = bodyOf([
      inJson(first.dataSet, second.dataSet),
      { type: 'application/octet-stream', location: 'one', body: Buffer.alloc(16) },
      { type: 'application/octet-stream', location: 'two', body: Buffer.alloc(512 * 512) },
    ]);
    const answer = await ask(shared.http, PATH, {
      method: 'POST',
      headers: {
        'content-type': 'multipart/related; type="application/dicom+json"; boundary=a-boundary',
        accept: 'application/dicom+json',
      },
      body: body.subarray(0, -1000),
    });
    expect(answer.status).toBe(202);
    expect(items(responseOf(answer), 'ReferencedSOPSequence')).toHaveLength(1);
    expect(items(responseOf(answer), 'OtherFailuresSequence')).toHaveLength(1);
    expect(shared.staged()).toEqual([]);
  });
});

describe('the answer (PS3.18 Annex I)', () => {
  it('is a Native DICOM Model where the client wants XML', async () => {
    const { uid, dataSet } = anImage();
    const parts = [inJson(dataSet), { type: 'application/octet-stream', location: 'pixels', body: Buffer.alloc(16) }];
    const answer = await upload(parts, { accept: 'application/dicom+xml' });
    expect([answer.status, answer.type]).toEqual([200, 'application/dicom+xml']);
    const [reference] = items(readNativeXml(answer.text), 'ReferencedSOPSequence');
    expect(text(reference!, 'ReferencedSOPInstanceUID')).toBe(uid);
    expect(text(reference!, 'ReferencedSOPClassUID')).toBe(SECONDARY_CAPTURE);
  });

  it('shows by attribute what was wrong with an object that was stored: 202, warning B007', async () => {
    const { dataSet } = anImage({ SOPInstanceUID: 'no.uid.150' });
    const parts = [inJson(dataSet), { type: 'application/octet-stream', location: 'pixels', body: Buffer.alloc(16) }];
    const answer = await upload(parts);
    expect([answer.status, answer.text]).toEqual([202, expect.anything()]);
    const [reference] = items(responseOf(answer), 'ReferencedSOPSequence');
    expect(number(reference!, 'WarningReason')).toBe(0xb007);
    expect(text(items(reference!, 'FailedAttributesSequence')[0]!, 'ErrorComment')).toMatch(/UID/);
    expect(String(answer.headers['warning'])).toMatch(/^299 voxgate "/);
  });
});

describe('compressed bodies (RFC 9110 8.4)', () => {
  it.each([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
  ] as const)('takes a body in %s', async (coding, compress) => {
    const { dataSet, address } = anImage();
    const body = bodyOf([
      inJson(dataSet),
      { type: 'application/octet-stream', location: 'pixels', body: Buffer.alloc(16, 8) },
    ]);
    const answer = await ask(shared.http, PATH, {
      method: 'POST',
      headers: {
        'content-type': 'multipart/related; type="application/dicom+json"; boundary=a-boundary',
        'content-encoding': coding,
      },
      body: compress(body),
    });
    expect([answer.status, answer.text]).toEqual([200, expect.anything()]);
    expect(valueIn(await stored(address), '7FE00010')).toEqual(Buffer.alloc(16, 8));
  });

  it('answers 400 to what is not in the coding it names, and 413 to what becomes too large', async () => {
    const headers = {
      'content-type': 'application/dicom',
      'content-encoding': 'gzip',
    };
    const broken = await ask(shared.http, PATH, { method: 'POST', headers, body: Buffer.alloc(5000, 1) });
    expect([broken.status, JSON.parse(broken.text).error]).toEqual([400, expect.stringContaining('Content-Encoding')]);
    const bomb = gzipSync(Buffer.alloc(256 * 1024 * 1024), { level: 1 });
    const before = process.memoryUsage().rss;
    const answer = await ask(shared.http, PATH, { method: 'POST', headers, body: bomb });
    expect([answer.status, JSON.parse(answer.text).error]).toEqual([413, expect.stringContaining('200 times')]);
    expect(process.memoryUsage().rss - before).toBeLessThan(400 * 1024 * 1024);
    expect(shared.staged()).toEqual([]);
  });
});

describe.skipIf(!hasSharedData)('real objects, taken apart by WADO-RS and put together again', () => {
  /** Files that are refused, and rightly: what they say of their pixels is not what these are. */
  const CONTRADICTORY: Readonly<Record<string, RegExp>> = {
    // Fragments inflate to the frames (PS3.5 A.4.13): the metadata cannot be held against them.
    'liver_deflate.dcm': /./,
    // JPEG Baseline under the transfer syntax of lossless JPEG.
    'sample-op.dcm': /4\.70, and they are of .*4\.50/,
  };
  const files = ['transfer-syntaxes', 'images', 'sr-seg'].flatMap((folder) =>
    readdirSync(sharedData(folder), { recursive: true, encoding: 'utf8' })
      .sort()
      .map((name) => join(sharedData(folder), name))
      .filter((path) => statSync(path).isFile() && statSync(path).size < 3_000_000 && /\.dcm$|\/[^.]+$/.test(path)),
  );

  /** Every BulkDataURI of the metadata. */
  function uris(dataSet: JsonDataset): string[] {
    return Object.values(dataSet).flatMap((element: JsonElement) => {
      if (element.BulkDataURI !== undefined) return [element.BulkDataURI];
      return (element.Value ?? []).flatMap((value) => (element.vr === 'SQ' && isItem(value) ? uris(value) : []));
    });
  }

  const OCTETS = 'application/octet-stream';

  /** The bulk data of a stored instance as an upload has them: compressed frames each, other values whole. */
  async function bulkDataOf(address: string, metadata: JsonDataset): Promise<SentPart[]> {
    const parts: SentPart[] = [];
    const frames = Array.from({ length: number(metadata, 'NumberOfFrames') ?? 1 }, (_, i) => i + 1).join(',');
    for (const location of uris(metadata)) {
      if (location.endsWith('/bulkdata/7FE00010')) {
        const answer = await ask(shared.http, `${address}/frames/${frames}`, {
          headers: { accept: 'multipart/related; type="*/*"; transfer-syntax=*' },
        });
        const found = answer.status === 200 ? partsOf(answer) : [];
        if (found[0]?.headers['content-type']?.startsWith('image/')) {
          for (const { headers, body } of found) parts.push({ type: headers['content-type']!, location, body });
          continue;
        }
      }
      const { body } = await ask(shared.http, new URL(location).pathname, { headers: { accept: OCTETS } });
      parts.push({ type: OCTETS, location, body });
    }
    return parts;
  }

  /** Without what is ours to say: addresses, the VR of encapsulated pixels, the length of a document. */
  const comparable = (dataSet: JsonDataset): Record<string, string> =>
    Object.fromEntries(
      Object.entries(dataSet)
        .filter(([tag]) => tag !== '00420015' && tag !== '7FE00010' && tag !== '00080005')
        .map(([tag, element]) => [tag, JSON.stringify(element).replace(/"http[^"]*\/bulkdata\//g, '"')]),
    );

  it.each<[Model]>([['json'], ['xml']])(
    'have in %s the same attributes and the same values',
    async (model) => {
      let compared = 0;
      for (const [index, path] of files.entries()) {
        const sent = await stow(shared.http, [readFileSync(path)]);
        const address = text(items(JSON.parse(sent.text), 'ReferencedSOPSequence')[0] ?? {}, 'RetrieveURL');
        // Broken on purpose, or known by the name of another.
        if (address === undefined) continue;
        const [metadata] = await askJson(shared.http, `${new URL(address).pathname}/metadata`);
        const uid = `1.2.3.151.${model === 'json' ? 1 : 2}.${index + 1}`;
        const named = { StudyInstanceUID: uid, SeriesInstanceUID: `${uid}.1`, SOPInstanceUID: `${uid}.1.1` };
        const told = { ...metadata!, ...dataset(named) };
        const parts = await bulkDataOf(new URL(address).pathname, metadata!);
        const answer = await upload([model === 'json' ? inJson(told) : inXml(told), ...parts], { model });
        const expected = CONTRADICTORY[basename(path)];
        if (expected) {
          expect([path, answer.status]).toEqual([path, 409]);
          expect(String(answer.headers['warning'])).toMatch(expected);
          continue;
        }
        expect([path, answer.status <= 202 ? 'stored' : answer.headers['warning']]).toEqual([path, 'stored']);
        const back = `${PATH}/${uid}/series/${uid}.1/instances/${uid}.1.1`;
        const [again] = await askJson(shared.http, `${back}/metadata`);
        expect([path, comparable(again!)]).toEqual([path, comparable(told)]);
        const returned = await bulkDataOf(back, again!);
        for (const [i, { body, type, location }] of parts.entries()) {
          // A document of odd length is padded; the others come back as long as they went.
          const given = Buffer.from(returned[i]!.body).subarray(0, body.length);
          expect([path, location, returned[i]!.type, given.equals(Buffer.from(body))]).toEqual([
            path,
            location,
            type,
            true,
          ]);
        }
        compared += 1;
      }
      expect(compared).toBeGreaterThan(70);
    },
    240_000,
  );
});
