import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { bufferSource, parsePart10 } from '../../src/dicom/parse.ts';
import { text } from '../../src/dicom/read-values.ts';
import { asFile } from '../support/instances.ts';

/** Two small studies that the outside judges store, find and retrieve: six objects in three series, of two patients. */
export interface JudgedObject {
  readonly path: string;
  readonly study: string;
  readonly series: string;
  readonly sop: string;
  /** From the end of the file meta information on. */
  readonly dataSet: Buffer;
}

const PATIENTS = [
  { study: '1.2.3.55.1', id: 'J1', name: 'JUDGED^ONE', accession: 'AC1', date: '20260102', series: ['CT', 'SR'] },
  { study: '1.2.3.55.2', id: 'J2', name: 'JUDGED^TWO', accession: 'AC2', date: '20260203', series: ['MR'] },
];
const OBJECTS_A_SERIES = 2;

export const STUDY = '1.2.3.55.1';
export const OTHER_STUDY = '1.2.3.55.2';

/** Writes the objects as files. Modalities are labels only: all are Secondary Capture images. */
export function writeStudies(folder: string): JudgedObject[] {
  mkdirSync(folder, { recursive: true });
  return PATIENTS.flatMap(({ study, id, name, accession, date, series }) =>
    series.flatMap((modality, s) =>
      Array.from({ length: OBJECTS_A_SERIES }, (_, i) => {
        const seriesUid = `${study}.${s + 1}`;
        const sop = `${seriesUid}.${i + 1}`;
        const file = asFile(
          {
            StudyInstanceUID: study,
            SeriesInstanceUID: seriesUid,
            SOPInstanceUID: sop,
            PatientID: id,
            PatientName: { Alphabetic: name },
            AccessionNumber: accession,
            StudyID: '1',
            StudyDate: date,
            StudyTime: '101500',
            StudyDescription: 'Judged study',
            Modality: modality,
            SeriesNumber: s + 1,
            InstanceNumber: i + 1,
          },
          Buffer.alloc(16, 16 * s + i),
        );
        const path = join(folder, `${sop}.dcm`);
        writeFileSync(path, file);
        return { path, study, series: seriesUid, sop, dataSet: dataSetOf(file) };
      }),
    ),
  );
}

export function dataSetOf(file: Buffer): Buffer {
  return file.subarray(parsePart10(bufferSource(file)).dataSetOffset);
}

/** The files in a folder are these objects, data set by data set. */
export function expectReceived(folder: string, objects: readonly JudgedObject[]): void {
  const files = readdirSync(folder).map((name) => readFileSync(join(folder, name)));
  const received = new Map(
    files.map((file) => [text(parsePart10(bufferSource(file)).dataset, 'SOPInstanceUID'), dataSetOf(file)]),
  );
  expect([...received.keys()].sort()).toEqual(objects.map(({ sop }) => sop).sort());
  for (const { sop, dataSet } of objects) expect(received.get(sop)?.equals(dataSet), sop).toBe(true);
}
