import type { Database } from './database.ts';

/** A series of a study that came from outside. */
export interface HeldSeries {
  readonly seriesInstanceUid: string;
  /** Whether it has come to rest: what is still coming fills no slot. */
  readonly settled: boolean;
}

/** The series of a study, without those that this node has made. */
export async function readSeriesOf(database: Database, studyInstanceUid: string): Promise<HeldSeries[]> {
  const { rows }: { rows: HeldSeries[] } = await database.raw(
    `SELECT e.series_instance_uid AS "seriesInstanceUid",
       EXISTS (SELECT FROM analyses a
               WHERE a.series_instance_uid = e.series_instance_uid AND a.study_instance_uid = s.study_instance_uid)
       OR EXISTS (SELECT FROM settlements t WHERE t.series_instance_uid = e.series_instance_uid
                  AND t.study_instance_uid = s.study_instance_uid AND t.state = 'settled') AS settled
     FROM studies s JOIN series e ON e.study_id = s.id
     WHERE s.study_instance_uid = ? AND EXISTS (SELECT FROM instances i WHERE i.series_id = e.id AND i.origin = 'received')
     ORDER BY e.series_number, e.series_instance_uid`,
    [studyInstanceUid],
  );
  return rows;
}

/** Studies of the same patient (by ID and issuer) on the days before, the newest first. */
export async function readEarlierStudies(
  database: Database,
  studyInstanceUid: string,
  { withinDays, most }: { readonly withinDays: number; readonly most: number },
): Promise<{ studyInstanceUid: string; days: number }[]> {
  const { rows }: { rows: { studyInstanceUid: string; days: number }[] } = await database.raw(
    `SELECT p.study_instance_uid AS "studyInstanceUid", (to_date(s.study_date, 'YYYYMMDD') - to_date(p.study_date, 'YYYYMMDD')) AS days
     FROM studies s JOIN studies p ON p.patient_id = s.patient_id AND p.id <> s.id
       AND coalesce(p.issuer_of_patient_id, '') = coalesce(s.issuer_of_patient_id, '')
     WHERE s.study_instance_uid = ? AND s.patient_id <> '' AND s.study_date ~ '^[0-9]{8}$' AND p.study_date ~ '^[0-9]{8}$'
       AND p.study_date <= s.study_date AND p.study_instance_uid <> s.study_instance_uid
       AND to_date(s.study_date, 'YYYYMMDD') - to_date(p.study_date, 'YYYYMMDD') <= ?
     ORDER BY p.study_date DESC, p.study_time DESC NULLS LAST, p.study_instance_uid LIMIT ?`,
    [studyInstanceUid, withinDays, most],
  );
  return rows;
}

/** The studies that came last, to try routes on. */
export async function readNewestStudies(database: Database, most: number): Promise<string[]> {
  const { rows }: { rows: { uid: string }[] } = await database.raw(
    `SELECT s.study_instance_uid AS uid FROM studies s
     WHERE EXISTS (SELECT FROM series e JOIN instances i ON i.series_id = e.id WHERE e.study_id = s.id AND i.origin = 'received')
     ORDER BY s.id DESC LIMIT ?`,
    [most],
  );
  return rows.map(({ uid }) => uid);
}
