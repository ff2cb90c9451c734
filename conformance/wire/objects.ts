import { type Element, EXPLICIT, encode, part10 } from './data-set.ts';
import { aUid } from './node.ts';

export const SECONDARY_CAPTURE = '1.2.840.10008.5.1.4.1.1.7';

export interface TestObject {
  readonly study: string;
  readonly series: string;
  readonly instance: string;
  readonly transferSyntax: string;
  /** Without Pixel Data. */
  readonly elements: readonly Element[];
  readonly dataSet: Buffer;
  readonly file: Buffer;
  readonly pixels: Buffer;
}

export interface TestObjectOptions {
  readonly study?: string;
  readonly series?: string;
  readonly instance?: string;
  readonly transferSyntax?: string;
  readonly frames?: number;
  readonly name?: string;
  readonly patientId?: string;
  readonly number?: number;
  /** Pixel Data as they stand in the data set, instead of the ramp. */
  readonly encapsulated?: Buffer;
}

export const SIDE = 6;

/** An image of SIDE by SIDE pixels a frame, every pixel with a value of its own. */
export function anObject({
  study = aUid(),
  series = aUid(),
  instance = aUid(),
  transferSyntax = EXPLICIT,
  frames = 1,
  name = 'CONFORMANCE^SUITE',
  patientId = 'CONFORMANCE',
  number = 1,
  encapsulated,
}: TestObjectOptions = {}): TestObject {
  const pixels = Buffer.from(Array.from({ length: SIDE * SIDE * frames }, (_, i) => i % 251));
  const elements: Element[] = [
    ['00080005', 'CS', 'ISO_IR 192'],
    ['00080016', 'UI', SECONDARY_CAPTURE],
    ['00080018', 'UI', instance],
    ['00080020', 'DA', '20260131'],
    ['00080030', 'TM', '101530'],
    ['00080050', 'SH', 'ACC'],
    ['00080060', 'CS', 'OT'],
    ['00100010', 'PN', name],
    ['00100020', 'LO', patientId],
    ['0020000D', 'UI', study],
    ['0020000E', 'UI', series],
    ['00200011', 'IS', '1'],
    ['00200013', 'IS', String(number)],
    ['00280002', 'US', 1],
    ['00280004', 'CS', 'MONOCHROME2'],
    ['00280008', 'IS', String(frames)],
    ['00280010', 'US', SIDE],
    ['00280011', 'US', SIDE],
    ['00280100', 'US', 8],
    ['00280101', 'US', 8],
    ['00280102', 'US', 7],
    ['00280103', 'US', 0],
  ];
  const header = encode(elements, transferSyntax);
  const dataSet = Buffer.concat([header, encapsulated ?? encode([['7FE00010', 'OW', pixels]], transferSyntax)]);
  const file = part10(dataSet, SECONDARY_CAPTURE, instance, transferSyntax);
  return { study, series, instance, transferSyntax, elements, dataSet, file, pixels };
}

/** Pixel Data in fragments, one a frame, with an empty Basic Offset Table (PS3.5 Annex A.4). */
export function encapsulate(fragments: readonly Buffer[]): Buffer {
  const item = (content: Buffer): Buffer => {
    const head = Buffer.from('feff00e000000000', 'hex');
    head.writeUInt32LE(content.length, 4);
    return Buffer.concat([head, content]);
  };
  const start = Buffer.from('e07f10004f420000ffffffff', 'hex');
  const end = Buffer.from('feffdde000000000', 'hex');
  return Buffer.concat([start, item(Buffer.alloc(0)), ...fragments.map(item), end]);
}

export const RLE = '1.2.840.10008.1.2.5';

/** An image of several frames in RLE Lossless (PS3.5 Annex G): one segment a frame, all of it literal runs. */
export function anRleObject(options: TestObjectOptions = {}): TestObject {
  const { pixels } = anObject(options);
  const frame = SIDE * SIDE;
  const fragments = Array.from({ length: options.frames ?? 1 }, (_, i) => {
    const head = Buffer.alloc(64);
    head.writeUInt32LE(1, 0);
    head.writeUInt32LE(64, 4);
    const run = Buffer.concat([Buffer.from([frame - 1]), pixels.subarray(i * frame, (i + 1) * frame)]);
    return Buffer.concat([head, run, Buffer.alloc(run.length % 2)]);
  });
  return anObject({ ...options, transferSyntax: RLE, encapsulated: encapsulate(fragments) });
}
