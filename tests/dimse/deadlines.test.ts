import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { number } from '../../src/dicom/read-values.ts';
import type { Deadlines } from '../../src/dimse/association-parts.ts';
import type { Service } from '../../src/dimse/service.ts';
import { StagedObject } from '../../src/storage/file-store.ts';
import { aDoor, LOOPBACK, type TestDoor } from '../support/a-door.ts';
import { aLog } from '../support/a-log.ts';
import { encoded, SECONDARY_CAPTURE } from '../support/instances.ts';
import { associateRequest, command, EXPLICIT, IMPLICIT, pData, pdv, RawScu, storeCommand } from '../support/raw-scu.ts';

const VERIFICATION = { abstractSyntax: '1.2.840.10008.1.1', transferSyntaxes: [IMPLICIT] };
const STORAGE = { abstractSyntax: SECONDARY_CAPTURE, transferSyntaxes: [EXPLICIT] };
const FIND = '1.2.840.10008.5.1.4.1.2.2.1';
const INSTANCE = '1.2.3.4.1.1.1';
const ABORT = 0x07;
const NONE = 0;
const LONG = 60_000;

async function aQuickDoor(deadlines: Partial<Deadlines>, services: readonly Service[] = []) {
  const { log, lines } = aLog();
  const all = { artim: LONG, idle: LONG, write: LONG, ...deadlines };
  const door = await aDoor({ plain: LOOPBACK, deadlines: all, services, log, stores: true });
  return { ...door, reasons: () => lines().flatMap(({ reason }) => (typeof reason === 'string' ? [reason] : [])) };
}

const staged = ({ folder }: Pick<TestDoor, 'folder'>): string[] => readdirSync(join(folder, 'staging'));

/** Milliseconds until the next PDU of the door, 0 for the end of the connection, with its type. */
async function ends(scu: RawScu): Promise<{ type: number; ms: number }> {
  const start = performance.now();
  const { type } = await scu.receive();
  return { type, ms: performance.now() - start };
}

/** Sends a byte now and then, as one who wants to keep a connection for nothing. */
function trickle(scu: RawScu, bytes: Buffer, everyMs: number): void {
  let at = 0;
  const timer = setInterval(() => {
    if (at < bytes.length && scu.socket.writable) scu.send(bytes.subarray(at, ++at));
  }, everyMs);
  onTestFinished(() => clearInterval(timer));
}

describe('a caller that stalls (PS3.8 9.1.5, ARTIM)', () => {
  it.each<[string, Buffer]>([
    ['says nothing', Buffer.alloc(0)],
    ['sends half an A-ASSOCIATE-RQ', associateRequest('VOXGATE', 'CT1', [STORAGE]).subarray(0, 100)],
    ['sends half a header', Buffer.from([1, 0, 0])],
  ])('and %s is cut off', async (_, bytes) => {
    const { port } = await aQuickDoor({ artim: 300 });
    const scu = await RawScu.connect(port);
    if (bytes.length > 0) scu.send(bytes);
    const { type, ms } = await ends(scu);
    expect(type).toBe(NONE);
    expect(ms).toBeLessThan(2000);
  });

  it('is cut off also when it sends its A-ASSOCIATE-RQ byte by byte', async () => {
    const { port } = await aQuickDoor({ artim: 400, idle: 200 });
    const scu = await RawScu.connect(port);
    trickle(scu, associateRequest('VOXGATE', 'CT1', [STORAGE]), 50);
    expect((await ends(scu)).ms).toBeLessThan(2000);
  });

  it('and does not close after its release is closed', async () => {
    const { port } = await aQuickDoor({ artim: 300 });
    const scu = await RawScu.connect(port);
    // Half open: it hears that we are done, and keeps its own half.
    scu.socket.allowHalfOpen = true;
    scu.send(associateRequest('VOXGATE', 'CT1', [VERIFICATION]));
    await scu.receive();
    expect((await scu.release()).type).toBe(0x06);
    const keeping = setInterval(() => scu.socket.writable && scu.send(Buffer.alloc(8)), 50);
    onTestFinished(() => clearInterval(keeping));
    const start = performance.now();
    await vi.waitFor(() => expect(scu.closed).toBe(true), 5000);
    expect(performance.now() - start).toBeGreaterThan(150);
  });
});

describe('an association that stalls', () => {
  it.each<[string, Buffer[]]>([
    ['silently', []],
    ['in the middle of a PDU', [pData(pdv(1, 3, storeCommand(SECONDARY_CAPTURE, INSTANCE))).subarray(0, 30)]],
    ['in the middle of a header', [Buffer.from([4, 0, 0])]],
  ])('%s is aborted when nothing has moved for too long', async (_, bytes) => {
    const door = await aQuickDoor({ idle: 300 });
    const { scu } = await RawScu.associate(door.port, [STORAGE]);
    if (bytes.length > 0) scu.send(...bytes);
    const { type, ms } = await ends(scu);
    expect(type).toBe(ABORT);
    expect(ms).toBeLessThan(2000);
    expect((await scu.receive()).type).toBe(NONE);
    expect(staged(door)).toEqual([]);
  });

  it('in the middle of an object is aborted, and nothing of the object is left', async () => {
    const door = await aQuickDoor({ idle: 400 });
    const { scu } = await RawScu.associate(door.port, [STORAGE]);
    const half = encoded({ Rows: 512, Columns: 512 }, Buffer.alloc(512 * 512)).subarray(0, 100_000);
    scu.send(pData(pdv(1, 3, storeCommand(SECONDARY_CAPTURE, INSTANCE))), pData(pdv(1, 0, half)));
    await vi.waitFor(() => expect(staged(door)).toHaveLength(1));
    expect((await ends(scu)).type).toBe(ABORT);
    await vi.waitFor(() => expect(staged(door)).toEqual([]));
  });

  it.each<[string, (scu: RawScu) => void]>([
    ['a command', (scu) => trickle(scu, pData(pdv(1, 3, storeCommand(SECONDARY_CAPTURE, INSTANCE))), 60)],
    [
      'an object',
      (scu) => {
        scu.send(pData(pdv(1, 3, storeCommand(SECONDARY_CAPTURE, INSTANCE))));
        trickle(scu, pData(pdv(1, 0, Buffer.alloc(4096))), 60);
      },
    ],
  ])('by sending %s byte by byte is aborted: it never was idle', async (_, stall) => {
    const door = await aQuickDoor({ idle: 300 });
    const { scu } = await RawScu.associate(door.port, [STORAGE]);
    stall(scu);
    const { type, ms } = await ends(scu);
    expect(type).toBe(ABORT);
    expect(ms).toBeLessThan(3000);
    expect(door.reasons()).toEqual(['a message came too slowly']);
    await vi.waitFor(() => expect(staged(door)).toEqual([]));
  });

  it('is not aborted while it is we who do not read: a disk that stands still is no fault of the sender', async () => {
    const door = await aQuickDoor({ idle: 300 });
    const flush = StagedObject.prototype.flush;
    vi.spyOn(StagedObject.prototype, 'flush').mockImplementationOnce(async function (this: StagedObject) {
      await sleep(1500);
      return flush.call(this);
    });
    onTestFinished(() => void vi.restoreAllMocks());
    const { scu } = await RawScu.associate(door.port, [STORAGE]);
    const dataSet = encoded({ Rows: 1024, Columns: 1024 }, Buffer.alloc(1024 * 1024));
    scu.send(pData(pdv(1, 3, storeCommand(SECONDARY_CAPTURE, INSTANCE))), pData(pdv(1, 2, dataSet)));
    expect(number(await scu.receiveCommand(), 'Status')).toBe(0);
  });

  it('may be quiet between messages, and while we answer', async () => {
    const slow: Service = {
      sopClasses: [FIND],
      requests: ['C-FIND-RQ'],
      async perform(request) {
        await sleep(900);
        await request.respond({ status: 0 });
      },
    };
    const { port } = await aQuickDoor({ idle: 400 }, [slow]);
    const { scu } = await RawScu.associate(port, [{ abstractSyntax: FIND, transferSyntaxes: [EXPLICIT] }]);
    await sleep(250);
    scu.send(find());
    expect(number(await scu.receiveCommand(), 'Status')).toBe(0);
  });

  it('by reading none of its answers is cut off, and its query ends', async () => {
    let ended = false;
    let sent = 0;
    const flood: Service = {
      sopClasses: [FIND],
      requests: ['C-FIND-RQ'],
      async perform(request) {
        try {
          for (;;) {
            await request.respond({ status: 0xff00 }, Buffer.alloc(64 * 1024));
            sent += 1;
          }
        } finally {
          ended = true;
          expect(request.signal.aborted || sent > 0).toBe(true);
        }
      },
    };
    const door = await aQuickDoor({ write: 400 }, [flood]);
    const { scu } = await RawScu.associate(door.port, [{ abstractSyntax: FIND, transferSyntaxes: [EXPLICIT] }]);
    scu.socket.pause();
    scu.send(find());
    await vi.waitFor(() => expect(ended).toBe(true), 5000);
    await vi.waitFor(() => expect(door.reasons()[0]).toMatch(/took nothing for 0.4 s/));
    // What the kernel took of it and our own buffer: nothing piles up.
    expect(sent * 64 * 1024).toBeLessThan(16 * 1024 * 1024);
  });
});

function find(): Buffer {
  const kind = { AffectedSOPClassUID: FIND, CommandField: 0x0020, MessageID: 1, Priority: 0, CommandDataSetType: 1 };
  return pData(pdv(1, 3, command(kind)), pdv(1, 2, Buffer.alloc(16)));
}
