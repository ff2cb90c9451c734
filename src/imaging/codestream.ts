/** What a compressed image says of itself, read before a codec is given memory for it. */
export interface Codestream {
  readonly columns: number;
  readonly rows: number;
  readonly components: number;
  /** Components in the first scan: fewer than in the image where each has a scan of its own (JPEG, JPEG-LS). */
  readonly componentsInScan: number;
}

/**
 * The frame and scan header of a JPEG or JPEG-LS stream (SOF and SOS markers: ITU-T T.81 B.2.2, B.2.3; T.87 C.2.2) or the
 * SIZ marker of a JPEG 2000 codestream (ITU-T T.800 A.5.1); undefined where neither is found.
 */
export function codestreamOf(bytes: Uint8Array): Codestream | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.byteLength < 4) return undefined;
  if (view.getUint16(0) === 0xffd8) return framesAndScans(view);
  if (view.getUint32(0) === 0xff4fff51) return imageAndTileSize(view);
  return undefined;
}

function framesAndScans(view: DataView): Codestream | undefined {
  let frame: Omit<Codestream, 'componentsInScan'> | undefined;
  let at = 2;
  while (at + 10 <= view.byteLength) {
    if (view.getUint8(at) !== 0xff) return undefined;
    const marker = view.getUint8(at + 1);
    if (marker === 0xff) {
      at += 1; // fill byte
      continue;
    }
    if (isStartOfFrame(marker)) {
      frame = { rows: view.getUint16(at + 5), columns: view.getUint16(at + 7), components: view.getUint8(at + 9) };
    }
    if (marker === START_OF_SCAN) return frame && { ...frame, componentsInScan: view.getUint8(at + 4) };
    at += 2 + view.getUint16(at + 2);
  }
  return undefined;
}

const START_OF_SCAN = 0xda;

/** SOF0 to SOF15 but for DHT, JPG and DAC, which share their range; F7 is SOF55 of JPEG-LS. */
function isStartOfFrame(marker: number): boolean {
  if (marker === 0xf7) return true;
  return marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
}

function imageAndTileSize(view: DataView): Codestream | undefined {
  if (view.byteLength < 42) return undefined;
  const components = view.getUint16(40);
  return {
    columns: view.getUint32(8) - view.getUint32(16),
    rows: view.getUint32(12) - view.getUint32(20),
    components,
    componentsInScan: components,
  };
}

/** Real files have up to seven bytes of padding, 00 or FF or worse, behind the end of a stream. */
const LONGEST_PADDING = 64;

/**
 * Whether the stream comes to its end: EOI and EOC are the same two bytes, which coded data never hold (ITU-T T.81 B.1.1.2,
 * T.87 A.1, T.800 A.1.4). Decoders make up the rest of a stream that was cut off, and say nothing.
 */
export function isWhole(bytes: Uint8Array): boolean {
  for (let at = bytes.length - 2; at >= Math.max(0, bytes.length - LONGEST_PADDING); at--) {
    if (bytes[at] === 0xff && bytes[at + 1] === 0xd9) return true;
  }
  return false;
}
