// PDUs and command sets, both ways (PS3.8 9.3, PS3.7 6.3): what a sender and a receiver of the benchmark share.

/** DCMTK's default, and what most modalities offer. */
export const SMALL_PDU = 16_384;
export const LARGE_PDU = 131_072;
export const APPLICATION_CONTEXT = '1.2.840.10008.3.1.1.1';
export const IMPLEMENTATION = '2.25.140736';

const P_DATA_TF = 0x04;
const COMMAND = 1;
const LAST = 2;
const NO_DATA_SET = 0x0101;

export const latin1 = (text) => Buffer.from(text, 'latin1');

export function item(type, content) {
  const head = Buffer.from([type, 0, 0, 0]);
  head.writeUInt16BE(content.length, 2);
  return Buffer.concat([head, content]);
}

export function pdu(type, content) {
  const head = Buffer.from([type, 0, 0, 0, 0, 0]);
  head.writeUInt32BE(content.length, 2);
  return Buffer.concat([head, content]);
}

/** The maximum length item of a user information item (PS3.8 D.1). */
export function maximumLength(bytes) {
  const maximum = Buffer.alloc(4);
  maximum.writeUInt32BE(bytes);
  return item(0x51, maximum);
}

/** Elements in implicit VR little endian; numbers are US, texts are padded as PS3.5 6.2 says. */
export function implicit(elements) {
  return Buffer.concat(
    elements.flatMap(([tag, value]) => {
      const bytes = implicitValue(tag, value);
      const head = Buffer.alloc(8);
      head.writeUInt16LE(tag >>> 16, 0);
      head.writeUInt16LE(tag & 0xffff, 2);
      head.writeUInt32LE(bytes.length, 4);
      return [head, bytes];
    }),
  );
}

const UIDS = new Set([0x00000002, 0x00001000, 0x00080018, 0x0020000d, 0x0020000e]);

function implicitValue(tag, value) {
  if (Buffer.isBuffer(value)) return value;
  if (typeof value === 'number') return Buffer.from([value & 0xff, value >> 8]);
  return latin1(value.length % 2 === 0 ? value : value + (UIDS.has(tag) ? '\0' : ' '));
}

/** A command set with its group length (PS3.7 6.3.1). */
export function commandSet(elements) {
  const body = implicit(elements);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(body.length);
  return Buffer.concat([implicit([[0x00000000, length]]), body]);
}

/** P-DATA-TF PDUs of one presentation data value each. */
export function dataPdus(bytes, { contextId = 1, command = false, last = true, pduLength = SMALL_PDU } = {}) {
  const size = pduLength - 6;
  const pieces = [];
  for (let at = 0; at < bytes.length; at += size) {
    const piece = bytes.subarray(at, at + size);
    const head = Buffer.alloc(12);
    head.writeUInt8(P_DATA_TF, 0);
    head.writeUInt32BE(piece.length + 6, 2);
    head.writeUInt32BE(piece.length + 2, 6);
    head.writeUInt8(contextId, 10);
    head.writeUInt8((command ? COMMAND : 0) | (last && at + size >= bytes.length ? LAST : 0), 11);
    pieces.push(head, piece);
  }
  return Buffer.concat(pieces);
}

export const uidOf = (value) => value?.toString('latin1').replace(/[\0 ]+$/, '');

/** Reads what comes without copying data sets; calls `pdu` for PDUs other than P-DATA-TF and `message` for messages. */
export class PduReader {
  #on;
  #rest;
  #pduLeft = 0;
  #valueLeft = 0;
  #contextId = 0;
  #flags = 0;
  #fragments = [];
  #command;

  /** @param {{ pdu: (type: number, content: Buffer) => void, message: (command: Map<number, Buffer>, data: Buffer[], contextId: number) => void }} on */
  constructor(on) {
    this.#on = on;
  }

  feed(chunk) {
    const bytes = this.#rest ? Buffer.concat([this.#rest, chunk]) : chunk;
    this.#rest = undefined;
    let at = 0;
    while (at < bytes.length) {
      const used = this.#valueLeft > 0 ? this.#takeValue(bytes, at) : this.#takeHead(bytes, at);
      if (used === 0) break;
      at += used;
    }
    if (at < bytes.length) this.#rest = bytes.subarray(at);
  }

  #takeValue(bytes, at) {
    const length = Math.min(this.#valueLeft, bytes.length - at);
    this.#fragments.push(bytes.subarray(at, at + length));
    this.#valueLeft -= length;
    this.#pduLeft -= length;
    if (this.#valueLeft === 0 && this.#flags & LAST) this.#endPart();
    return length;
  }

  /** Head of a PDU or of a presentation data value; 0 when more bytes are needed. */
  #takeHead(bytes, at) {
    if (bytes.length - at < 6) return 0;
    if (this.#pduLeft > 0) {
      this.#valueLeft = bytes.readUInt32BE(at) - 2;
      this.#contextId = bytes[at + 4];
      this.#flags = bytes[at + 5];
      this.#pduLeft -= 6;
      if (this.#valueLeft === 0 && this.#flags & LAST) this.#endPart();
      return 6;
    }
    const length = bytes.readUInt32BE(at + 2);
    if (bytes[at] === P_DATA_TF) {
      this.#pduLeft = length;
      return 6;
    }
    if (bytes.length - at < 6 + length) return 0;
    this.#on.pdu(bytes[at], bytes.subarray(at + 6, at + 6 + length));
    return 6 + length;
  }

  #endPart() {
    const fragments = this.#fragments;
    this.#fragments = [];
    if ((this.#flags & COMMAND) === 0) return this.#on.message(this.#command, fragments, this.#contextId);
    this.#command = readCommand(fragments.length === 1 ? fragments[0] : Buffer.concat(fragments));
    if (this.#command.get(0x0800)?.readUInt16LE() === NO_DATA_SET) this.#on.message(this.#command, [], this.#contextId);
  }
}

/** Values of a command set by element number of group 0000. */
function readCommand(bytes) {
  const values = new Map();
  for (let at = 0; at + 8 <= bytes.length; ) {
    const length = bytes.readUInt32LE(at + 4);
    values.set(bytes.readUInt16LE(at + 2), bytes.subarray(at + 8, at + 8 + length));
    at += 8 + length;
  }
  return values;
}
