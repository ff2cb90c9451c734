import type { Database } from './database.ts';

export interface ModelVersion {
  readonly digest: string;
  /** Results name this digest. */
  readonly hasResults: boolean;
  /** JSON of the last run of its golden pair. */
  readonly lastCheck: unknown;
  readonly checkedAt: Date | null;
}

const COLUMNS = `
  v.digest, v.last_check AS "lastCheck", v.checked_at AS "checkedAt",
  EXISTS (
    SELECT 1 FROM analyses a
    WHERE a.model_id = v.model_id AND a.model_version = v.model_version AND a.model_digest = v.digest
      AND a.inferred_at IS NOT NULL
  ) AS "hasResults"`;

/** What is remembered of a version of a model. */
export async function readModelVersion(
  database: Database,
  id: string,
  version: string,
): Promise<ModelVersion | undefined> {
  const { rows }: { rows: ModelVersion[] } = await database.raw(
    `SELECT ${COLUMNS} FROM model_versions v WHERE model_id = ? AND model_version = ?`,
    [id, version],
  );
  return rows[0];
}

/** By "id@version". */
export async function readModelVersions(database: Database): Promise<Map<string, ModelVersion>> {
  const { rows }: { rows: (ModelVersion & { name: string })[] } = await database.raw(
    `SELECT model_id || '@' || model_version AS name, ${COLUMNS} FROM model_versions v`,
  );
  return new Map(rows.map(({ name, ...version }) => [name, version]));
}

/** A version is what it is now; what was checked of other bytes is forgotten. */
export async function recordModelVersion(
  database: Database,
  { id, version, digest }: { readonly id: string; readonly version: string; readonly digest: string },
): Promise<void> {
  await database.raw(
    `INSERT INTO model_versions (model_id, model_version, digest) VALUES (?, ?, ?)
     ON CONFLICT (model_id, model_version) DO UPDATE
       SET digest = excluded.digest, recorded_at = now(), last_check = NULL, checked_at = NULL
       WHERE model_versions.digest <> excluded.digest`,
    [id, version, digest],
  );
}

/** What its golden pair gave. */
export async function recordModelCheck(
  database: Database,
  checked: { readonly id: string; readonly version: string; readonly digest: string; readonly report: object },
): Promise<void> {
  await database.raw(
    `UPDATE model_versions SET last_check = ?, checked_at = now()
     WHERE model_id = ? AND model_version = ? AND digest = ?`,
    [JSON.stringify(checked.report), checked.id, checked.version, checked.digest],
  );
}

/** Why a package of this digest failed its trial; undefined where it did not, or was not tried. */
export async function readFailedTrial(database: Database, digest: string): Promise<string | undefined> {
  const { rows }: { rows: { reason: string }[] } = await database.raw(
    'SELECT reason FROM failed_trials WHERE digest = ?',
    [digest],
  );
  return rows[0]?.reason;
}

/** @param reason undefined where it passed */
export async function recordTrial(database: Database, digest: string, reason: string | undefined): Promise<void> {
  if (reason === undefined) await database.raw('DELETE FROM failed_trials WHERE digest = ?', [digest]);
  else
    await database.raw(
      `INSERT INTO failed_trials (digest, reason) VALUES (?, ?)
       ON CONFLICT (digest) DO UPDATE SET reason = excluded.reason, tried_at = now()`,
      [digest, reason],
    );
}
