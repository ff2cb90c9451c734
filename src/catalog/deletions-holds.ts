import type { Database, Transaction } from './database.ts';
import { addEvent } from './deletions-events.ts';

/** A study that nobody may delete, for a reason (legal hold). */
export interface Hold {
  readonly studyInstanceUid: string;
  readonly reason: string;
  readonly heldBy: string;
  readonly heldAt: Date;
}

const COLUMNS = `study_instance_uid AS "studyInstanceUid", reason, held_by AS "heldBy", held_at AS "heldAt"`;

export async function readHolds(database: Database): Promise<Hold[]> {
  const { rows }: { rows: Hold[] } = await database.raw(
    `SELECT ${COLUMNS} FROM holds ORDER BY held_at DESC, study_instance_uid`,
  );
  return rows;
}

export async function readHold(database: Database | Transaction, studyInstanceUid: string): Promise<Hold | undefined> {
  const { rows }: { rows: Hold[] } = await database.raw(`SELECT ${COLUMNS} FROM holds WHERE study_instance_uid = ?`, [
    studyInstanceUid,
  ]);
  return rows[0];
}

/** Puts a study on hold; one that is on hold stays as it was. The caller has the study by `lockStudies`. */
export async function addHold(tx: Transaction, hold: Omit<Hold, 'heldAt'>): Promise<void> {
  const { rows }: { rows: unknown[] } = await tx.raw(
    `INSERT INTO holds (study_instance_uid, reason, held_by) VALUES (?, ?, ?) ON CONFLICT DO NOTHING RETURNING 1`,
    [hold.studyInstanceUid, hold.reason, hold.heldBy],
  );
  if (rows.length > 0)
    await addEvent(tx, 'held', { doneBy: hold.heldBy, reason: hold.reason, studyInstanceUid: hold.studyInstanceUid });
}

/** Resolves to whether it was on hold. */
export async function removeHold(
  tx: Transaction,
  studyInstanceUid: string,
  told: { readonly doneBy: string; readonly reason: string },
): Promise<boolean> {
  const { rows }: { rows: unknown[] } = await tx.raw('DELETE FROM holds WHERE study_instance_uid = ? RETURNING 1', [
    studyInstanceUid,
  ]);
  if (rows.length > 0) await addEvent(tx, 'released', { ...told, studyInstanceUid });
  return rows.length > 0;
}

/** Whether anything of the study is here: held, kept apart, or in the trash. */
export async function isKnown(tx: Transaction, studyInstanceUid: string): Promise<boolean> {
  const { rows }: { rows: { known: boolean }[] } = await tx.raw(
    `SELECT EXISTS (SELECT FROM studies WHERE study_instance_uid = ?)
       OR EXISTS (SELECT FROM trash t JOIN deletions d ON d.id = t.deletion_id WHERE d.study_instance_uid = ?) AS known`,
    [studyInstanceUid, studyInstanceUid],
  );
  return rows[0]!.known;
}
