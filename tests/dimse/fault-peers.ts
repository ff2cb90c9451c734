import { once } from 'node:events';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { bufferSource, parseDataSet } from '../../src/dicom/parse.ts';
import { number } from '../../src/dicom/read-values.ts';
import { encoded, SECONDARY_CAPTURE } from '../support/instances.ts';
import { command, EXPLICIT, IMPLICIT, pData, pdu, pdv, RawScu, storeCommand } from '../support/raw-scu.ts';
import { ABORT, associate, RELEASE } from './hostile-streams.ts';

/** Peers that stall, crawl, lie or leave, one function each: what they say, and what came of it. */
export type Peer = (port: number) => Promise<string>;

const VERIFICATION = '1.2.840.10008.1.1';
const STORAGE = { abstractSyntax: SECONDARY_CAPTURE, transferSyntaxes: [EXPLICIT] };
const ECHO = { abstractSyntax: VERIFICATION, transferSyntaxes: [IMPLICIT] };
const INSTANCE = '1.2.3.4.1.1.1';
const dataSet = encoded();
const large = encoded({ Rows: 512, Columns: 512, SOPInstanceUID: '1.2.3.4.1.1.9' }, Buffer.alloc(512 * 512, 3));

const store = storeCommand(SECONDARY_CAPTURE, INSTANCE);
const echo = command({
  AffectedSOPClassUID: VERIFICATION,
  CommandField: 0x0030,
  MessageID: 5,
  CommandDataSetType: 0x0101,
});

async function associated(port: number): Promise<RawScu> {
  const { scu, answer } = await RawScu.associate(port, [STORAGE, ECHO]);
  if (answer.type !== 0x02) throw new Error(`a peer of the test was not let in (PDU type ${answer.type})`);
  return scu;
}

/** Says something and then nothing more; 'ended' when the node ends the connection. */
function silentAfter(bytes: Buffer): Peer {
  return async (port) => {
    const scu = await RawScu.connect(port);
    scu.send(bytes);
    return end(scu);
  };
}

const silentAfterAssociating =
  (bytes: Buffer): Peer =>
  async (port) => {
    const scu = await associated(port);
    scu.send(bytes);
    return end(scu);
  };

async function end(scu: RawScu): Promise<string> {
  for (;;) {
    const { type } = await scu.receive();
    if (type === 0x07) continue;
    if (type === 0) return 'ended';
    if (type !== 0x04) return `PDU type ${type}`;
  }
}

export const STALLED: Readonly<Record<string, Peer>> = {
  'says nothing at all': silentAfter(Buffer.alloc(0)),
  'says half an A-ASSOCIATE-RQ': silentAfter(associate().subarray(0, 80)),
  'says a PDU header of 4 GiB': silentAfter(Buffer.from('0100ffffffff', 'hex')),
  'associates and says no more': silentAfterAssociating(Buffer.alloc(0)),
  'says half a PDU header': silentAfterAssociating(Buffer.from([0x04, 0x00, 0x00])),
  'says half a command': silentAfterAssociating(pData(pdv(1, 3, store)).subarray(0, 40)),
  'says a command fragment that is not the last': silentAfterAssociating(pData(pdv(1, 1, store))),
  'says a C-STORE and no data set': silentAfterAssociating(pData(pdv(1, 3, store))),
  'says half a data set': silentAfterAssociating(
    Buffer.concat([pData(pdv(1, 3, store)), pData(pdv(1, 2, large)).subarray(0, 100_000)]),
  ),
};

/** One byte after another. */
async function crawl(socket: Socket, bytes: Buffer, pauseMs: number): Promise<void> {
  for (const byte of bytes) {
    if (socket.destroyed) return;
    socket.write(Buffer.from([byte]));
    await sleep(pauseMs);
  }
}

export const SLOW: Readonly<Record<string, Peer>> = {
  'crawls through its A-ASSOCIATE-RQ': async (port) => {
    const scu = await RawScu.connect(port);
    await crawl(scu.socket, associate(), 100);
    return end(scu);
  },
  'crawls through a data set': async (port) => {
    const scu = await associated(port);
    scu.send(pData(pdv(1, 3, store)));
    await crawl(scu.socket, pData(pdv(1, 2, dataSet)), 150);
    return end(scu);
  },
};

/** A C-STORE as it is told; the status that came, or how it ended. */
const answered =
  (...units: Buffer[]): Peer =>
  async (port) => {
    const scu = await associated(port);
    scu.send(...units);
    const { type, content } = await scu.receive();
    if (type === 0) return 'ended';
    if (type === 0x07) return end(scu);
    if (type !== 0x04) return `PDU type ${type}`;
    const response = parseDataSet(bufferSource(content.subarray(6)), { transferSyntaxUid: IMPLICIT }).dataset;
    scu.destroy();
    return (number(response, 'Status') ?? -1).toString(16).padStart(4, '0');
  };

const data = pData(pdv(1, 2, dataSet));
const wrongLength = Buffer.from(store);
wrongLength.writeUInt32LE(9999, 8);

export const LYING: Readonly<Record<string, readonly [Peer, RegExp]>> = {
  'announces another SOP Instance UID': [
    answered(pData(pdv(1, 3, storeCommand(SECONDARY_CAPTURE, '1.2.3.4.9'))), data),
    /^a9/,
  ],
  'announces another SOP Class UID': [
    answered(pData(pdv(1, 3, storeCommand('1.2.840.10008.5.1.4.1.1.2', INSTANCE))), data),
    /^a9|^0122|^ended/,
  ],
  'gives a command a wrong group length': [answered(pData(pdv(1, 3, wrongLength)), data), /^0000|^ended/],
  'sends a data set without a command': [answered(data), /^ended/],
  'sends a data set in another context than its command': [
    answered(pData(pdv(1, 3, store)), pData(pdv(3, 2, dataSet))),
    /^ended/,
  ],
  'uses a context that nobody proposed': [answered(pData(pdv(99, 3, store)), pData(pdv(99, 2, dataSet))), /^ended|^01/],
  'stores in the context of C-ECHO': [
    answered(pData(pdv(3, 3, store)), pData(pdv(3, 2, dataSet))),
    /^ended|^01(22|10)|^02/,
  ],
  'says C-STORE without a data set': [
    answered(
      pData(
        pdv(
          1,
          3,
          command({
            AffectedSOPClassUID: SECONDARY_CAPTURE,
            CommandField: 1,
            MessageID: 1,
            CommandDataSetType: 0x0101,
          }),
        ),
      ),
    ),
    /^ended|^c|^01|^02|^a9/,
  ],
  'says C-STORE without UIDs': [
    answered(pData(pdv(1, 3, command({ CommandField: 1, MessageID: 1, CommandDataSetType: 1 }))), data),
    /^ended|^c|^01|^a9|^0000/,
  ],
  'begins a second command in the middle of a data set': [
    answered(pData(pdv(1, 3, store), pdv(1, 0, dataSet.subarray(0, 100)), pdv(3, 3, echo))),
    /^ended/,
  ],
  'answers what was not asked': [
    answered(
      pData(
        pdv(
          1,
          3,
          command({ CommandField: 0x8001, MessageIDBeingRespondedTo: 1, CommandDataSetType: 0x0101, Status: 0 }),
        ),
      ),
    ),
    /^ended/,
  ],
  'speaks on after the release': [answered(RELEASE, pData(pdv(1, 3, store)), data), /^ended|^PDU type 6/],
  'associates twice': [answered(associate()), /^ended/],
  'sends a P-DATA-TF that is shorter than its value': [answered(pdu(0x04, pdv(1, 3, store).subarray(0, 30))), /^ended/],
  'speaks HTTP': [answered(Buffer.from('GET / HTTP/1.1\r\n\r\n')), /^ended/],
};

/** Steps after which a peer may leave: what it has said by then. */
const STEPS: readonly Buffer[][] = [
  [],
  [associate().subarray(0, 100)],
  [associate()],
  [associate(), pData(pdv(3, 3, store)).subarray(0, 50)],
  [associate(), pData(pdv(3, 3, store))],
  [associate(), pData(pdv(3, 3, store)), pData(pdv(3, 2, dataSet)).subarray(0, 200)],
  [associate(), pData(pdv(3, 3, store)), pData(pdv(3, 2, dataSet))],
  [associate(), pData(pdv(3, 3, store)), pData(pdv(3, 2, dataSet)), RELEASE],
];

const WAYS: Readonly<Record<string, (socket: Socket) => void>> = {
  'a reset': (socket) => socket.resetAndDestroy(),
  'the end of the connection': (socket) => socket.destroy(),
  'an A-ABORT': (socket) => socket.end(ABORT),
  'half a connection': (socket) => socket.end(),
};

/** Leaves after every step, in every way, after 0 to 12 ms: in the middle of whatever the node does then. */
export async function leaveEverywhere(port: number, times: number): Promise<number> {
  let left = 0;
  for (let time = 0; time < times; time += 1) {
    for (const said of STEPS) {
      for (const leave of Object.values(WAYS)) {
        const { socket } = await RawScu.connect(port);
        for (const bytes of said) socket.write(bytes);
        await sleep((time * 1.7) % 13);
        leave(socket);
        left += 1;
        if (!socket.destroyed) await Promise.race([once(socket, 'close'), sleep(2000)]);
        socket.destroy();
      }
    }
  }
  return left;
}
