import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { frameIndex, readFrame } from '../../src/dicom/frames.ts';
import { bufferSource, parsePart10 } from '../../src/dicom/parse.ts';
import { type DecodedFrame, decodeFrame, type FrameLayout, isDecodable } from '../../src/imaging/decode.ts';
import { samplesOf } from '../../src/imaging/samples.ts';
import { sliceHeaderOf } from '../../src/imaging/slice-header.ts';
import { type ExpectedRow, expectedRows, hasSharedData, sharedData } from '../support/shared-data.ts';
import { aSlice, randomNumbers } from './slices.ts';

const layout = (other: Partial<FrameLayout> = {}): FrameLayout => aSlice({ rows: 2, columns: 3, ...other });

async function framesOf(file: string): Promise<{ layout: FrameLayout; frames: Uint8Array[] }> {
  const source = bufferSource(readFileSync(sharedData(file)));
  const parsed = parsePart10(source);
  const header = sliceHeaderOf(parsed.dataset, parsed.transferSyntaxUid);
  const index = frameIndex(parsed, source)!;
  const frames: Uint8Array[] = [];
  for (let number = 1; number <= index.count; number++) {
    frames.push(byPixel(await decodeFrame(readFrame(index, number, source), header), header));
  }
  return { layout: header, frames };
}

/** Compressed colour is expected by pixel (PS3.3 C.7.6.3.1.3), uncompressed as it is stored. */
function byPixel(frame: DecodedFrame, { samplesPerPixel, transferSyntaxUid }: FrameLayout): Uint8Array {
  if (frame.planarConfiguration === 0 || !transferSyntaxUid.includes('.1.2.4.')) return frame.bytes;
  const pixels = frame.bytes.length / samplesPerPixel;
  return frame.bytes.map((_, i) => frame.bytes[(i % samplesPerPixel) * pixels + Math.floor(i / samplesPerPixel)]!);
}

function digest(frames: readonly Uint8Array[]): string {
  const hash = createHash('sha256');
  for (const frame of frames) hash.update(frame);
  return hash.digest('hex');
}

describe.skipIf(!hasSharedData)('Frames of real files decode to the pixels that independent decoders found', () => {
  const rows = hasSharedData ? expectedRows() : [];
  const decodable = (row: ExpectedRow): boolean =>
    /^(transfer-syntaxes|images|series\/mr-prostate-adc)/.test(row['file']!) &&
    row['pixel_sha256'] !== '' &&
    row['BitsAllocated'] !== '1' &&
    isDecodable(row['TransferSyntaxUID']!);
  const lossless = rows.filter((row) => decodable(row) && row['lossy'] !== '1');
  const lossy = rows.filter((row) => decodable(row) && row['lossy'] === '1' && row['SamplesPerPixel'] === '1');

  it.each(lossless.map((row) => [row['TransferSyntaxUID']!, row['file']!, row] as const))(
    'lossless %s: %s',
    async (_, file, row) => {
      expect(digest((await framesOf(file)).frames)).toBe(row['pixel_sha256']);
    },
  );

  it.each(lossy.map((row) => [row['TransferSyntaxUID']!, row['file']!, row] as const))(
    'lossy %s: %s',
    async (_, file, row) => {
      const { frames, layout: header } = await framesOf(file);
      if (digest(frames) === row['pixel_sha256']) return;
      const samples = frames.flatMap((bytes) => [
        ...samplesOf({ bytes, planarConfiguration: 0, photometricInterpretation: '' }, header),
      ]);
      const mean = samples.reduce((sum, sample) => sum + sample, 0) / samples.length;
      const range = Number(row['pixel_max']) - Number(row['pixel_min']);
      expect(Math.abs(mean - Number(row['pixel_mean']))).toBeLessThan(range * 0.002);
    },
  );
});

describe('Stored samples (PS3.5 8.1.1)', () => {
  const bytesOf = (...words: number[]) => new Uint8Array(Uint16Array.from(words).buffer);
  const read = async (encoded: Uint8Array, other: Partial<FrameLayout>) =>
    samplesOf(await decodeFrame(encoded, layout({ rows: 1, ...other })), layout({ rows: 1, ...other }));

  it('are sign-extended from Bits Stored', async () => {
    const samples = await read(bytesOf(0x0800, 0x07ff, 0x0fff), {
      bitsStored: 12,
      highBit: 11,
      pixelRepresentation: 1,
    });
    expect([...samples]).toEqual([-2048, 2047, -1]);
  });

  it('lose what lies above High Bit: overlays in unused bits', async () => {
    const samples = await read(bytesOf(0xf123, 0x8fff, 0x1000), {
      bitsStored: 12,
      highBit: 11,
      pixelRepresentation: 0,
    });
    expect([...samples]).toEqual([0x123, 0xfff, 0]);
  });

  it('are shifted down where High Bit is not Bits Stored - 1', async () => {
    const samples = await read(bytesOf(0x800f, 0x7fff, 0x0010), {
      bitsStored: 12,
      highBit: 15,
      pixelRepresentation: 1,
    });
    expect([...samples]).toEqual([-2048, 2047, 1]);
  });

  it('of full width are read as they are, signed or not, also from an odd place in a buffer', async () => {
    const odd = new Uint8Array(7);
    odd.set(bytesOf(0xffff, 0x8000, 0x0001), 1);
    expect([...(await read(odd.subarray(1), { pixelRepresentation: 1 }))]).toEqual([-1, -32768, 1]);
    expect([...(await read(odd.subarray(1), { pixelRepresentation: 0 }))]).toEqual([65535, 32768, 1]);
  });

  it('leave the bytes they were read from untouched', async () => {
    const encoded = bytesOf(0xf123, 1, 2);
    await read(encoded, { bitsStored: 12, highBit: 11 });
    expect(encoded).toEqual(bytesOf(0xf123, 1, 2));
  });
});

describe('What cannot be decoded is refused, naming the transfer syntax', () => {
  it.each<[string, Uint8Array, Partial<FrameLayout>, RegExp]>([
    [
      'a video',
      new Uint8Array(12),
      { transferSyntaxUid: '1.2.840.10008.1.2.4.102' },
      /MPEG-4.*1\.2\.840\.10008\.1\.2\.4\.102.*no decoder/,
    ],
    ['a frame too short', new Uint8Array(11), {}, /11 bytes where 12 are expected/],
    ['a frame too long', new Uint8Array(14), {}, /14 bytes where 12 are expected/],
    ['bits that do not fit', new Uint8Array(12), { bitsStored: 17 }, /Bits Stored 17/],
    ['a high bit below the stored bits', new Uint8Array(12), { bitsStored: 12, highBit: 3 }, /High Bit 3/],
    ['12 bits allocated', new Uint8Array(12), { bitsAllocated: 12, bitsStored: 12, highBit: 11 }, /Bits Allocated 12/],
    ['no pixels', new Uint8Array(0), { rows: 0 }, /no pixels/],
    [
      'a stream that is none',
      new Uint8Array(12),
      { transferSyntaxUid: '1.2.840.10008.1.2.4.80' },
      /JPEG-LS.*does not begin/,
    ],
    ['an empty RLE frame', new Uint8Array(0), { transferSyntaxUid: '1.2.840.10008.1.2.5' }, /RLE/],
    ['deflated rubbish', Uint8Array.of(1, 2, 3), { transferSyntaxUid: '1.2.840.10008.1.2.8.1' }, /does not inflate/],
  ])('%s', async (_, encoded, other, sentence) => {
    await expect(decodeFrame(encoded, layout(other))).rejects.toMatchObject({
      code: 'undecodable',
      message: expect.stringMatching(sentence),
    });
  });

  it('an image of 65535 x 65535 is too large before memory is taken for it', async () => {
    await expect(decodeFrame(new Uint8Array(0), layout({ rows: 65535, columns: 65535 }))).rejects.toMatchObject({
      code: 'too-large',
    });
  });

  it('a stream whose own size is not that of the image, before its codec sees it (ITU-T T.87 C.2.2)', async () => {
    const stream = Uint8Array.of(
      0xff,
      0xd8,
      0xff,
      0xf7,
      0,
      11,
      8,
      0x7f,
      0xff,
      0x7f,
      0xff,
      1,
      1,
      0x11,
      0,
      0xff,
      0xda,
      0,
      8,
      1,
      1,
      0,
      0,
      0,
      0,
      0xff,
      0xd9,
    );
    await expect(decodeFrame(stream, layout({ transferSyntaxUid: '1.2.840.10008.1.2.4.80' }))).rejects.toMatchObject({
      message: expect.stringContaining('the stream is 32767 x 32767 x 1, the image 3 x 2 x 1'),
    });
  });
});

describe.skipIf(!hasSharedData)('A broken compressed frame', () => {
  const folder = 'transfer-syntaxes/mr-small';
  const files = ['MR_small_RLE.dcm', 'MR_small_jp2klossless.dcm', 'MR_small_jpeg_ls_lossless.dcm'];

  it.each(files)('never crashes the decoder, and the next sound one decodes right: %s', async (file) => {
    const source = bufferSource(readFileSync(sharedData(folder, file)));
    const parsed = parsePart10(source);
    const header = sliceHeaderOf(parsed.dataset, parsed.transferSyntaxUid);
    const sound = readFrame(frameIndex(parsed, source)!, 1, source);
    const expected = expectedRows().find((row) => row['file'] === `${folder}/${file}`)!['pixel_sha256'];
    const random = randomNumbers(5);
    let refused = 0;
    for (let round = 0; round < 40; round++) {
      const broken = Uint8Array.from(sound);
      const damage = 1 + Math.floor(random() * 8);
      for (let i = 0; i < damage; i++) broken[Math.floor(random() * broken.length)] = Math.floor(random() * 256);
      const cut = round % 2 === 0 ? broken : broken.subarray(0, Math.floor(random() * (broken.length - 16)));
      try {
        expect((await decodeFrame(cut, header)).bytes).toHaveLength(64 * 64 * 2);
        expect(cut.length, 'a frame that was cut off may not pass for whole').toBe(broken.length);
      } catch (error) {
        expect(error).toMatchObject({ code: 'undecodable' });
        refused += 1;
      }
    }
    expect(refused).toBeGreaterThan(0);
    expect(digest([(await decodeFrame(sound, header)).bytes])).toBe(expected);
  });
});
