import type { Knex } from 'knex';

/**
 * What was deleted and can still be brought back (deletions, trash, trash_parents), what may not be deleted (holds),
 * what retention could not delete (retention_failures), and who did what (archive_events, which only grows).
 *
 * The rows in the trash are kept as jsonb of the rows they were, so that a column more or less in `instances` changes
 * nothing here; what is asked of them (place, file, size, digest) stands in columns.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    -- One request to delete, and all it is told by.
    CREATE TABLE deletions (
      id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      cause text NOT NULL CHECK (cause IN ('request', 'retention', 'reconcile')),
      study_instance_uid text NOT NULL,
      series_instance_uid text,
      sop_instance_uid text,
      reason text NOT NULL,
      deleted_by text NOT NULL,
      deleted_at timestamptz NOT NULL DEFAULT now(),
      instances integer NOT NULL,
      bytes bigint NOT NULL,
      purge_after timestamptz NOT NULL
    );

    -- One object each: a row of instances, or of conflicts (kept apart). Its file is named by this row alone.
    CREATE TABLE trash (
      id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      deletion_id bigint NOT NULL REFERENCES deletions,
      kind text NOT NULL CHECK (kind IN ('instance', 'conflict')),
      study_instance_uid text NOT NULL,
      series_instance_uid text NOT NULL,
      sop_instance_uid text NOT NULL,
      storage_key text NOT NULL,
      size bigint NOT NULL,
      digest bytea NOT NULL,
      content jsonb NOT NULL,
      -- Its file is being removed: it cannot be brought back any more.
      purging boolean NOT NULL DEFAULT false
    );
    CREATE INDEX trash_deletion_id ON trash (deletion_id, id);
    CREATE INDEX trash_sop_instance_uid ON trash (sop_instance_uid);

    -- What stood above them, as it was: the study (with the patients it was found to disagree about) and its series.
    CREATE TABLE trash_parents (
      deletion_id bigint NOT NULL REFERENCES deletions,
      kind text NOT NULL CHECK (kind IN ('study', 'series', 'mismatch')),
      series_instance_uid text,
      content jsonb NOT NULL
    );
    CREATE INDEX trash_parents_deletion_id ON trash_parents (deletion_id);

    CREATE TABLE holds (
      study_instance_uid text PRIMARY KEY,
      reason text NOT NULL,
      held_by text NOT NULL,
      held_at timestamptz NOT NULL DEFAULT now()
    );

    CREATE TABLE retention_failures (
      study_instance_uid text PRIMARY KEY,
      attempts integer NOT NULL DEFAULT 1,
      reason text NOT NULL,
      failed_at timestamptz NOT NULL DEFAULT now()
    );

    CREATE TABLE archive_events (
      id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      at timestamptz NOT NULL DEFAULT now(),
      event text NOT NULL CHECK (event IN
        ('deleted', 'undone', 'purged', 'held', 'released', 'accepted', 'dismissed', 'swept')),
      done_by text NOT NULL,
      reason text,
      deletion_id bigint,
      study_instance_uid text,
      series_instance_uid text,
      sop_instance_uid text,
      instances integer NOT NULL DEFAULT 0,
      bytes bigint NOT NULL DEFAULT 0
    );
    CREATE INDEX archive_events_deletion_id ON archive_events (deletion_id);

    CREATE FUNCTION archive_events_only_grow() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      RAISE EXCEPTION 'archive_events only grows: % is refused', TG_OP;
    END $$;
    CREATE TRIGGER archive_events_only_grow BEFORE UPDATE OR DELETE OR TRUNCATE ON archive_events
      FOR EACH STATEMENT EXECUTE FUNCTION archive_events_only_grow();

    -- Who makes a study shares its name until the commit, and who deletes from it has the name alone (0x564f5853, "VOXS").
    -- A lock on the row does not do: the row comes and goes, and ON CONFLICT DO NOTHING locks none.
    CREATE FUNCTION share_study() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      PERFORM pg_advisory_xact_lock_shared(1448040531, hashtext(NEW.study_instance_uid));
      RETURN NEW;
    END $$;
    CREATE TRIGGER share_study BEFORE INSERT ON studies FOR EACH ROW EXECUTE FUNCTION share_study();

    -- Costs nothing for an object without warnings.
    CREATE INDEX instances_with_warnings ON instances (id) WHERE warnings IS NOT NULL;
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    DROP INDEX instances_with_warnings;
    DROP TRIGGER share_study ON studies;
    DROP FUNCTION share_study;
    DROP TABLE archive_events, retention_failures, holds, trash_parents, trash, deletions;
    DROP FUNCTION archive_events_only_grow;
  `);
}
