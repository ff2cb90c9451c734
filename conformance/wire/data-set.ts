/**
 * Data sets written and read by hand, so that the suite shares no line of code with what it judges (PS3.5 Section 7,
 * PS3.10 Section 7).
 */
export type Value = string | number | Buffer;

/** Tag as eight hexadecimal digits, VR, value. */
export type Element = readonly [tag: string, vr: string, value: Value];

export const IMPLICIT = '1.2.840.10008.1.2';
export const EXPLICIT = '1.2.840.10008.1.2.1';
export const JPEG_LS = '1.2.840.10008.1.2.4.80';

const LONG_FORM = new Set(['OB', 'OW', 'SQ', 'UN', 'UT']);

export function encode(elements: readonly Element[], transferSyntax: string): Buffer {
  const sorted = [...elements].sort(([a], [b]) => (a < b ? -1 : 1));
  return Buffer.concat(sorted.map((element) => encodeElement(element, transferSyntax !== IMPLICIT)));
}

function encodeElement([tag, vr, value]: Element, explicit: boolean): Buffer {
  const bytes = valueBytes(vr, value);
  const head = Buffer.alloc(explicit && LONG_FORM.has(vr) ? 12 : 8);
  head.writeUInt16LE(Number.parseInt(tag.slice(0, 4), 16), 0);
  head.writeUInt16LE(Number.parseInt(tag.slice(4), 16), 2);
  if (!explicit) head.writeUInt32LE(bytes.length, 4);
  else {
    head.write(vr, 4, 'latin1');
    if (LONG_FORM.has(vr)) head.writeUInt32LE(bytes.length, 8);
    else head.writeUInt16LE(bytes.length, 6);
  }
  return Buffer.concat([head, bytes]);
}

function valueBytes(vr: string, value: Value): Buffer {
  if (typeof value === 'number') {
    const bytes = Buffer.alloc(vr === 'UL' ? 4 : 2);
    if (vr === 'UL') bytes.writeUInt32LE(value);
    else bytes.writeUInt16LE(value);
    return bytes;
  }
  const bytes = typeof value === 'string' ? Buffer.from(value, 'utf8') : value;
  const padding = typeof value === 'string' && vr !== 'UI' ? ' ' : '\0';
  return bytes.length % 2 === 0 ? bytes : Buffer.concat([bytes, Buffer.from(padding)]);
}

/** The elements of a flat data set in implicit VR little endian, as command sets are: values as bytes. */
export function decodeImplicit(bytes: Buffer): Map<string, Buffer> {
  const elements = new Map<string, Buffer>();
  for (let at = 0; at + 8 <= bytes.length; ) {
    const group = bytes.readUInt16LE(at).toString(16).padStart(4, '0');
    const element = bytes
      .readUInt16LE(at + 2)
      .toString(16)
      .padStart(4, '0');
    const length = bytes.readUInt32LE(at + 4);
    elements.set((group + element).toUpperCase(), bytes.subarray(at + 8, at + 8 + length));
    at += 8 + length;
  }
  return elements;
}

export const textOf = (value: Buffer | undefined): string => (value?.toString('utf8') ?? '').replace(/[\0 ]+$/, '');

/** A PS3.10 file around a data set. */
export function part10(dataSet: Buffer, sopClass: string, sopInstance: string, transferSyntax: string): Buffer {
  const meta = encode(
    [
      ['00020001', 'OB', Buffer.from([0, 1])],
      ['00020002', 'UI', sopClass],
      ['00020003', 'UI', sopInstance],
      ['00020010', 'UI', transferSyntax],
      ['00020012', 'UI', '1.2.3.4'],
    ],
    EXPLICIT,
  );
  const length = encode([['00020000', 'UL', meta.length]], EXPLICIT);
  return Buffer.concat([Buffer.alloc(128), Buffer.from('DICM'), length, meta, dataSet]);
}
