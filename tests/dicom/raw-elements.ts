/** Data elements byte by byte, for data that no writer of ours would write. */

/** An explicit VR little endian element with a 16-bit length (PS3.5 Table 7.1-2). */
export function short(tag: string, vr: string, value: string | Uint8Array, length?: number): Buffer {
  const bytes = bytesOf(value);
  const head = Buffer.alloc(8);
  putTag(head, tag);
  head.write(vr, 4, 'latin1');
  head.writeUInt16LE(length ?? bytes.length, 6);
  return Buffer.concat([head, bytes]);
}

/** An explicit VR little endian element with a 32-bit length (PS3.5 Table 7.1-1). */
export function long(tag: string, vr: string, value: string | Uint8Array, length?: number): Buffer {
  const bytes = bytesOf(value);
  const head = Buffer.alloc(12);
  putTag(head, tag);
  head.write(vr, 4, 'latin1');
  head.writeUInt32LE(length ?? bytes.length, 8);
  return Buffer.concat([head, bytes]);
}

/** An implicit VR little endian element (PS3.5 Table 7.1-3); items and delimitation items look the same anywhere. */
export function implicit(tag: string, value: string | Uint8Array, length?: number): Buffer {
  const bytes = bytesOf(value);
  const head = Buffer.alloc(8);
  putTag(head, tag);
  head.writeUInt32LE(length ?? bytes.length, 4);
  return Buffer.concat([head, bytes]);
}

/** An explicit VR big endian element with a 16-bit length (PS3.5 Annex A.3). */
export function bigEndian(tag: string, vr: string, value: string | Uint8Array): Buffer {
  const bytes = bytesOf(value);
  const head = Buffer.from(`${tag}00000000`, 'hex');
  head.write(vr, 4, 'latin1');
  head.writeUInt16BE(bytes.length, 6);
  return Buffer.concat([head, bytes]);
}

export const UNDEFINED = 0xffffffff;

export function item(...content: readonly Uint8Array[]): Buffer {
  return implicit('FFFEE000', Buffer.concat(content));
}

export function openItem(...content: readonly Uint8Array[]): Buffer {
  return Buffer.concat([implicit('FFFEE000', '', UNDEFINED), ...content, implicit('FFFEE00D', '')]);
}

export const END_OF_SEQUENCE = implicit('FFFEE0DD', '');

/** Preamble, prefix and a File Meta Information that holds the transfer syntax alone. */
export function part10(transferSyntaxUid: string, ...content: readonly Uint8Array[]): Buffer {
  const syntax = short('00020010', 'UI', `${transferSyntaxUid}${transferSyntaxUid.length % 2 === 1 ? '\0' : ''}`);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(syntax.length);
  return Buffer.concat([Buffer.alloc(128), Buffer.from('DICM'), short('00020000', 'UL', length), syntax, ...content]);
}

export function us(tag: string, ...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 2);
  for (const [index, value] of values.entries()) bytes.writeUInt16LE(value, index * 2);
  return short(tag, 'US', bytes);
}

function bytesOf(value: string | Uint8Array): Uint8Array {
  return typeof value === 'string' ? Buffer.from(value, 'latin1') : value;
}

function putTag(head: Buffer, tag: string): void {
  head.writeUInt16LE(Number.parseInt(tag.slice(0, 4), 16), 0);
  head.writeUInt16LE(Number.parseInt(tag.slice(4), 16), 2);
}
