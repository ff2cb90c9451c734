import { describe, expect, it } from 'vitest';
import { expectedInstances } from '../../src/catalog/availability.ts';
import { openDatabase } from '../../src/catalog/database.ts';
import type { Fields } from '../../src/dicom/build.ts';
import { number, text } from '../../src/dicom/read-values.ts';
import { stored } from '../dicomweb/client.ts';
import { asFile, SECONDARY_CAPTURE } from '../support/instances.ts';
import { getJson } from '../support/node-process.ts';
import { aNode, type TestNode } from '../support/test-node.ts';
import { NormalizedScu } from './normalized.ts';

const MPPS = '1.2.840.10008.3.1.2.3.3';
const MPPS_RETRIEVE = '1.2.840.10008.3.1.2.3.4';
const STEP = '1.2.3.7.1';
const status = (response: Parameters<typeof number>[0]): number | undefined => number(response, 'Status');

/** What a modality says when it begins (PS3.4 Table F.7.2-1). */
function aStep(changes: Fields = {}): Fields {
  return {
    SpecificCharacterSet: 'ISO_IR 192',
    ScheduledStepAttributesSequence: [
      {
        StudyInstanceUID: '1.2.3.4.1',
        AccessionNumber: 'A1',
        RequestedProcedureID: 'R1',
        ScheduledProcedureStepID: 'S1',
      },
    ],
    PatientName: { Alphabetic: 'MÜLLER^ÄNNE' },
    PatientID: 'T1',
    PerformedProcedureStepID: 'P1',
    PerformedStationAETitle: 'MODALITY',
    PerformedProcedureStepStartDate: '20260102',
    PerformedProcedureStepStartTime: '101500',
    PerformedProcedureStepStatus: 'IN PROGRESS',
    Modality: 'OT',
    PerformedSeriesSequence: [],
    ...changes,
  };
}

const COMPLETED: Fields = {
  PerformedProcedureStepStatus: 'COMPLETED',
  PerformedProcedureStepEndDate: '20260102',
  PerformedProcedureStepEndTime: '103000',
  PerformedSeriesSequence: [
    {
      SeriesInstanceUID: '1.2.3.4.1.1',
      ProtocolName: 'chest',
      ReferencedImageSequence: ['1.2.3.4.1.1.1', '1.2.3.4.1.1.2'].map((uid) => ({
        ReferencedSOPClassUID: SECONDARY_CAPTURE,
        ReferencedSOPInstanceUID: uid,
      })),
      ReferencedNonImageCompositeSOPInstanceSequence: [],
    },
  ],
};

async function expected(node: TestNode, series: string) {
  const database = openDatabase(node.settings.databaseUrl ?? '');
  try {
    return await expectedInstances(database, series);
  } finally {
    await database.destroy();
  }
}

describe('modality performed procedure step (PS3.4 Annex F)', () => {
  it('goes from in progress to completed, and what was made is evidence for the series', async () => {
    const node = await aNode();
    const modality = await NormalizedScu.open(node.dimsePort, MPPS);
    expect(status(await modality.create(STEP, aStep()))).toBe(0);
    expect(status(await modality.set(STEP, { PerformedProcedureStepDescription: 'chest' }))).toBe(0);
    expect(await expected(node, '1.2.3.4.1.1')).toEqual([]);
    expect(status(await modality.set(STEP, COMPLETED))).toBe(0);

    await stored(node.http, [asFile()]);
    expect(await expected(node, '1.2.3.4.1.1')).toMatchObject([
      {
        source: 'mpps',
        sourceUid: STEP,
        sopInstanceUid: '1.2.3.4.1.1.1',
        sopClassUid: SECONDARY_CAPTURE,
        isHeld: true,
      },
      { source: 'mpps', sourceUid: STEP, sopInstanceUid: '1.2.3.4.1.1.2', isHeld: false },
    ]);
    const shown = await getJson<{ procedureSteps: object[] }>(`${node.http}/api/procedure-steps`);
    expect(shown.procedureSteps).toMatchObject([
      {
        sopInstanceUid: STEP,
        state: 'COMPLETED',
        performedBy: 'MODALITY',
        studyInstanceUids: ['1.2.3.4.1'],
        instances: 2,
      },
    ]);
    expect(JSON.stringify(shown)).not.toContain('LLER');
  });

  it('is final once completed or discontinued: 0110H with Error ID A710H (F.7.2.2.4)', async () => {
    const node = await aNode();
    const modality = await NormalizedScu.open(node.dimsePort, MPPS);
    await modality.create(STEP, aStep());
    const end = { PerformedProcedureStepEndDate: '20260102', PerformedProcedureStepEndTime: '103000' };
    expect(status(await modality.set(STEP, { ...end, PerformedProcedureStepStatus: 'DISCONTINUED' }))).toBe(0);
    const refused = await modality.set(STEP, { PerformedProcedureStepStatus: 'IN PROGRESS' });
    expect([status(refused), number(refused, 'ErrorID')]).toEqual([0x0110, 0xa710]);
    expect(await expected(node, '1.2.3.4.1.1')).toEqual([]);
  });

  it('names the attribute that is missing, empty or wrong (PS3.7 10.1.5.1)', async () => {
    const node = await aNode();
    const modality = await NormalizedScu.open(node.dimsePort, MPPS);
    const { Modality: _, ...withoutModality } = aStep();
    const answers = [
      await modality.create(STEP, withoutModality),
      await modality.create(STEP, aStep({ PerformedStationAETitle: null })),
      await modality.create(STEP, aStep({ ScheduledStepAttributesSequence: [{ AccessionNumber: 'A1' }] })),
      await modality.create(STEP, aStep({ PerformedProcedureStepStatus: 'COMPLETED' })),
      await modality.create(STEP, aStep({ PerformedProcedureStepStatus: 'DONE' })),
    ];
    expect(answers.map((answer) => [status(answer), text(answer, 'OffendingElement')])).toEqual([
      [0x0120, '00080060'],
      [0x0121, '00400241'],
      [0x0121, '0020000D'],
      [0x0106, '00400252'],
      [0x0106, '00400252'],
    ]);
    await modality.create(STEP, aStep());
    const { PerformedSeriesSequence: __, ...withoutSeries } = COMPLETED;
    const ends = [
      await modality.set(STEP, { PerformedProcedureStepStatus: 'COMPLETED' }),
      await modality.set(STEP, withoutSeries),
      await modality.set(STEP, { ...COMPLETED, PerformedSeriesSequence: [{ ProtocolName: 'chest' }] }),
      await modality.set(STEP, { PerformedProcedureStepStatus: 'DONE' }),
    ];
    expect(ends.map((answer) => [status(answer), text(answer, 'OffendingElement')])).toEqual([
      [0x0120, '00400250'],
      [0x0121, '00400340'],
      [0x0120, '0020000E'],
      [0x0106, '00400252'],
    ]);
    expect(status(await modality.set(STEP, COMPLETED))).toBe(0);
  });

  it('knows duplicates and strangers, and names what the modality left unnamed (PS3.7 10.1.5.1.3)', async () => {
    const node = await aNode();
    const modality = await NormalizedScu.open(node.dimsePort, MPPS);
    await modality.create(STEP, aStep());
    expect(status(await modality.create(STEP, aStep()))).toBe(0x0111);
    expect(status(await modality.set('1.2.3.7.2', COMPLETED))).toBe(0x0112);
    expect(status(await modality.create('no uid/', aStep()))).toBe(0x0117);
    const unnamed = await modality.create(undefined, aStep());
    expect(status(unnamed)).toBe(0);
    expect(status(await modality.set(text(unnamed, 'AffectedSOPInstanceUID') ?? '', COMPLETED))).toBe(0);
  });

  it('can be read again, patient and scheduled step unchanged by N-SET (F.8.2, Table F.7.2-1)', async () => {
    const node = await aNode();
    const modality = await NormalizedScu.open(node.dimsePort, MPPS);
    await modality.create(STEP, aStep());
    await modality.set(STEP, { PatientID: 'OTHER', PerformedProcedureStepDescription: 'Schädel' });
    const reader = await NormalizedScu.open(node.dimsePort, MPPS_RETRIEVE);
    const step = await reader.get(STEP);
    expect([
      text(step, 'PatientID'),
      text(step, 'PatientName'),
      text(step, 'PerformedProcedureStepDescription'),
    ]).toEqual(['T1', 'MÜLLER^ÄNNE', 'Schädel']);
    expect(status(await reader.get('1.2.3.7.2'))).toBe(0x0112);
  });
});
