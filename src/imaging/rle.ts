/**
 * Decodes one RLE Lossless frame (PS3.5 Annex G): a header with the places of the segments, then one segment for each byte
 * of a sample, most significant first, samples in turn, each packed by the PackBits scheme. Comes out as native little
 * endian, colour by pixel. Written here because the codec library fills up a frame that is cut off with zeros.
 *
 * @throws RangeError where a segment is missing or does not hold exactly the pixels of the image
 */
export function decodeRle(
  encoded: Uint8Array,
  image: { readonly pixels: number; readonly samplesPerPixel: number; readonly bitsAllocated: number },
): Uint8Array {
  const { pixels, samplesPerPixel } = image;
  const bytesPerSample = image.bitsAllocated / 8;
  const segments = segmentsOf(encoded, samplesPerPixel * bytesPerSample);
  const decoded = new Uint8Array(pixels * samplesPerPixel * bytesPerSample);
  const stride = samplesPerPixel * bytesPerSample;
  for (const [i, segment] of segments.entries()) {
    const sample = Math.floor(i / bytesPerSample);
    const littleEndianByte = bytesPerSample - 1 - (i % bytesPerSample);
    unpack(segment, decoded, sample * bytesPerSample + littleEndianByte, stride);
  }
  return decoded;
}

const HEADER_BYTES = 64;

/** G.5: the number of segments and up to 15 offsets, 32 bits each. */
function segmentsOf(encoded: Uint8Array, expected: number): Uint8Array[] {
  if (encoded.length < HEADER_BYTES) throw new RangeError('the RLE header is cut off');
  const header = new DataView(encoded.buffer, encoded.byteOffset, HEADER_BYTES);
  const count = header.getUint32(0, true);
  if (count !== expected || expected > 15) throw new RangeError(`${count} RLE segments where ${expected} are expected`);
  const starts = Array.from({ length: count }, (_, i) => header.getUint32(4 + 4 * i, true));
  return starts.map((start, i) => {
    const end = starts[i + 1] ?? encoded.length;
    if (start < HEADER_BYTES || start > end || end > encoded.length)
      throw new RangeError('an RLE segment is out of place');
    return encoded.subarray(start, end);
  });
}

/** G.3.2: fills every `stride`-th byte of `target` from `first` on, to its end. */
function unpack(segment: Uint8Array, target: Uint8Array, first: number, stride: number): void {
  let to = first;
  for (let at = 0; to < target.length; ) {
    if (at + 1 >= segment.length) throw new RangeError('an RLE segment ends early');
    const control = segment[at++]!;
    if (control === 128) continue;
    const run = control > 128;
    const length = run ? 257 - control : control + 1;
    if (to + (length - 1) * stride >= target.length) throw new RangeError('an RLE segment holds more than the image');
    if (!run && at + length > segment.length) throw new RangeError('an RLE segment ends early');
    for (let n = 0; n < length; n++, to += stride) target[to] = segment[run ? at : at + n]!;
    at += run ? 1 : length;
  }
}
