import type { Knex } from 'knex';

/**
 * Small rows, and one function that records a whole group of instances.
 *
 * Metadata and long frame indexes leave the row for an append-only log of files (storage/metadata-log.ts); the row
 * keeps where they lie. A row without such a place (all those from before) is read anew from its object when it is
 * first asked for.
 *
 * `record_instances` takes the group as one value, so that recording costs one round trip, and its statements are
 * planned once a connection. Studies are locked first and in the order of their UIDs, instances are inserted in the
 * order of theirs: parallel groups wait for each other and never fail. Rows of studies and series are updated for
 * every group; no index holds what changes, so with room left in the page the update stays in it (HOT).
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    ALTER TABLE studies ADD COLUMN IF NOT EXISTS issuer_of_patient_id text;
    ALTER TABLE studies SET (fillfactor = 70);
    ALTER TABLE series SET (fillfactor = 70);

    ALTER TABLE instances
      DROP COLUMN metadata,
      DROP COLUMN frames,
      ADD COLUMN frame_count integer NOT NULL DEFAULT 0,
      ADD COLUMN frames text,
      ADD COLUMN metadata_segment integer,
      ADD COLUMN metadata_offset integer,
      ADD COLUMN metadata_length integer;

    -- Patients that instances of a study name and its row does not: stored all the same, for a person to reconcile.
    CREATE TABLE patient_mismatches (
      study_id bigint NOT NULL REFERENCES studies ON DELETE CASCADE,
      patient_id text NOT NULL,
      issuer_of_patient_id text NOT NULL,
      sop_instance_uid text NOT NULL,
      number_of_instances integer NOT NULL DEFAULT 1,
      first_received_at timestamptz NOT NULL DEFAULT now(),
      last_received_at timestamptz NOT NULL DEFAULT now(),
      PRIMARY KEY (study_id, patient_id, issuer_of_patient_id)
    );
  `);
  await knex.raw(RECORD_INSTANCES);
}

/**
 * Takes {"studies": [{…, "n", "patients_differ", "series": [{…, "n"}]}], "instances": [{…, "e"}]}: "n" counts the
 * group's instances below, "e" is an instance's series, counted from 1 over all studies. Returns the SOP Instance UIDs
 * that were inserted, or NULL where all were.
 */
export const RECORD_INSTANCES = `
  CREATE FUNCTION record_instances(told jsonb) RETURNS text[] LANGUAGE plpgsql AS $body$
  DECLARE
    s jsonb;
    e jsonb;
    study record;
    this_series bigint;
    study_ids bigint[] := '{}';
    series_ids bigint[] := '{}';
    inserted text[];
    patients_differ boolean := false;
  BEGIN
    FOR s IN SELECT value FROM jsonb_array_elements(told->'studies') LOOP
      -- By name first ("VOXS"): who deletes from a study has its name alone, and its row comes and goes meanwhile.
      PERFORM pg_advisory_xact_lock_shared(1448040531, hashtext(s->>'study_instance_uid'));
      UPDATE studies SET number_of_instances = number_of_instances + (s->>'n')::integer, updated_at = now()
        WHERE study_instance_uid = s->>'study_instance_uid'
        RETURNING id, patient_id, issuer_of_patient_id INTO study;
      IF NOT FOUND THEN
        INSERT INTO studies AS held (study_instance_uid, patient_id, issuer_of_patient_id, patient_name,
          patient_name_folded, patient_birth_date, patient_sex, accession_number, study_id, study_date, study_time,
          study_description, referring_physician_name, referring_physician_name_folded, attributes, number_of_instances)
        SELECT r.study_instance_uid, r.patient_id, r.issuer_of_patient_id, r.patient_name, r.patient_name_folded,
          r.patient_birth_date, r.patient_sex, r.accession_number, r.study_id, r.study_date, r.study_time,
          r.study_description, r.referring_physician_name, r.referring_physician_name_folded, r.attributes, r.n
        FROM jsonb_to_record(s) AS r(study_instance_uid text, patient_id text, issuer_of_patient_id text,
          patient_name text, patient_name_folded text, patient_birth_date text, patient_sex text, accession_number text,
          study_id text, study_date text, study_time text, study_description text, referring_physician_name text,
          referring_physician_name_folded text, attributes text, n integer)
        ON CONFLICT (study_instance_uid) DO UPDATE
          SET number_of_instances = held.number_of_instances + EXCLUDED.number_of_instances, updated_at = now()
        RETURNING id, patient_id, issuer_of_patient_id INTO study;
      END IF;
      study_ids := study_ids || study.id;
      patients_differ := patients_differ OR (s->>'patients_differ')::boolean
        OR coalesce(study.patient_id, '') <> coalesce(s->>'patient_id', '')
        OR study.issuer_of_patient_id <> s->>'issuer_of_patient_id';
      FOR e IN SELECT value FROM jsonb_array_elements(s->'series') LOOP
        UPDATE series SET number_of_instances = number_of_instances + (e->>'n')::integer, last_received_at = now()
          WHERE study_id = study.id AND series_instance_uid = e->>'series_instance_uid'
          RETURNING id INTO this_series;
        IF NOT FOUND THEN
          INSERT INTO series (study_id, series_instance_uid, modality, series_number, series_description, series_date,
            series_time, body_part_examined, performed_procedure_step_start_date, performed_procedure_step_start_time,
            attributes, number_of_instances)
          SELECT study.id, r.series_instance_uid, r.modality, r.series_number, r.series_description, r.series_date,
            r.series_time, r.body_part_examined, r.performed_procedure_step_start_date,
            r.performed_procedure_step_start_time, r.attributes, r.n
          FROM jsonb_to_record(e) AS r(series_instance_uid text, modality text, series_number integer,
            series_description text, series_date text, series_time text, body_part_examined text,
            performed_procedure_step_start_date text, performed_procedure_step_start_time text, attributes text, n integer)
          RETURNING id INTO this_series;
          UPDATE studies SET number_of_series = number_of_series + 1,
            modalities = ARRAY(SELECT m FROM unnest(modalities) AS m UNION SELECT e->>'modality' WHERE e->>'modality' IS NOT NULL
              ORDER BY 1)
          WHERE id = study.id;
        END IF;
        series_ids := series_ids || this_series;
      END LOOP;
    END LOOP;

    WITH made AS (
      INSERT INTO instances (series_id, sop_instance_uid, sop_class_uid, instance_number, transfer_syntax_uid,
        storage_key, size, digest, data_set_offset, frame_count, frames, metadata_segment, metadata_offset,
        metadata_length, warnings, origin)
      SELECT series_ids[r.e], r.sop_instance_uid, r.sop_class_uid, r.instance_number, r.transfer_syntax_uid,
        r.storage_key, r.size, decode(r.digest, 'hex'), r.data_set_offset, r.frame_count, r.frames,
        r.metadata_segment, r.metadata_offset, r.metadata_length, r.warnings, r.origin
      FROM jsonb_to_recordset(told->'instances') AS r(
        e integer, sop_instance_uid text, sop_class_uid text, instance_number integer, transfer_syntax_uid text,
        storage_key text, size bigint, digest text, data_set_offset integer, frame_count integer, frames text,
        metadata_segment integer, metadata_offset integer, metadata_length integer, warnings text, origin text)
      ORDER BY r.sop_instance_uid COLLATE "C"
      ON CONFLICT (sop_instance_uid) DO NOTHING
      RETURNING sop_instance_uid
    )
    SELECT coalesce(array_agg(sop_instance_uid), '{}') INTO inserted FROM made;

    IF patients_differ THEN
      INSERT INTO patient_mismatches AS held (study_id, patient_id, issuer_of_patient_id, sop_instance_uid, number_of_instances)
      SELECT h.id, coalesce(r.patient_id, ''), coalesce(r.issuer_of_patient_id, ''), min(r.sop_instance_uid), count(*)
      FROM jsonb_to_recordset(told->'instances') AS r(
        e integer, sop_instance_uid text, patient_id text, issuer_of_patient_id text)
      JOIN series c ON c.id = series_ids[r.e] JOIN studies h ON h.id = c.study_id
      WHERE r.sop_instance_uid = ANY(inserted)
        AND (coalesce(h.patient_id, '') <> coalesce(r.patient_id, '') OR h.issuer_of_patient_id <> r.issuer_of_patient_id)
      GROUP BY 1, 2, 3
      ON CONFLICT (study_id, patient_id, issuer_of_patient_id) DO UPDATE
        SET number_of_instances = held.number_of_instances + EXCLUDED.number_of_instances, last_received_at = now();
    END IF;

    IF cardinality(inserted) = jsonb_array_length(told->'instances') THEN RETURN NULL; END IF;

    -- Some were held already: they do not count, and what was made for them alone goes again.
    WITH held AS (
      SELECT series_ids[r.e] AS id, count(*)::integer AS n
      FROM jsonb_to_recordset(told->'instances') AS r(e integer, sop_instance_uid text)
      WHERE r.sop_instance_uid <> ALL(inserted) GROUP BY 1
    ), counted AS (
      UPDATE series c SET number_of_instances = c.number_of_instances - h.n FROM held h WHERE c.id = h.id
      RETURNING c.study_id, h.n
    )
    UPDATE studies t SET number_of_instances = t.number_of_instances - a.n
      FROM (SELECT study_id, sum(n)::integer AS n FROM counted GROUP BY 1) a WHERE t.id = a.study_id;
    DELETE FROM series WHERE id = ANY(series_ids) AND number_of_instances = 0;
    IF FOUND THEN
      UPDATE studies t SET
        number_of_series = (SELECT count(*) FROM series c WHERE c.study_id = t.id),
        modalities = ARRAY(SELECT DISTINCT modality FROM series c WHERE c.study_id = t.id AND modality IS NOT NULL ORDER BY 1)
      WHERE id = ANY(study_ids);
      DELETE FROM studies WHERE id = ANY(study_ids) AND number_of_instances = 0;
    END IF;
    RETURN inserted;
  END $body$`;

/** gzip of "{}" */
const EMPTY_GZIP = '1f8b0800000000000203abae050043bfa6a302000000';

/** Metadata are derived from the objects and do not come back: after going down, a row has none. */
export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    DROP FUNCTION record_instances(jsonb);
    DROP TABLE patient_mismatches;
    ALTER TABLE instances
      DROP COLUMN frame_count,
      DROP COLUMN frames,
      DROP COLUMN metadata_segment,
      DROP COLUMN metadata_offset,
      DROP COLUMN metadata_length,
      ADD COLUMN frames text,
      ADD COLUMN metadata bytea NOT NULL DEFAULT decode('${EMPTY_GZIP}', 'hex');
    ALTER TABLE instances ALTER COLUMN metadata DROP DEFAULT;
    ALTER TABLE series RESET (fillfactor);
    ALTER TABLE studies RESET (fillfactor);
    ALTER TABLE studies DROP COLUMN IF EXISTS issuer_of_patient_id;
  `);
}
