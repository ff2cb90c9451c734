import type { Database, Transaction } from './database.ts';

/** An instance that somebody else says exists: a modality that made it (mpps), or an archive that holds it (ian). */
export interface ExpectedInstance {
  readonly studyInstanceUid: string | null;
  readonly seriesInstanceUid: string;
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  /** Of a notice: where, and ONLINE, NEARLINE, OFFLINE or UNAVAILABLE (PS3.3 C.4.23.1.1). */
  readonly retrieveAeTitle: string | null;
  readonly availability: string | null;
}

export interface Evidence {
  readonly source: 'mpps' | 'ian';
  /** SOP Instance UID of the procedure step or notice. */
  readonly sourceUid: string;
}

/** Records what follows from one procedure step or notice. */
export async function recordExpected(
  tx: Transaction,
  { source, sourceUid }: Evidence,
  instances: readonly ExpectedInstance[],
): Promise<void> {
  if (instances.length === 0) return;
  await tx.raw(
    `INSERT INTO expected_instances (source, source_uid, study_instance_uid, series_instance_uid, sop_class_uid,
       sop_instance_uid, retrieve_ae_title, availability)
     SELECT ?, ?, r."studyInstanceUid", r."seriesInstanceUid", r."sopClassUid", r."sopInstanceUid", r."retrieveAeTitle",
       r.availability
     FROM jsonb_to_recordset(?::jsonb) AS r("studyInstanceUid" text, "seriesInstanceUid" text, "sopClassUid" text,
       "sopInstanceUid" text, "retrieveAeTitle" text, availability text)
     ON CONFLICT DO NOTHING`,
    [source, sourceUid, JSON.stringify(instances)],
  );
}

/** A notice, once; false where one of that UID is there already. */
export async function insertNotice(
  tx: Transaction,
  notice: {
    readonly sopInstanceUid: string;
    readonly studyInstanceUid: string;
    readonly announcedBy: string;
    readonly instances: number;
  },
): Promise<boolean> {
  const { rows }: { rows: unknown[] } = await tx.raw(
    `INSERT INTO availability_notices (sop_instance_uid, study_instance_uid, announced_by, instances)
     VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING sop_instance_uid`,
    [notice.sopInstanceUid, notice.studyInstanceUid, notice.announcedBy, notice.instances],
  );
  return rows.length > 0;
}

/** What is known of a series' content from others, and whether it is held here. */
export interface ExpectedOfSeries extends Evidence {
  readonly sopInstanceUid: string;
  readonly sopClassUid: string;
  readonly isHeld: boolean;
}

/**
 * Every instance that others say belongs to a series: evidence for when it is complete. Empty where nobody said
 * anything, which is no evidence either way.
 */
export async function expectedInstances(database: Database, seriesInstanceUid: string): Promise<ExpectedOfSeries[]> {
  const { rows }: { rows: ExpectedOfSeries[] } = await database.raw(
    `SELECT x.source, x.source_uid AS "sourceUid", x.sop_instance_uid AS "sopInstanceUid", x.sop_class_uid AS "sopClassUid",
       i.id IS NOT NULL AS "isHeld"
     FROM expected_instances x LEFT JOIN instances i ON i.sop_instance_uid = x.sop_instance_uid
     WHERE x.series_instance_uid = ? ORDER BY x.source, x.source_uid, x.sop_instance_uid`,
    [seriesInstanceUid],
  );
  return rows;
}
