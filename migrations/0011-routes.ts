import type { Knex } from 'knex';

/**
 * Why an analysis was planned or not (explanation), beside which other (mode), after which other (parent_id), and until
 * when it waits for a further input (wait_until). Which studies were fetched to be compared with another one.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    ALTER TABLE analyses
      -- What each route said of each slot and series.
      ADD COLUMN explanation jsonb,
      ADD COLUMN mode text NOT NULL DEFAULT 'primary' CHECK (mode IN ('primary', 'shadow')),
      -- The analysis whose findings led to this one.
      ADD COLUMN parent_id bigint REFERENCES analyses ON DELETE SET NULL,
      -- Set while a slot is empty that a series still to come may fill: no job has been left yet.
      ADD COLUMN wait_until timestamptz;
    CREATE INDEX analyses_parent_id ON analyses (parent_id) WHERE parent_id IS NOT NULL;
    CREATE INDEX analyses_waiting_for_input ON analyses (study_instance_uid) WHERE wait_until IS NOT NULL;
    -- Peers were asked for earlier studies of the patient of this one.
    CREATE TABLE prior_searches (
      study_instance_uid text PRIMARY KEY,
      state text NOT NULL CHECK (state IN ('searching', 'done')),
      reason text NOT NULL,
      asked_at timestamptz NOT NULL DEFAULT now(),
      ended_at timestamptz
    );
    -- An earlier study that came here only because we asked for it.
    CREATE TABLE fetched_priors (
      study_instance_uid text PRIMARY KEY,
      fetched_for text NOT NULL,
      peer text NOT NULL,
      fetched_at timestamptz NOT NULL DEFAULT now()
    );
  `);
}

/** What waited for an input was not run. */
export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    DROP TABLE fetched_priors, prior_searches;
    UPDATE analyses SET state = 'skipped' WHERE wait_until IS NOT NULL AND state = 'waiting';
    ALTER TABLE analyses DROP COLUMN explanation, DROP COLUMN mode, DROP COLUMN parent_id, DROP COLUMN wait_until;
  `);
}
