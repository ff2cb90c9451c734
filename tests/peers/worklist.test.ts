import { describe, expect, it } from 'vitest';
import { dataset, type Fields } from '../../src/dicom/build.ts';
import { items, number, text } from '../../src/dicom/read-values.ts';
import { encodeDataSet } from '../../src/dicom/write.ts';
import { stored } from '../dicomweb/client.ts';
import { asFile } from '../support/instances.ts';
import { getJson } from '../support/node-process.ts';
import { RawListener } from '../support/raw-listener.ts';
import { IMPLICIT } from '../support/raw-scu.ts';
import { aNode } from '../support/test-node.ts';

/** The transfer syntax that RawListener takes: the last proposed. */
const ANSWER = IMPLICIT;

function scheduled(fields: Fields, step: Fields = {}): Buffer {
  return encodeDataSet(
    dataset({
      PatientID: 'T1',
      PatientName: { Alphabetic: 'TEST^ONE' },
      AccessionNumber: 'A1',
      StudyInstanceUID: '1.2.3.9',
      RequestedProcedureID: 'R1',
      RequestedProcedureDescription: 'CT chest',
      ScheduledProcedureStepSequence: [
        { Modality: 'OT', ScheduledProcedureStepStartDate: '20260102', ScheduledProcedureStepID: 'S1', ...step },
      ],
      ...fields,
    }),
    { transferSyntaxUid: ANSWER },
  );
}

interface Shown {
  readonly state?: string;
  readonly reason: string;
  readonly matchedBy: string | null;
  readonly order: Record<string, string> | null;
}

async function orderOf(http: string, study: string): Promise<Shown> {
  const until = Date.now() + 20_000;
  for (;;) {
    const shown = await getJson<Shown>(`${http}/api/studies/${study}/order`);
    if (shown.state !== undefined) return shown;
    if (Date.now() > until) throw new Error('no order was looked for within 20 s');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** A worklist that answers every query with the same. */
async function aNodeWith(answers: readonly Buffer[]) {
  const ris = await RawListener.open(() => ({ status: 0, pending: answers }));
  const peer = { name: 'ris', aeTitle: 'RIS', host: '127.0.0.1', port: ris.port, worklist: true };
  return { ris, node: await aNode({ peers: [peer], settleSeconds: 0 }) };
}

describe('modality worklist as service class user (PS3.4 Annex K)', () => {
  it('matches a study to its order by accession number once it settles, and keeps nothing of the patient', async () => {
    const { ris, node } = await aNodeWith([scheduled({ AccessionNumber: 'A2' }), scheduled({})]);
    await stored(node.http, [asFile({ AccessionNumber: 'A1' })]);
    const shown = await orderOf(node.http, '1.2.3.4.1');
    expect(shown).toMatchObject({ state: 'matched', matchedBy: 'Accession Number' });
    expect(shown.order).toMatchObject({ requestedProcedureId: 'R1', scheduledProcedureStepId: 'S1', modality: 'OT' });
    expect(JSON.stringify(shown)).not.toMatch(/TEST\^ONE|T1/);
    const [byAccession, byPatient] = ris.received;
    expect(number(byAccession!.command, 'CommandField')).toBe(0x0020);
    expect(text(byAccession!.dataSet, 'AccessionNumber')).toBe('A1');
    const [step] = items(byPatient!.dataSet, 'ScheduledProcedureStepSequence');
    expect([text(byPatient!.dataSet, 'PatientID'), text(step!, 'ScheduledProcedureStepStartDate')]).toEqual([
      'T1',
      '20260102',
    ]);
  });

  it('takes no order of another patient, and none where several fit', async () => {
    const { node } = await aNodeWith([
      scheduled({ PatientID: 'T2', StudyInstanceUID: '1.2.3.4.1' }),
      scheduled({ AccessionNumber: 'B1', RequestedProcedureID: 'R2' }),
      scheduled({ AccessionNumber: 'B2', RequestedProcedureID: 'R3' }),
    ]);
    await stored(node.http, [asFile({ AccessionNumber: 'A9' })]);
    const shown = await orderOf(node.http, '1.2.3.4.1');
    expect(shown).toMatchObject({ state: 'ambiguous', matchedBy: 'patient and day', order: null });
    expect(shown.reason).toBe('2 orders of ris fit the study by patient and day; none is taken.');
  });

  it('says that nothing fits, and holds nothing up', async () => {
    const { node } = await aNodeWith([]);
    await stored(node.http, [asFile({ AccessionNumber: 'A1' })]);
    expect(await orderOf(node.http, '1.2.3.4.1')).toMatchObject({
      state: 'none',
      reason: 'No order of ris fits the study.',
    });
    expect((await fetch(`${node.http}/api/studies/1.2.3.404/order`)).status).toBe(404);
  });

  it('cancels a worklist that answers without end (PS3.7 9.3.2.3)', async () => {
    const { ris, node } = await aNodeWith(
      Array.from({ length: 300 }, (_, i) => scheduled({ PatientID: `X${i}`, AccessionNumber: `X${i}` })),
    );
    await stored(node.http, [asFile({ AccessionNumber: 'A1' })]);
    expect(await orderOf(node.http, '1.2.3.4.1')).toMatchObject({ state: 'none' });
    expect(ris.received.map(({ command }) => number(command, 'CommandField'))).toContain(0x0fff);
  });
});
