import type { Database } from './database.ts';

/** The order a study was made for, as a worklist tells it; no patient. */
export interface Order {
  readonly accessionNumber: string | null;
  readonly studyInstanceUid: string | null;
  readonly requestedProcedureId: string | null;
  readonly requestedProcedureDescription: string | null;
  /** STAT, HIGH, ROUTINE, MEDIUM or LOW; absent in orders from before it was asked for. */
  readonly requestedProcedurePriority?: string | null;
  readonly scheduledProcedureStepId: string | null;
  readonly scheduledProcedureStepDescription: string | null;
  readonly scheduledDate: string | null;
  readonly scheduledTime: string | null;
  readonly scheduledStationAeTitle: string | null;
  readonly modality: string | null;
}

export interface StudyOrder {
  readonly studyInstanceUid: string;
  readonly state: 'matched' | 'ambiguous' | 'none';
  /** For a person: one sentence. */
  readonly reason: string;
  /** Whose worklist. */
  readonly peer: string | null;
  /** By which attribute of the study it was found. */
  readonly matchedBy: string | null;
  readonly order: Order | null;
}

/** One instance of a study, to know its attributes by; undefined where nothing of it is held. */
export async function anyInstanceOf(database: Database, studyInstanceUid: string): Promise<string | undefined> {
  const { rows }: { rows: { sopInstanceUid: string }[] } = await database.raw(
    `SELECT i.sop_instance_uid AS "sopInstanceUid" FROM studies s JOIN series e ON e.study_id = s.id
       JOIN instances i ON i.series_id = e.id
     WHERE s.study_instance_uid = ? AND i.origin = 'received' LIMIT 1`,
    [studyInstanceUid],
  );
  return rows[0]?.sopInstanceUid;
}

/** An order that was matched stays: a later question that finds less changes nothing. */
export async function recordOrder(database: Database, found: StudyOrder): Promise<void> {
  await database.raw(
    `INSERT INTO study_orders (study_instance_uid, state, reason, peer, matched_by, attributes)
     VALUES (?, ?, ?, ?, ?, ?)
     ON CONFLICT (study_instance_uid) DO UPDATE SET state = EXCLUDED.state, reason = EXCLUDED.reason, peer = EXCLUDED.peer,
       matched_by = EXCLUDED.matched_by, attributes = EXCLUDED.attributes, asked_at = now()
     WHERE study_orders.state <> 'matched'`,
    [
      found.studyInstanceUid,
      found.state,
      found.reason,
      found.peer,
      found.matchedBy,
      found.order === null ? null : JSON.stringify(found.order),
    ],
  );
}

export async function readOrder(
  database: Database,
  studyInstanceUid: string,
): Promise<(StudyOrder & { readonly askedAt: Date }) | undefined> {
  const { rows }: { rows: (Omit<StudyOrder, 'order'> & { attributes: string | null; askedAt: Date })[] } =
    await database.raw(
      `SELECT study_instance_uid AS "studyInstanceUid", state, reason, peer, matched_by AS "matchedBy", attributes,
         asked_at AS "askedAt" FROM study_orders WHERE study_instance_uid = ?`,
      [studyInstanceUid],
    );
  const [row] = rows;
  if (!row) return undefined;
  const { attributes, ...found } = row;
  return { ...found, order: attributes === null ? null : JSON.parse(attributes) };
}
