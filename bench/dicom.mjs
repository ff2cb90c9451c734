// Synthetic objects, encoded by the benchmark itself: what is measured is not made by what measures it.
import { randomBytes } from 'node:crypto';

export const CT_IMAGE = '1.2.840.10008.5.1.4.1.1.2';
export const MULTI_FRAME_WORD = '1.2.840.10008.5.1.4.1.1.7.3';
export const EXPLICIT_LITTLE = '1.2.840.10008.1.2.1';

const LONG_FORM = new Set(['OB', 'OW', 'SQ', 'UN', 'UT']);

/** A UID derived from a UUID (PS3.5 B.2). */
export function uid() {
  const bytes = randomBytes(16);
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  return `2.25.${BigInt(`0x${bytes.toString('hex')}`)}`;
}

/** One element in explicit VR little endian; numbers are US, arrays are items of a sequence. */
function element([tag, vr, value]) {
  const bytes = valueBytes(vr, value);
  const head = Buffer.alloc(LONG_FORM.has(vr) ? 12 : 8);
  head.writeUInt16LE(tag >>> 16, 0);
  head.writeUInt16LE(tag & 0xffff, 2);
  head.write(vr, 4, 'latin1');
  if (head.length === 12) head.writeUInt32LE(bytes.length, 8);
  else head.writeUInt16LE(bytes.length, 6);
  return [head, bytes];
}

function valueBytes(vr, value) {
  if (Buffer.isBuffer(value)) return value;
  if (vr === 'SQ') return Buffer.concat(value.flatMap(item));
  if (typeof value === 'number' && vr === 'US') return Buffer.from([value & 0xff, value >> 8]);
  const text = String(value);
  return Buffer.from(text.length % 2 === 0 ? text : text + (vr === 'UI' ? '\0' : ' '), 'latin1');
}

function item(elements) {
  const content = encode(elements);
  const head = Buffer.from([0xfe, 0xff, 0x00, 0xe0, 0, 0, 0, 0]);
  head.writeUInt32LE(content.length, 4);
  return [head, content];
}

function encode(elements) {
  return Buffer.concat(elements.flatMap(element));
}

/** A PS3.10 head for a data set in explicit VR little endian. */
export function fileHead(sopClass, sop) {
  const meta = encode([
    [0x00020001, 'OB', Buffer.from([0, 1])],
    [0x00020002, 'UI', sopClass],
    [0x00020003, 'UI', sop],
    [0x00020010, 'UI', EXPLICIT_LITTLE],
    [0x00020012, 'UI', '2.25.140736'],
  ]);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(meta.length);
  return Buffer.concat([Buffer.alloc(128), Buffer.from('DICM'), encode([[0x00020000, 'UL', length]]), meta]);
}

/** 12-bit noise, the same for every run. */
export function noise(samples) {
  const pixels = Buffer.alloc(samples * 2);
  let state = 2_463_534_242;
  for (let at = 0; at < pixels.length; at += 2) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    pixels.writeUInt16LE((state >>> 0) & 0x0fff, at);
  }
  return pixels;
}

const code = (value, meaning) => [
  [0x00080100, 'SH', value],
  [0x00080102, 'SH', 'DCM'],
  [0x00080104, 'LO', meaning],
];

/**
 * A CT slice with a header as scanners write it (about 60 attributes and three sequences).
 * @returns {{ sop: string, study: string, series: string, pixels: Buffer, dataSet: Buffer }}
 */
export function ctSlice({ study, series, patientId, number, pixels, size }) {
  const sop = uid();
  const header = encode([
    [0x00080005, 'CS', 'ISO_IR 192'],
    [0x00080008, 'CS', 'ORIGINAL\\PRIMARY\\AXIAL'],
    [0x00080016, 'UI', CT_IMAGE],
    [0x00080018, 'UI', sop],
    [0x00080020, 'DA', '20260102'],
    [0x00080021, 'DA', '20260102'],
    [0x00080022, 'DA', '20260102'],
    [0x00080023, 'DA', '20260102'],
    [0x00080030, 'TM', '101530'],
    [0x00080031, 'TM', '101545'],
    [0x00080032, 'TM', '101601.25'],
    [0x00080033, 'TM', '101601.5'],
    [0x00080050, 'SH', `A${patientId.slice(-10)}`],
    [0x00080060, 'CS', 'CT'],
    [0x00080070, 'LO', 'Bench Imaging'],
    [0x00080080, 'LO', 'Bench Hospital'],
    [0x00080090, 'PN', 'REFERRER^RITA'],
    [0x00081010, 'SH', 'CT01'],
    [0x00081030, 'LO', 'Chest'],
    [0x00081032, 'SQ', [code('CTCHEST', 'CT chest')]],
    [0x0008103e, 'LO', 'Axial 1.25 mm'],
    [0x00081090, 'LO', 'Phantom 64'],
    [
      0x00081140,
      'SQ',
      [0, 1, 2].map(() => [
        [0x00081150, 'UI', CT_IMAGE],
        [0x00081155, 'UI', uid()],
      ]),
    ],
    [0x00082218, 'SQ', [code('T-D3000', 'Chest')]],
    [0x00090010, 'LO', 'BENCH PRIVATE'],
    [0x00091001, 'LO', 'private text'],
    [0x00091002, 'UN', Buffer.alloc(256, 7)],
    [0x00100010, 'PN', 'BENCH^NOBODY'],
    [0x00100020, 'LO', patientId],
    [0x00100030, 'DA', '19600215'],
    [0x00100040, 'CS', 'O'],
    [0x00101010, 'AS', '060Y'],
    [0x00180015, 'CS', 'CHEST'],
    [0x00180022, 'CS', 'HELICAL MODE'],
    [0x00180050, 'DS', '1.25'],
    [0x00180060, 'DS', '120'],
    [0x00180090, 'DS', '500'],
    [0x00181020, 'LO', 'sw 1.0'],
    [0x00181030, 'LO', 'CHEST ROUTINE'],
    [0x00181100, 'DS', '360'],
    [0x00181120, 'DS', '0'],
    [0x00181130, 'DS', '150'],
    [0x00181150, 'IS', '500'],
    [0x00181151, 'IS', '240'],
    [0x00181210, 'SH', 'STANDARD'],
    [0x00185100, 'CS', 'HFS'],
    [0x0020000d, 'UI', study],
    [0x0020000e, 'UI', series],
    [0x00200010, 'SH', 'S1'],
    [0x00200011, 'IS', '1'],
    [0x00200013, 'IS', String(number)],
    [0x00200032, 'DS', `-180\\-180\\${(number * 1.25).toFixed(2)}`],
    [0x00200037, 'DS', '1\\0\\0\\0\\1\\0'],
    [0x00200052, 'UI', `${series.slice(0, 60)}.1`],
    [0x00201041, 'DS', (number * 1.25).toFixed(2)],
    [0x00280002, 'US', 1],
    [0x00280004, 'CS', 'MONOCHROME2'],
    [0x00280010, 'US', size],
    [0x00280011, 'US', size],
    [0x00280030, 'DS', '0.7\\0.7'],
    [0x00280100, 'US', 16],
    [0x00280101, 'US', 12],
    [0x00280102, 'US', 11],
    [0x00280103, 'US', 0],
    [0x00281050, 'DS', '40'],
    [0x00281051, 'DS', '400'],
    [0x00281052, 'DS', '-1024'],
    [0x00281053, 'DS', '1'],
  ]);
  const dataSet = Buffer.concat([header, ...element([0x7fe00010, 'OW', pixels])]);
  return { sop, study, series, pixels: dataSet.subarray(dataSet.length - pixels.length), dataSet };
}

/** Slices of one series. */
export function ctSeries({ slices, size = 512, study = uid(), patientId = `BENCH${study.slice(-12)}` }) {
  const pixels = noise(size * size);
  const series = uid();
  return Array.from({ length: slices }, (_, i) => ctSlice({ study, series, patientId, number: i + 1, pixels, size }));
}

/** An object as small as one can be that an archive has something to index of: an image of one pixel. */
export function tinyObject({ study, series, patientId, number }) {
  const sop = uid();
  const dataSet = encode([
    [0x00080005, 'CS', 'ISO_IR 192'],
    [0x00080016, 'UI', CT_IMAGE],
    [0x00080018, 'UI', sop],
    [0x00080020, 'DA', '20260102'],
    [0x00080030, 'TM', '101530'],
    [0x00080050, 'SH', `A${patientId.slice(-10)}`],
    [0x00080060, 'CS', 'CT'],
    [0x00080090, 'PN', 'REFERRER^RITA'],
    [0x00081030, 'LO', 'Chest'],
    [0x0008103e, 'LO', 'Axial'],
    [0x00100010, 'PN', 'BENCH^NOBODY'],
    [0x00100020, 'LO', patientId],
    [0x00100030, 'DA', '19600215'],
    [0x00100040, 'CS', 'O'],
    [0x0020000d, 'UI', study],
    [0x0020000e, 'UI', series],
    [0x00200010, 'SH', 'S1'],
    [0x00200011, 'IS', '1'],
    [0x00200013, 'IS', String(number)],
    [0x00280002, 'US', 1],
    [0x00280004, 'CS', 'MONOCHROME2'],
    [0x00280010, 'US', 1],
    [0x00280011, 'US', 1],
    [0x00280100, 'US', 8],
    [0x00280101, 'US', 8],
    [0x00280102, 'US', 7],
    [0x00280103, 'US', 0],
    [0x7fe00010, 'OB', Buffer.from([7, 0])],
  ]);
  return { sop, study, series, dataSet };
}

/** Everything before the pixels of a multi-frame object of 512 x 512 x 16 bit, with the head of Pixel Data. */
export function multiFrameHead({ frames, study, series, sop }) {
  const header = encode([
    [0x00080005, 'CS', 'ISO_IR 192'],
    [0x00080016, 'UI', MULTI_FRAME_WORD],
    [0x00080018, 'UI', sop],
    [0x00080020, 'DA', '20260102'],
    [0x00080060, 'CS', 'OT'],
    [0x00080064, 'CS', 'SYN'],
    [0x00100010, 'PN', 'BENCH^NOBODY'],
    [0x00100020, 'LO', 'BENCHMEMORY'],
    [0x0020000d, 'UI', study],
    [0x0020000e, 'UI', series],
    [0x00200013, 'IS', '1'],
    [0x00280002, 'US', 1],
    [0x00280004, 'CS', 'MONOCHROME2'],
    [0x00280008, 'IS', String(frames)],
    [0x00280010, 'US', 512],
    [0x00280011, 'US', 512],
    [0x00280100, 'US', 16],
    [0x00280101, 'US', 12],
    [0x00280102, 'US', 11],
    [0x00280103, 'US', 0],
  ]);
  const pixelHead = Buffer.from([0xe0, 0x7f, 0x10, 0x00, 0x4f, 0x57, 0, 0, 0, 0, 0, 0]);
  pixelHead.writeUInt32LE(frames * 512 * 512 * 2, 8);
  return Buffer.concat([header, pixelHead]);
}
