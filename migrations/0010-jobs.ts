import type { Knex } from 'knex';

/**
 * When a series is complete and by what evidence (settlements, source_pace); revisions of analyses that supersede each
 * other; what could not be done and waits for a person (dead_letters), and how often what fails (job_failures).
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    ALTER TABLE analyses
      ADD COLUMN revision integer NOT NULL DEFAULT 1,
      -- The analysis of an earlier content of the series by the same model, whose results this one's take the place of.
      ADD COLUMN supersedes_id bigint REFERENCES analyses ON DELETE SET NULL,
      -- Why its series was taken for complete: { confidence, reason, … }
      ADD COLUMN evidence jsonb,
      -- [{ slot, studyInstanceUid, seriesInstanceUid, sopInstanceUids }]
      ADD COLUMN inputs jsonb,
      ADD COLUMN priority integer NOT NULL DEFAULT 0,
      ADD COLUMN cancelled_at timestamptz,
      ADD COLUMN cancelled_by text,
      DROP CONSTRAINT analyses_state_check,
      ADD CONSTRAINT analyses_state_check
        CHECK (state IN ('skipped', 'waiting', 'running', 'delivered', 'failed', 'cancelled'));
    CREATE INDEX analyses_supersedes_id ON analyses (supersedes_id) WHERE supersedes_id IS NOT NULL;
    CREATE INDEX analyses_under_way ON analyses (state) WHERE state IN ('waiting', 'running');
    -- What was last decided of each series that came from outside.
    CREATE TABLE settlements (
      study_instance_uid text NOT NULL,
      series_instance_uid text NOT NULL,
      state text NOT NULL CHECK (state IN ('waiting', 'settled')),
      confidence text NOT NULL CHECK (confidence IN ('high', 'medium', 'low')),
      reason text NOT NULL,
      instances integer NOT NULL,
      -- Received before this moment by the clock of the database: what came later was not looked at.
      newest_at timestamptz NOT NULL,
      decided_at timestamptz NOT NULL DEFAULT now(),
      wait_until timestamptz,
      evidence jsonb NOT NULL,
      PRIMARY KEY (series_instance_uid, study_instance_uid)
    );
    CREATE INDEX settlements_waiting ON settlements (study_instance_uid) WHERE state = 'waiting';
    -- How a sender sends: gaps between the instances of a series, and whether what it announces comes.
    CREATE TABLE source_pace (
      source text NOT NULL,
      modality text NOT NULL,
      pace jsonb NOT NULL,
      updated_at timestamptz NOT NULL DEFAULT now(),
      PRIMARY KEY (source, modality)
    );
    CREATE TABLE dead_letters (
      id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      job text NOT NULL,
      job_key text,
      payload jsonb NOT NULL,
      class text NOT NULL CHECK (class IN ('transient', 'data', 'model', 'resource', 'destination')),
      code text NOT NULL,
      reason text NOT NULL,
      attempts integer NOT NULL,
      analysis_id bigint REFERENCES analyses ON DELETE CASCADE,
      died_at timestamptz NOT NULL DEFAULT now(),
      -- When it left the list, by whom, and how.
      ended_at timestamptz,
      ended_by text,
      ending text CHECK (ending IN ('replayed', 'dismissed'))
    );
    CREATE INDEX dead_letters_open ON dead_letters (id) WHERE ended_at IS NULL;
    CREATE INDEX dead_letters_analysis_id ON dead_letters (analysis_id);
    CREATE TABLE job_failures (
      job text NOT NULL,
      class text NOT NULL,
      code text NOT NULL,
      failures bigint NOT NULL DEFAULT 0,
      last_at timestamptz NOT NULL DEFAULT now(),
      PRIMARY KEY (job, class, code)
    );
  `);
}

/** What was cancelled was not run. */
export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    DROP TABLE job_failures, dead_letters, source_pace, settlements;
    DROP INDEX analyses_supersedes_id, analyses_under_way;
    UPDATE analyses SET state = 'skipped' WHERE state = 'cancelled';
    ALTER TABLE analyses
      DROP CONSTRAINT analyses_state_check,
      ADD CONSTRAINT analyses_state_check CHECK (state IN ('skipped', 'waiting', 'running', 'delivered', 'failed')),
      DROP COLUMN revision,
      DROP COLUMN supersedes_id,
      DROP COLUMN evidence,
      DROP COLUMN inputs,
      DROP COLUMN priority,
      DROP COLUMN cancelled_at,
      DROP COLUMN cancelled_by;
  `);
}
