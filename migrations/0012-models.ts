import type { Knex } from 'knex';

/**
 * What each version of a model was when it was first used (model_versions): a version that has made results stays what it is.
 * How far a model that runs in the shadow of another agrees with it (agreements): one row a segment or class of one pair.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    CREATE TABLE model_versions (
      model_id text NOT NULL,
      model_version text NOT NULL,
      -- Over the manifest and, through it, every file.
      digest text NOT NULL,
      recorded_at timestamptz NOT NULL DEFAULT now(),
      -- What the golden pair gave when it was last run: { ok, engines, warnings, … }
      last_check jsonb,
      checked_at timestamptz,
      PRIMARY KEY (model_id, model_version)
    );
    -- Packages that came and did not reproduce their golden pair: left out, also after a restart, until they are tried again.
    CREATE TABLE failed_trials (
      digest text PRIMARY KEY,
      reason text NOT NULL,
      tried_at timestamptz NOT NULL DEFAULT now()
    );
    CREATE INDEX analyses_model_digest ON analyses (model_id, model_version, model_digest) WHERE inferred_at IS NOT NULL;
    CREATE TABLE agreements (
      primary_id bigint NOT NULL REFERENCES analyses ON DELETE CASCADE,
      shadow_id bigint NOT NULL REFERENCES analyses ON DELETE CASCADE,
      kind text NOT NULL CHECK (kind IN ('segment', 'class')),
      label text NOT NULL,
      route text,
      -- Id of the shadow, and both as "id@version".
      model text NOT NULL,
      primary_model text NOT NULL,
      shadow_model text NOT NULL,
      -- 1 where neither found anything.
      dice double precision,
      primary_ml double precision,
      shadow_ml double precision,
      primary_probability double precision,
      shadow_probability double precision,
      compared_at timestamptz NOT NULL DEFAULT now(),
      PRIMARY KEY (shadow_id, primary_id, kind, label)
    );
    CREATE INDEX agreements_primary_id ON agreements (primary_id);
    CREATE INDEX agreements_model ON agreements (model, compared_at);
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw('DROP TABLE agreements, failed_trials, model_versions; DROP INDEX analyses_model_digest');
}
