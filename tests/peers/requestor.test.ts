import { createServer, type Socket } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { CT_IMAGE_STORAGE, VERIFICATION } from '../../src/dicom/sop-classes.ts';
import { encodeCommand } from '../../src/network/command-set.ts';
import { readUserItems, type UserItems } from '../../src/network/negotiation.ts';
import { openAssociation, type RequestorAssociation, type RequestorOptions } from '../../src/peers/requestor.ts';
import { EXPLICIT, IMPLICIT, pData, pdu, pdv } from '../support/raw-scu.ts';

/** An acceptor that writes its own bytes. `take` is told of every PDU. */
async function anAcceptor(take: (socket: Socket, type: number, bytes: Buffer) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    let bytes = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
      while (bytes.length >= 6 && bytes.length >= 6 + bytes.readUInt32BE(2)) {
        const whole = bytes.subarray(0, 6 + bytes.readUInt32BE(2));
        bytes = bytes.subarray(whole.length);
        take(socket, whole[0]!, whole);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address();
  return typeof address === 'object' && address ? address.port : 0;
}

const item = (type: number, content: Buffer): Buffer => {
  const head = Buffer.from([type, 0, 0, 0]);
  head.writeUInt16BE(content.length, 2);
  return Buffer.concat([head, content]);
};

/** A-ASSOCIATE-AC that accepts the first context in one syntax, with further user items. */
function acceptance(request: Buffer, { maxLength = 16384, items = [] as Buffer[], syntax = IMPLICIT } = {}): Buffer {
  const maximum = Buffer.alloc(4);
  maximum.writeUInt32BE(maxLength);
  const content = Buffer.concat([
    request.subarray(6, 74),
    item(0x10, Buffer.from('1.2.840.10008.3.1.1.1')),
    item(0x21, Buffer.concat([Buffer.from([1, 0, 0, 0]), item(0x40, Buffer.from(syntax))])),
    item(0x50, Buffer.concat([item(0x51, maximum), item(0x52, Buffer.from('1.2.3')), ...items])),
  ]);
  return pdu(0x02, content);
}

const addressAt = (port: number) => ({ callingAe: 'US', calledAe: 'THEM', host: '127.0.0.1', port });
const VERIFY = [{ sopClassUid: VERIFICATION, transferSyntaxUids: [IMPLICIT] }];
const open = (port: number, options: RequestorOptions = {}): Promise<RequestorAssociation> =>
  openAssociation(addressAt(port), VERIFY, options);
const echo = (association: RequestorAssociation) =>
  association.request(1, 'C-ECHO-RQ', { affectedSopClassUid: VERIFICATION });
const echoAnswer = (messageId = 1): Buffer =>
  pData(pdv(1, 3, encodeCommand(0x8030, { respondsTo: messageId, status: 0 }, false)));

describe('an association of ours', () => {
  it('proposes roles, application information and an identity, and reads what was granted (PS3.7 Annex D.3.3)', async () => {
    let asked: UserItems | undefined;
    const port = await anAcceptor((socket, type, bytes) => {
      if (type !== 1) return;
      asked = readUserItems(bytes);
      const role = item(
        0x54,
        Buffer.concat([Buffer.from([0, CT_IMAGE_STORAGE.length]), Buffer.from(CT_IMAGE_STORAGE), Buffer.from([0, 1])]),
      );
      const extended = item(
        0x56,
        Buffer.concat([Buffer.from([0, CT_IMAGE_STORAGE.length]), Buffer.from(CT_IMAGE_STORAGE), Buffer.from([1])]),
      );
      socket.write(acceptance(bytes, { items: [role, extended], syntax: EXPLICIT }));
    });
    const proposal = {
      sopClassUid: CT_IMAGE_STORAGE,
      transferSyntaxUids: [EXPLICIT],
      role: { user: false, provider: true },
    };
    const identity = { type: 2, wantsResponse: false, primary: Buffer.from('user'), secondary: Buffer.from('pass') };
    const association = await openAssociation(addressAt(port), [proposal], {
      extended: new Map([[CT_IMAGE_STORAGE, Buffer.from([1, 1])]]),
      identity,
    });
    expect(asked).toMatchObject({ roles: [{ sopClassUid: CT_IMAGE_STORAGE, user: false, provider: true }], identity });
    expect(asked!.extended.get(CT_IMAGE_STORAGE)).toEqual(Buffer.from([1, 1]));
    expect(association.contexts).toEqual([
      { id: 1, abstractSyntaxUid: CT_IMAGE_STORAGE, transferSyntaxUid: EXPLICIT, weAreProvider: true },
    ]);
    expect(association.agreed(CT_IMAGE_STORAGE)).toEqual(Buffer.from([1]));
    association.abort();
  });

  it.each<[string, RequestorOptions, (socket: Socket, type: number, bytes: Buffer) => void, string]>([
    [
      'is never answered',
      { deadlines: { associate: 200 } },
      () => undefined,
      'no answer to the association request within 0.2 s',
    ],
    [
      'is rejected',
      {},
      (socket) => socket.write(pdu(0x03, Buffer.from([0, 2, 3, 2]))),
      'temporary|local limit exceeded',
    ],
    [
      'is answered with garbage',
      {},
      (socket) => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'),
      'PDU type 48H is not known',
    ],
    [
      'is answered with data',
      {},
      (socket) => socket.write(echoAnswer()),
      'data came before the association was accepted',
    ],
    ['is hung up on', {}, (socket) => socket.destroy(), 'the connection was closed before the end'],
    [
      'is aborted',
      {},
      (socket) => socket.write(pdu(0x07, Buffer.from([0, 0, 2, 0]))),
      'the peer aborted the association',
    ],
  ])('that %s is told so, with whom', async (_, options, take, reason) => {
    const port = await anAcceptor(take);
    await expect(open(port, options)).rejects.toMatchObject({
      code: 'peer-failed',
      message: expect.stringMatching(new RegExp(`^THEM at 127.0.0.1:${port}: .*(${reason})`)),
    });
  });

  it('is aborted where a response does not come in time; nothing further can be asked', async () => {
    const types: number[] = [];
    const port = await anAcceptor((socket, type, bytes) => {
      types.push(type);
      if (type === 1) socket.write(acceptance(bytes));
    });
    const association = await open(port, { deadlines: { response: 200 } });
    await expect(echo(association)).rejects.toThrow('no response to a C-ECHO-RQ within 0.2 s');
    expect(association.isOpen).toBe(false);
    await expect(echo(association)).rejects.toThrow('no response to a C-ECHO-RQ within 0.2 s');
    await expect.poll(() => types).toEqual([1, 4, 7]);
  });

  it('cuts off a peer that reads nothing, and sends no PDU longer than the peer takes (PS3.8 D.1)', async () => {
    const longest: number[] = [];
    const port = await anAcceptor((socket, type, bytes) => {
      if (type === 1) socket.write(acceptance(bytes, { maxLength: 1000 }));
      else longest.push(bytes.length - 6);
      if (type === 4 && longest.length === 3) socket.pause();
    });
    const association = await open(port, { deadlines: { write: 300 } });
    const many = {
      length: 64 * 1024 * 1024,
      pieces: async function* () {
        for (let i = 0; i < 256; i++) yield Buffer.alloc(256 * 1024);
      },
    };
    await expect(association.request(1, 'C-STORE-RQ', {}, many)).rejects.toThrow('the peer took nothing for 0.3 s');
    expect(Math.max(...longest)).toBeLessThanOrEqual(1000);
  });

  it('is over where the peer releases it, answers what it does not know with 0211H, and ends whatever the peer says', async () => {
    const answers: Buffer[] = [];
    const port = await anAcceptor((socket, type, bytes) => {
      if (type === 1) {
        socket.write(acceptance(bytes));
        socket.write(
          pData(pdv(1, 3, encodeCommand(0x0100, { messageId: 9, affectedSopClassUid: VERIFICATION }, false))),
        );
      }
      if (type === 4) {
        answers.push(bytes);
        socket.write(pdu(0x05, Buffer.alloc(4)));
      }
    });
    const association = await open(port);
    await expect.poll(() => association.isOpen).toBe(false);
    expect(answers).toHaveLength(1);
    expect(answers[0]!.includes(Buffer.from('0000000902000000 1102'.replace(' ', ''), 'hex').subarray(4))).toBe(true);
    await expect(echo(association)).rejects.toThrow('the peer released the association');
    await association.release();
  });

  it('is released although the peer never confirms it', async () => {
    const port = await anAcceptor((socket, type, bytes) => {
      if (type === 1) socket.write(acceptance(bytes));
      if (type === 4) socket.write(echoAnswer());
    });
    const association = await open(port, { deadlines: { release: 200 } });
    expect((await echo(association)).command.status).toBe(0);
    await association.release();
    expect(association.isOpen).toBe(false);
  });

  it('cannot have more than 128 presentation contexts (PS3.8 9.3.2.2)', async () => {
    const many = Array.from({ length: 129 }, (_, i) => ({ sopClassUid: `1.2.3.${i}`, transferSyntaxUids: [IMPLICIT] }));
    await expect(openAssociation(addressAt(1), many)).rejects.toThrow('129 presentation contexts');
  });
});
