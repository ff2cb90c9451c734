import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import { onTestFinished } from 'vitest';
import { dataset } from '../../src/dicom/build.ts';
import type { JsonDataset } from '../../src/dicom/dataset.ts';
import { bufferSource, parseDataSet } from '../../src/dicom/parse.ts';
import { encodeDataSet } from '../../src/dicom/write.ts';

/**
 * A service class user that writes its own bytes, so that a test decides how they are cut and when they come.
 * PS3.8 9.3 for the PDUs, PS3.7 for the commands.
 */
export const IMPLICIT = '1.2.840.10008.1.2';
export const EXPLICIT = '1.2.840.10008.1.2.1';

export interface Proposal {
  readonly abstractSyntax: string;
  readonly transferSyntaxes: readonly string[];
}

const text = (value: string): Buffer => Buffer.from(value, 'latin1');

function item(type: number, content: Buffer): Buffer {
  const head = Buffer.from([type, 0, 0, 0]);
  head.writeUInt16BE(content.length, 2);
  return Buffer.concat([head, content]);
}

export function pdu(type: number, content: Buffer): Buffer {
  const head = Buffer.from([type, 0, 0, 0, 0, 0]);
  head.writeUInt32BE(content.length, 2);
  return Buffer.concat([head, content]);
}

/** One presentation data value as an item of a P-DATA-TF. */
export function pdv(contextId: number, control: number, data: Buffer): Buffer {
  const head = Buffer.from([0, 0, 0, 0, contextId, control]);
  head.writeUInt32BE(data.length + 2, 0);
  return Buffer.concat([head, data]);
}

export const pData = (...values: Buffer[]): Buffer => pdu(0x04, Buffer.concat(values));

export interface AssociateOptions {
  readonly called?: string;
  readonly calling?: string;
  /** What we say we take in one PDU. */
  readonly maxPduLength?: number;
  /** Further user information items. */
  readonly items?: readonly Buffer[];
  /** Address to call from. */
  readonly from?: string;
  readonly tls?: ConnectionOptions;
}

/** An A-ASSOCIATE-RQ. */
export function associateRequest(
  called: string,
  calling: string,
  proposals: readonly Proposal[],
  { maxPduLength = 16_384, items = [] }: AssociateOptions = {},
): Buffer {
  const contexts = proposals.map(({ abstractSyntax, transferSyntaxes }, i) =>
    item(
      0x20,
      Buffer.concat([
        Buffer.from([2 * i + 1, 0, 0, 0]),
        item(0x30, text(abstractSyntax)),
        ...transferSyntaxes.map((uid) => item(0x40, text(uid))),
      ]),
    ),
  );
  const maximum = Buffer.alloc(4);
  maximum.writeUInt32BE(maxPduLength);
  const user = item(
    0x50,
    Buffer.concat([item(0x51, maximum), item(0x52, text('1.2.3.4')), item(0x55, text('RAW')), ...items]),
  );
  const fixed = Buffer.concat([
    Buffer.from([0, 1, 0, 0]),
    text(called.padEnd(16)),
    text(calling.padEnd(16)),
    Buffer.alloc(32),
  ]);
  return pdu(0x01, Buffer.concat([fixed, item(0x10, text('1.2.840.10008.3.1.1.1')), ...contexts, user]));
}

/** A command set (PS3.7 6.3): implicit VR little endian with its group length. */
export function command(fields: Parameters<typeof dataset>[0]): Buffer {
  const body = encodeDataSet(dataset(fields), { transferSyntaxUid: IMPLICIT });
  const head = Buffer.alloc(12);
  head.writeUInt32LE(4, 4);
  head.writeUInt32LE(body.length, 8);
  return Buffer.concat([head, body]);
}

export const storeCommand = (sopClass: string, sopInstance: string, messageId = 1): Buffer =>
  command({
    AffectedSOPClassUID: sopClass,
    CommandField: 0x0001,
    MessageID: messageId,
    Priority: 0,
    CommandDataSetType: 1,
    AffectedSOPInstanceUID: sopInstance,
  });

export interface ReceivedPdu {
  readonly type: number;
  readonly content: Buffer;
}

export class RawScu {
  readonly socket: Socket;
  #bytes: Buffer = Buffer.alloc(0);
  #wake: () => void = () => undefined;
  closed = false;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => {
      this.#bytes = Buffer.concat([this.#bytes, chunk]);
      this.#wake();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.closed = true;
      this.#wake();
    });
  }

  static async connect(port: number, { from, tls }: Pick<AssociateOptions, 'from' | 'tls'> = {}): Promise<RawScu> {
    const place = { host: '127.0.0.1', port, ...(from === undefined ? {} : { localAddress: from }) };
    const socket = tls ? connectTls({ ...tls, ...place }) : connect(place);
    onTestFinished(() => void socket.destroy());
    await once(socket, tls ? 'secureConnect' : 'connect');
    return new RawScu(socket);
  }

  /** Connects and associates; resolves to the answer, accepted or not. */
  static async associate(
    port: number,
    proposals: readonly Proposal[],
    options: AssociateOptions = {},
  ): Promise<{ scu: RawScu; answer: ReceivedPdu }> {
    const scu = await RawScu.connect(port, options);
    const { called = 'VOXGATE', calling = 'RAWSCU' } = options;
    scu.send(associateRequest(called, calling, proposals, options));
    return { scu, answer: await scu.receive() };
  }

  send(...bytes: Buffer[]): boolean {
    return this.socket.write(Buffer.concat(bytes));
  }

  /** The next PDU; a closed connection gives type 0. */
  async receive(): Promise<ReceivedPdu> {
    for (;;) {
      if (this.#bytes.length >= 6 && this.#bytes.length >= 6 + this.#bytes.readUInt32BE(2)) {
        const end = 6 + this.#bytes.readUInt32BE(2);
        const whole = this.#bytes.subarray(0, end);
        this.#bytes = this.#bytes.subarray(end);
        return { type: whole.readUInt8(0), content: whole.subarray(6) };
      }
      if (this.closed) return { type: 0, content: Buffer.alloc(0) };
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** The next command of the peer. */
  async receiveCommand(): Promise<JsonDataset> {
    const { type, content } = await this.receive();
    if (type !== 0x04) throw new Error(`expected P-DATA-TF and got PDU type ${type}`);
    return parseDataSet(bufferSource(content.subarray(6)), { transferSyntaxUid: IMPLICIT }).dataset;
  }

  async release(): Promise<ReceivedPdu> {
    this.send(pdu(0x05, Buffer.alloc(4)));
    return this.receive();
  }

  destroy(): void {
    this.socket.destroy();
  }
}

/** Which presentation contexts an A-ASSOCIATE-AC accepts, by result (PS3.8 Table 9-18). */
export function contextResults({ content }: ReceivedPdu): number[] {
  const results: number[] = [];
  for (let at = 68; at + 4 <= content.length; at += 4 + content.readUInt16BE(at + 2)) {
    if (content.readUInt8(at) === 0x21) results.push(content.readUInt8(at + 6));
  }
  return results;
}
