import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { decodeImplicit, type Element, encode, IMPLICIT } from './data-set.ts';

/** A service class user of the suite's own: PS3.8 Section 9.3 for the PDUs, PS3.7 Section 9.3 for the messages. */
export interface Proposal {
  readonly abstractSyntax: string;
  readonly transferSyntaxes: readonly string[];
}

/** What the peer made of a presentation context (PS3.8 Table 9-18): 0 is accepted. */
export interface Answered {
  readonly result: number;
  readonly transferSyntax: string;
}

export interface Message {
  readonly command: ReadonlyMap<string, Buffer>;
  readonly dataSet: Buffer | undefined;
}

export interface DimseAddress {
  readonly aeTitle: string;
  readonly host: string;
  readonly port: number;
}

/** `dicom://AET@host:port` */
export function parseDimseUrl(text: string): DimseAddress {
  const { protocol, username, hostname, port } = new URL(text);
  if (protocol !== 'dicom:' || username === '' || port === '')
    throw new Error('VOXGATE_DIMSE_URL must be dicom://AET@host:port');
  return { aeTitle: decodeURIComponent(username), host: hostname, port: Number(port) };
}

const ASSOCIATE_RQ = 1;
const ASSOCIATE_AC = 2;
const P_DATA = 4;
const RELEASE_RQ = 5;
const RELEASE_RP = 6;
const LARGEST_PDV = 16_000;
const NO_DATA_SET = 0x0101;

export class Association {
  readonly #socket: Socket;
  readonly #answered: ReadonlyMap<number, Answered>;
  #messageId = 0;

  private constructor(socket: Socket, answered: ReadonlyMap<number, Answered>) {
    this.#socket = socket;
    this.#answered = answered;
  }

  static async request({ aeTitle, host, port }: DimseAddress, proposals: readonly Proposal[]): Promise<Association> {
    const socket = connect({ port, host, noDelay: true });
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    socket.write(pdu(ASSOCIATE_RQ, associateRequest(aeTitle, proposals)));
    const { type, content } = await receive(socket);
    if (type !== ASSOCIATE_AC) throw new Error(`the association was answered with PDU type ${type}`);
    return new Association(socket, answers(content));
  }

  /** By the number of the proposal, from 0. */
  answer(proposal: number): Answered {
    const answered = this.#answered.get(2 * proposal + 1);
    if (!answered) throw new Error(`proposal ${proposal} was not answered`);
    return answered;
  }

  /** Sends a request on the context of that proposal and gives back all messages up to the final one. */
  async ask(proposal: number, command: readonly Element[], dataSet?: Buffer): Promise<Message[]> {
    this.#messageId += 1;
    const whole: Element[] = [
      ...command,
      ['00000110', 'US', this.#messageId],
      ['00000800', 'US', dataSet === undefined ? NO_DATA_SET : 1],
    ];
    const body = encode(whole, IMPLICIT);
    const bytes = Buffer.concat([encode([['00000000', 'UL', body.length]], IMPLICIT), body]);
    this.#send(2 * proposal + 1, 1, bytes);
    if (dataSet !== undefined) this.#send(2 * proposal + 1, 0, dataSet);
    const messages: Message[] = [];
    for (;;) {
      const message = await this.#receiveMessage();
      messages.push(message);
      if (!isPending(statusOf(message))) return messages;
    }
  }

  /** A-RELEASE; resolves when the peer has agreed. */
  async release(): Promise<void> {
    this.#socket.write(pdu(RELEASE_RQ, Buffer.alloc(4)));
    const { type } = await receive(this.#socket);
    this.#socket.destroy();
    if (type !== RELEASE_RP) throw new Error(`the release was answered with PDU type ${type}`);
  }

  #send(contextId: number, isCommand: 0 | 1, bytes: Buffer): void {
    for (let at = 0; at === 0 || at < bytes.length; at += LARGEST_PDV) {
      const piece = bytes.subarray(at, at + LARGEST_PDV);
      const last = at + LARGEST_PDV >= bytes.length ? 2 : 0;
      const head = Buffer.from([0, 0, 0, 0, contextId, isCommand | last]);
      head.writeUInt32BE(piece.length + 2, 0);
      this.#socket.write(pdu(P_DATA, Buffer.concat([head, piece])));
    }
  }

  async #receiveMessage(): Promise<Message> {
    const command = decodeImplicit(await this.#receiveWhole());
    const hasDataSet = command.get('00000800')?.readUInt16LE(0) !== NO_DATA_SET;
    return { command, dataSet: hasDataSet ? await this.#receiveWhole() : undefined };
  }

  /** Fragments of one command or data set: the suite's peer sends one value a PDU or several. */
  async #receiveWhole(): Promise<Buffer> {
    const pieces: Buffer[] = [];
    for (;;) {
      if (this.#values.length === 0) {
        const { type, content } = await receive(this.#socket);
        if (type !== P_DATA) throw new Error(`expected P-DATA-TF and got PDU type ${type}`);
        for (let at = 0; at < content.length; at += 4 + content.readUInt32BE(at))
          this.#values.push(content.subarray(at + 5, at + 4 + content.readUInt32BE(at)));
      }
      const value = this.#values.shift()!;
      pieces.push(value.subarray(1));
      if ((value[0]! & 2) !== 0) return Buffer.concat(pieces);
    }
  }
  readonly #values: Buffer[] = [];
}

export function statusOf({ command }: Message): number {
  return command.get('00000900')?.readUInt16LE(0) ?? -1;
}

const isPending = (status: number): boolean => status === 0xff00 || status === 0xff01;

function item(type: number, content: Buffer): Buffer {
  const head = Buffer.from([type, 0, 0, 0]);
  head.writeUInt16BE(content.length, 2);
  return Buffer.concat([head, content]);
}

function pdu(type: number, content: Buffer): Buffer {
  const head = Buffer.from([type, 0, 0, 0, 0, 0]);
  head.writeUInt32BE(content.length, 2);
  return Buffer.concat([head, content]);
}

const ascii = (text: string): Buffer => Buffer.from(text, 'latin1');

function associateRequest(called: string, proposals: readonly Proposal[]): Buffer {
  const contexts = proposals.map(({ abstractSyntax, transferSyntaxes }, i) =>
    item(
      0x20,
      Buffer.concat([
        Buffer.from([2 * i + 1, 0, 0, 0]),
        item(0x30, ascii(abstractSyntax)),
        ...transferSyntaxes.map((uid) => item(0x40, ascii(uid))),
      ]),
    ),
  );
  const maximum = Buffer.alloc(4);
  maximum.writeUInt32BE(65_536);
  const user = item(0x50, Buffer.concat([item(0x51, maximum), item(0x52, ascii('1.2.3.4'))]));
  const titles = ascii(called.padEnd(16) + 'CONFORMANCE'.padEnd(16));
  return Buffer.concat([
    Buffer.from([0, 1, 0, 0]),
    titles,
    Buffer.alloc(32),
    item(0x10, ascii('1.2.840.10008.3.1.1.1')),
    ...contexts,
    user,
  ]);
}

function answers(content: Buffer): Map<number, Answered> {
  const answered = new Map<number, Answered>();
  for (let at = 68; at + 4 <= content.length; ) {
    const length = content.readUInt16BE(at + 2);
    if (content[at] === 0x21) {
      const transferSyntax = content.toString('latin1', at + 12, at + 4 + length).replace(/\0$/, '');
      answered.set(content[at + 4]!, { result: content[at + 6]!, transferSyntax });
    }
    at += 4 + length;
  }
  return answered;
}

/** Something to read, or the end. */
function news(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const wake = (): void => {
      socket.off('readable', wake).off('close', wake);
      resolve();
    };
    socket.on('readable', wake).on('close', wake);
  });
}

const left = new WeakMap<Socket, Buffer>();

async function receive(socket: Socket): Promise<{ type: number; content: Buffer }> {
  let bytes = left.get(socket) ?? Buffer.alloc(0);
  while (bytes.length < 6 || bytes.length < 6 + bytes.readUInt32BE(2)) {
    const chunk: Buffer | null = socket.read();
    if (chunk !== null) bytes = Buffer.concat([bytes, chunk]);
    else if (socket.readableEnded || socket.destroyed) throw new Error('the peer closed the connection');
    else await news(socket);
  }
  const end = 6 + bytes.readUInt32BE(2);
  left.set(socket, bytes.subarray(end));
  return { type: bytes[0]!, content: bytes.subarray(6, end) };
}
