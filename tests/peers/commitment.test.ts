import { describe, expect, it } from 'vitest';
import { dataset } from '../../src/dicom/build.ts';
import type { JsonDataset } from '../../src/dicom/dataset.ts';
import { items, number, text } from '../../src/dicom/read-values.ts';
import { encodeDataSet } from '../../src/dicom/write.ts';
import { SECONDARY_CAPTURE } from '../support/instances.ts';
import { freePort } from '../support/node-process.ts';
import { RawListener, type ReceivedRequest } from '../support/raw-listener.ts';
import { command, EXPLICIT, IMPLICIT, pData, pdv, RawScu } from '../support/raw-scu.ts';
import { aNode } from '../support/test-node.ts';
import { deliver, eventually } from './delivered.ts';

const PUSH_MODEL = '1.2.840.10008.1.20.1';
const WELL_KNOWN = '1.2.840.10008.1.20.1.1';
const [STORE, CREATE, ACTION] = [0x0001, 0x0140, 0x0130];
const field = ({ command: one }: ReceivedRequest): number | undefined => number(one, 'CommandField');

const eventCommand = (eventType: number): Buffer =>
  command({
    AffectedSOPClassUID: PUSH_MODEL,
    CommandField: 0x0100,
    MessageID: 9,
    CommandDataSetType: 1,
    AffectedSOPInstanceUID: WELL_KNOWN,
    EventTypeID: eventType,
  });

/** The answer to an N-ACTION: so many of its instances failed. */
function eventInformation(request: JsonDataset, failed: readonly string[], transferSyntaxUid: string): Buffer {
  const asked = items(request, 'ReferencedSOPSequence').map((item) => text(item, 'ReferencedSOPInstanceUID') ?? '');
  const reference = (uid: string) => ({ ReferencedSOPClassUID: SECONDARY_CAPTURE, ReferencedSOPInstanceUID: uid });
  const kept = asked.filter((uid) => !failed.includes(uid));
  return encodeDataSet(
    dataset({
      TransactionUID: text(request, 'TransactionUID'),
      ReferencedSOPSequence: kept.length > 0 ? kept.map(reference) : undefined,
      FailedSOPSequence:
        failed.length > 0 ? failed.map((uid) => ({ ...reference(uid), FailureReason: 0x0112 })) : undefined,
    }),
    { transferSyntaxUid },
  );
}

interface Delivery {
  readonly commitment: string;
  readonly committed: boolean;
}
const DELIVERY = `SELECT commitment, committed_at IS NOT NULL AS committed FROM deliveries
  WHERE analysis_id = ? AND peer = ? AND commitment LIKE ?`;

describe('storage commitment that we ask of a peer (PS3.4 Annex J)', () => {
  it('is asked for after a delivery and recorded with it: two nodes, the answer on the same association', async () => {
    const port = await freePort();
    const pacs = await aNode({ aeTitle: 'PACS', dimse: { host: '127.0.0.1', port } });
    const peer = { name: 'pacs', aeTitle: 'PACS', host: '127.0.0.1', port, storageCommitment: true };
    const node = await aNode({ peers: [{ ...peer, availabilityNotification: true }] });
    const { analysisId } = await deliver(node, 'pacs', ['1.2.3.4.1.1.1', '1.2.3.4.1.1.2']);
    expect(await eventually<Delivery>(node, DELIVERY, [analysisId, 'pacs', 'committed'])).toMatchObject({
      committed: true,
    });
    const theirs = await eventually<{ requestor: string; failures: number }>(
      pacs,
      `SELECT requestor, failures FROM commitments WHERE state = 'reported'`,
      [],
    );
    expect(theirs).toEqual({ requestor: 'VOXGATE', failures: 0 });
    const notice = await eventually<{ announced_by: string; instances: number }>(
      pacs,
      'SELECT announced_by, instances FROM availability_notices',
      [],
    );
    expect(notice).toEqual({ announced_by: 'VOXGATE', instances: 2 });
  });

  it('may be answered on an association of the peer; what failed is sent once more and asked for again', async () => {
    const pacs = await RawListener.open();
    const peer = { name: 'pacs', aeTitle: 'PACS', host: '127.0.0.1', port: pacs.port, storageCommitment: true };
    const node = await aNode({ peers: [peer] });
    const uids = ['1.2.3.4.1.1.1', '1.2.3.4.1.1.2'];
    const { analysisId } = await deliver(node, 'pacs', uids);
    const first = (await pacs.requests(3)).at(-1)!;
    expect(pacs.received.map(field)).toEqual([STORE, STORE, ACTION]);
    expect(text(first.command, 'RequestedSOPInstanceUID')).toBe(WELL_KNOWN);
    await eventually(node, DELIVERY, [analysisId, 'pacs', 'asked']);

    expect(await reportTo(node.dimsePort, 2, eventInformation(first.dataSet, [uids[1]!], EXPLICIT))).toBe(0);
    const [, , , again, second] = await pacs.requests(5);
    expect([field(again!), text(again!.command, 'AffectedSOPInstanceUID')]).toEqual([STORE, uids[1]]);
    expect(field(second!)).toBe(ACTION);
    expect(items(second!.dataSet, 'ReferencedSOPSequence')).toHaveLength(1);
    expect(text(second!.dataSet, 'TransactionUID')).not.toBe(text(first.dataSet, 'TransactionUID'));

    expect(await reportTo(node.dimsePort, 2, eventInformation(second!.dataSet, [uids[1]!], EXPLICIT))).toBe(0);
    expect(await eventually<Delivery>(node, DELIVERY, [analysisId, 'pacs', 'not committed%1 of 1%'])).toMatchObject({
      committed: false,
    });
    // A late repeat of an answer changes nothing.
    expect(await reportTo(node.dimsePort, 1, eventInformation(second!.dataSet, [], EXPLICIT))).toBe(0);
    await eventually(node, DELIVERY, [analysisId, 'pacs', 'not committed%1 of 1%']);
    expect(pacs.received).toHaveLength(5);
  });

  it('takes the answer that follows on the association of its request', async () => {
    const pacs = await RawListener.open((request) =>
      field(request) === ACTION
        ? { status: 0, afterwards: [eventCommand(1), eventInformation(request.dataSet, [], EXPLICIT)] }
        : { status: 0 },
    );
    const peer = { name: 'pacs', aeTitle: 'PACS', host: '127.0.0.1', port: pacs.port, storageCommitment: true };
    const node = await aNode({ peers: [peer] });
    const { analysisId } = await deliver(node, 'pacs', ['1.2.3.4.1.1.1']);
    await eventually(node, DELIVERY, [analysisId, 'pacs', 'committed']);
    const [, , response] = await pacs.requests(3);
    expect([field(response!), number(response!.command, 'Status')]).toEqual([0x8100, 0]);
  });
});

describe('instance availability notification that we send (PS3.4 Annex R)', () => {
  it('tells a peer where the results are, under one UID however often it is told', async () => {
    const statuses = [0x0110, 0];
    const ris = await RawListener.open((request) => ({
      status: field(request) === CREATE ? (statuses.shift() ?? 0) : 0,
    }));
    const peer = { name: 'ris', aeTitle: 'RIS', host: '127.0.0.1', port: ris.port, availabilityNotification: true };
    const node = await aNode({ peers: [peer] });
    await deliver(node, 'ris', ['1.2.3.4.1.1.1']);
    const [, first, second] = await ris.requests(3);
    expect([field(first!), field(second!)]).toEqual([CREATE, CREATE]);
    const uid = text(first!.command, 'AffectedSOPInstanceUID');
    expect([uid, text(second!.command, 'AffectedSOPInstanceUID')]).toEqual([uid, uid]);
    const [series] = items(second!.dataSet, 'ReferencedSeriesSequence');
    const [instance] = items(series!, 'ReferencedSOPSequence');
    expect([text(instance!, 'ReferencedSOPInstanceUID'), text(instance!, 'RetrieveAETitle')]).toEqual([
      '1.2.3.4.1.1.1',
      'VOXGATE',
    ]);
  });
});

/** An N-EVENT-REPORT on an association that the peer opened; resolves to the status. */
async function reportTo(port: number, eventType: number, information: Buffer): Promise<number | undefined> {
  const proposal = { abstractSyntax: PUSH_MODEL, transferSyntaxes: [EXPLICIT, IMPLICIT] };
  const { scu } = await RawScu.associate(port, [proposal], { calling: 'PACS' });
  scu.send(pData(pdv(1, 3, eventCommand(eventType))), pData(pdv(1, 2, information)));
  const status = number(await scu.receiveCommand(), 'Status');
  await scu.release();
  return status;
}
