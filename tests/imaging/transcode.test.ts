import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { dataset } from '../../src/dicom/build.ts';
import type { JsonDataset } from '../../src/dicom/dataset.ts';
import { bufferSource, type ParsedObject, parseDataSet, parsePart10 } from '../../src/dicom/parse.ts';
import { text } from '../../src/dicom/read-values.ts';
import { encodeDataSet, encodePart10 } from '../../src/dicom/write.ts';
import { transcodeFile } from '../../src/imaging/transcode.ts';
import { TranscodeClient } from '../../src/imaging/transcode-client.ts';
import { anInstance } from '../support/instances.ts';
import { EXPLICIT, IMPLICIT } from '../support/raw-scu.ts';
import { type ExpectedRow, expectedRows, hasSharedData, sharedData } from '../support/shared-data.ts';
import { aFolder } from '../support/test-node.ts';

const BIG_ENDIAN = '1.2.840.10008.1.2.2';
const RLE = '1.2.840.10008.1.2.5';

async function transcoded(
  path: string,
  target: string,
  output: string,
): Promise<{ parsed: ParsedObject; bytes: Buffer }> {
  const { dataSetOffset, transferSyntaxUid } = parsePart10(bufferSource(readFileSync(path)));
  const request = {
    path,
    size: statSync(path).size,
    dataSetOffset,
    transferSyntaxUid,
    targetSyntaxUid: target,
    output,
  };
  const size = await transcodeFile(request);
  const bytes = readFileSync(output);
  expect(bytes.length).toBe(size);
  return { parsed: parseDataSet(bufferSource(bytes), { transferSyntaxUid: target }), bytes };
}

/** A file of one data set; its pixels come as they stand. */
function aFile(bytes: Buffer): string {
  const path = join(aFolder(), 'object.dcm');
  writeFileSync(path, bytes);
  return path;
}

/** Attributes that may differ: the pixels and what is said of their colour, and the mark of a loss. */
const OF_PIXELS = new Set(['7FE00010', '7FE00001', '7FE00002', '00280004', '00280006', '00282110']);
const withoutPixels = (parsed: JsonDataset): JsonDataset =>
  Object.fromEntries(Object.entries(parsed).filter(([tag]) => !OF_PIXELS.has(tag)));

/** Not to be had: the object breaks off, its frames are not those that its header declares, or it is a video. */
const IMPOSSIBLE =
  /^(malformed\/truncated\/(3gb|MR_truncated|emri_small|rtplan)|images\/sm\/multiframe|malformed\/pixel\/GDCMJ2K|malformed\/vr-length\/JPEG2000-embedded|derived\/us-h264)/;

describe.skipIf(!hasSharedData)('Real files without compression hold the pixels that DCMTK and GDCM found', () => {
  const rows = hasSharedData ? expectedRows().filter(({ pydicom }) => pydicom === 'ok' || pydicom === 'forced') : [];
  const folders = [...new Set(rows.map(({ file }) => file!.split('/').slice(0, 2).join('/')))];

  it.each(folders)('%s', async (folder) => {
    const outputs = aFolder();
    for (const row of rows.filter(({ file }) => file!.startsWith(`${folder}/`) || file === folder))
      for (const target of [EXPLICIT, IMPLICIT]) {
        const output = join(outputs, `${readdirSync(outputs).length}`);
        if (IMPOSSIBLE.test(row['file']!))
          await expect(transcoded(sharedData(row['file']!), target, output)).rejects.toThrow();
        else await compare(row, await transcoded(sharedData(row['file']!), target, output), target);
      }
  });
});

async function compare(row: ExpectedRow, now: { parsed: ParsedObject; bytes: Buffer }, target: string): Promise<void> {
  const before = parsePart10(bufferSource(readFileSync(sharedData(row['file']!))));
  const { parsed, bytes } = now;
  expect(parsed.complete, row['file']).toBe(true);
  expect(Object.keys(withoutPixels(parsed.dataset)), row['file']).toEqual(Object.keys(withoutPixels(before.dataset)));
  // From implicit VR nothing is lost on the way to explicit VR; the other way, the VRs of private attributes are.
  if (target === EXPLICIT && !/nested_priv|meta_missing_tsyntax/.test(row['file']!))
    expect(withoutPixels(parsed.dataset), row['file']).toEqual(withoutPixels(before.dataset));
  const { pixel_sha256: wanted, pixel_bytes: length, pixel_pi: colour, lossy } = row;
  if (!wanted || !parsed.pixelData || lossy === '1') return;
  const { offset } = parsed.pixelData;
  const pixels = bytes.subarray(offset, offset + Number(length));
  expect(createHash('sha256').update(pixels).digest('hex'), row['file']).toBe(wanted);
  if (colour) expect(text(parsed.dataset, 'PhotometricInterpretation'), row['file']).toBe(colour);
}

describe('Transcoding', () => {
  it('corrects what is said of colour, drops offset tables, and marks a loss (PS3.3 C.7.6.3.1.2, C.7.6.1.1.5)', async () => {
    // Three planes of 4 × 4 in RLE: a literal run of 16 a plane (PS3.5 Annex G).
    const plane = (value: number): Buffer =>
      Buffer.concat([Buffer.from([15]), Buffer.alloc(16, value), Buffer.from([0, 0, 128])]);
    const header = Buffer.alloc(64);
    for (const [i, value] of [3, 64, 84, 104].entries()) header.writeUInt32LE(value, 4 * i);
    const frame = Buffer.concat([header, ...[1, 2, 3].map((value) => plane(value).subarray(0, 20))]);
    const fields = { SamplesPerPixel: 3, PhotometricInterpretation: 'YBR_FULL_422', PlanarConfiguration: 1 };
    const file = encodePart10(dataset(anInstance({ ...fields, NumberOfFrames: 2 })), {
      transferSyntaxUid: RLE,
      binary: { '7FE00010': [frame, frame], '7FE00001': Buffer.alloc(16) },
    });
    const { parsed, bytes } = await transcoded(aFile(file), EXPLICIT, join(aFolder(), 'out'));
    expect(parsed.dataset['00280004']?.Value).toEqual(['YBR_FULL']);
    expect(parsed.dataset['00280006']?.Value).toEqual([0]);
    expect(parsed.dataset['7FE00001']).toBeUndefined();
    const { offset, length } = parsed.pixelData!;
    expect(bytes.subarray(offset, offset + length)).toEqual(
      Buffer.from(Array.from({ length: 96 }, (_, i) => (i % 3) + 1)),
    );
  });

  it('joins frames of single bits without a gap (PS3.5 8.1.1)', async () => {
    const bits = { Rows: 3, Columns: 3, BitsAllocated: 1, BitsStored: 1, HighBit: 0, NumberOfFrames: 3 };
    const frames = [Buffer.from([0xff, 0x01]), Buffer.from([0x00, 0x00]), Buffer.from([0xff, 0x01])];
    const file = encodePart10(dataset(anInstance(bits)), {
      transferSyntaxUid: '1.2.840.10008.1.2.1.98',
      binary: { '7FE00010': frames },
    });
    const { parsed, bytes } = await transcoded(aFile(file), EXPLICIT, join(aFolder(), 'out'));
    const { offset, length } = parsed.pixelData!;
    // Nine ones, nine zeros, nine ones, from the least significant bit on.
    expect(bytes.subarray(offset, offset + length)).toEqual(Buffer.from([0xff, 0x01, 0xfc, 0x07]));
  });

  it('keeps private attributes, nested items and text in its character set; what outgrows a VR is UN (CP-1066)', async () => {
    const long = '1'.repeat(8).concat('\\').repeat(9000).slice(0, -1);
    const element = (group: number, number: number, value: Buffer): Buffer => {
      const head = Buffer.alloc(8);
      head.writeUInt16LE(group, 0);
      head.writeUInt16LE(number, 2);
      head.writeUInt32LE(value.length, 4);
      return Buffer.concat([head, value]);
    };
    const open = Buffer.from('feff00e0ffffffff', 'hex');
    const item = Buffer.concat([
      open,
      element(0x0009, 0x1002, Buffer.from('inside')),
      Buffer.from('feff0de000000000', 'hex'),
    ]);
    const privateSequence = Buffer.concat([
      Buffer.from('09000110ffffffff', 'hex'),
      item,
      Buffer.from('feffdde000000000', 'hex'),
    ]);
    const implicit = Buffer.concat([
      element(0x0008, 0x0000, Buffer.from([1, 2, 3, 4])),
      element(0x0008, 0x0005, Buffer.from('ISO_IR 100')),
      element(0x0009, 0x0010, Buffer.from('MAKER ')),
      privateSequence,
      element(0x0010, 0x0010, Buffer.from('B\xfcc^J\xe9r\xf4me ', 'latin1')),
      element(0x3006, 0x0050, Buffer.from(`${long} `)),
    ]);
    const output = join(aFolder(), 'out');
    const path = aFile(implicit);
    const request = {
      path,
      size: implicit.length,
      dataSetOffset: 0,
      transferSyntaxUid: IMPLICIT,
      targetSyntaxUid: EXPLICIT,
      output,
    };
    await transcodeFile(request);
    const bytes = readFileSync(output);
    expect(bytes.indexOf('0800000055', 0, 'hex')).toBe(-1);
    expect(bytes.includes(Buffer.from('B\xfcc^J\xe9r\xf4me ', 'latin1'))).toBe(true);
    expect(
      bytes.includes(Buffer.concat([Buffer.from('09000110', 'hex'), Buffer.from('SQ\0\0'), Buffer.alloc(4, 0xff)])),
    ).toBe(true);
    expect(bytes.includes(Buffer.concat([Buffer.from('09000210', 'hex'), Buffer.from('UN\0\0\x06\0\0\0inside')]))).toBe(
      true,
    );
    expect(bytes.includes(Buffer.concat([Buffer.from('06305000', 'hex'), Buffer.from('UN\0\0')]))).toBe(true);
    const { dataset: read, complete } = parseDataSet(bufferSource(bytes), { transferSyntaxUid: EXPLICIT });
    expect(complete).toBe(true);
    expect(read['30060050']?.Value).toHaveLength(9000);
  });

  it('turns big endian words around, and nothing else (PS3.5 7.3)', async () => {
    const big = (group: number, number: number, vr: string, value: Buffer): Buffer => {
      const head = Buffer.alloc(vr === 'OW' ? 12 : 8);
      head.writeUInt16BE(group, 0);
      head.writeUInt16BE(number, 2);
      head.write(vr, 4);
      if (vr === 'OW') head.writeUInt32BE(value.length, 8);
      else head.writeUInt16BE(value.length, 6);
      return Buffer.concat([head, value]);
    };
    const words = [
      [0x0028, 0x0002, 1],
      [0x0028, 0x0010, 1],
      [0x0028, 0x0011, 2],
      [0x0028, 0x0100, 16],
    ] as const;
    const bytes = Buffer.concat([
      big(0x0008, 0x0060, 'CS', Buffer.from('OT')),
      ...words.map(([group, number, value]) => big(group, number, 'US', Buffer.from([0, value]))),
      big(0x7fe0, 0x0010, 'OW', Buffer.from([0x01, 0x02, 0x03, 0x04])),
    ]);
    const path = aFile(bytes);
    const output = join(aFolder(), 'out');
    const request = {
      path,
      size: bytes.length,
      dataSetOffset: 0,
      transferSyntaxUid: BIG_ENDIAN,
      targetSyntaxUid: IMPLICIT,
      output,
    };
    await transcodeFile(request);
    const written = readFileSync(output);
    const parsed = parseDataSet(bufferSource(written), { transferSyntaxUid: IMPLICIT });
    expect(parsed.dataset['00280011']?.Value).toEqual([2]);
    expect(written.subarray(-4)).toEqual(Buffer.from([0x02, 0x01, 0x04, 0x03]));
  });
});

describe('The processes that transcode', () => {
  function aClient(options: { processes?: number; deadlineMs?: number } = {}): {
    client: TranscodeClient;
    folder: string;
  } {
    const folder = join(aFolder(), 'transcoded');
    const client = new TranscodeClient({ folder, processes: 1, ...options });
    onTestFinished(() => client.close());
    return { client, folder };
  }
  const stored = (bytes: Buffer) => {
    const { dataSetOffset, transferSyntaxUid } = parsePart10(bufferSource(bytes));
    return { path: aFile(bytes), size: bytes.length, dataSetOffset, transferSyntaxUid };
  };
  const anObject = () =>
    stored(
      encodePart10(dataset(anInstance()), { transferSyntaxUid: EXPLICIT, binary: { '7FE00010': new Uint8Array(16) } }),
    );

  it('write many objects, each to a file of its own that is gone when it is disposed of', async () => {
    const { client, folder } = aClient({ processes: 2 });
    const results = await Promise.all(Array.from({ length: 6 }, () => client.transcode(anObject(), IMPLICIT)));
    const wanted = encodeDataSet(dataset(anInstance()), {
      transferSyntaxUid: IMPLICIT,
      binary: { '7FE00010': new Uint8Array(16) },
    });
    for (const { path, size } of results) {
      expect(readFileSync(path).equals(wanted)).toBe(true);
      expect(size).toBe(wanted.length);
    }
    await Promise.all(results.map((result) => result.dispose()));
    expect(readdirSync(folder)).toEqual([]);
  });

  it('say why something cannot be done, and go on', async () => {
    const { client, folder } = aClient();
    const broken = stored(
      encodePart10(dataset(anInstance()), { transferSyntaxUid: RLE, binary: { '7FE00010': [new Uint8Array(64)] } }),
    );
    await expect(client.transcode(broken, EXPLICIT)).rejects.toMatchObject({
      code: 'undecodable',
      message: expect.stringContaining('RLE Lossless'),
    });
    await expect(client.transcode({ ...anObject(), path: '/nowhere' }, EXPLICIT)).rejects.toThrow('ENOENT');
    const { dispose } = await client.transcode(anObject(), IMPLICIT);
    await dispose();
    expect(readdirSync(folder)).toEqual([]);
  });

  it('are replaced when they take too long', async () => {
    const { client } = aClient({ deadlineMs: 1 });
    const late = await Promise.allSettled([
      client.transcode(anObject(), IMPLICIT),
      client.transcode(anObject(), IMPLICIT),
    ]);
    for (const { status } of late) expect(status).toBe('rejected');
  });
});
