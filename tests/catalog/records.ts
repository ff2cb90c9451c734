import { createHash } from 'node:crypto';
import { onTestFinished } from 'vitest';
import { type Database, migrate, openDatabase } from '../../src/catalog/database.ts';
import type { InstanceRecord, StudyColumns } from '../../src/catalog/record-instances.ts';
import { aDatabase } from '../support/test-node.ts';

/** A database with the schema in it, closed and dropped when the test is over. */
export async function aCatalog(): Promise<Database> {
  const database = openDatabase(await aDatabase());
  onTestFinished(() => database.destroy());
  await migrate(database);
  return database;
}

interface Said {
  readonly study?: string;
  readonly series?: string;
  readonly instance: string;
  readonly modality?: string;
  /** What the data set holds; other content has another digest. */
  readonly content?: string;
  /** The name of its file; the same object sent again comes in another. */
  readonly key?: string;
  readonly columns?: Partial<StudyColumns>;
}

/** What ingest says of an instance. */
export function aRecord(said: Said): InstanceRecord {
  const { study = '1.2.3', series = `${study}.1`, instance, modality = 'CT', content = instance } = said;
  const digest = createHash('sha256').update(content).digest('hex');
  const none = { patientBirthDate: null, patientSex: null, accessionNumber: null, studyId: null, studyTime: null };
  return {
    studyInstanceUid: study,
    seriesInstanceUid: series,
    sopInstanceUid: instance,
    study: {
      ...none,
      patientId: 'P1',
      issuerOfPatientId: null,
      patientName: 'TEST^ONE',
      patientNameFolded: 'test^one',
      studyDate: '20260102',
      studyDescription: null,
      referringPhysicianName: null,
      referringPhysicianNameFolded: null,
      attributes: '{}',
      ...said.columns,
    },
    series: {
      modality,
      seriesNumber: 1,
      seriesDescription: null,
      seriesDate: null,
      seriesTime: null,
      bodyPartExamined: null,
      performedProcedureStepStartDate: null,
      performedProcedureStepStartTime: null,
      attributes: '{}',
    },
    instance: {
      sopClassUid: '1.2.840.10008.5.1.4.1.1.2',
      instanceNumber: 1,
      shape: '4\\4\\8\\',
      transferSyntaxUid: '1.2.840.10008.1.2.1',
      storageKey: said.key ?? `key-of-${content}`,
      size: 1000,
      digest,
      dataSetOffset: 400,
      frameCount: 0,
      frames: null,
      metadata: { segment: 1, offset: 2, length: 3 },
      warnings: null,
      origin: 'received',
    },
  };
}
