import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import { dataset } from '../../src/dicom/build.ts';
import { number } from '../../src/dicom/read-values.ts';
import { encodeDataSet } from '../../src/dicom/write.ts';
import { encoded, SECONDARY_CAPTURE } from '../support/instances.ts';
import { NodeProcess } from '../support/node-process.ts';
import { openConnections } from '../support/process-health.ts';
import { command, contextResults, EXPLICIT, IMPLICIT, pData, pdv, RawScu, storeCommand } from '../support/raw-scu.ts';
import { LYING, leaveEverywhere, type Peer, SLOW, STALLED } from './fault-peers.ts';
import { item } from './hostile-streams.ts';
import { echoMs, SteadySender } from './steady-sender.ts';
import { baselineOf, expectUnharmed } from './unharmed.ts';

const GET = '1.2.840.10008.5.1.4.1.2.2.3';
const DEADLINES = { dimseArtimSeconds: 2, dimseIdleSeconds: 3, dimseWriteSeconds: 3 };
/** A deadline may be looked at once in its own time, and the machine may be busy. */
const ENDED_WITHIN_MS = 15_000;

/** Plays a peer while others work; says how long the node bore it. */
async function bear(name: string, peer: Peer, port: number): Promise<{ name: string; outcome: string; ms: number }> {
  const started = performance.now();
  const outcome = await Promise.race([peer(port), sleep(ENDED_WITHIN_MS).then(() => 'not ended')]);
  return { name, outcome, ms: performance.now() - started };
}

describe('a node among broken peers', () => {
  it('ends stalled and slow peers at their deadlines while others store', async () => {
    const node = await NodeProcess.start({ ...DEADLINES, logLevel: 'error' });
    await echoMs(node.dimsePort);
    const before = baselineOf(node);
    const senders = [new SteadySender(node, '1'), new SteadySender(node, '2')];
    const borne = await Promise.all(
      Object.entries({ ...STALLED, ...SLOW }).map(([name, peer]) => bear(name, peer, node.dimsePort)),
    );
    console.info(borne.map(({ name, ms }) => `${name}: ${(ms / 1000).toFixed(1)} s`).join('\n'));
    expect(borne.filter(({ outcome }) => outcome !== 'ended')).toEqual([]);
    for (const sender of senders) {
      await sender.stop();
      expect(sender.sent.length).toBeGreaterThan(20);
      expect(await sender.intact()).toBe(sender.sent.length);
    }
    await expectUnharmed(node, before);
  });

  it('cuts off a peer that asks and does not read the answers (write deadline)', async () => {
    const node = await NodeProcess.start({ ...DEADLINES, logLevel: 'error' });
    const before = baselineOf(node);
    const { scu } = await RawScu.associate(node.dimsePort, [
      { abstractSyntax: SECONDARY_CAPTURE, transferSyntaxes: [EXPLICIT] },
    ]);
    const pixels = Buffer.alloc(32 * 1024 * 1024, 5);
    scu.send(
      pData(pdv(1, 3, storeCommand(SECONDARY_CAPTURE, '1.2.3.4.1.1.1'))),
      pData(pdv(1, 2, encoded({ Rows: 8192, Columns: 4096 }, pixels))),
    );
    expect(number(await scu.receiveCommand(), 'Status')).toBe(0);
    await scu.release();
    const provider = Buffer.from(
      `\0${String.fromCharCode(SECONDARY_CAPTURE.length)}${SECONDARY_CAPTURE}\0\x01`,
      'latin1',
    );
    const deaf = await RawScu.associate(
      node.dimsePort,
      [
        { abstractSyntax: GET, transferSyntaxes: [IMPLICIT] },
        { abstractSyntax: SECONDARY_CAPTURE, transferSyntaxes: [EXPLICIT] },
      ],
      { items: [item(0x54, provider)] },
    );
    expect(contextResults(deaf.answer)).toEqual([0, 0]);
    deaf.scu.socket.pause();
    const keys = { QueryRetrieveLevel: 'STUDY', StudyInstanceUID: '1.2.3.4.1' };
    deaf.scu.send(
      pData(
        pdv(1, 3, command({ AffectedSOPClassUID: GET, CommandField: 0x0010, MessageID: 1, CommandDataSetType: 1 })),
      ),
      pData(pdv(1, 2, encodeDataSet(dataset(keys), { transferSyntaxUid: IMPLICIT }))),
    );
    await vi.waitFor(() => expect(openConnections(node.dimsePort)).toBe(1));
    await expectUnharmed(node, before);
  });

  it('refuses what lying peers say, or ends their associations, and answers the next', async () => {
    const node = await NodeProcess.start({ ...DEADLINES, logLevel: 'error' });
    await echoMs(node.dimsePort);
    const before = baselineOf(node);
    for (const [name, [peer, expected]] of Object.entries(LYING)) {
      const { outcome } = await bear(name, peer, node.dimsePort);
      expect(outcome, name).toMatch(expected);
      expect(await echoMs(node.dimsePort), name).toBeLessThan(1000);
    }
    await expectUnharmed(node, before);
  });

  it('lets peers leave at every step in every way, and harms nobody else', async () => {
    const node = await NodeProcess.start({ ...DEADLINES, maxAssociations: 500, logLevel: 'error' });
    await echoMs(node.dimsePort);
    const before = baselineOf(node);
    const senders = [new SteadySender(node, '1', 2), new SteadySender(node, '2', 2)];
    const left = await Promise.all(Array.from({ length: 4 }, () => leaveEverywhere(node.dimsePort, 12)));
    for (const sender of senders) {
      await sender.stop();
      expect(await sender.intact()).toBe(sender.sent.length);
    }
    console.info(
      `${left.reduce((sum, n) => sum + n)} peers left; ${senders.map(({ sent }) => sent.length).join(' and ')} objects stored`,
    );
    await expectUnharmed(node, before);
  });
});
