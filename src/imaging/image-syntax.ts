import { type Codestream, codestreamOf } from './codestream.ts';

/** What a compressed image says of itself that its data set must agree with. */
export interface ImageSyntax extends Codestream {
  /** Transfer syntaxes that the stream conforms to, the one that says most of it first. */
  readonly transferSyntaxUids: readonly string[];
  /** Bits of a sample of the first component. */
  readonly precision: number;
  /** JPEG: whether its components are told to be red, green and blue (Adobe's APP14: no transform). */
  readonly isRgb: boolean;
  /** Whether the first component has more samples than the others. */
  readonly subsampled: boolean;
}

const JPEG = '1.2.840.10008.1.2.4.';

/**
 * The headers of a JPEG, JPEG-LS or JPEG 2000 stream (ITU-T T.81 B.2, T.87 C.2, T.800 A.5 and A.6.1); undefined for
 * another, or where no transfer syntax of DICOM takes it.
 *
 * @param head the stream, or as much of its beginning as holds its headers
 */
export function imageSyntaxOf(head: Buffer): ImageSyntax | undefined {
  const stream = codestreamOf(head);
  if (stream === undefined) return undefined;
  const own = head.readUInt16BE(0) === 0xffd8 ? jpeg(head) : jpeg2000(head);
  return own && { ...stream, ...own };
}

type Own = Omit<ImageSyntax, keyof Codestream>;

function jpeg(head: Buffer): Own | undefined {
  let frame: { marker: number; precision: number; subsampled: boolean } | undefined;
  let isRgb = false;
  for (let at = 2; at + 12 <= head.length; ) {
    const marker = head.readUInt8(at + 1);
    if (marker === 0xff) {
      at += 1; // fill byte
      continue;
    }
    const components = head.readUInt8(at + 9);
    if (marker === 0xee && head.toString('latin1', at + 4, at + 9) === 'Adobe') isRgb = head[at + 15] === 0;
    if ((marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc) || marker === 0xf7)
      frame = { marker, precision: head.readUInt8(at + 4), subsampled: components > 1 && head[at + 11] !== 0x11 };
    if (marker === 0xda && frame !== undefined) {
      const { marker: process, ...known } = frame;
      // Ss, the predictor of lossless JPEG, stands where JPEG-LS has NEAR.
      const selection = head[at + 5 + 2 * head.readUInt8(at + 4)] ?? 0;
      const uids = JPEG_PROCESSES[process]?.(selection);
      return uids && { ...known, isRgb, transferSyntaxUids: uids.map((last) => JPEG + last) };
    }
    at += 2 + head.readUInt16BE(at + 2);
  }
  return undefined;
}

/** By the marker of the frame (T.81 Table B.1), given the selection value of the scan. */
const JPEG_PROCESSES: Readonly<Record<number, (selection: number) => readonly string[]>> = {
  [0xc0]: () => ['50', '51'],
  [0xc1]: () => ['51'],
  [0xc2]: () => ['55', '53'],
  [0xc3]: (selection) => (selection === 1 ? ['70', '57'] : ['57']),
  [0xf7]: (near) => (near === 0 ? ['80', '81'] : ['81']),
};

const COD = 0xff52;
const CAP = 0xff50;
const START_OF_TILE = 0xff90;

function jpeg2000(head: Buffer): Own | undefined {
  const extended = (head.readUInt16BE(6) & 0x8000) !== 0;
  let highThroughput = false;
  for (let at = 2; at + 14 <= head.length; at += 2 + head.readUInt16BE(at + 2)) {
    const marker = head.readUInt16BE(at);
    if (marker < 0xff00 || marker === START_OF_TILE) return undefined;
    if (marker === CAP) highThroughput = (head.readUInt32BE(at + 4) & 0x00020000) !== 0;
    if (marker !== COD) continue;
    const reversible = head.readUInt8(at + 13) === 1;
    const [lossless, any] = highThroughput ? [['201', '202'], '203'] : extended ? [['92'], '93'] : [['90'], '91'];
    const uids = reversible ? [...lossless, any] : [any];
    return {
      precision: ((head[42] ?? 0) & 0x7f) + 1,
      isRgb: false,
      subsampled: false,
      transferSyntaxUids: uids.map((last) => JPEG + last),
    };
  }
  return undefined;
}
