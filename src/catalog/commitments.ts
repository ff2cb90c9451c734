import type { Database, Transaction } from './database.ts';

/** One instance that a requestor wants kept; study and series where the request named them. */
export interface CommitmentInstance {
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  readonly studyInstanceUid?: string | null;
  readonly seriesInstanceUid?: string | null;
}

export interface NewCommitment {
  readonly transactionUid: string;
  readonly door: 'dimse' | 'dicomweb';
  /** AE title; '' for DICOMweb. */
  readonly requestor: string;
  readonly byStudy: boolean;
  readonly contentDigest: Buffer;
  readonly instances: readonly CommitmentInstance[];
}

export type CommitmentState = 'verifying' | 'verified' | 'reported' | 'given-up';

/** A request for storage commitment and what became of it (PS3.4 Annex J, PS3.18 chapter 13). */
export interface Commitment {
  readonly id: number;
  readonly transactionUid: string;
  readonly door: 'dimse' | 'dicomweb';
  readonly requestor: string;
  readonly byStudy: boolean;
  readonly duplicate: boolean;
  readonly state: CommitmentState;
  readonly instances: number;
  readonly failures: number;
  /** To report the result. */
  readonly attempts: number;
  readonly lastError: string | null;
  readonly reportedBy: string | null;
  readonly requestedAt: Date;
  readonly verifiedAt: Date | null;
  readonly endedAt: Date | null;
}

/** An instance with what was found out: 0, or a Failure Reason of PS3.3 C.14.1.1; null until then. */
export interface CommitmentOutcome extends CommitmentInstance {
  readonly position: number;
  readonly failureReason: number | null;
}

/** The columns of a Commitment. */
export const COMMITMENT_COLUMNS = `
  id, transaction_uid AS "transactionUid", door, requestor, by_study AS "byStudy", duplicate, state, instances, failures,
  attempts, last_error AS "lastError", reported_by AS "reportedBy", requested_at AS "requestedAt",
  verified_at AS "verifiedAt", ended_at AS "endedAt"`;

/** Duplicate transaction UID (PS3.3 C.14.1.1). */
const DUPLICATE_TRANSACTION_UID = 0x0131;

/** The transaction of that UID, locked where a request of the same UID is on its way in. */
export async function findCommitment(
  database: Database | Transaction,
  transactionUid: string,
): Promise<(Commitment & { contentDigest: Buffer }) | undefined> {
  const { rows }: { rows: (Commitment & { contentDigest: Buffer })[] } = await database.raw(
    `SELECT ${COMMITMENT_COLUMNS}, content_digest AS "contentDigest" FROM commitments WHERE transaction_uid = ? AND NOT duplicate`,
    [transactionUid],
  );
  return rows[0];
}

export async function readCommitment(database: Database, id: number): Promise<Commitment | undefined> {
  const { rows }: { rows: Commitment[] } = await database.raw(
    `SELECT ${COMMITMENT_COLUMNS} FROM commitments WHERE id = ?`,
    [id],
  );
  return rows[0];
}

/** "VOXT": requests of one Transaction UID come in one after another. */
const TRANSACTION_LOCK = 0x564f5854;

export async function lockTransactionUid(tx: Transaction, transactionUid: string): Promise<void> {
  await tx.raw('SELECT pg_advisory_xact_lock(?, hashtext(?))', [TRANSACTION_LOCK, transactionUid]);
}

/** Records a request with its instances; one that repeats another's Transaction UID is refused as a whole, and done. */
export async function insertCommitment(tx: Transaction, asked: NewCommitment, duplicate: boolean): Promise<number> {
  const { rows }: { rows: { id: number }[] } = await tx.raw(
    `INSERT INTO commitments (transaction_uid, door, requestor, by_study, content_digest, duplicate, state, instances, failures, verified_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, CASE WHEN ?::boolean THEN now() END) RETURNING id`,
    [
      asked.transactionUid,
      asked.door,
      asked.requestor,
      asked.byStudy,
      asked.contentDigest,
      duplicate,
      duplicate ? 'verified' : 'verifying',
      asked.instances.length,
      duplicate ? asked.instances.length : 0,
      duplicate,
    ],
  );
  const id = rows[0]!.id;
  await tx.raw(
    `INSERT INTO commitment_instances (commitment_id, position, sop_class_uid, sop_instance_uid, study_instance_uid,
       series_instance_uid, failure_reason)
     SELECT ?, r.position, r.class, r.instance, nullif(r.study, ''), nullif(r.series, ''), ?
     FROM unnest(?::text[], ?::text[], ?::text[], ?::text[]) WITH ORDINALITY AS r(class, instance, study, series, position)`,
    [
      id,
      duplicate ? DUPLICATE_TRANSACTION_UID : null,
      asked.instances.map(({ sopClassUid }) => sopClassUid),
      asked.instances.map(({ sopInstanceUid }) => sopInstanceUid),
      asked.instances.map(({ studyInstanceUid }) => studyInstanceUid ?? ''),
      asked.instances.map(({ seriesInstanceUid }) => seriesInstanceUid ?? ''),
    ],
  );
  return id;
}

/** Asked for once more: what was found out is found out anew, because what is held may have changed. */
export async function reopenCommitment(tx: Transaction, id: number): Promise<void> {
  await tx.raw(
    `UPDATE commitments SET state = 'verifying', failures = 0, attempts = 0, last_error = NULL, reported_by = NULL,
       requested_at = now(), verified_at = NULL, ended_at = NULL WHERE id = ?`,
    [id],
  );
  await tx.raw('UPDATE commitment_instances SET failure_reason = NULL WHERE commitment_id = ?', [id]);
}

/** An instance to verify, with what is held of it. */
export interface HeldInstance {
  readonly position: number;
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  readonly studyInstanceUid: string | null;
  readonly seriesInstanceUid: string | null;
  /** Null where no instance of that UID is held. */
  readonly held: {
    readonly sopClassUid: string;
    readonly studyInstanceUid: string;
    readonly seriesInstanceUid: string;
    readonly storageKey: string;
    readonly size: number;
    readonly digest: Buffer;
    readonly dataSetOffset: number;
    readonly transferSyntaxUid: string;
    /** Another object of that UID is kept apart, and nobody has said which is the true one. */
    readonly disputed: boolean;
  } | null;
}

type HeldRow = Omit<HeldInstance, 'held'> & {
  heldClass: string | null;
  heldStudy: string;
  heldSeries: string;
  storageKey: string;
  size: number;
  digest: Buffer;
  dataSetOffset: number;
  transferSyntaxUid: string;
  disputed: boolean;
};

/** The next instances of a request that are not verified yet, behind a position (-1 for all). */
export async function nextUnverified(
  database: Database,
  id: number,
  after: number,
  limit: number,
): Promise<HeldInstance[]> {
  const { rows }: { rows: HeldRow[] } = await database.raw(
    `SELECT c.position, c.sop_class_uid AS "sopClassUid", c.sop_instance_uid AS "sopInstanceUid",
       c.study_instance_uid AS "studyInstanceUid", c.series_instance_uid AS "seriesInstanceUid",
       i.sop_class_uid AS "heldClass", s.study_instance_uid AS "heldStudy", e.series_instance_uid AS "heldSeries",
       i.storage_key AS "storageKey", i.size, i.digest, i.data_set_offset AS "dataSetOffset",
       i.transfer_syntax_uid AS "transferSyntaxUid",
       EXISTS (SELECT FROM conflicts k WHERE k.sop_instance_uid = c.sop_instance_uid) AS disputed
     FROM (SELECT * FROM commitment_instances WHERE commitment_id = ? AND position > ? AND failure_reason IS NULL
         ORDER BY position LIMIT ?) c
       LEFT JOIN instances i ON i.sop_instance_uid = c.sop_instance_uid
       LEFT JOIN series e ON e.id = i.series_id LEFT JOIN studies s ON s.id = e.study_id
     ORDER BY c.position`,
    [id, after, limit],
  );
  return rows.map(({ position, sopClassUid, sopInstanceUid, studyInstanceUid, seriesInstanceUid, ...row }) => {
    const { heldClass, heldStudy, heldSeries, ...file } = row;
    const held =
      heldClass === null
        ? null
        : { ...file, sopClassUid: heldClass, studyInstanceUid: heldStudy, seriesInstanceUid: heldSeries };
    return { position, sopClassUid, sopInstanceUid, studyInstanceUid, seriesInstanceUid, held };
  });
}

/** What was found out of some instances, so that a restart goes on behind them. */
export async function recordVerified(
  database: Database,
  id: number,
  found: readonly { readonly position: number; readonly failureReason: number }[],
): Promise<void> {
  await database.raw(
    `UPDATE commitment_instances c SET failure_reason = r.reason
     FROM unnest(?::integer[], ?::integer[]) AS r(position, reason) WHERE c.commitment_id = ? AND c.position = r.position`,
    [found.map(({ position }) => position), found.map(({ failureReason }) => failureReason), id],
  );
}

/** All instances are verified. Resolves to false where somebody else was faster, or it was asked for anew. */
export async function completeVerification(tx: Transaction, id: number): Promise<boolean> {
  const { rows }: { rows: unknown[] } = await tx.raw(
    `UPDATE commitments SET state = CASE door WHEN 'dimse' THEN 'verified' ELSE 'reported' END, verified_at = now(),
       ended_at = CASE door WHEN 'dicomweb' THEN now() END,
       failures = (SELECT count(*) FROM commitment_instances WHERE commitment_id = commitments.id AND failure_reason <> 0)
     WHERE id = ? AND state = 'verifying'
       AND NOT EXISTS (SELECT FROM commitment_instances WHERE commitment_id = commitments.id AND failure_reason IS NULL)
     RETURNING id`,
    [id],
  );
  return rows.length > 0;
}

export async function readOutcomes(database: Database, id: number): Promise<CommitmentOutcome[]> {
  const { rows }: { rows: CommitmentOutcome[] } = await database.raw(
    `SELECT position, sop_class_uid AS "sopClassUid", sop_instance_uid AS "sopInstanceUid",
       study_instance_uid AS "studyInstanceUid", series_instance_uid AS "seriesInstanceUid", failure_reason AS "failureReason"
     FROM commitment_instances WHERE commitment_id = ? ORDER BY position`,
    [id],
  );
  return rows;
}

/** Drops some of the requests that came to their end so long ago; their instances go with them. */
export async function dropOldCommitments(database: Database, days: number, limit: number): Promise<void> {
  await database.raw(
    `DELETE FROM commitments WHERE id IN
       (SELECT id FROM commitments WHERE ended_at < now() - make_interval(days => ?) ORDER BY ended_at LIMIT ?)`,
    [days, limit],
  );
}
