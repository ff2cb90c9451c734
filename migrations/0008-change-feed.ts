import type { Knex } from 'knex';
import { RECORD_INSTANCES } from './0002-small-rows.ts';

/**
 * The change feed: what was stored, deleted, superseded and restored, in an order that never changes afterwards.
 *
 * A sequence does not give such an order: the transaction that took 7 may be committed before the one that took 6, and
 * who has read 7 never sees 6. So a change is noted without a number (`changes_noted`, one small row a group of
 * instances, no index), and numbered when every transaction that began before it has ended (`number_changes`): of what
 * is numbered nothing is missing. The numbers have no gaps, because nobody takes one and then fails.
 *
 * An entry holds ids of `instances`; what is not there any more has left its UIDs in `changes_gone`.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    CREATE TABLE changes_noted (
      id bigint GENERATED ALWAYS AS IDENTITY,
      xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
      at timestamptz NOT NULL DEFAULT now(),
      action "char" NOT NULL DEFAULT 's',
      instances bigint[] NOT NULL
    );
    -- Rows come and go: it is emptied again and again.
    ALTER TABLE changes_noted SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000);

    -- Instances first to last of the feed, as many as there are ids: 's'tored, 'd'eleted, 'r'estored, s'u'perseded.
    CREATE TABLE changes (
      last bigint PRIMARY KEY,
      at timestamptz NOT NULL,
      action "char" NOT NULL,
      instances bigint[] NOT NULL
    );

    CREATE TABLE changes_gone (
      instance_id bigint PRIMARY KEY,
      at timestamptz NOT NULL DEFAULT now(),
      study_instance_uid text NOT NULL,
      series_instance_uid text NOT NULL,
      sop_instance_uid text NOT NULL
    );

    -- One row: the newest number given, and the newest of those that are not kept any more.
    CREATE TABLE change_numbers (
      alone boolean PRIMARY KEY DEFAULT true CHECK (alone),
      last bigint NOT NULL DEFAULT 0,
      forgotten bigint NOT NULL DEFAULT 0
    );
    INSERT INTO change_numbers DEFAULT VALUES;
  `);
  await knex.raw(NUMBER_CHANGES);
  await knex.raw(`
    INSERT INTO changes_gone (instance_id, at, study_instance_uid, series_instance_uid, sop_instance_uid)
    SELECT (t.content ->> 'id')::bigint, d.deleted_at, t.study_instance_uid, t.series_instance_uid, t.sop_instance_uid
    FROM trash t JOIN deletions d ON d.id = t.deletion_id WHERE t.kind = 'instance'
    ON CONFLICT DO NOTHING`);
  await knex.raw(recordAndNote());
}

/**
 * Numbers what can be numbered, at most so many groups; returns how many. A change of a transaction that the snapshot
 * could not see has an id of xmin or later; one of an id that this server has not given out yet (xmax or later) came
 * with a dump of another server, and is over.
 * "VOXF" has one at a time number: what another has numbered is visible to the statement after the lock.
 */
const NUMBER_CHANGES = `
  CREATE FUNCTION number_changes(most integer) RETURNS integer LANGUAGE plpgsql AS $body$
  DECLARE
    numbered integer;
  BEGIN
    IF NOT EXISTS (SELECT FROM changes_noted) THEN RETURN 0; END IF;
    PERFORM pg_advisory_xact_lock(1448040518);
    WITH ready AS (
      SELECT id FROM changes_noted
      WHERE xid < pg_snapshot_xmin(pg_current_snapshot()) OR xid >= pg_snapshot_xmax(pg_current_snapshot())
      ORDER BY xid, id LIMIT most
    ), taken AS (
      DELETE FROM changes_noted n USING ready WHERE n.id = ready.id
      RETURNING n.xid, n.id, n.at, n.action, n.instances
    ), counted AS (
      UPDATE change_numbers SET last = last + (SELECT sum(cardinality(instances)) FROM taken)
      WHERE EXISTS (SELECT FROM taken) RETURNING last
    ), entered AS (
      INSERT INTO changes (last, at, action, instances)
      SELECT c.last - sum(cardinality(t.instances)) OVER (ORDER BY t.xid DESC, t.id DESC) + cardinality(t.instances),
        t.at, t.action, t.instances
      FROM taken t, counted c
      RETURNING 1
    )
    SELECT count(*) INTO numbered FROM entered;
    RETURN numbered;
  END $body$`;

/** record_instances as before, and a note of what it has inserted. */
function recordAndNote(): string {
  const replaced: readonly (readonly [string, string])[] = [
    ['CREATE FUNCTION', 'CREATE OR REPLACE FUNCTION'],
    ['inserted text[];', 'inserted text[];\n    inserted_ids bigint[];'],
    ['RETURNING sop_instance_uid\n', 'RETURNING sop_instance_uid, id\n'],
    [
      `SELECT coalesce(array_agg(sop_instance_uid), '{}') INTO inserted FROM made;`,
      `SELECT coalesce(array_agg(sop_instance_uid), '{}'), array_agg(id) INTO inserted, inserted_ids FROM made;
    IF inserted_ids IS NOT NULL THEN INSERT INTO changes_noted (instances) VALUES (inserted_ids); END IF;`,
    ],
  ];
  return replaced.reduce((text, [before, after]) => {
    if (text.split(before).length !== 2) throw new Error(`record_instances has not exactly one "${before}"`);
    return text.replace(before, () => after);
  }, RECORD_INSTANCES);
}

/** What the feed has told is forgotten; what is held is not touched. */
export async function down(knex: Knex): Promise<void> {
  await knex.raw(RECORD_INSTANCES.replace('CREATE FUNCTION', 'CREATE OR REPLACE FUNCTION'));
  await knex.raw(`
    DROP FUNCTION number_changes(integer);
    DROP TABLE changes_noted, changes, changes_gone, change_numbers;
  `);
}
