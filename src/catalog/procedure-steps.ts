import type { Database, Transaction } from './database.ts';

/** Performed Procedure Step Status (0040,0252), PS3.3 C.4.14. */
export type StepState = 'IN PROGRESS' | 'DISCONTINUED' | 'COMPLETED';

export interface ProcedureStep {
  readonly sopInstanceUid: string;
  readonly state: StepState;
  /** AE title of the modality that created it. */
  readonly performedBy: string;
  readonly studyInstanceUids: readonly string[];
  readonly modality: string | null;
  readonly seriesInstanceUids: readonly string[];
  readonly instances: number;
  /** JSON text of the data set, patient and all. */
  readonly content: string;
}

export type StepReport = Omit<ProcedureStep, 'content'> & {
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly endedAt: Date | null;
};

const COLUMNS = `
  sop_instance_uid AS "sopInstanceUid", state, performed_by AS "performedBy", study_instance_uids AS "studyInstanceUids",
  modality, series_instance_uids AS "seriesInstanceUids", instances`;

/** False where a step of that UID is there already. */
export async function insertStep(database: Database, step: ProcedureStep): Promise<boolean> {
  const { rows }: { rows: unknown[] } = await database.raw(
    `INSERT INTO procedure_steps (sop_instance_uid, state, performed_by, study_instance_uids, modality, series_instance_uids,
       instances, content)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING sop_instance_uid`,
    [
      step.sopInstanceUid,
      step.state,
      step.performedBy,
      [...step.studyInstanceUids],
      step.modality,
      [...step.seriesInstanceUids],
      step.instances,
      step.content,
    ],
  );
  return rows.length > 0;
}

export async function readStep(database: Database, sopInstanceUid: string): Promise<ProcedureStep | undefined> {
  return one(database, sopInstanceUid, '');
}

/** The step, held until the transaction ends: of two changes at once the second sees the first. */
export async function lockStep(tx: Transaction, sopInstanceUid: string): Promise<ProcedureStep | undefined> {
  return one(tx, sopInstanceUid, 'FOR UPDATE');
}

async function one(
  database: Database | Transaction,
  sopInstanceUid: string,
  lock: '' | 'FOR UPDATE',
): Promise<ProcedureStep | undefined> {
  const { rows }: { rows: ProcedureStep[] } = await database.raw(
    `SELECT ${COLUMNS}, content FROM procedure_steps WHERE sop_instance_uid = ? ${lock}`,
    [sopInstanceUid],
  );
  return rows[0];
}

export async function updateStep(tx: Transaction, step: ProcedureStep): Promise<void> {
  await tx.raw(
    `UPDATE procedure_steps SET state = ?, series_instance_uids = ?, instances = ?, content = ?, updated_at = now(),
       ended_at = CASE WHEN ? = 'IN PROGRESS' THEN NULL ELSE now() END WHERE sop_instance_uid = ?`,
    [step.state, [...step.seriesInstanceUids], step.instances, step.content, step.state, step.sopInstanceUid],
  );
}

/** The newest steps; no patient. */
export async function listSteps(database: Database, limit: number): Promise<StepReport[]> {
  const { rows }: { rows: StepReport[] } = await database.raw(
    `SELECT ${COLUMNS}, created_at AS "createdAt", updated_at AS "updatedAt", ended_at AS "endedAt"
     FROM procedure_steps ORDER BY created_at DESC LIMIT ?`,
    [limit],
  );
  return rows;
}
