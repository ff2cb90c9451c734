import { describe, expect, it } from 'vitest';
import type { FrameLayout } from '../../src/imaging/decode.ts';
import { decodeFrame } from '../../src/imaging/decode.ts';
import { ENCODABLE, encodeFrame } from '../../src/imaging/encode.ts';

const LAYOUT: FrameLayout = {
  rows: 48,
  columns: 64,
  samplesPerPixel: 1,
  planarConfiguration: 0,
  photometricInterpretation: 'MONOCHROME2',
  bitsAllocated: 16,
  bitsStored: 16,
  highBit: 15,
  pixelRepresentation: 0,
  transferSyntaxUid: '1.2.840.10008.1.2.1',
};

/** Something between smooth and noise, over all bits that are stored. */
function pixels({
  rows,
  columns,
  samplesPerPixel,
  bitsAllocated,
  bitsStored,
  pixelRepresentation,
}: FrameLayout): Buffer {
  const bytes = Buffer.alloc((rows * columns * samplesPerPixel * bitsAllocated) / 8);
  const range = 2 ** bitsStored;
  for (let i = 0; i < rows * columns * samplesPerPixel; i++) {
    const value = Math.abs(Math.floor((Math.sin(i / 37) + 1) * (range / 2.5) + ((i * 7919) % 53))) % range;
    const stored = pixelRepresentation === 1 ? value - range / 2 : value;
    if (bitsAllocated === 8) bytes[i] = stored & 0xff;
    else bytes.writeUInt16LE(stored & 0xffff, 2 * i);
  }
  return bytes;
}

const deliver = (layout: FrameLayout, bytes: Buffer, uid: string) => encodeFrame({ ...layout, bytes }, layout, uid);

describe('Frames in lossless transfer syntaxes (PS3.5 Annex A.4)', () => {
  const kinds: Readonly<Record<string, Partial<FrameLayout>>> = {
    'signed 16 bits': { pixelRepresentation: 1 },
    'unsigned 16 bits': {},
    'unsigned 12 bits': { bitsStored: 12, highBit: 11, photometricInterpretation: 'MONOCHROME1' },
    'signed 12 bits': { bitsStored: 12, highBit: 11, pixelRepresentation: 1 },
    'unsigned 10 bits': { bitsStored: 10, highBit: 9 },
    'unsigned 8 bits': { bitsAllocated: 8, bitsStored: 8, highBit: 7 },
    'palette colour': { bitsAllocated: 8, bitsStored: 8, highBit: 7, photometricInterpretation: 'PALETTE COLOR' },
    RGB: { bitsAllocated: 8, bitsStored: 8, highBit: 7, samplesPerPixel: 3, photometricInterpretation: 'RGB' },
  };

  it.each(Object.entries(kinds).flatMap(([name, kind]) => ENCODABLE.map((uid) => [name, uid, kind] as const)))(
    'hold the very pixels: %s in %s',
    async (_name, uid, kind) => {
      const layout = { ...LAYOUT, ...kind };
      const bytes = pixels(layout);
      const encoded = await deliver(layout, bytes, uid);
      const again = await decodeFrame(encoded.bytes, {
        ...layout,
        transferSyntaxUid: uid,
        photometricInterpretation: layout.samplesPerPixel === 3 ? 'RGB' : layout.photometricInterpretation,
      });
      expect(Buffer.compare(again.bytes, bytes)).toBe(0);
      const mixed = layout.samplesPerPixel === 3 && /4\.90|4\.20/.test(uid);
      expect(encoded.photometricInterpretation).toBe(mixed ? 'YBR_RCT' : layout.photometricInterpretation);
    },
  );

  it('hold colour by pixel where it came by plane', async () => {
    const layout: FrameLayout = {
      ...LAYOUT,
      ...kinds['RGB'],
      planarConfiguration: 1,
    };
    const bytes = pixels(layout);
    const encoded = await deliver(layout, bytes, '1.2.840.10008.1.2.4.80');
    expect(encoded.planarConfiguration).toBe(0);
    const again = await decodeFrame(encoded.bytes, { ...layout, transferSyntaxUid: '1.2.840.10008.1.2.4.80' });
    const size = layout.rows * layout.columns;
    expect([...again.bytes.subarray(0, 3)]).toEqual([bytes[0], bytes[size], bytes[2 * size]]);
  });

  it.each([
    [
      'bits above Bits Stored, which the codec leaves out',
      '1.2.840.10008.1.2.4.90',
      { bitsStored: 12, highBit: 11 },
      16,
    ],
    ['samples of 32 bits', '1.2.840.10008.1.2.4.80', { bitsAllocated: 32, bitsStored: 32, highBit: 31 }, 16],
    ['single bits', '1.2.840.10008.1.2.4.70', { bitsAllocated: 1, bitsStored: 1, highBit: 0 }, 16],
    [
      'colour that the syntax would mix once more',
      '1.2.840.10008.1.2.4.201',
      { ...kinds['RGB'], photometricInterpretation: 'YBR_FULL' },
      8,
    ],
    ['subsampled colour', '1.2.840.10008.1.2.4.80', { ...kinds['RGB'], photometricInterpretation: 'YBR_FULL_422' }, 8],
  ])('are refused for %s', async (_what, uid, kind, bits) => {
    const layout: FrameLayout = { ...LAYOUT, ...kind };
    const whole = pixels({ ...layout, bitsAllocated: bits, bitsStored: bits });
    const bytes =
      layout.photometricInterpretation === 'YBR_FULL_422' ? whole.subarray(0, (whole.length * 2) / 3) : whole;
    await expect(deliver(layout, bytes, uid)).rejects.toMatchObject({
      code: 'not-acceptable',
      message: expect.stringContaining(uid),
    });
  });
});
