// A DIMSE requestor on a bare socket (PS3.8 9.3, PS3.7 9.3). Messages may be made before the clock starts, so that the
// server is the limit and not the sender.
import { once } from 'node:events';
import { connect } from 'node:net';
import { EXPLICIT_LITTLE } from './dicom.mjs';
import {
  APPLICATION_CONTEXT,
  commandSet,
  dataPdus,
  IMPLEMENTATION,
  implicit,
  item,
  LARGE_PDU,
  latin1,
  maximumLength,
  PduReader,
  pdu,
  SMALL_PDU,
  uidOf,
} from './pdu.mjs';

export const AE_TITLE = 'VOXBENCH';
export const STUDY_ROOT = {
  find: '1.2.840.10008.5.1.4.1.2.2.1',
  move: '1.2.840.10008.5.1.4.1.2.2.2',
  get: '1.2.840.10008.5.1.4.1.2.2.3',
};
export const IMPLICIT_LITTLE = '1.2.840.10008.1.2';
const ANSWER_WITHIN_MS = 120_000;
const PENDING = 0xff00;

/** The command of a C-STORE-RQ as it goes over the wire. */
export const storeCommandPdu = (sopClass, sop) =>
  dataPdus(
    commandSet([
      [0x00000002, sopClass],
      [0x00000100, 0x0001],
      [0x00000110, 1],
      [0x00000700, 0],
      [0x00000800, 0x0001],
      [0x00001000, sop],
    ]),
    { command: true },
  );

/** A whole C-STORE-RQ as it goes over the wire. */
export const storePdus = (sopClass, { sop, dataSet }, pduLength) =>
  Buffer.concat([storeCommandPdu(sopClass, sop), dataPdus(dataSet, { pduLength })]);

/** @typedef {{ sopClass: string, transferSyntax?: string, asScp?: boolean }} Context */

export class Association {
  /** What the peer takes, at most 128 KiB. */
  pduLength = SMALL_PDU;
  #socket;
  #contexts;
  #ended;
  #settle;
  #onMessage = () => undefined;
  #closed = new AbortController();

  /**
   * @param {{ port: number, aeTitle: string }} server
   * @param {readonly Context[]} contexts
   */
  static async open({ port, aeTitle }, contexts) {
    const association = new Association();
    association.#contexts = contexts.map((context, i) => ({
      transferSyntax: EXPLICIT_LITTLE,
      ...context,
      id: 2 * i + 1,
    }));
    const socket = connect({ host: '127.0.0.1', port, noDelay: true });
    association.#socket = socket;
    const reader = new PduReader({
      pdu: (type, content) => association.#settle?.resolve({ type, content: Buffer.from(content) }),
      message: (command, data, contextId) => association.#onMessage(command, data, contextId),
    });
    socket.on('data', (chunk) => reader.feed(chunk));
    socket.on('error', (error) => association.#end(error.message));
    socket.on('close', () => association.#end('the peer closed the connection'));
    socket.write(association.#request(aeTitle));
    association.#accept(aeTitle, await association.#wait());
    return association;
  }

  #request(calledAe) {
    const contexts = this.#contexts.map(({ id, sopClass, transferSyntax }) =>
      item(
        0x20,
        Buffer.concat([Buffer.from([id, 0, 0, 0]), item(0x30, latin1(sopClass)), item(0x40, latin1(transferSyntax))]),
      ),
    );
    // SCP role only (PS3.7 D.3.3.4): for the C-STOREs of a C-GET.
    const roles = this.#contexts
      .filter(({ asScp }) => asScp)
      .map(({ sopClass }) => {
        const length = Buffer.alloc(2);
        length.writeUInt16BE(sopClass.length);
        return item(0x54, Buffer.concat([length, latin1(sopClass), Buffer.from([0, 1])]));
      });
    const user = [maximumLength(SMALL_PDU), item(0x52, latin1(IMPLEMENTATION)), ...roles, item(0x55, latin1('BENCH'))];
    const fixed = Buffer.concat([
      Buffer.from([0, 1, 0, 0]),
      latin1(calledAe.padEnd(16)),
      latin1(AE_TITLE.padEnd(16)),
      Buffer.alloc(32),
    ]);
    const application = item(0x10, latin1(APPLICATION_CONTEXT));
    return pdu(0x01, Buffer.concat([fixed, application, ...contexts, item(0x50, Buffer.concat(user))]));
  }

  #accept(aeTitle, { type, content }) {
    if (type !== 0x02) throw new Error(`${aeTitle} did not accept the association (PDU type ${type})`);
    const accepted = new Set();
    for (let at = 68; at + 4 <= content.length; at += 4 + content.readUInt16BE(at + 2)) {
      if (content[at] === 0x21 && content[at + 6] === 0) accepted.add(content[at + 4]);
      if (content[at] === 0x50) this.pduLength = Math.min(maximumIn(content.subarray(at + 4)) || LARGE_PDU, LARGE_PDU);
    }
    const refused = this.#contexts.find(({ id }) => !accepted.has(id));
    if (refused) throw new Error(`${aeTitle} did not accept ${refused.sopClass} in ${refused.transferSyntax}`);
  }

  /** Sends a C-STORE-RQ, or the rest of one; resolves to the status of its response. */
  async store(bytes) {
    const answer = this.#answer();
    this.#socket.write(bytes);
    return (await answer).readUInt16LE();
  }

  /** Resolves when the socket takes more. */
  async write(bytes) {
    if (!this.#socket.write(bytes)) await once(this.#socket, 'drain', { signal: this.#closed.signal });
  }

  /** @returns {Promise<Buffer[]>} identifiers of the matches */
  async find(keys) {
    const matches = [];
    const status = await this.#ask(0x0020, STUDY_ROOT.find, [], keys, (_command, data) =>
      matches.push(data.length === 1 ? data[0] : Buffer.concat(data)),
    );
    if (status !== 0) throw new Error(`C-FIND ended with status ${hex(status)}`);
    return matches;
  }

  /** @param {(sop: string, pieces: Buffer[]) => void} onObject */
  async get(keys, onObject) {
    const status = await this.#ask(0x0010, STUDY_ROOT.get, [], keys, (command, data, contextId) => {
      if (command.get(0x0100).readUInt16LE() !== 0x0001) return;
      onObject(uidOf(command.get(0x1000)), data);
      this.#socket.write(storeResponse(command, contextId));
    });
    if (status !== 0) throw new Error(`C-GET ended with status ${hex(status)}`);
  }

  async move(destination, keys) {
    const status = await this.#ask(0x0021, STUDY_ROOT.move, [[0x00000600, destination]], keys, () => undefined);
    if (status !== 0) throw new Error(`C-MOVE ended with status ${hex(status)}`);
  }

  async release() {
    const answer = this.#wait();
    this.#socket.write(pdu(0x05, Buffer.alloc(4)));
    await answer;
    this.#socket.destroy();
  }

  /** Status of the last response; whatever comes before it is `meanwhile`'s. */
  async #ask(commandField, sopClass, extra, keys, meanwhile) {
    const contextId = this.#contexts.find((context) => context.sopClass === sopClass).id;
    const command = commandSet([
      [0x00000002, sopClass],
      [0x00000100, commandField],
      [0x00000110, 1],
      ...extra,
      [0x00000700, 0],
      [0x00000800, 0x0001],
    ]);
    const answer = this.#answer(meanwhile);
    this.#socket.write(
      Buffer.concat([dataPdus(command, { contextId, command: true }), dataPdus(implicit(keys), { contextId })]),
    );
    return (await answer).readUInt16LE();
  }

  /** Resolves to the status element of the response that ends an operation. */
  #answer(meanwhile = () => undefined) {
    const answer = this.#wait();
    this.#onMessage = (command, data, contextId) => {
      const status = command.get(0x0900);
      if (status && (status.readUInt16LE() & 0xff00) !== PENDING) this.#settle?.resolve(status);
      else meanwhile(command, data, contextId);
    };
    return answer;
  }

  #wait() {
    return new Promise((resolve, reject) => {
      if (this.#ended) return reject(new Error(this.#ended));
      const timer = setTimeout(() => {
        this.#end(`no answer within ${ANSWER_WITHIN_MS / 1000} s`);
        this.#socket.destroy();
      }, ANSWER_WITHIN_MS);
      const over = (settle) => (value) => {
        clearTimeout(timer);
        this.#settle = undefined;
        settle(value);
      };
      this.#settle = { resolve: over(resolve), reject: over(reject) };
    });
  }

  #end(reason) {
    this.#ended ??= reason;
    this.#closed.abort(new Error(this.#ended));
    this.#settle?.reject(new Error(this.#ended));
  }
}

/** The maximum length of user information (PS3.8 D.1); 0 for no limit. */
function maximumIn(items) {
  for (let at = 0; at + 8 <= items.length; at += 4 + items.readUInt16BE(at + 2))
    if (items[at] === 0x51) return items.readUInt32BE(at + 4);
  return 0;
}

/** C-STORE-RSP with status Success for a C-STORE-RQ. */
export function storeResponse(command, contextId) {
  const response = commandSet([
    [0x00000002, command.get(0x0002)],
    [0x00000100, 0x8001],
    [0x00000120, command.get(0x0110)],
    [0x00000800, 0x0101],
    [0x00000900, 0],
    [0x00001000, command.get(0x1000)],
  ]);
  return dataPdus(response, { contextId, command: true });
}

export const hex = (status) => `${status.toString(16).toUpperCase().padStart(4, '0')}H`;
