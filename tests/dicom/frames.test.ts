import { deflateRawSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { dataset, type Fields } from '../../src/dicom/build.ts';
import {
  type FrameIndex,
  frameIndex,
  frameRanges,
  parseFrameIndex,
  readFrame,
  serialiseFrameIndex,
} from '../../src/dicom/frames.ts';
import { type ByteSource, bufferSource, parseDataSet, parsePart10 } from '../../src/dicom/parse.ts';
import { encodeDataSet } from '../../src/dicom/write.ts';
import { bigEndian, END_OF_SEQUENCE, implicit, long, part10, UNDEFINED } from './raw-elements.ts';

const EXPLICIT = '1.2.840.10008.1.2.1';
const JPEG = '1.2.840.10008.1.2.4.50';
const RLE = '1.2.840.10008.1.2.5';
const MP4 = '1.2.840.10008.1.2.4.102';

const SIZE: Fields = { Rows: 2, Columns: 2, BitsAllocated: 16, SamplesPerPixel: 1 };

interface Indexed {
  readonly source: ByteSource;
  readonly index: FrameIndex;
}

function indexed(fields: Fields, transferSyntaxUid: string, ...pixelData: readonly Uint8Array[]): Indexed {
  const header = encodeDataSet(dataset(fields), { transferSyntaxUid: EXPLICIT });
  const source = bufferSource(Buffer.concat([header, ...pixelData]));
  const index = frameIndex(parseDataSet(source, { transferSyntaxUid }), source);
  if (index === undefined) throw new Error('no index');
  const again = parseFrameIndex(serialiseFrameIndex(index));
  expect(again).toEqual({ ...index, warnings: [] });
  return { source, index };
}

function frames({ source, index }: Indexed): string[] {
  return Array.from({ length: index.count }, (_, i) => readFrame(index, i + 1, source).toString('hex'));
}

function native(bytes: Uint8Array, vr = 'OW'): Buffer {
  return long('7FE00010', vr, bytes);
}

const counted = (length: number): Buffer => Buffer.from(Array.from({ length }, (_, i) => i));

describe('native frames (PS3.5 Section 8.1.1)', () => {
  it('lie one behind the other', () => {
    const one = indexed({ ...SIZE, NumberOfFrames: 3 }, EXPLICIT, native(counted(24)));
    expect(frames(one)).toEqual(['0001020304050607', '08090a0b0c0d0e0f', '1011121314151617']);
    expect(frameRanges(one.index, 2)).toEqual([[one.source.size - 16, 8]]);
    expect(frameRanges(one.index, 4)).toBeUndefined();
  });

  it('are one where Number of Frames is absent, without the padding behind it', () => {
    const one = indexed({ Rows: 1, Columns: 3, BitsAllocated: 8 }, EXPLICIT, native(counted(4), 'OB'));
    expect(frames(one)).toEqual(['000102']);
    expect(one.index.warnings).toEqual([]);
  });

  it('are fewer than declared where the data are short, and never partial', () => {
    const one = indexed({ ...SIZE, NumberOfFrames: 3 }, EXPLICIT, native(counted(20)));
    expect(frames(one)).toHaveLength(2);
    expect(one.index.warnings).toEqual(['3 frames are declared, but only 2 are there']);
    const broken = indexed({ ...SIZE, NumberOfFrames: 3 }, EXPLICIT, long('7FE00010', 'OW', counted(10), 24));
    expect(frames(broken)).toEqual(['0001020304050607']);
  });

  it('of one bit begin anywhere in a byte, and are handed out beginning at bit 0', () => {
    const bits = 3 * 3;
    const images = [0b101010101, 0b111000111, 0b000111000, 0b110110110];
    const all = images.reduce((sum, image, i) => sum | (BigInt(image) << BigInt(i * bits)), 0n);
    const bytes = Buffer.alloc(6);
    for (let i = 0; i < 6; i += 1) bytes[i] = Number((all >> BigInt(8 * i)) & 0xffn);
    const one = indexed({ Rows: 3, Columns: 3, BitsAllocated: 1, NumberOfFrames: 4 }, EXPLICIT, native(bytes, 'OB'));
    expect(frames(one)).toEqual(images.map((image) => Buffer.from([image & 0xff, image >> 8]).toString('hex')));
    expect(frameRanges(one.index, 1)).toBeUndefined();
  });

  it('of one bit end with the data, not with the byte', () => {
    const one = indexed(
      { Rows: 3, Columns: 3, BitsAllocated: 1, NumberOfFrames: 100 },
      EXPLICIT,
      native(Buffer.alloc(2, 0xff), 'OB'),
    );
    expect(frames(one)).toEqual(['ff01']);
  });

  it('in YBR_FULL_422 have two bytes a pixel, or three where the data say so (PS3.3 Section C.7.6.3.1.2)', () => {
    const colour = {
      Rows: 2,
      Columns: 2,
      BitsAllocated: 8,
      SamplesPerPixel: 3,
      PhotometricInterpretation: 'YBR_FULL_422',
      NumberOfFrames: 2,
    };
    expect(frames(indexed(colour, EXPLICIT, native(counted(16), 'OB'))).map((hex) => hex.length / 2)).toEqual([8, 8]);
    expect(frames(indexed(colour, EXPLICIT, native(counted(24), 'OB'))).map((hex) => hex.length / 2)).toEqual([12, 12]);
  });

  it('may be Float or Double Float Pixel Data', () => {
    const size = { Rows: 1, Columns: 2, NumberOfFrames: 2 };
    expect(frames(indexed(size, EXPLICIT, long('7FE00008', 'OF', counted(16))))).toEqual([
      '0001020304050607',
      '08090a0b0c0d0e0f',
    ]);
    expect(frames(indexed(size, EXPLICIT, long('7FE00009', 'OD', counted(32))))[1]).toBe(
      counted(32).toString('hex', 16),
    );
  });

  it('are turned to little endian, odd frames of words included', () => {
    const word = (value: number) => Buffer.from([0, value]);
    const bytes = Buffer.concat([
      bigEndian('00280008', 'IS', '3 '),
      bigEndian('00280010', 'US', word(1)),
      bigEndian('00280011', 'US', word(3)),
      bigEndian('00280100', 'US', word(8)),
      Buffer.from('7fe000104f5700000000000a', 'hex'),
      Buffer.from([1, 0, 3, 2, 5, 4, 7, 6, 9, 8]),
    ]);
    const source = bufferSource(bytes);
    const index = frameIndex(parseDataSet(source, { transferSyntaxUid: '1.2.840.10008.1.2.2' }), source)!;
    expect(frames({ source, index })).toEqual(['000102', '030405', '060708']);
  });

  it('are found in a deflated data set', () => {
    const header = encodeDataSet(dataset({ ...SIZE, NumberOfFrames: 2 }), { transferSyntaxUid: EXPLICIT });
    const file = part10('1.2.840.10008.1.2.1.99', deflateRawSync(Buffer.concat([header, native(counted(16))])));
    const source = bufferSource(file);
    const index = parseFrameIndex(serialiseFrameIndex(frameIndex(parsePart10(source), source)!));
    expect(frames({ source, index })).toEqual(['0001020304050607', '08090a0b0c0d0e0f']);
    expect(frameRanges(index, 1)).toBeUndefined();
  });

  it('may lie in fragments in spite of a native syntax, if all of them are there', () => {
    const pieces = [fragment(), fragment(counted(6)), fragment(counted(10)), END_OF_SEQUENCE];
    const start = long('7FE00010', 'OW', '', UNDEFINED);
    expect(frames(indexed({ ...SIZE, NumberOfFrames: 2 }, EXPLICIT, start, ...pieces))).toEqual([
      '0001020304050001',
      '0203040506070809',
    ]);
    expect(frames(indexed({ ...SIZE, NumberOfFrames: 3 }, EXPLICIT, start, ...pieces))).toEqual([]);
  });

  it('are none where Rows, Columns or Bits Allocated are missing, zero or far too large', () => {
    for (const size of [
      {},
      { ...SIZE, Rows: 0 },
      { ...SIZE, Rows: 65535, Columns: 65535, PhotometricInterpretation: 'constructor', SamplesPerPixel: 3 },
    ]) {
      const { index } = indexed(size, EXPLICIT, native(counted(8)));
      expect(index.count).toBe(0);
      expect(index.warnings).toHaveLength(1);
    }
  });

  it('are asked for by numbers from 1 on', () => {
    const { index, source } = indexed(SIZE, EXPLICIT, native(counted(8)));
    for (const number of [0, 2, -1, 1.5, Number.NaN]) {
      expect(() => readFrame(index, number, source)).toThrow(expect.objectContaining({ code: 'not-found' }));
    }
  });

  it('have no index where there are no pixels', () => {
    const source = bufferSource(encodeDataSet(dataset(SIZE), { transferSyntaxUid: EXPLICIT }));
    expect(frameIndex(parseDataSet(source, { transferSyntaxUid: EXPLICIT }), source)).toBeUndefined();
  });
});

function fragment(bytes: Uint8Array = new Uint8Array()): Buffer {
  return implicit('FFFEE000', bytes);
}

function offsetTable(...offsets: readonly number[]): Buffer {
  const table = Buffer.alloc(offsets.length * 4);
  for (const [i, offset] of offsets.entries()) table.writeUInt32LE(offset, i * 4);
  return fragment(table);
}

const START = long('7FE00010', 'OB', '', UNDEFINED);
const image = (tail: string): Buffer => Buffer.from(`ffd8ff${tail}`, 'hex');

describe('compressed frames (PS3.5 Annex A.4)', () => {
  const three = { ...SIZE, NumberOfFrames: 3 };
  const [a, b, c, rest] = [image('01'), image('02'), image('03'), Buffer.from('aabb', 'hex')] as const;
  const parts = [fragment(a), fragment(rest), fragment(b), fragment(c), fragment(rest)];
  const joined = ['ffd8ff01aabb', 'ffd8ff02', 'ffd8ff03aabb'];

  it('follow the Basic Offset Table', () => {
    const one = indexed(three, JPEG, START, offsetTable(0, 22, 34), ...parts, END_OF_SEQUENCE);
    expect(frames(one)).toEqual(joined);
    expect(one.index.warnings).toEqual([]);
    const end = one.source.size - 8;
    expect(frameRanges(one.index, 3)).toEqual([
      [end - 14, 4],
      [end - 2, 2],
    ]);
  });

  it('follow the Extended Offset Table, and its lengths leave the padding off (PS3.3 Section C.7.6.3.1.8)', () => {
    const words = (...values: readonly bigint[]) => {
      const bytes = Buffer.alloc(values.length * 8);
      for (const [i, value] of values.entries()) bytes.writeBigUInt64LE(value, i * 8);
      return bytes;
    };
    const tables = [long('7FE00001', 'OV', words(0n, 12n)), long('7FE00002', 'OV', words(3n, 4n))];
    const one = indexed(
      { ...SIZE, NumberOfFrames: 2 },
      JPEG,
      ...tables,
      START,
      fragment(),
      fragment(a),
      fragment(b),
      END_OF_SEQUENCE,
    );
    expect(frames(one)).toEqual(['ffd8ff', 'ffd8ff02']);
  });

  it('are one fragment each where there are as many', () => {
    const one = indexed(three, '1.2.3.4', START, fragment(), fragment(rest), fragment(a), fragment(c), END_OF_SEQUENCE);
    expect(frames(one)).toEqual(['aabb', 'ffd8ff01', 'ffd8ff03']);
  });

  it('are all fragments where there is one frame', () => {
    expect(frames(indexed(SIZE, RLE, START, fragment(), fragment(rest), fragment(a), END_OF_SEQUENCE))).toEqual([
      'aabbffd8ff01',
    ]);
  });

  it('are found by the beginnings of images where there is no table', () => {
    const one = indexed(three, JPEG, START, fragment(), ...parts, END_OF_SEQUENCE);
    expect(frames(one)).toEqual(joined);
    expect(one.index.warnings).toEqual([]);
  });

  it.each([
    ['JPEG-LS', '1.2.840.10008.1.2.4.80', 'ffd8fff7'],
    ['JPEG 2000', '1.2.840.10008.1.2.4.90', 'ff4fff51'],
    ['a JP2 file', '1.2.840.10008.1.2.4.90', '0000000c6a5020200d0a870a'],
    ['HTJ2K', '1.2.840.10008.1.2.4.201', 'ff4fff51'],
    ['JPEG XL', '1.2.840.10008.1.2.4.110', 'ff0a'],
    ['a JXL file', '1.2.840.10008.1.2.4.110', '0000000c4a584c200d0a870a'],
    ['RLE', RLE, '0100000040000000'],
  ])('of %s are known by how they begin', (_name, syntax, hex) => {
    const begin = Buffer.from(hex, 'hex');
    const one = indexed(
      { ...SIZE, NumberOfFrames: 2 },
      syntax,
      START,
      fragment(),
      fragment(begin),
      fragment(rest),
      fragment(begin),
      END_OF_SEQUENCE,
    );
    expect(frames(one)).toEqual([`${hex}aabb`, hex]);
  });

  it('do not follow a table that does not agree with the fragments', () => {
    for (const table of [
      offsetTable(0, 21, 34),
      offsetTable(0, 22),
      offsetTable(22, 0, 34),
      offsetTable(0, 0, 0),
      offsetTable(0, 22, 4e9),
    ]) {
      const one = indexed(three, JPEG, START, table, ...parts, END_OF_SEQUENCE);
      expect(frames(one)).toEqual(joined);
      expect(one.index.warnings).toEqual(['the Basic Offset Table does not agree with the fragments and was not used']);
    }
  });

  it('are fewer than declared where fragments are missing, and never the wrong ones', () => {
    const one = indexed({ ...SIZE, NumberOfFrames: 9 }, JPEG, START, fragment(), ...parts, END_OF_SEQUENCE);
    expect(frames(one)).toEqual(joined);
    expect(one.index.warnings).toEqual(['9 frames are declared, but the fragments hold the beginnings of 3']);
    const unknown = indexed({ ...SIZE, NumberOfFrames: 9 }, '1.2.3.4', START, fragment(), ...parts, END_OF_SEQUENCE);
    expect(frames(unknown)).toEqual([]);
  });

  it('leave out a fragment that breaks off', () => {
    const one = indexed(three, JPEG, START, fragment(), fragment(a), fragment(b), implicit('FFFEE000', 'short', 1000));
    expect(frames(one)).toEqual(['ffd8ff01', 'ffd8ff02']);
  });

  it('are counted by what is there where Number of Frames cannot be read', () => {
    const one = indexed({ ...SIZE, NumberOfFrames: 'many' }, JPEG, START, fragment(), ...parts, END_OF_SEQUENCE);
    expect(frames(one)).toEqual(joined);
    expect(one.index.warnings).toEqual(['Number of Frames is not a positive integer']);
  });

  it('of video are one stream (PS3.5 Section 8.2.5)', () => {
    const one = indexed(
      { ...SIZE, NumberOfFrames: 30 },
      MP4,
      START,
      fragment(),
      fragment(rest),
      fragment(rest),
      END_OF_SEQUENCE,
    );
    expect(frames(one)).toEqual(['aabbaabb']);
  });

  it('are none where there are no fragments', () => {
    expect(indexed(three, JPEG, START, END_OF_SEQUENCE).index).toMatchObject({
      count: 0,
      warnings: [expect.any(String)],
    });
    expect(indexed(three, JPEG, START, fragment(), END_OF_SEQUENCE).index.count).toBe(0);
  });

  it('have an index of a few bytes each', () => {
    const many = Array.from({ length: 10_000 }, (_, i) => image((i % 256).toString(16).padStart(2, '0')));
    const { index, source } = indexed(
      { ...SIZE, NumberOfFrames: 10_000 },
      JPEG,
      START,
      fragment(),
      ...many.map(fragment),
      END_OF_SEQUENCE,
    );
    expect(serialiseFrameIndex(index).length).toBeLessThan(25_000);
    expect(readFrame(index, 10_000, source).equals(many[9999]!)).toBe(true);
  });

  it('cannot be read from a source that ends before they do', () => {
    const { index, source } = indexed(three, JPEG, START, fragment(), ...parts, END_OF_SEQUENCE);
    const cut = bufferSource(source.read(0, source.size - 20));
    expect(() => readFrame(index, 3, cut)).toThrow(expect.objectContaining({ code: 'not-dicom' }));
  });
});

describe('a stored frame index', () => {
  it.each(['{}', '[]', '{"count":1}', 'x'])('that is none (%s) is refused', (stored) => {
    expect(() => parseFrameIndex(stored)).toThrow();
  });
});
