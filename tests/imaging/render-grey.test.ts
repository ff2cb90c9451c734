import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, describe, expect, it } from 'vitest';
import { dataset } from '../../src/dicom/build.ts';
import { encodePart10 } from '../../src/dicom/write.ts';
import type { FrameLayout } from '../../src/imaging/decode.ts';
import { render } from '../../src/imaging/render.ts';
import { identity, inverse, toGrey, windowStep, wordsToGrey } from '../../src/imaging/render-grey.ts';
import type { StoredObject } from '../../src/imaging/render-request.ts';
import { samplesOf } from '../../src/imaging/samples.ts';
import { anInstance } from '../support/instances.ts';

const folder = mkdtempSync(join(tmpdir(), 'voxgate-grey-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** An odd number, of all bit patterns, those above High Bit included. */
const WORDS = Uint16Array.from({ length: 65537 }, (_, i) => (i * 40503) & 0xffff);

function layoutOf(bitsStored: number, highBit: number, pixelRepresentation: 0 | 1): FrameLayout {
  return {
    transferSyntaxUid: '1.2.840.10008.1.2.1',
    rows: 1,
    columns: WORDS.length,
    samplesPerPixel: 1,
    planarConfiguration: 0,
    photometricInterpretation: 'MONOCHROME2',
    bitsAllocated: 16,
    bitsStored,
    highBit,
    pixelRepresentation,
  };
}

describe('Words to greys', () => {
  it.each([
    [12, 11, 0],
    [12, 11, 1],
    [12, 15, 0],
    [12, 15, 1],
    [10, 12, 1],
    [14, 13, 1],
    [1, 0, 0],
    [1, 15, 1],
  ] as const)(
    'gives what the samples give: %i bits stored, high bit %i, representation %i (PS3.5 8.1.1)',
    (bitsStored, highBit, representation) => {
      const layout = layoutOf(bitsStored, highBit, representation);
      const bytes = new Uint8Array(WORDS.buffer);
      const samples = samplesOf({ bytes, photometricInterpretation: 'MONOCHROME2', planarConfiguration: 0 }, layout);
      const low = representation === 1 ? -(2 ** (bitsStored - 1)) : 0;
      const range = { low, high: low + 2 ** bitsStored - 1 };
      const width = Math.max(2, 2 ** bitsStored / 3);
      const modality = (value: number): number => value * 1.5 - 7;
      const center = modality((range.low + range.high) / 2);
      for (const presentation of [identity, inverse]) {
        const steps = { modality, voi: windowStep({ center, width, shape: 'linear' }), presentation };
        const greys = wordsToGrey(WORDS, steps, layout);
        expect(new Set(greys).size).toBeGreaterThan(1);
        expect(Buffer.compare(greys!, toGrey(samples, steps, range))).toBe(0);
      }
    },
  );

  it('leaves to others what needs a longer table, or the values themselves', () => {
    const voi = windowStep({ center: 20, width: 40, shape: 'linear' });
    const steps = { modality: identity, voi, presentation: identity };
    expect(wordsToGrey(WORDS, steps, layoutOf(16, 15, 1))).toBeUndefined();
    expect(wordsToGrey(WORDS, { ...steps, voi: undefined }, layoutOf(12, 11, 0))).toBeUndefined();
  });
});

describe('Frames read into one place', () => {
  function anImage(name: string, side: number, bitsStored: number, value: number): StoredObject {
    const pixels = new Uint8Array(Uint16Array.from({ length: side * side }, (_, i) => value + (i % 2)).buffer);
    const image = { Rows: side, Columns: side, BitsAllocated: 16, BitsStored: bitsStored, HighBit: bitsStored - 1 };
    const bytes = encodePart10(dataset(anInstance({ ...image, PixelRepresentation: 0 })), {
      transferSyntaxUid: '1.2.840.10008.1.2.1',
      binary: { '7FE00010': pixels },
    });
    const path = join(folder, name);
    writeFileSync(path, bytes);
    return { path, size: bytes.length };
  }

  it('keeps pictures apart that are made at once, large and small', async () => {
    const images = Array.from({ length: 12 }, (_, i) =>
      anImage(`${i}.dcm`, i % 3 === 0 ? 64 : 7, i % 2 === 0 ? 12 : 16, i * 16),
    );
    const look = { type: 'image/png', window: { center: 127.5, width: 255, shape: 'linear-exact' } } as const;
    for (let round = 0; round < 2; round++) {
      const made = await Promise.all(images.map((object) => render({ object, frames: [1], look })));
      for (const [i, { bytes }] of made.entries()) {
        const { data, info } = await sharp(bytes).raw().toBuffer({ resolveWithObject: true });
        expect(info.width).toBe(i % 3 === 0 ? 64 : 7);
        expect([...new Set(data)].sort((a, b) => a - b)).toEqual([i * 16, i * 16 + 1]);
      }
    }
  });
});
