import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { number } from '../../src/dicom/read-values.ts';
import { ASSOCIATION_BYTES } from '../../src/dimse/admission.ts';
import { ByteBudget } from '../../src/dimse/byte-budget.ts';
import type { Service } from '../../src/dimse/service.ts';
import { StagedObject } from '../../src/storage/file-store.ts';
import { aDoor, LOOPBACK, type TestDoor } from '../support/a-door.ts';
import { aLog } from '../support/a-log.ts';
import { encoded, SECONDARY_CAPTURE } from '../support/instances.ts';
import { command, EXPLICIT, IMPLICIT, pData, pdv, RawScu, type ReceivedPdu, storeCommand } from '../support/raw-scu.ts';

const VERIFICATION = { abstractSyntax: '1.2.840.10008.1.1', transferSyntaxes: [IMPLICIT] };
const STORAGE = { abstractSyntax: SECONDARY_CAPTURE, transferSyntaxes: [EXPLICIT] };
const FIND = '1.2.840.10008.5.1.4.1.2.2.1';
const ACCEPTED = [0x02];
const LATER = [0x03, 2, 3, 2];
const MIB = 1024 * 1024;

const outcome = ({ type, content }: ReceivedPdu): number[] =>
  type === 0x02 ? [type] : [type, ...content.subarray(1, 4)];

async function call(port: number): Promise<number[]> {
  const { scu, answer } = await RawScu.associate(port, [VERIFICATION]);
  onTestFinished(() => scu.destroy());
  return outcome(answer);
}

/** A query service that answers when the test says so, and counts what it was asked. */
function slowService(): { service: Service; asked: () => number; answer: () => void } {
  let answer = (): void => undefined;
  let asked = 0;
  const told = new Promise<void>((resolve) => {
    answer = resolve;
  });
  const service: Service = {
    sopClasses: [FIND],
    requests: ['C-FIND-RQ'],
    async perform(request) {
      asked += 1;
      await told;
      await request.respond({ status: 0 });
    },
  };
  return { service, asked: () => asked, answer };
}

const findCommand = command({
  ...{ AffectedSOPClassUID: FIND, CommandField: 0x0020, MessageID: 1, Priority: 0, CommandDataSetType: 1 },
});

/** Sends an identifier of so many bytes; without its end where `last` is false. */
function sendIdentifier(scu: RawScu, bytes: number, last = true): void {
  scu.send(pData(pdv(1, 3, findCommand)));
  for (let at = 0; at < bytes; at += 65_536) {
    const piece = Buffer.alloc(Math.min(65_536, bytes - at));
    scu.send(pData(pdv(1, last && at + 65_536 >= bytes ? 2 : 0, piece)));
  }
}

const openFind = async (port: number): Promise<RawScu> =>
  (await RawScu.associate(port, [{ abstractSyntax: FIND, transferSyntaxes: [EXPLICIT] }])).scu;

describe('a budget of bytes', () => {
  it('lets the one that has held bytes for longest go on, and the others when there is room', async () => {
    const budget = new ByteBudget(100);
    const [first, second, third] = [budget.open(), budget.open(), budget.open()];
    expect(first.set(60)).toBeUndefined();
    const order: string[] = [];
    const waits = [second.set(60)?.then(() => order.push('second')), third.set(60)?.then(() => order.push('third'))];
    expect(first.set(500)).toBeUndefined();
    await sleep(1);
    expect([order, budget.used, budget.fits(0)]).toEqual([[], 620, false]);
    first.close();
    await waits[0];
    expect(order).toEqual(['second']);
    second.close();
    await Promise.all(waits);
    third.close();
    expect(budget.used).toBe(0);
  });
});

describe('admission by bytes', () => {
  it('turns callers away for a while when the messages under way would take the memory (A-ASSOCIATE-RJ 2/3/2)', async () => {
    const { service, asked, answer } = slowService();
    const { port } = await aDoor({ plain: LOOPBACK, services: [service], memoryBudget: 16 * MIB });
    expect(await call(port)).toEqual(ACCEPTED);
    const scus = await Promise.all([openFind(port), openFind(port)]);
    for (const scu of scus) sendIdentifier(scu, 8 * MIB);
    await vi.waitFor(() => expect(asked()).toBe(2));
    expect(await call(port)).toEqual(LATER);
    answer();
    for (const scu of scus) expect(number(await scu.receiveCommand(), 'Status')).toBe(0);
    await vi.waitFor(async () => expect(await call(port)).toEqual(ACCEPTED));
  });

  it('counts what an association takes before it has sent anything', async () => {
    const { port } = await aDoor({ plain: LOOPBACK, memoryBudget: 3 * ASSOCIATION_BYTES });
    const answers: number[][] = [];
    for (let i = 0; i < 4; i++) answers.push(await call(port));
    expect(answers).toEqual([ACCEPTED, ACCEPTED, ACCEPTED, LATER]);
  });

  it('slows those who send too much at once instead of gathering it, and lets all of them end', async () => {
    const { service, asked, answer } = slowService();
    const { port } = await aDoor({ plain: LOOPBACK, services: [service], memoryBudget: 16 * MIB });
    const scus = await Promise.all(Array.from({ length: 6 }, () => openFind(port)));
    for (const scu of scus) sendIdentifier(scu, 15 * MIB);
    await vi.waitFor(() => expect(asked()).toBeGreaterThanOrEqual(1));
    await sleep(500);
    expect(asked()).toBeLessThanOrEqual(2);
    answer();
    for (const scu of scus) expect(number(await scu.receiveCommand(), 'Status')).toBe(0);
  });

  it('gives back what a sender held who left in the middle', async () => {
    const { service } = slowService();
    const { port } = await aDoor({ plain: LOOPBACK, services: [service], memoryBudget: 16 * MIB });
    const scus = await Promise.all(Array.from({ length: 2 }, () => openFind(port)));
    for (const scu of scus) sendIdentifier(scu, 8 * MIB, false);
    await vi.waitFor(async () => expect(await call(port)).toEqual(LATER));
    for (const scu of scus) scu.destroy();
    await vi.waitFor(async () => expect(await call(port)).toEqual(ACCEPTED));
  });
});

describe('the quota of a peer', () => {
  const aDoorWith = (quota: object): Promise<TestDoor> =>
    aDoor({ plain: LOOPBACK, stores: true, admission: { peers: [{ name: 'ct', aeTitle: 'CT1', quota }] } });

  it('bounds its associations, and nobody else’s', async () => {
    const { port } = await aDoorWith({ associations: 1 });
    const options = { calling: 'CT1' };
    const { scu, answer } = await RawScu.associate(port, [VERIFICATION], options);
    expect(outcome(answer)).toEqual(ACCEPTED);
    expect(outcome((await RawScu.associate(port, [VERIFICATION], options)).answer)).toEqual(LATER);
    expect(await call(port)).toEqual(ACCEPTED);
    // Free with the release, before the connection is over.
    expect((await scu.release()).type).toBe(0x06);
    expect(outcome((await RawScu.associate(port, [VERIFICATION], options)).answer)).toEqual(ACCEPTED);
  });

  it('bounds its objects under way over all its associations: the later ones wait, none is lost', async () => {
    const flush = StagedObject.prototype.flush;
    const door = await aDoorWith({ megabytes: 2 });
    let release = (): void => undefined;
    const stalled = new Promise<void>((resolve) => {
      release = resolve;
    });
    vi.spyOn(StagedObject.prototype, 'flush').mockImplementation(async function (this: StagedObject) {
      await stalled;
      return flush.call(this);
    });
    onTestFinished(() => void vi.restoreAllMocks());
    const senders = await Promise.all(
      [1, 2, 3].map(async (i) => {
        const instance = `1.2.3.4.1.1.${i}`;
        const { scu } = await RawScu.associate(door.port, [STORAGE], { calling: 'CT1' });
        const pixels = Buffer.alloc(3 * MIB);
        const dataSet = encoded({ Rows: 768, Columns: 4096, SOPInstanceUID: instance }, pixels);
        scu.send(pData(pdv(1, 3, storeCommand(SECONDARY_CAPTURE, instance))));
        for (let at = 0; at < dataSet.length; at += 65_536)
          scu.send(pData(pdv(1, at + 65_536 >= dataSet.length ? 2 : 0, dataSet.subarray(at, at + 65_536))));
        return scu;
      }),
    );
    release();
    for (const scu of senders) expect(number(await scu.receiveCommand(), 'Status')).toBe(0);
    expect(readdirSync(join(door.folder, 'staging'))).toEqual([]);
  });
});

describe('connections that say nothing', () => {
  it('keep nobody out: the one that has waited longest goes', async () => {
    const { port } = await aDoor({ plain: LOOPBACK, admission: { maxAssociations: 2 } });
    const silent = await Promise.all(Array.from({ length: 20 }, () => RawScu.connect(port)));
    await vi.waitFor(() => expect(silent.filter(({ closed }) => !closed)).toHaveLength(4));
    expect(await call(port)).toEqual(ACCEPTED);
  });
});

describe('a door that others can reach', () => {
  const warning = expect.objectContaining({ msg: expect.stringContaining('anybody who reaches this address') });

  it.each([
    ['warns when it asks nobody who he is', {}, true],
    ['does not when only peers may come', { acceptUnknownPeers: false }, false],
    ['does not when unknown callers come from known addresses', { unknownPeers: { addresses: ['10.0.0.0/8'] } }, false],
  ])('%s', async (_, admission, expected) => {
    const { log, lines } = aLog();
    await aDoor({ plain: { host: '0.0.0.0', port: 0 }, admission, log });
    if (expected) expect(lines()).toContainEqual(warning);
    else expect(lines()).not.toContainEqual(warning);
  });
});
