import type { Database } from './database.ts';

/** Where a row that names a file stands. */
export type HeldIn = 'instances' | 'conflicts' | 'trash';

/** A row that names a file, and what the file must be. */
export interface NamedObject {
  readonly heldIn: HeldIn;
  readonly id: number;
  readonly studyInstanceUid: string;
  readonly seriesInstanceUid: string;
  readonly sopInstanceUid: string;
  readonly storageKey: string;
  readonly size: number;
  /** SHA-256 of the data set, hexadecimal. */
  readonly digest: string;
  /** Where the data set begins; null where the row does not tell. */
  readonly dataSetOffset: number | null;
  /** The object was kept although something was wrong with it. */
  readonly flagged: boolean;
}

export interface VerifiedPart {
  readonly studyInstanceUid?: string | undefined;
  readonly since?: Date | undefined;
}

const OBJECTS: Readonly<Record<HeldIn, string>> = {
  instances: `SELECT i.id, s.study_instance_uid, e.series_instance_uid, i.sop_instance_uid, i.storage_key, i.size, i.digest,
      i.data_set_offset, i.warnings IS NOT NULL AS flagged, i.received_at
    FROM instances i JOIN series e ON e.id = i.series_id JOIN studies s ON s.id = e.study_id`,
  conflicts: `SELECT c.id, c.study_instance_uid, c.series_instance_uid, c.sop_instance_uid, c.storage_key, c.size, c.digest,
      NULL::integer AS data_set_offset, false AS flagged, c.received_at
    FROM conflicts c`,
  trash: `SELECT t.id, t.study_instance_uid, t.series_instance_uid, t.sop_instance_uid, t.storage_key, t.size, t.digest,
      (t.content ->> 'data_set_offset')::integer AS data_set_offset, t.content ->> 'warnings' IS NOT NULL AS flagged,
      (t.content ->> 'received_at')::timestamptz AS received_at
    FROM trash t WHERE NOT t.purging`,
};

const COLUMNS = `o.id, o.study_instance_uid AS "studyInstanceUid", o.series_instance_uid AS "seriesInstanceUid",
  o.sop_instance_uid AS "sopInstanceUid", o.storage_key AS "storageKey", o.size, encode(o.digest, 'hex') AS digest,
  o.data_set_offset AS "dataSetOffset", o.flagged`;

/** The next rows behind row `after`, in the order of their ids: a page, so that millions are never in memory. */
export async function pageOfObjects(
  database: Database,
  heldIn: HeldIn,
  part: VerifiedPart,
  after: number,
  limit: number,
): Promise<NamedObject[]> {
  const conditions = ['o.id > ?'];
  const values: (string | number | Date)[] = [after];
  if (part.studyInstanceUid !== undefined) {
    conditions.push('o.study_instance_uid = ?');
    values.push(part.studyInstanceUid);
  }
  if (part.since !== undefined) {
    conditions.push('o.received_at >= ?');
    values.push(part.since);
  }
  const { rows }: { rows: Omit<NamedObject, 'heldIn'>[] } = await database.raw(
    `SELECT ${COLUMNS} FROM (${OBJECTS[heldIn]}) o WHERE ${conditions.join(' AND ')} ORDER BY o.id LIMIT ?`,
    [...values, limit],
  );
  return rows.map((row) => ({ heldIn, ...row }));
}

/** Whether the row still names that file: it may have been deleted, or moved, since it was read. */
export async function stillNames(database: Database, object: NamedObject): Promise<boolean> {
  const { rows }: { rows: { named: boolean }[] } = await database.raw(
    `SELECT EXISTS (SELECT FROM (${OBJECTS[object.heldIn]}) o WHERE o.id = ? AND o.storage_key = ?) AS named`,
    [object.id, object.storageKey],
  );
  return rows[0]!.named;
}

/**
 * Which of the files no row names: neither what is held, nor kept apart, nor in the trash. No index serves this, and
 * ingest pays for none: the tables are read once for as many keys as fit into one statement.
 */
export async function unnamedKeys(database: Database, keys: readonly string[]): Promise<string[]> {
  const { rows }: { rows: { key: string }[] } = await database.raw(
    `SELECT key FROM unnest(?::text[]) AS key
     WHERE NOT EXISTS (SELECT FROM instances i WHERE i.storage_key = key)
       AND NOT EXISTS (SELECT FROM conflicts c WHERE c.storage_key = key)
       AND NOT EXISTS (SELECT FROM trash WHERE storage_key = key)`,
    [[...keys]],
  );
  return rows.map(({ key }) => key);
}
