import type { DecodedFrame, FrameLayout } from './decode.ts';

export type Samples = Int8Array | Uint8Array | Int16Array | Uint16Array | Int32Array | Uint32Array;

/**
 * The stored values of a decoded frame: cut to Bits Stored below High Bit and sign-extended where Pixel Representation
 * says two's complement (PS3.5 8.1.1); bits outside, old overlays for one, are dropped. Bits Allocated 8, 16 or 32;
 * full-width samples are a view on the bytes of the frame, not a copy.
 */
export function samplesOf(frame: DecodedFrame, layout: FrameLayout): Samples {
  const { bitsAllocated, bitsStored, highBit, pixelRepresentation } = layout;
  const signed = pixelRepresentation === 1;
  const stored = typed(frame.bytes, bitsAllocated, signed);
  if (bitsStored === bitsAllocated) return stored;

  const samples = stored.slice();
  const up = 31 - highBit;
  const down = 32 - bitsStored;
  if (signed) for (let i = 0; i < samples.length; i++) samples[i] = (samples[i]! << up) >> down;
  else for (let i = 0; i < samples.length; i++) samples[i] = (samples[i]! << up) >>> down;
  return samples;
}

function typed(bytes: Uint8Array, bitsAllocated: number, signed: boolean): Samples {
  const width = bitsAllocated >> 3;
  // A typed array must begin on a multiple of its width.
  const { buffer, byteOffset } = bytes.byteOffset % width === 0 ? bytes : new Uint8Array(bytes);
  const count = bytes.byteLength / width;
  switch (bitsAllocated) {
    case 8:
      return signed ? new Int8Array(buffer, byteOffset, count) : new Uint8Array(buffer, byteOffset, count);
    case 16:
      return signed ? new Int16Array(buffer, byteOffset, count) : new Uint16Array(buffer, byteOffset, count);
    default:
      return signed ? new Int32Array(buffer, byteOffset, count) : new Uint32Array(buffer, byteOffset, count);
  }
}
