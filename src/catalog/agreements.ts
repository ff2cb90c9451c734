import type { Database } from './database.ts';

/** How far a model in the shadow of another agreed with it on one segment or class of one series. */
export interface AgreementRow {
  readonly kind: 'segment' | 'class';
  readonly label: string;
  readonly dice?: number;
  readonly primaryMl?: number;
  readonly shadowMl?: number;
  readonly primaryProbability?: number;
  readonly shadowProbability?: number;
}

/** The analysis on the other side: the same input, the other mode. */
export interface Counterpart {
  readonly id: number;
  readonly modelId: string;
  readonly modelVersion: string;
  readonly route: string | null;
  /** It has run, or will not: nothing more comes of it. */
  readonly ended: boolean;
}

/** What ran, or is to run, on the same content of a series in the other mode. */
export async function readCounterparts(database: Database, analysisId: number): Promise<Counterpart[]> {
  const { rows }: { rows: Counterpart[] } = await database.raw(
    `SELECT o.id, o.model_id AS "modelId", o.model_version AS "modelVersion", o.route,
       o.inferred_at IS NOT NULL OR o.state IN ('skipped', 'failed', 'cancelled') AS ended
     FROM analyses a JOIN analyses o
       ON o.series_instance_uid = a.series_instance_uid AND o.study_instance_uid = a.study_instance_uid
         AND o.input_digest = a.input_digest AND o.mode <> a.mode
     WHERE a.id = ? AND o.state <> 'skipped'`,
    [analysisId],
  );
  return rows;
}

/** Once for each pair; compared again it is left as it was. */
export async function recordAgreements(
  database: Database,
  pair: {
    readonly primaryId: number;
    readonly shadowId: number;
    readonly route: string | null;
    /** Id of the shadow. */
    readonly model: string;
    /** "id@version" */
    readonly primaryModel: string;
    readonly shadowModel: string;
  },
  rows: readonly AgreementRow[],
): Promise<void> {
  for (const row of rows) {
    await database.raw(
      `INSERT INTO agreements (primary_id, shadow_id, kind, label, route, model, primary_model, shadow_model, dice, primary_ml,
         shadow_ml, primary_probability, shadow_probability)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
      [
        pair.primaryId,
        pair.shadowId,
        row.kind,
        row.label,
        pair.route,
        pair.model,
        pair.primaryModel,
        pair.shadowModel,
        row.dice ?? null,
        row.primaryMl ?? null,
        row.shadowMl ?? null,
        row.primaryProbability ?? null,
        row.shadowProbability ?? null,
      ],
    );
  }
}

/** Of one segment or class over all series that both models have seen. */
export interface AgreementStatistics {
  readonly route: string | null;
  readonly primaryModel: string;
  readonly shadowModel: string;
  readonly kind: 'segment' | 'class';
  readonly label: string;
  readonly cases: number;
  readonly first: Date;
  readonly last: Date;
  /** Of segments. */
  readonly dice: Spread | null;
  /** Shadow less primary, of their mean, in percent; of cases where either found something. */
  readonly volumePercent: Spread | null;
  /** Cases where only one of the two found something. */
  readonly oneSided: number;
  /** Of classes: shadow less primary. */
  readonly probability: Spread | null;
}

export interface Spread {
  readonly mean: number;
  readonly p5: number;
  readonly p50: number;
  readonly p95: number;
}

const spread = (value: string): string =>
  `CASE WHEN count(${value}) > 0 THEN jsonb_build_object('mean', avg(${value}),
    'p5', percentile_cont(0.05) WITHIN GROUP (ORDER BY ${value}),
    'p50', percentile_cont(0.5) WITHIN GROUP (ORDER BY ${value}),
    'p95', percentile_cont(0.95) WITHIN GROUP (ORDER BY ${value})) END`;

/** How a model agreed with those it ran in the shadow of, newest versions first. */
export async function readAgreementStatistics(database: Database, model: string): Promise<AgreementStatistics[]> {
  const { rows }: { rows: AgreementStatistics[] } = await database.raw(
    `WITH compared AS (
       SELECT *,
         CASE WHEN primary_ml + shadow_ml > 0 THEN 200 * (shadow_ml - primary_ml) / (primary_ml + shadow_ml) END AS volume,
         shadow_probability - primary_probability AS probability
       FROM agreements WHERE model = ?
     )
     SELECT route, primary_model AS "primaryModel", shadow_model AS "shadowModel", kind, label,
       count(*)::integer AS cases, min(compared_at) AS first, max(compared_at) AS last,
       ${spread('dice')} AS dice, ${spread('volume')} AS "volumePercent", ${spread('probability')} AS probability,
       (count(*) FILTER (WHERE (primary_ml > 0) <> (shadow_ml > 0)))::integer AS "oneSided"
     FROM compared
     GROUP BY route, primary_model, shadow_model, kind, label
     ORDER BY max(max(compared_at)) OVER (PARTITION BY route, primary_model, shadow_model) DESC,
       shadow_model, primary_model, route, kind DESC, label`,
    [model],
  );
  return rows;
}
