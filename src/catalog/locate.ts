import { gunzipSync } from 'node:zlib';
import type { JsonDataset } from '../dicom/dataset.ts';
import type { Database } from './database.ts';

/** Which instances: all of a study, of a series, or one. */
export interface Place {
  readonly studyInstanceUid?: string;
  readonly seriesInstanceUid?: string;
  readonly sopInstanceUid?: string;
}

/** Where an instance lies and what its bytes are. */
export interface LocatedInstance {
  readonly studyInstanceUid: string;
  readonly seriesInstanceUid: string;
  readonly sopInstanceUid: string;
  readonly sopClassUid: string;
  readonly transferSyntaxUid: string;
  readonly storageKey: string;
  readonly size: number;
  readonly dataSetOffset: number;
  /** Serialised frame index; null for an object without frames. */
  readonly frames: string | null;
  readonly receivedAt: Date;
}

export interface DescribedInstance extends LocatedInstance {
  readonly dataset: JsonDataset;
}

export const INSTANCE_COLUMNS = `
  s.study_instance_uid AS "studyInstanceUid", e.series_instance_uid AS "seriesInstanceUid",
  i.sop_instance_uid AS "sopInstanceUid", i.sop_class_uid AS "sopClassUid", i.transfer_syntax_uid AS "transferSyntaxUid",
  i.storage_key AS "storageKey", i.size, i.data_set_offset AS "dataSetOffset", i.frames, i.received_at AS "receivedAt"`;

export const INSTANCE_TABLES =
  'FROM instances i JOIN series e ON e.id = i.series_id JOIN studies s ON s.id = e.study_id';

/** The instances of a place, by series and instance number. */
export async function locateInstances(database: Database, place: Place): Promise<LocatedInstance[]> {
  const { condition, values } = where(place);
  const { rows }: { rows: LocatedInstance[] } = await database.raw(
    `SELECT ${INSTANCE_COLUMNS} ${INSTANCE_TABLES} WHERE ${condition} ORDER BY e.id, i.instance_number, i.id`,
    values,
  );
  return rows;
}

/** The same with each instance's metadata. */
export async function describeInstances(database: Database, place: Place): Promise<DescribedInstance[]> {
  return (await readMetadata(database, place)).map(({ located, json }) => ({ ...located, dataset: JSON.parse(json) }));
}

/** Metadata as prepared at ingest: DICOM JSON text of each instance. */
export async function readMetadata(
  database: Database,
  place: Place,
): Promise<{ located: LocatedInstance; json: string }[]> {
  const { condition, values } = where(place);
  const { rows }: { rows: (LocatedInstance & { metadata: Buffer })[] } = await database.raw(
    `SELECT ${INSTANCE_COLUMNS}, i.metadata ${INSTANCE_TABLES} WHERE ${condition} ORDER BY e.id, i.instance_number, i.id`,
    values,
  );
  return rows.map(({ metadata, ...located }) => ({ located, json: metadataText(metadata) }));
}

function metadataText(metadata: Buffer): string {
  return gunzipSync(metadata).toString('utf8');
}

function where(place: Place): { condition: string; values: string[] } {
  const parts = [
    ['s.study_instance_uid', place.studyInstanceUid],
    ['e.series_instance_uid', place.seriesInstanceUid],
    ['i.sop_instance_uid', place.sopInstanceUid],
  ].filter((part): part is [string, string] => part[1] !== undefined);
  if (parts.length === 0) throw new Error('a place needs at least one UID');
  return { condition: parts.map(([column]) => `${column} = ?`).join(' AND '), values: parts.map(([, uid]) => uid) };
}
