import { readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { dataset } from '../../src/dicom/build.ts';
import { number } from '../../src/dicom/read-values.ts';
import { encodeDataSet } from '../../src/dicom/write.ts';
import { stored } from '../dicomweb/client.ts';
import { asFile, SECONDARY_CAPTURE } from '../support/instances.ts';
import { freePort, NodeProcess } from '../support/node-process.ts';
import { RawListener } from '../support/raw-listener.ts';
import { command, pData, pdv, RawScu } from '../support/raw-scu.ts';
import { aNode, type TestNode } from '../support/test-node.ts';
import {
  actionInformation,
  EXPLICIT,
  PUSH_MODEL,
  Requestor,
  readEvent,
  ref,
  untilState,
  WELL_KNOWN,
} from './commitment-requestor.ts';

const CT = '1.2.840.10008.5.1.4.1.1.2';
const status = (response: Parameters<typeof number>[0]): number | undefined => number(response, 'Status');

/** Stores so many instances; their UIDs are 1.2.3.4.1.1.<n>. */
async function store(node: { http: string }, count: number): Promise<string[]> {
  const uids = Array.from({ length: count }, (_, i) => `1.2.3.4.1.1.${i + 1}`);
  await stored(
    node.http,
    uids.map((SOPInstanceUID, i) => asFile({ SOPInstanceUID, InstanceNumber: i + 1 })),
  );
  return uids;
}

/** Stored files by the SOP Instance UID in them. */
function fileOf(node: TestNode, sopInstanceUid: string): string {
  const root = join(node.settings.data, 'objects');
  const paths = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.dcm'));
  const path = paths.find((name) => readFileSync(join(root, name)).includes(`${sopInstanceUid}\0`));
  if (path === undefined) throw new Error(`no file of ${sopInstanceUid}`);
  return join(root, path);
}

describe('storage commitment, push model (PS3.4 Annex J)', () => {
  it('answers N-ACTION at once and reports on the association of the request while it is open (J.3.3)', async () => {
    const node = await aNode();
    const uids = await store(node, 3);
    const requestor = await Requestor.open(node.dimsePort);
    expect(
      status(
        await requestor.act(
          actionInformation(
            '2.25.1',
            uids.map((uid) => ref(uid)),
          ),
        ),
      ),
    ).toBe(0);
    expect(await requestor.event()).toEqual({
      commandField: 0x0100,
      eventType: 1,
      transactionUid: '2.25.1',
      retrieveFrom: 'VOXGATE',
      committed: uids,
      failed: {},
    });
    const shown = await untilState(node.http, '2.25.1', 'reported');
    expect(shown).toMatchObject({ reportedBy: 'on the association of the request', requestor: 'MODALITY' });
    expect((await requestor.scu.release()).type).toBe(0x06);
  });

  it('commits to nothing that it cannot read back byte for byte, and says why for each (PS3.3 C.14.1.1)', async () => {
    const node = await aNode();
    const uids = await store(node, 9);
    const flipped = fileOf(node, uids[1]!);
    const bytes = readFileSync(flipped);
    bytes[bytes.length - 1]! ^= 1;
    writeFileSync(flipped, bytes);
    const head = fileOf(node, uids[2]!);
    const changed = readFileSync(head);
    // The file meta information names another transfer syntax.
    changed.write('1.2.840.10008.1.2.2', changed.indexOf('1.2.840.10008.1.2.1\0'), 'latin1');
    writeFileSync(head, changed);
    truncateSync(fileOf(node, uids[3]!), 300);
    writeFileSync(fileOf(node, uids[4]!), Buffer.alloc(1), { flag: 'a' });
    rmSync(fileOf(node, uids[5]!));
    // Another object of the same UID is kept apart: nobody has said yet which is the true one.
    const other = asFile({ SOPInstanceUID: uids[6]!, InstanceNumber: 7, PatientName: { Alphabetic: 'OTHER' } });
    await stored(node.http, [other]).catch(() => undefined);

    const requestor = await Requestor.open(node.dimsePort, { syntax: EXPLICIT });
    const asked = [...uids.slice(0, 7).map((uid) => ref(uid)), ref(uids[7]!, CT), ref('1.2.3.99'), ref(uids[8]!)];
    expect(status(await requestor.act(actionInformation('2.25.2', asked)))).toBe(0);
    expect(await requestor.event()).toMatchObject({
      eventType: 2,
      committed: [uids[0], uids[8]],
      failed: {
        [uids[1]!]: 0x0110,
        [uids[2]!]: 0x0110,
        [uids[3]!]: 0x0110,
        [uids[4]!]: 0x0110,
        [uids[5]!]: 0x0112,
        [uids[6]!]: 0x0110,
        [uids[7]!]: 0x0119,
        '1.2.3.99': 0x0112,
      },
    });
    expect((await untilState(node.http, '2.25.2', 'reported')).failures).toBe(8);
    requestor.scu.destroy();
  });

  it('refuses what is no request, and goes on (PS3.7 10.1.4)', async () => {
    const node = await aNode();
    const requestor = await Requestor.open(node.dimsePort);
    const good = actionInformation('2.25.3', [ref('1.2.3')]);
    const statuses = [
      await requestor.act(good, { RequestedSOPInstanceUID: '1.2.3' }),
      await requestor.act(good, { RequestedSOPClassUID: CT }),
      await requestor.act(good, { ActionTypeID: 2 }),
      await requestor.act(undefined),
      await requestor.act({ ...good, TransactionUID: null }),
      await requestor.act({ ...good, ReferencedSOPSequence: [] }),
      await requestor.act({ ...good, ReferencedSOPSequence: [{ ReferencedSOPClassUID: CT }] }),
    ].map(status);
    expect(statuses).toEqual([0x0112, 0x0118, 0x0123, 0x0115, 0x0115, 0x0115, 0x0115]);
    expect((await requestor.scu.release()).type).toBe(0x06);
  });

  it('verifies the same request anew, and refuses every instance of another under its Transaction UID (0131H)', async () => {
    const node = await aNode();
    const [first, second] = await store(node, 2);
    const requestor = await Requestor.open(node.dimsePort);
    await requestor.act(actionInformation('2.25.4', [ref(first!)]));
    expect(await requestor.event()).toMatchObject({ eventType: 1, committed: [first] });
    await untilState(node.http, '2.25.4', 'reported');

    rmSync(fileOf(node, first!));
    await requestor.act(actionInformation('2.25.4', [ref(first!)]));
    expect(await requestor.event()).toMatchObject({ eventType: 2, failed: { [first!]: 0x0112 } });
    await untilState(node.http, '2.25.4', 'reported');

    expect(status(await requestor.act(actionInformation('2.25.4', [ref(second!)])))).toBe(0);
    expect(await requestor.event()).toMatchObject({ eventType: 2, committed: [], failed: { [second!]: 0x0131 } });
    requestor.scu.destroy();
  });

  it('reports on a later association of a requestor that no peer is configured for', async () => {
    const node = await aNode();
    const [uid] = await store(node, 1);
    const before = await Requestor.open(node.dimsePort, { calling: 'ROAMING' });
    await before.act(actionInformation('2.25.5', [ref(uid!)]));
    await before.scu.release();
    await untilState(node.http, '2.25.5', 'verified');

    const stranger = await Requestor.open(node.dimsePort, { calling: 'ANOTHER' });
    const later = await Requestor.open(node.dimsePort, { calling: 'ROAMING' });
    expect(await later.event()).toMatchObject({ eventType: 1, transactionUid: '2.25.5', committed: [uid] });
    expect(await untilState(node.http, '2.25.5', 'reported')).toMatchObject({ reportedBy: 'on a later association' });
    expect((await stranger.scu.release()).type).toBe(0x06);
    await later.scu.release();
  });

  it('reports on an association of its own, as the provider, and tries again until it is taken', async () => {
    const answers = [0x0110, 0];
    const listener = await RawListener.open(() => ({ status: answers.shift() ?? 0 }));
    const peer = { name: 'ct', aeTitle: 'MODALITY', host: '127.0.0.1', port: listener.port };
    const node = await aNode({ peers: [peer] });
    const [uid] = await store(node, 1);
    const requestor = await Requestor.open(node.dimsePort);
    await requestor.act(actionInformation('2.25.6', [ref(uid!)]));
    await requestor.scu.release();

    const [first, second] = await listener.requests(2);
    expect(first!.roles).toEqual([[PUSH_MODEL, 0, 1]]);
    expect(number(first!.command, 'CommandField')).toBe(0x0100);
    expect(readEvent(second!.command, second!.dataSet)).toMatchObject({
      eventType: 1,
      transactionUid: '2.25.6',
      committed: [uid],
    });
    expect(await untilState(node.http, '2.25.6', 'reported')).toMatchObject({
      reportedBy: 'on a new association',
      lastError: null,
    });
    await sleep(500);
    expect(listener.received).toHaveLength(2);
    // An operator may have it told once more.
    const again = (id: number): Promise<Response> =>
      fetch(`${node.http}/api/commitments/${id}/report`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{}',
      });
    expect([(await again(1)).status, (await again(404)).status]).toEqual([202, 404]);
    await listener.requests(3);
  });

  it('keeps its word over a kill -9: a request that was answered is verified and reported after the restart', async () => {
    const port = await freePort();
    const peers = { ct: { aeTitle: 'MODALITY', host: '127.0.0.1', port } };
    const node = await NodeProcess.start({ peers });
    const [uid] = await store(node, 1);
    const requestor = await Requestor.open(node.dimsePort);
    expect(status(await requestor.act(actionInformation('2.25.7', [ref(uid!), ref('1.2.3.99')])))).toBe(0);
    await node.kill('SIGKILL');
    requestor.scu.destroy();

    const listener = await RawListener.open(undefined, port);
    await node.run();
    const [report] = await listener.requests(1, 40);
    expect(readEvent(report!.command, report!.dataSet)).toMatchObject({
      eventType: 2,
      transactionUid: '2.25.7',
      committed: [uid],
      failed: { '1.2.3.99': 0x0112 },
    });
    await untilState(node.http, '2.25.7', 'reported');
  });

  it('takes N-EVENT-REPORT only about what it asked for, and of the two event types (J.3.3)', async () => {
    const node = await aNode();
    const { event } = await eventSender(node.dimsePort);
    expect(await event(1, '2.25.404')).toBe(0x0115);
    expect(await event(3, '2.25.404')).toBe(0x0113);
  });
});

/** Somebody who opens an association to report. */
async function eventSender(port: number) {
  const { scu } = await RawScu.associate(port, [{ abstractSyntax: PUSH_MODEL, transferSyntaxes: [EXPLICIT] }]);
  return {
    async event(eventType: number, transactionUid: string): Promise<number | undefined> {
      const request = command({
        AffectedSOPClassUID: PUSH_MODEL,
        CommandField: 0x0100,
        MessageID: 1,
        CommandDataSetType: 1,
        AffectedSOPInstanceUID: WELL_KNOWN,
        EventTypeID: eventType,
      });
      const information = dataset(
        actionInformation(transactionUid, [{ sopClass: SECONDARY_CAPTURE, instance: '1.2.3' }]),
      );
      scu.send(
        pData(pdv(1, 3, request)),
        pData(pdv(1, 2, encodeDataSet(information, { transferSyntaxUid: EXPLICIT }))),
      );
      return status(await scu.receiveCommand());
    },
  };
}
