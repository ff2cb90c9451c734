// A storage SCP that keeps nothing: where C-MOVE sends to. It checks nothing and copies nothing, so that the sender is
// the limit.
import { createServer } from 'node:net';
import { storeResponse } from './association.mjs';
import { EXPLICIT_LITTLE } from './dicom.mjs';
import {
  APPLICATION_CONTEXT,
  IMPLEMENTATION,
  item,
  LARGE_PDU,
  latin1,
  maximumLength,
  PduReader,
  pdu,
  uidOf,
} from './pdu.mjs';

export class Receiver {
  port = 0;
  /** @type {(sop: string, pieces: Buffer[]) => void} */
  onObject = () => undefined;
  #server;
  #sockets = new Set();

  static async listen() {
    const receiver = new Receiver();
    const server = createServer({ noDelay: true }, (socket) => receiver.#serve(socket));
    receiver.#server = server;
    await new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, '127.0.0.1', resolve);
    });
    receiver.port = server.address().port;
    return receiver;
  }

  close() {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #serve(socket) {
    this.#sockets.add(socket);
    const reader = new PduReader({
      pdu: (type, content) => {
        if (type === 0x01) socket.write(accept(content));
        else if (type === 0x05) socket.write(pdu(0x06, Buffer.alloc(4)));
        else socket.destroy();
      },
      message: (command, data, contextId) => {
        if (command.get(0x0100).readUInt16LE() === 0x0001) this.onObject(uidOf(command.get(0x1000)), data);
        socket.write(storeResponse(command, contextId));
      },
    });
    socket.on('data', (chunk) => reader.feed(chunk));
    socket.on('error', () => undefined);
    socket.on('close', () => this.#sockets.delete(socket));
  }
}

/** Accepts every presentation context: explicit little endian where it is offered, what comes first where not. */
function accept(request) {
  const contexts = [];
  for (let at = 68; at + 4 <= request.length; at += 4 + request.readUInt16BE(at + 2)) {
    if (request[at] !== 0x20) continue;
    const end = at + 4 + request.readUInt16BE(at + 2);
    const offered = [];
    for (let inner = at + 8; inner < end; inner += 4 + request.readUInt16BE(inner + 2))
      if (request[inner] === 0x40)
        offered.push(request.toString('latin1', inner + 4, inner + 4 + request.readUInt16BE(inner + 2)));
    const transferSyntax = offered.includes(EXPLICIT_LITTLE) ? EXPLICIT_LITTLE : offered[0];
    contexts.push(
      item(0x21, Buffer.concat([Buffer.from([request[at + 4], 0, 0, 0]), item(0x40, latin1(transferSyntax))])),
    );
  }
  const user = item(0x50, Buffer.concat([maximumLength(LARGE_PDU), item(0x52, latin1(IMPLEMENTATION))]));
  return pdu(
    0x02,
    Buffer.concat([request.subarray(0, 68), item(0x10, latin1(APPLICATION_CONTEXT)), ...contexts, user]),
  );
}
