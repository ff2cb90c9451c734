// A C-STORE sender on a bare socket (PS3.8 9.3, PS3.7 9.3.1). Its PDUs are made before the clock starts, so that the
// server is the limit and not the sender.
import { once } from 'node:events';
import { connect } from 'node:net';
import { EXPLICIT_LITTLE } from './dicom.mjs';

/** DCMTK's default, and what most modalities offer: small PDUs are the harder case for a receiver. */
const PDU_LENGTH = 16_384;
const APPLICATION_CONTEXT = '1.2.840.10008.3.1.1.1';
const CONTEXT_ID = 1;
const COMMAND = 1;
const LAST = 2;
const ANSWER_WITHIN_MS = 60_000;

const latin1 = (text) => Buffer.from(text, 'latin1');

function item(type, content) {
  const head = Buffer.from([type, 0, 0, 0]);
  head.writeUInt16BE(content.length, 2);
  return Buffer.concat([head, content]);
}

function pdu(type, content) {
  const head = Buffer.from([type, 0, 0, 0, 0, 0]);
  head.writeUInt32BE(content.length, 2);
  return Buffer.concat([head, content]);
}

function associateRequest(calledAe, callingAe, sopClasses) {
  const contexts = sopClasses.map((sopClass, i) =>
    item(
      0x20,
      Buffer.concat([
        Buffer.from([2 * i + CONTEXT_ID, 0, 0, 0]),
        item(0x30, latin1(sopClass)),
        item(0x40, latin1(EXPLICIT_LITTLE)),
      ]),
    ),
  );
  const maximum = Buffer.alloc(4);
  maximum.writeUInt32BE(PDU_LENGTH);
  const user = item(
    0x50,
    Buffer.concat([item(0x51, maximum), item(0x52, latin1('2.25.140736')), item(0x55, latin1('BENCH'))]),
  );
  const fixed = Buffer.concat([
    Buffer.from([0, 1, 0, 0]),
    latin1(calledAe.padEnd(16)),
    latin1(callingAe.padEnd(16)),
    Buffer.alloc(32),
  ]);
  return pdu(0x01, Buffer.concat([fixed, item(0x10, latin1(APPLICATION_CONTEXT)), ...contexts, user]));
}

/** A data element of a command set: implicit VR little endian, value of even length. */
function commandElement(tag, value) {
  const bytes =
    typeof value === 'number' ? Buffer.from([value & 0xff, value >> 8]) : latin1(value + '\0'.repeat(value.length % 2));
  const head = Buffer.alloc(8);
  head.writeUInt16LE(tag, 2);
  head.writeUInt32LE(bytes.length, 4);
  return Buffer.concat([head, bytes]);
}

function storeCommand(sopClass, sop) {
  const body = Buffer.concat([
    commandElement(0x0002, sopClass),
    commandElement(0x0100, 0x0001),
    commandElement(0x0110, 1),
    commandElement(0x0700, 0),
    commandElement(0x0800, 0x0001),
    commandElement(0x1000, sop),
  ]);
  const head = Buffer.alloc(12);
  head.writeUInt32LE(4, 4);
  head.writeUInt32LE(body.length, 8);
  return Buffer.concat([head, body]);
}

/** P-DATA-TF PDUs of one presentation data value each. */
export function dataPdus(bytes, { command = false, last = true, pduLength = PDU_LENGTH } = {}) {
  const size = pduLength - 6;
  const pieces = [];
  for (let at = 0; at < bytes.length; at += size) {
    const piece = bytes.subarray(at, at + size);
    const head = Buffer.alloc(12);
    head.writeUInt8(0x04, 0);
    head.writeUInt32BE(piece.length + 6, 2);
    head.writeUInt32BE(piece.length + 2, 6);
    head.writeUInt8(CONTEXT_ID, 10);
    head.writeUInt8((command ? COMMAND : 0) | (last && at + size >= bytes.length ? LAST : 0), 11);
    pieces.push(head, piece);
  }
  return Buffer.concat(pieces);
}

export const commandPdu = (sopClass, sop) => dataPdus(storeCommand(sopClass, sop), { command: true });

/** A whole C-STORE-RQ as it goes over the wire. */
export const storePdus = (sopClass, { sop, dataSet }) => Buffer.concat([commandPdu(sopClass, sop), dataPdus(dataSet)]);

export class StoreScu {
  #socket;
  #received = Buffer.alloc(0);
  #wake = () => undefined;
  #ended;
  #closed = new AbortController();

  static async open({ port, aeTitle }, sopClass) {
    const scu = new StoreScu();
    const socket = connect({ host: '127.0.0.1', port, noDelay: true });
    scu.#socket = socket;
    socket.on('data', (chunk) => {
      scu.#received = Buffer.concat([scu.#received, chunk]);
      scu.#wake();
    });
    socket.on('error', (error) => scu.#end(error.message));
    socket.on('close', () => scu.#end('the peer closed the connection'));
    socket.write(associateRequest(aeTitle, 'VOXBENCH', [sopClass]));
    const { type, content } = await scu.#receive();
    // Result of the first presentation context behind the 68 fixed bytes and the application context (PS3.8 9.3.3.2).
    const firstContext = 72 + content.readUInt16BE(70);
    if (type !== 0x02 || content[firstContext + 6] !== 0)
      throw new Error(`${aeTitle} did not accept the association (PDU type ${type})`);
    return scu;
  }

  /** Sends a C-STORE-RQ; resolves to the status of its response. */
  store(bytes) {
    this.#socket.write(bytes);
    return this.status();
  }

  /** Resolves when the socket takes more. */
  async write(bytes) {
    if (!this.#socket.write(bytes)) await once(this.#socket, 'drain', { signal: this.#closed.signal });
  }

  /** Status (0000,0900) of the next response. */
  async status() {
    const { type, content } = await this.#receive();
    if (type !== 0x04) throw new Error(`expected a response and got PDU type ${type}`);
    for (let at = 6; at + 10 <= content.length; at += 8 + content.readUInt32LE(at + 4))
      if (content.readUInt32LE(at) === 0x0900_0000) return content.readUInt16LE(at + 8);
    throw new Error('a response came without a status');
  }

  async release() {
    this.#socket.write(pdu(0x05, Buffer.alloc(4)));
    await this.#receive();
    this.#socket.destroy();
  }

  #end(reason) {
    this.#ended ??= reason;
    this.#closed.abort(new Error(reason));
    this.#wake();
  }

  async #receive() {
    const deadline = performance.now() + ANSWER_WITHIN_MS;
    for (;;) {
      const bytes = this.#received;
      if (bytes.length >= 6 && bytes.length >= 6 + bytes.readUInt32BE(2)) {
        const end = 6 + bytes.readUInt32BE(2);
        this.#received = bytes.subarray(end);
        return { type: bytes[0], content: bytes.subarray(6, end) };
      }
      if (this.#ended) throw new Error(this.#ended);
      if (performance.now() > deadline) throw new Error(`no answer within ${ANSWER_WITHIN_MS / 1000} s`);
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, ANSWER_WITHIN_MS);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }
}
