import { COMMITMENT_COLUMNS, type Commitment } from './commitments.ts';
import type { Database, Transaction } from './database.ts';

/** Results that a requestor has not been told yet, oldest first. */
export async function unreportedCommitments(database: Database, requestor: string, limit: number): Promise<number[]> {
  const { rows }: { rows: { id: number }[] } = await database.raw(
    `SELECT id FROM commitments WHERE requestor = ? AND state = 'verified' AND door = 'dimse' ORDER BY id LIMIT ?`,
    [requestor, limit],
  );
  return rows.map(({ id }) => id);
}

export async function completeReport(database: Database, id: number, how: string): Promise<void> {
  await database.raw(
    `UPDATE commitments SET state = 'reported', reported_by = ?, attempts = attempts + 1, last_error = NULL, ended_at = now()
     WHERE id = ? AND state IN ('verified', 'given-up')`,
    [how, id],
  );
}

export async function failReport(database: Database, id: number, reason: string, giveUp: boolean): Promise<void> {
  await database.raw(
    `UPDATE commitments SET attempts = attempts + 1, last_error = ?,
       state = CASE WHEN ?::boolean THEN 'given-up' ELSE state END, ended_at = CASE WHEN ?::boolean THEN now() ELSE ended_at END
     WHERE id = ? AND state = 'verified'`,
    [reason, giveUp, giveUp, id],
  );
}

/** The requestor is to be told once more. False where there is no DIMSE request of that id with a result. */
export async function rearmReport(tx: Transaction, id: number): Promise<boolean> {
  const { rows }: { rows: unknown[] } = await tx.raw(
    `UPDATE commitments SET state = 'verified', attempts = 0, ended_at = NULL
     WHERE id = ? AND door = 'dimse' AND state <> 'verifying' RETURNING id`,
    [id],
  );
  return rows.length > 0;
}

/** The newest requests of others. */
export async function listCommitments(database: Database, limit: number): Promise<Commitment[]> {
  const { rows }: { rows: Commitment[] } = await database.raw(
    `SELECT ${COMMITMENT_COLUMNS} FROM commitments ORDER BY id DESC LIMIT ?`,
    [limit],
  );
  return rows;
}
