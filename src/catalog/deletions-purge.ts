import type { Database, Transaction } from './database.ts';
import { addEvent } from './deletions-events.ts';
import type { MetadataPlace } from './record-instances.ts';

/** An object in the trash whose file is about to be removed. */
export interface Purged {
  readonly id: number;
  readonly storageKey: string;
  readonly size: number;
  /** Nothing else names its file. */
  readonly alone: boolean;
  /** Where its metadata were written down; null where they were not. */
  readonly metadata: MetadataPlace | null;
}

/**
 * Marks the next objects of a deletion as being purged: from here on they cannot be brought back, so that their files
 * may go before their rows do. What was marked by a process that died is given out again.
 */
export async function markForPurge(database: Database, deletionId: number, most: number): Promise<Purged[]> {
  const { rows: marked }: { rows: { id: number }[] } = await database.raw(
    `UPDATE trash SET purging = true WHERE id IN (
       SELECT id FROM trash WHERE deletion_id = ? ORDER BY id LIMIT ? FOR UPDATE)
     RETURNING id`,
    [deletionId, most],
  );
  const { rows }: { rows: Purged[] } = await database.raw(
    `SELECT t.id, t.storage_key AS "storageKey", t.size,
       CASE WHEN t.content->>'metadata_segment' IS NOT NULL THEN jsonb_build_object(
         'segment', t.content->'metadata_segment', 'offset', t.content->'metadata_offset',
         'length', t.content->'metadata_length') END AS metadata,
       NOT EXISTS (SELECT FROM instances i WHERE i.sop_instance_uid = t.sop_instance_uid AND i.storage_key = t.storage_key)
       AND NOT EXISTS (SELECT FROM conflicts c WHERE c.sop_instance_uid = t.sop_instance_uid AND c.storage_key = t.storage_key)
       AND NOT EXISTS (SELECT FROM trash o WHERE o.sop_instance_uid = t.sop_instance_uid AND o.storage_key = t.storage_key
                       AND o.id <> t.id AND NOT (o.purging AND o.deletion_id = t.deletion_id)) AS alone
     FROM trash t WHERE t.id = ANY(?::bigint[]) ORDER BY t.id`,
    [marked.map(({ id }) => id)],
  );
  return rows;
}

/** Their files are gone: so are they. */
export async function finishPurge(
  tx: Transaction,
  deletionId: number,
  purged: readonly Purged[],
  told: { readonly doneBy: string; readonly reason: string },
): Promise<void> {
  const { rows }: { rows: { size: number }[] } = await tx.raw(
    'DELETE FROM trash WHERE id = ANY(?::bigint[]) RETURNING size',
    [purged.map(({ id }) => id)],
  );
  if (rows.length === 0) return;
  const bytes = rows.reduce((sum, { size }) => sum + size, 0);
  await addEvent(tx, 'purged', { ...told, deletionId, instances: rows.length, bytes });
}

/** The study and series rows are kept as long as an object could need them. */
export async function dropParents(tx: Transaction, deletionId: number): Promise<void> {
  await tx.raw(
    `DELETE FROM trash_parents WHERE deletion_id = ? AND NOT EXISTS (SELECT FROM trash WHERE deletion_id = ?)`,
    [deletionId, deletionId],
  );
}

/** The oldest deletion with something in the trash and no hold on its study; for a disk that is nearly full. */
export async function oldestInTrash(database: Database): Promise<number | undefined> {
  const { rows }: { rows: { id: number }[] } = await database.raw(
    `SELECT d.id FROM deletions d
     WHERE EXISTS (SELECT FROM trash t WHERE t.deletion_id = d.id)
       AND NOT EXISTS (SELECT FROM holds h WHERE h.study_instance_uid = d.study_instance_uid)
     ORDER BY d.id LIMIT 1`,
  );
  return rows[0]?.id;
}
