import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { text } from '../../src/dicom/read-values.ts';
import { type ExpectedRow, expectedRows, hasSharedData, sharedData } from '../support/shared-data.ts';
import { aNode } from '../support/test-node.ts';
import { FindScu } from './find-scu.ts';

/** What an independent reader could read, with the UIDs without which an object is refused. */
const readable = (row: ExpectedRow): boolean =>
  row['pydicom'] !== 'fail' && ['StudyInstanceUID', 'SeriesInstanceUID', 'SOPInstanceUID'].every((uid) => row[uid]);

/**
 * The files in rounds for one node each: twins share a SOP Instance UID and cannot lie in one node together, nor can
 * files that give one study two patients, of which its answers know the first.
 */
function rounds(rows: readonly ExpectedRow[]): ExpectedRow[][] {
  const made: { files: ExpectedRow[]; instances: Set<string>; patients: Map<string, string> }[] = [];
  for (const row of rows) {
    const patient = `${row['PatientID']}\n${row['PatientName']}`;
    const study = row['StudyInstanceUID']!;
    let round = made.find(
      ({ instances, patients }) =>
        !instances.has(row['SOPInstanceUID']!) && (patients.get(study) ?? patient) === patient,
    );
    if (round === undefined) {
      round = { files: [], instances: new Set(), patients: new Map() };
      made.push(round);
    }
    round.files.push(row);
    round.instances.add(row['SOPInstanceUID']!);
    round.patients.set(study, patient);
  }
  return made.map(({ files }) => files);
}

const KEYS = ['StudyInstanceUID', 'SeriesInstanceUID', 'SOPInstanceUID', 'SOPClassUID', 'PatientID', 'PatientName'];

describe.skipIf(!hasSharedData)('C-FIND over the real files', () => {
  it('finds UIDs, Patient ID and name as other readers read them, in every character set', {
    timeout: 300_000,
  }, async () => {
    const rows = expectedRows().filter(readable);
    expect(rows.length).toBeGreaterThan(530);
    const different: unknown[] = [];
    let found = 0;
    for (const round of rounds(rows)) {
      const node = await aNode({ settleSeconds: 3600 });
      const scu = await FindScu.open(node.dimsePort, { extended: '01' });
      for (const row of round) {
        const stored = await fetch(`${node.http}/dicom-web/studies`, {
          method: 'POST',
          headers: { 'content-type': 'multipart/related; type="application/dicom"; boundary=b' },
          body: Buffer.concat([
            Buffer.from('--b\r\ncontent-type: application/dicom\r\n\r\n'),
            readFileSync(sharedData(row['file']!)),
            Buffer.from('\r\n--b--\r\n'),
          ]),
        });
        if (stored.status !== 200 && stored.status !== 202) {
          if (!row['file']!.startsWith('malformed/')) different.push([row['file'], stored.status]);
          continue;
        }
        const asked = Object.fromEntries(KEYS.map((keyword) => [keyword, '']));
        const { answers } = await scu.find({
          ...asked,
          QueryRetrieveLevel: 'IMAGE',
          SOPInstanceUID: row['SOPInstanceUID']!,
        });
        const got = KEYS.map((keyword) => text(answers[0]?.dataset ?? {}, keyword) ?? '');
        const expected = KEYS.map((keyword) => row[keyword] ?? '');
        if (answers.length === 1 && got.every((value, i) => value === expected[i])) found += 1;
        else if (!row['file']!.startsWith('malformed/')) different.push([row['file'], got, expected]);
      }
      scu.scu.destroy();
      await node.stop();
    }
    expect(different).toEqual([]);
    expect(found).toBeGreaterThan(530);
  });
});
