import { describe, expect, it } from 'vitest';
import { expectedInstances } from '../../src/catalog/availability.ts';
import { openDatabase } from '../../src/catalog/database.ts';
import type { Fields } from '../../src/dicom/build.ts';
import { number, text } from '../../src/dicom/read-values.ts';
import { SECONDARY_CAPTURE } from '../support/instances.ts';
import { aNode } from '../support/test-node.ts';
import { NormalizedScu } from './normalized.ts';

const IAN = '1.2.840.10008.5.1.4.33';
const status = (response: Parameters<typeof number>[0]): number | undefined => number(response, 'Status');

function aNotice(changes: Fields = {}): Fields {
  return {
    ReferencedPerformedProcedureStepSequence: [],
    StudyInstanceUID: '1.2.3.4.1',
    ReferencedSeriesSequence: [
      {
        SeriesInstanceUID: '1.2.3.4.1.1',
        ReferencedSOPSequence: [
          {
            ReferencedSOPClassUID: SECONDARY_CAPTURE,
            ReferencedSOPInstanceUID: '1.2.3.4.1.1.1',
            InstanceAvailability: 'ONLINE',
            RetrieveAETitle: 'PACS',
          },
        ],
      },
    ],
    ...changes,
  };
}

describe('instance availability notification (PS3.4 Annex R)', () => {
  it('is recorded as evidence of what the series consists of', async () => {
    const node = await aNode();
    const pacs = await NormalizedScu.open(node.dimsePort, IAN);
    expect(status(await pacs.create('1.2.3.8.1', aNotice()))).toBe(0);
    expect(status(await pacs.create('1.2.3.8.1', aNotice()))).toBe(0x0111);
    const database = openDatabase(node.settings.databaseUrl ?? '');
    expect(await expectedInstances(database, '1.2.3.4.1.1')).toEqual([
      {
        source: 'ian',
        sourceUid: '1.2.3.8.1',
        sopInstanceUid: '1.2.3.4.1.1.1',
        sopClassUid: SECONDARY_CAPTURE,
        isHeld: false,
      },
    ]);
    await database.destroy();
  });

  it('is refused without a study or without an instance (Table R.3.2-1)', async () => {
    const node = await aNode();
    const pacs = await NormalizedScu.open(node.dimsePort, IAN);
    const { StudyInstanceUID: _, ...withoutStudy } = aNotice();
    const answers = [
      await pacs.create('1.2.3.8.1', withoutStudy),
      await pacs.create('1.2.3.8.1', aNotice({ ReferencedSeriesSequence: [] })),
    ];
    expect(answers.map((answer) => [status(answer), text(answer, 'OffendingElement')])).toEqual([
      [0x0120, '0020000D'],
      [0x0121, '00081115'],
    ]);
  });
});
