import type { Database, Transaction } from './database.ts';

/** What was decided last of whether a series is complete. */
export interface Settlement {
  readonly state: 'waiting' | 'settled';
  readonly confidence: 'high' | 'medium' | 'low';
  /** For a person: one sentence. */
  readonly reason: string;
  readonly instances: number;
  readonly decidedAt: Date;
  /** When it is looked at again at the latest; null where it is settled. */
  readonly waitUntil: Date | null;
  /** JSON: what was known. */
  readonly evidence: unknown;
}

export interface SeriesPlace {
  readonly studyInstanceUid: string;
  readonly seriesInstanceUid: string;
}

/**
 * Notes a decision.
 * @param waitSeconds until it is looked at again; undefined where it is settled
 * @param newestAt when the newest instance that was looked at was received
 */
export async function noteSettlement(
  tx: Transaction,
  { studyInstanceUid, seriesInstanceUid }: SeriesPlace,
  decision: Pick<Settlement, 'confidence' | 'reason' | 'instances' | 'evidence'> & {
    readonly newestAt: Date;
    readonly waitSeconds: number | undefined;
  },
): Promise<void> {
  const { confidence, reason, instances, evidence, newestAt, waitSeconds = null } = decision;
  await tx.raw(
    `INSERT INTO settlements (study_instance_uid, series_instance_uid, state, confidence, reason, instances, newest_at, evidence,
       wait_until)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?::jsonb, now() + make_interval(secs => ?))
     ON CONFLICT (series_instance_uid, study_instance_uid) DO UPDATE SET state = EXCLUDED.state,
       confidence = EXCLUDED.confidence, reason = EXCLUDED.reason, instances = EXCLUDED.instances,
       newest_at = EXCLUDED.newest_at, evidence = EXCLUDED.evidence, wait_until = EXCLUDED.wait_until, decided_at = now()`,
    [
      studyInstanceUid,
      seriesInstanceUid,
      waitSeconds === null ? 'settled' : 'waiting',
      confidence,
      reason,
      instances,
      newestAt,
      JSON.stringify(evidence),
      waitSeconds,
    ],
  );
}

export async function readSettlement(database: Database, seriesInstanceUid: string): Promise<Settlement | undefined> {
  const { rows }: { rows: Settlement[] } = await database.raw(
    `SELECT state, confidence, reason, instances, decided_at AS "decidedAt", wait_until AS "waitUntil", evidence
     FROM settlements WHERE series_instance_uid = ? ORDER BY decided_at DESC LIMIT 1`,
    [seriesInstanceUid],
  );
  return rows[0];
}

/**
 * Series with instances that came after the last decision, and no job that will look at them: one that was committed while
 * its series was being settled, in a process that died before the end of its transfer.
 */
export async function forgottenSeries(database: Database): Promise<SeriesPlace[]> {
  const { rows }: { rows: SeriesPlace[] } = await database.raw(
    `SELECT s.study_instance_uid AS "studyInstanceUid", e.series_instance_uid AS "seriesInstanceUid"
     FROM series e JOIN studies s ON s.id = e.study_id
       JOIN settlements t ON t.series_instance_uid = e.series_instance_uid AND t.study_instance_uid = s.study_instance_uid
     WHERE t.decided_at > now() - interval '7 days' AND e.last_received_at > t.newest_at
       AND EXISTS (
         SELECT FROM instances i WHERE i.series_id = e.id AND i.origin = 'received'
           AND i.received_at >= t.newest_at + interval '1 millisecond'
       )
       AND NOT EXISTS (
         SELECT FROM graphile_worker.jobs j WHERE j.key = 'settle ' || s.study_instance_uid || ' ' || e.series_instance_uid
       )
     ORDER BY e.last_received_at`,
  );
  return rows;
}

export async function readPace(database: Database, source: string, modality: string): Promise<unknown> {
  const { rows }: { rows: { pace: unknown }[] } = await database.raw(
    'SELECT pace FROM source_pace WHERE source = ? AND modality = ?',
    [source, modality],
  );
  return rows[0]?.pace;
}

/** Changes what is known of a sender; two changes at once follow each other. */
export async function changePace(
  tx: Transaction,
  source: string,
  modality: string,
  change: (pace: unknown) => unknown,
): Promise<void> {
  await tx.raw(`INSERT INTO source_pace (source, modality, pace) VALUES (?, ?, 'null') ON CONFLICT DO NOTHING`, [
    source,
    modality,
  ]);
  const { rows }: { rows: { pace: unknown }[] } = await tx.raw(
    'SELECT pace FROM source_pace WHERE source = ? AND modality = ? FOR UPDATE',
    [source, modality],
  );
  await tx.raw('UPDATE source_pace SET pace = ?::jsonb, updated_at = now() WHERE source = ? AND modality = ?', [
    JSON.stringify(change(rows[0]?.pace)),
    source,
    modality,
  ]);
}
