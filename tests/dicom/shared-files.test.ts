import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readBulk } from '../../src/dicom/bulk.ts';
import type { JsonDataset } from '../../src/dicom/dataset.ts';
import { vrOf } from '../../src/dicom/dictionary.ts';
import {
  type FrameIndex,
  frameIndex,
  parseFrameIndex,
  readFrame,
  serialiseFrameIndex,
} from '../../src/dicom/frames.ts';
import { jsonText } from '../../src/dicom/json-text.ts';
import {
  type BulkValue,
  type ByteSource,
  bufferSource,
  type ParsedObject,
  parseDataSet,
  parsePart10,
} from '../../src/dicom/parse.ts';
import { items, text } from '../../src/dicom/read-values.ts';
import { EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN } from '../../src/dicom/transfer-syntaxes.ts';
import { type BinaryValues, encodeDataSet } from '../../src/dicom/write.ts';
import { type ExpectedRow, expectedRows, hasSharedData, sharedData } from '../support/shared-data.ts';

/** What the independent readers found only in part, or could not read; `malformed/` has tests of its own below. */
const rows = hasSharedData ? expectedRows() : [];
const wellFormed = rows.filter((row) => !row['file']!.startsWith('malformed/'));

interface Opened {
  readonly source: ByteSource;
  readonly parsed: ParsedObject;
}

function open(file: string): Opened {
  const source = bufferSource(readFileSync(sharedData(file)));
  return { source, parsed: parsePart10(source) };
}

function allFrames(index: FrameIndex, source: ByteSource): Buffer[] {
  return Array.from({ length: index.count }, (_, i) => readFrame(index, i + 1, source));
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

const TEXT_COLUMNS = [
  'SOPClassUID',
  'SOPInstanceUID',
  'StudyInstanceUID',
  'SeriesInstanceUID',
  'PatientID',
  'PatientName',
  'Modality',
];
const NUMBER_COLUMNS = [
  'InstanceNumber',
  'Rows',
  'Columns',
  'NumberOfFrames',
  'SamplesPerPixel',
  'BitsAllocated',
  'BitsStored',
];

describe.skipIf(!hasSharedData)('every well-formed file of the shared set', () => {
  it('reads as other readers read it, whole, without warnings but for missing meta information', () => {
    for (const row of wellFormed) {
      const { parsed } = open(row['file']!);
      const got = Object.fromEntries(TEXT_COLUMNS.map((column) => [column, text(parsed.dataset, column) ?? '']));
      const expected = Object.fromEntries(TEXT_COLUMNS.map((column) => [column, row[column]]));
      expect({ file: row['file'], ...got }).toEqual({ file: row['file'], ...expected });
      for (const column of NUMBER_COLUMNS) {
        expect(`${row['file']} ${Number(text(parsed.dataset, column) ?? 0)}`).toBe(
          `${row['file']} ${Number(row[column] || 0)}`,
        );
      }
      expect(parsed.transferSyntaxUid).toBe(row['TransferSyntaxUID']);
      expect(parsed.characterSet.join('\\')).toBe(row['SpecificCharacterSet']);
      expect(parsed.complete).toBe(true);
      expect(parsed.warnings.filter((warning) => !/preamble|\(0002,0000\)|declared as/.test(warning))).toEqual([]);
    }
  });

  it('gives JSON that is valid and in order', () => {
    for (const row of wellFormed) {
      const { parsed } = open(row['file']!);
      expect(JSON.parse(jsonText(parsed.dataset))).toEqual(JSON.parse(JSON.stringify(parsed.dataset)));
    }
  });

  it('has its uncompressed pixels where other readers have them', () => {
    let compared = 0;
    for (const row of wellFormed.filter(isNative)) {
      const { parsed, source } = open(row['file']!);
      const index = frameIndex(parsed, source)!;
      const frames = allFrames(parseFrameIndex(serialiseFrameIndex(index)), source);
      expect(index.warnings).toEqual([]);
      const packed =
        row['BitsAllocated'] === '1'
          ? packBits(frames, Number(row['Rows']) * Number(row['Columns']))
          : Buffer.concat(frames);
      expect(`${row['file']} ${sha256(packed)}`).toBe(`${row['file']} ${row['pixel_sha256']}`);
      if (row['frame1_sha256'] && row['BitsAllocated'] !== '1') {
        expect(sha256(frames[0]!)).toBe(row['frame1_sha256']);
        expect(sha256(frames.at(-1)!)).toBe(row['frameN_sha256']);
      }
      compared += 1;
    }
    expect(compared).toBeGreaterThan(420);
  });

  it('has compressed frames that begin and end as their format does', () => {
    let compared = 0;
    for (const row of wellFormed) {
      const { parsed, source } = open(row['file']!);
      const index = frameIndex(parsed, source);
      if (index?.kind !== 'compressed') continue;
      expect(`${row['file']} ${index.warnings.join()}`).toBe(`${row['file']} `);
      const video = row['TransferSyntaxUID']!.endsWith('.4.102');
      expect(`${row['file']} ${index.count}`).toBe(`${row['file']} ${video ? 1 : Number(row['NumberOfFrames'] || 1)}`);
      const delimited = /\.4\.(5\d|70|8\d|9\d|201)$/.test(row['TransferSyntaxUID']!);
      for (const frame of delimited ? allFrames(index, source) : []) {
        expect(frame.toString('hex', 0, 2)).toMatch(/^(ffd8|ff4f|0000)$/);
        expect(frame.subarray(-64).includes(Buffer.from([0xff, 0xd9]))).toBe(true); // some writers pad
        compared += 1;
      }
    }
    expect(compared).toBeGreaterThan(100);
  });

  it('is the same data set after it was written and read again', () => {
    const someOfEach = wellFormed.filter(
      (row) => !row['file']!.startsWith('series/') || row['file']!.includes('enhanced'),
    );
    for (const row of someOfEach) {
      const { parsed, source } = open(row['file']!);
      if (parsed.deflated) continue; // its offsets count elsewhere
      const bytesOf = (value: BulkValue) => (value.encapsulated ? Buffer.alloc(2000) : readBulk(value, source));
      const binary = Object.fromEntries([...parsed.bulk].map(([path, value]) => [path, bytesOf(value)]));
      const explicit = writeAndRead(parsed.dataset, EXPLICIT_VR_LITTLE_ENDIAN, binary);
      expect(withoutPixels(explicit)).toEqual(withoutPixels(parsed.dataset));
      const implicit = writeAndRead(parsed.dataset, IMPLICIT_VR_LITTLE_ENDIAN, binary);
      expectKeptWithoutVr(implicit, parsed.dataset);
    }
  });
});

describe.skipIf(!hasSharedData)('every malformed file of the shared set', () => {
  it('is read with a warning or refused as not DICOM, at once', () => {
    for (const row of rows.filter((one) => one['file']!.startsWith('malformed/'))) {
      const started = performance.now();
      try {
        const { parsed, source } = open(row['file']!);
        expect(JSON.parse(jsonText(parsed.dataset))).toBeTruthy();
        const index = frameIndex(parsed, source);
        if (index !== undefined) allFrames(index, source);
        if (row['dcmtk'] === 'ok' || row['pydicom'] === 'ok') {
          expect(text(parsed.dataset, 'SOPInstanceUID') ?? '').toBe(row['SOPInstanceUID']);
          expect(text(parsed.dataset, 'PatientName') ?? '').toBe(row['PatientName']);
        }
      } catch (error) {
        expect(`${row['file']} ${String(error)}`).toMatch(/^malformed\/meta\/no_meta\.dcm VoxgateError/);
      }
      expect(performance.now() - started).toBeLessThan(2000);
    }
  });

  it.each([
    'malformed/truncated/MR_truncated.dcm',
    'malformed/truncated/rtplan_truncated.dcm',
    'malformed/truncated/3gb-bulk-data-truncated',
    'malformed/truncated/emri_small_jpeg_2k_lossless_too_short.dcm',
  ])('%s is known to be incomplete', (file) => {
    const { parsed } = open(file);
    expect(parsed.complete).toBe(false);
    expect(parsed.warnings).not.toEqual([]);
  });

  it('the letters DICM inside the data of a file without preamble do not fool the reader', () => {
    const { parsed } = open('malformed/meta/no_preamble_dicm_in_data');
    expect(parsed.dataSetOffset).toBe(0);
    expect(text(parsed.dataset, 'Modality')).toBe('MG');
  });

  it('big endian pixels behind sequences of undefined length are those of the little endian twin', () => {
    const [big, little] = ['undefined_length', 'ELE_undefinded_length'].map((name) => {
      const { parsed, source } = open(`malformed/vr-length/GH177_D_CLUNIE_CT1_IVRLE_BigEndian_${name}.dcm`);
      return readFrame(frameIndex(parsed, source)!, 1, source);
    });
    expect(big!.equals(little!)).toBe(true);
  });
});

describe.skipIf(!hasSharedData)('the header of a CT', () => {
  it('is read in well under a millisecond', () => {
    const bytes = readFileSync(sharedData('series/ct-chest-lidc', '000008.dcm'));
    const source = bufferSource(bytes);
    for (let i = 0; i < 1000; i += 1) parsePart10(source);
    const times = Array.from({ length: 200 }, () => {
      const started = performance.now();
      parsePart10(source);
      return performance.now() - started;
    }).sort((a, b) => a - b);
    expect(times[100]!).toBeLessThan(0.5);
  });
});

function isNative(row: ExpectedRow): boolean {
  const native = ['1.2.840.10008.1.2', '1.2.840.10008.1.2.1', '1.2.840.10008.1.2.2', '1.2.840.10008.1.2.1.99'];
  return native.includes(row['TransferSyntaxUID']!) && row['pixel_sha256'] !== '';
}

/** Frames that begin at bit 0 put together again without gaps, as they are stored. */
function packBits(frames: readonly Buffer[], bitsPerFrame: number): Buffer {
  const packed = Buffer.alloc(Math.ceil((frames.length * bitsPerFrame) / 8));
  for (const [n, frame] of frames.entries()) {
    for (let bit = 0; bit < bitsPerFrame; bit += 1) {
      const at = n * bitsPerFrame + bit;
      packed[at >> 3]! |= ((frame[bit >> 3]! >> (bit & 7)) & 1) << (at & 7);
    }
  }
  return packed;
}

function writeAndRead(ds: JsonDataset, transferSyntaxUid: string, binary: BinaryValues): JsonDataset {
  const bytes = encodeDataSet(ds, { transferSyntaxUid, binary });
  const parsed = parseDataSet(bufferSource(bytes), { transferSyntaxUid });
  expect(parsed.complete).toBe(true);
  return parsed.dataset;
}

/** Pixel Data are OB or OW as PS3.5 wants them, not as they were. */
function withoutPixels({ '7FE00010': _, ...rest }: JsonDataset): JsonDataset {
  return rest;
}

/** Implicit VR keeps no VR: only attributes that had the one of PS3.6, where it has one, come back the same. */
function expectKeptWithoutVr(got: JsonDataset, original: JsonDataset): void {
  expect(Object.keys(got)).toEqual(Object.keys(original));
  for (const [tag, element] of Object.entries(original)) {
    if (vrOf(tag) !== element.vr || /^(OB|OW|US|SS|UN)$/.test(element.vr)) continue;
    if (element.vr !== 'SQ') expect(got[tag]).toEqual(element);
    else for (const [n, item] of items(original, tag).entries()) expectKeptWithoutVr(items(got, tag)[n]!, item);
  }
}
