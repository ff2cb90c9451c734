import { readFileSync, statSync } from 'node:fs';
import { deflateRawSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { dataset } from '../../src/dicom/build.ts';
import { frameIndex, parseFrameIndex, readFrame, serialiseFrameIndex } from '../../src/dicom/frames.ts';
import { jsonText } from '../../src/dicom/json-text.ts';
import { bufferSource, parsePart10 } from '../../src/dicom/parse.ts';
import { encodeDataSet, encodePart10 } from '../../src/dicom/write.ts';
import { VoxgateError } from '../../src/errors.ts';
import { seeded } from '../support/seeded.ts';
import { expectedRows, hasSharedData, sharedData } from '../support/shared-data.ts';
import { part10 } from './raw-elements.ts';

function mutated(original: Buffer, random: () => number): Buffer {
  const bytes = Buffer.from(original);
  const at = () => Math.floor(random() * random() * (bytes.length - 4)); // headers, more often than pixels
  for (let left = 1 + Math.floor(random() * 6); left > 0; left -= 1) {
    const kind = random();
    if (kind < 0.4) bytes[at()] = Math.floor(random() * 256);
    else if (kind < 0.6) bytes[at()]! ^= 1 << Math.floor(random() * 8);
    else if (kind < 0.7) bytes.writeUInt32LE(0xffffffff, at());
    else if (kind < 0.8) bytes.writeUInt32LE(Math.floor(random() * 100_000), at());
    else if (kind < 0.9) bytes.writeUInt32LE(0xe000fffe, at());
    else bytes.copyWithin(at(), at(), at());
  }
  return random() < 0.2 ? bytes.subarray(0, Math.floor(random() * bytes.length)) : bytes;
}

/** Reads all there is to read; whatever the bytes, that may end in no other error than ours. */
function readAll(bytes: Buffer): 'read' | 'refused' {
  const source = bufferSource(bytes);
  try {
    const parsed = parsePart10(source);
    JSON.parse(jsonText(parsed.dataset));
    const index = frameIndex(parsed, source);
    if (index === undefined) return 'read';
    const stored = parseFrameIndex(serialiseFrameIndex(index));
    for (let frame = 1; frame <= Math.min(3, stored.count); frame += 1) {
      const got = readFrame(stored, frame, source);
      if (stored.kind === 'native') expect(got).toHaveLength(Math.ceil(stored.bitsPerFrame / 8));
    }
    return 'read';
  } catch (error) {
    if (error instanceof VoxgateError) return 'refused';
    throw error;
  }
}

function mutate(originals: readonly Buffer[], times: number): { readonly slowest: number; readonly read: number } {
  const random = seeded(20_240_229);
  let slowest = 0;
  let read = 0;
  for (let run = 0; run < times; run += 1) {
    const bytes = mutated(originals[Math.floor(random() * originals.length)]!, random);
    const started = performance.now();
    if (readAll(bytes) === 'read') read += 1;
    slowest = Math.max(slowest, performance.now() - started);
  }
  return { slowest, read };
}

describe('20,000 random mutations', () => {
  it('of small objects never crash or hang the reader', () => {
    const ds = dataset({
      SpecificCharacterSet: ['', 'ISO 2022 IR 87'],
      SOPClassUID: '1.2.840.10008.5.1.4.1.1.66.4',
      SOPInstanceUID: '1.2.3',
      PatientName: 'Müller^Jörg=山田',
      NumberOfFrames: 3,
      Rows: 3,
      Columns: 5,
      SamplesPerPixel: 1,
      BitsAllocated: 1,
      FrameIncrementPointer: '00181063',
      SegmentSequence: [{ SegmentNumber: 1, AnatomicRegionSequence: [{ CodeMeaning: 'x' }] }, {}],
      SelectorFDValue: [1.5, 'NaN'],
    });
    const pixels = { '7FE00010': Buffer.alloc(6, 0xa5) };
    const jpegs = { '7FE00010': [1, 2, 3].map((i) => Buffer.from([0xff, 0xd8, 0xff, i, 0xff, 0xd9])) };
    const explicit = encodeDataSet(ds, { transferSyntaxUid: '1.2.840.10008.1.2.1', binary: pixels });
    const originals = [
      encodePart10(ds, { binary: pixels }),
      encodePart10(ds, { transferSyntaxUid: '1.2.840.10008.1.2', binary: pixels }),
      encodePart10(ds, { transferSyntaxUid: '1.2.840.10008.1.2.4.50', binary: jpegs }),
      part10('1.2.840.10008.1.2.1.99', deflateRawSync(explicit)),
      part10('1.2.840.10008.1.2.2', explicit),
      explicit,
    ];
    const { slowest, read } = mutate(originals, 20_000);
    expect(slowest).toBeLessThan(2000);
    expect(read).toBeGreaterThan(10_000);
  });

  it.skipIf(!hasSharedData)('of small real files never crash or hang the reader', () => {
    const files = expectedRows().map((row) => sharedData(row['file']!));
    const small = files.filter((file) => statSync(file).size < 12_000).map((file) => readFileSync(file));
    const { slowest, read } = mutate(small, 20_000);
    expect(slowest).toBeLessThan(2000);
    expect(read).toBeGreaterThan(10_000);
  });
});
