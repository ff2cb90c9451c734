import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import type { JsonDataset } from '../../src/dicom/dataset.ts';
import { bufferSource, parseDataSet } from '../../src/dicom/parse.ts';
import { number, text } from '../../src/dicom/read-values.ts';
import { command, IMPLICIT, pData, pdu, pdv } from './raw-scu.ts';

/** A request that came in on an association that the node opened. */
export interface ReceivedRequest {
  readonly command: JsonDataset;
  readonly dataSet: JsonDataset;
  /** The role selection items of the association, as they were proposed: SOP class, SCU role, SCP role. */
  readonly roles: readonly (readonly [string, number, number])[];
}

/** What the listener answers to a request: a status, and further data sets before it for a query. */
export type Responder = (request: ReceivedRequest) => {
  readonly status: number;
  readonly pending?: readonly Buffer[];
  /** A request of its own that it makes after its response, on the same association. */
  readonly afterwards?: readonly Buffer[];
};

/**
 * The acceptor of associations, written by hand: accepts every context in its last transfer syntax and every role that is
 * asked for, answers each request as the test says, keeps what came.
 */
export class RawListener {
  readonly received: ReceivedRequest[] = [];
  readonly #server = createServer((socket) => this.#serve(socket));
  readonly #sockets = new Set<Socket>();
  readonly #respond: Responder;
  port = 0;

  constructor(respond: Responder) {
    this.#respond = respond;
  }

  static async open(respond: Responder = () => ({ status: 0 }), port = 0): Promise<RawListener> {
    const listener = new RawListener(respond);
    listener.#server.listen(port, '127.0.0.1');
    await once(listener.#server, 'listening');
    const address = listener.#server.address();
    listener.port = typeof address === 'object' && address ? address.port : 0;
    onTestFinished(() => listener.close());
    return listener;
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }

  /** The first requests, once so many have come. */
  async requests(count: number, seconds = 20): Promise<readonly ReceivedRequest[]> {
    const until = Date.now() + seconds * 1000;
    while (this.received.length < count) {
      if (Date.now() > until) throw new Error(`${this.received.length} of ${count} requests came within ${seconds} s`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return this.received;
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => undefined);
    let bytes: Buffer = Buffer.alloc(0);
    const state: State = { roles: [], syntaxes: new Map(), command: undefined, pieces: [] };
    socket.on('data', (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
      while (bytes.length >= 6 && bytes.length >= 6 + bytes.readUInt32BE(2)) {
        const end = 6 + bytes.readUInt32BE(2);
        const [type, content] = [bytes.readUInt8(0), bytes.subarray(6, end)];
        bytes = bytes.subarray(end);
        if (type === 0x01) socket.write(accept(content, state));
        if (type === 0x04) this.#takeData(socket, content, state);
        if (type === 0x05) socket.end(pdu(0x06, Buffer.alloc(4)));
      }
    });
  }

  #takeData(socket: Socket, content: Buffer, state: State): void {
    for (let at = 0; at < content.length; ) {
      const length = content.readUInt32BE(at);
      const [contextId, control] = [content.readUInt8(at + 4), content.readUInt8(at + 5)];
      state.pieces.push(content.subarray(at + 6, at + 4 + length));
      at += 4 + length;
      if ((control & 2) === 0) continue;
      const transferSyntaxUid = (control & 1) === 1 ? IMPLICIT : (state.syntaxes.get(contextId) ?? IMPLICIT);
      const whole = parseDataSet(bufferSource(Buffer.concat(state.pieces)), { transferSyntaxUid }).dataset;
      state.pieces = [];
      if ((control & 1) === 1) state.command = whole;
      const done = (control & 1) === 0 || number(whole, 'CommandDataSetType') === 0x0101;
      if (!done || !state.command) continue;
      const request = { command: state.command, dataSet: (control & 1) === 0 ? whole : {}, roles: state.roles };
      state.command = undefined;
      // A response to a request of the listener's own, and C-CANCEL-RQ, are not answered.
      const field = number(request.command, 'CommandField') ?? 0;
      this.received.push(request);
      if ((field & 0x8000) === 0 && field !== 0x0fff) this.#answer(socket, contextId, request);
    }
  }

  #answer(socket: Socket, contextId: number, request: ReceivedRequest): void {
    const { status, pending = [], afterwards = [] } = this.#respond(request);
    const response = (value: number, hasDataSet: boolean): Buffer =>
      command({
        AffectedSOPClassUID:
          text(request.command, 'AffectedSOPClassUID') ?? text(request.command, 'RequestedSOPClassUID'),
        CommandField: (number(request.command, 'CommandField') ?? 0) | 0x8000,
        MessageIDBeingRespondedTo: number(request.command, 'MessageID'),
        CommandDataSetType: hasDataSet ? 1 : 0x0101,
        Status: value,
      });
    for (const dataSet of pending)
      socket.write(
        Buffer.concat([pData(pdv(contextId, 3, response(0xff00, true))), pData(pdv(contextId, 2, dataSet))]),
      );
    socket.write(pData(pdv(contextId, 3, response(status, false))));
    for (const [i, message] of afterwards.entries()) socket.write(pData(pdv(contextId, i % 2 === 0 ? 3 : 2, message)));
  }
}

interface State {
  readonly roles: [string, number, number][];
  /** Transfer syntax by presentation context ID. */
  readonly syntaxes: Map<number, string>;
  command: JsonDataset | undefined;
  pieces: Buffer[];
}

function* itemsOf(content: Buffer, start: number): Generator<{ type: number; value: Buffer }> {
  for (let at = start; at + 4 <= content.length; at += 4 + content.readUInt16BE(at + 2))
    yield { type: content.readUInt8(at), value: content.subarray(at + 4, at + 4 + content.readUInt16BE(at + 2)) };
}

function item(type: number, value: Buffer): Buffer {
  const head = Buffer.from([type, 0, 0, 0]);
  head.writeUInt16BE(value.length, 2);
  return Buffer.concat([head, value]);
}

/** The A-ASSOCIATE-AC to a request (PS3.8 9.3.3). */
function accept(request: Buffer, { roles, syntaxes }: State): Buffer {
  const parts: Buffer[] = [];
  for (const { type, value } of itemsOf(request, 68)) {
    if (type === 0x10) parts.push(item(0x10, value));
    if (type === 0x20) {
      const last = [...itemsOf(value, 4)].at(-1)?.value.toString('latin1').replace(/\0$/, '') ?? IMPLICIT;
      syntaxes.set(value.readUInt8(0), last);
      const answer = Buffer.concat([Buffer.from([value.readUInt8(0), 0, 0, 0]), item(0x40, Buffer.from(last))]);
      parts.push(item(0x21, answer));
    }
    if (type !== 0x50) continue;
    const granted: Buffer[] = [];
    for (const one of itemsOf(value, 0)) {
      if (one.type !== 0x54) continue;
      const length = one.value.readUInt16BE(0);
      roles.push([
        one.value.toString('latin1', 2, 2 + length),
        one.value.readUInt8(2 + length),
        one.value.readUInt8(3 + length),
      ]);
      granted.push(item(0x54, one.value));
    }
    const maximum = Buffer.from([0, 0, 0x40, 0]);
    parts.push(item(0x50, Buffer.concat([item(0x51, maximum), item(0x52, Buffer.from('1.2.3.5')), ...granted])));
  }
  return pdu(0x02, Buffer.concat([request.subarray(0, 68), ...parts]));
}
