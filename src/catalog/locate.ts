import type { JsonDataset } from '../dicom/dataset.ts';
import type { Database } from './database.ts';
import type { MetadataPlace } from './record-instances.ts';
import { runStatement } from './statement.ts';

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
  readonly frameCount: number;
  /** Serialised frame index; null for an object without frames, and where it lies with the metadata. */
  readonly frames: string | null;
  /** Where its metadata were written down; null where that is still to be done. */
  readonly metadata: MetadataPlace | null;
  readonly receivedAt: Date;
}

export interface DescribedInstance extends LocatedInstance {
  readonly dataset: JsonDataset;
}

/** Of `LocatedInstance`, each under its name there. */
export const INSTANCE_COLUMNS = `
  s.study_instance_uid AS "studyInstanceUid", e.series_instance_uid AS "seriesInstanceUid",
  i.sop_instance_uid AS "sopInstanceUid", i.sop_class_uid AS "sopClassUid", i.transfer_syntax_uid AS "transferSyntaxUid",
  i.storage_key AS "storageKey", i.size, i.data_set_offset AS "dataSetOffset", i.frame_count AS "frameCount", i.frames,
  CASE WHEN i.metadata_segment IS NOT NULL THEN
    json_build_object('segment', i.metadata_segment, 'offset', i.metadata_offset, 'length', i.metadata_length)
  END AS metadata, i.received_at AS "receivedAt"`;

export const INSTANCE_TABLES =
  'FROM instances i JOIN series e ON e.id = i.series_id JOIN studies s ON s.id = e.study_id';

/** The instances of a place, by series and instance number. */
export async function locateInstances(database: Database, place: Place): Promise<LocatedInstance[]> {
  const { condition, values } = where(place);
  const text = `SELECT ${INSTANCE_COLUMNS} ${INSTANCE_TABLES} WHERE ${condition} ORDER BY e.id, i.instance_number, i.id`;
  return runStatement<LocatedInstance>(database, { text, values, hot: true });
}

/** The instances of these rows, by row; what has been deleted meanwhile is not among them. */
export async function locateByRow(
  database: Database,
  instanceIds: readonly number[],
): Promise<Map<number, LocatedInstance>> {
  const { rows }: { rows: (LocatedInstance & { readonly row: number })[] } = await database.raw(
    `SELECT i.id AS row, ${INSTANCE_COLUMNS} ${INSTANCE_TABLES} WHERE i.id = ANY(?::bigint[])`,
    [[...instanceIds]],
  );
  return new Map(rows.map(({ row, ...located }) => [row, located]));
}

/** What was read from an object once more, because its metadata were not to be had. */
export interface ReadAnew {
  readonly sopInstanceUid: string;
  readonly storageKey: string;
  readonly metadata: MetadataPlace;
  readonly frameCount: number;
  readonly frames: string | null;
}

export async function placeMetadata(
  database: Database,
  { sopInstanceUid, storageKey, metadata, frameCount, frames }: ReadAnew,
): Promise<void> {
  await database.raw(
    `UPDATE instances SET metadata_segment = ?, metadata_offset = ?, metadata_length = ?, frame_count = ?, frames = ?
     WHERE sop_instance_uid = ? AND storage_key = ?`,
    [metadata.segment, metadata.offset, metadata.length, frameCount, frames, sopInstanceUid, storageKey],
  );
}

function where(place: Place): { condition: string; values: string[] } {
  const parts = [
    ['s.study_instance_uid', place.studyInstanceUid],
    ['e.series_instance_uid', place.seriesInstanceUid],
    ['i.sop_instance_uid', place.sopInstanceUid],
  ].filter((part): part is [string, string] => part[1] !== undefined);
  if (parts.length === 0) throw new Error('a place needs at least one UID');
  return {
    condition: parts.map(([column], at) => `${column} = $${at + 1}`).join(' AND '),
    values: parts.map(([, uid]) => uid),
  };
}
