import { execFile } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { bufferSource, parsePart10 } from '../../src/dicom/parse.ts';
import { text } from '../../src/dicom/read-values.ts';
import { FindScu } from '../dimse/find-scu.ts';
import { hasPrograms } from '../support/programs.ts';
import { type ExpectedRow, expectedRows, hasSharedData, sharedData } from '../support/shared-data.ts';
import { aFolder, aNode } from '../support/test-node.ts';

const run = promisify(execFile);
const hasFindscu = hasPrograms('findscu');

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

async function stow(http: string, file: string): Promise<number> {
  const { status } = await fetch(`${http}/dicom-web/studies`, {
    method: 'POST',
    headers: { 'content-type': 'multipart/related; type="application/dicom"; boundary=b' },
    body: Buffer.concat([
      Buffer.from('--b\r\ncontent-type: application/dicom\r\n\r\n'),
      readFileSync(sharedData(file)),
      Buffer.from('\r\n--b--\r\n'),
    ]),
  });
  return status;
}

/** Names and IDs of every study as DCMTK's findscu got them, by Study Instance UID. */
async function studiesByFindscu(port: number, folder: string): Promise<Map<string, string>> {
  mkdirSync(folder);
  const keys = ['QueryRetrieveLevel=STUDY', 'StudyInstanceUID', 'PatientID', 'PatientName'];
  await run('findscu', [
    ...['-S', '-X', '-od', folder, '-aec', 'VOXGATE', ...keys.flatMap((key) => ['-k', key])],
    ...['127.0.0.1', String(port)],
  ]);
  const answers = readdirSync(folder).map(
    (name) => parsePart10(bufferSource(readFileSync(join(folder, name)))).dataset,
  );
  return new Map(
    answers.map((answer) => [
      text(answer, 'StudyInstanceUID') ?? '',
      `${text(answer, 'PatientID') ?? ''}\n${text(answer, 'PatientName') ?? ''}`,
    ]),
  );
}

describe.skipIf(!hasSharedData)('C-FIND over the real files', () => {
  it('finds UIDs, Patient ID and name as other readers read them, in every character set', {
    timeout: 300_000,
  }, async () => {
    const rows = expectedRows().filter(readable);
    expect(rows.length).toBeGreaterThan(530);
    const output = aFolder();
    const different: unknown[] = [];
    let found = 0;
    for (const [number, round] of rounds(rows).entries()) {
      const node = await aNode({ settleSeconds: 3600 });
      const scu = await FindScu.open(node.dimsePort, { extended: '01' });
      for (const row of round) {
        const isBroken = row['file']!.startsWith('malformed/');
        const status = await stow(node.http, row['file']!);
        if (status !== 200 && status !== 202) {
          if (!isBroken) different.push([row['file'], status]);
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
        else if (!isBroken) different.push([row['file'], got, expected]);
      }
      if (hasFindscu) {
        const studies = await studiesByFindscu(node.dimsePort, join(output, String(number)));
        for (const row of round.filter(({ file }) => !file!.startsWith('malformed/'))) {
          expect([row['file'], studies.get(row['StudyInstanceUID']!)]).toEqual([
            row['file'],
            `${row['PatientID']}\n${row['PatientName']}`,
          ]);
        }
      }
      scu.scu.destroy();
      await node.stop();
    }
    expect(different).toEqual([]);
    expect(found).toBeGreaterThan(530);
  });
});
