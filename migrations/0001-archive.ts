import type { Knex } from 'knex';

/**
 * What we hold (study, series, instance) and what became of it (conflicts, analyses, results, deliveries).
 *
 * `attributes` and `metadata` are DICOM JSON prepared once at ingest: text and gzip bytes, never queried, so not JSONB
 * (joining 100 prepared objects costs 0.16 ms, parsing and printing JSONB many times that). The columns beside them are
 * the keys QIDO-RS and C-FIND match on.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    CREATE TABLE studies (
      id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      study_instance_uid text NOT NULL UNIQUE,
      patient_id text,
      patient_name text,
      patient_name_folded text,
      patient_birth_date text,
      patient_sex text,
      accession_number text,
      study_id text,
      study_date text,
      study_time text,
      study_description text,
      referring_physician_name text,
      referring_physician_name_folded text,
      modalities text[] NOT NULL DEFAULT '{}',
      number_of_series integer NOT NULL DEFAULT 0,
      number_of_instances integer NOT NULL DEFAULT 0,
      attributes text NOT NULL,
      created_at timestamptz NOT NULL DEFAULT now(),
      updated_at timestamptz NOT NULL DEFAULT now()
    );
    CREATE INDEX studies_patient_id ON studies (patient_id text_pattern_ops);
    CREATE INDEX studies_patient_name ON studies (patient_name_folded text_pattern_ops);
    CREATE INDEX studies_accession_number ON studies (accession_number text_pattern_ops);
    CREATE INDEX studies_study_date ON studies (study_date DESC NULLS LAST, id DESC);

    CREATE TABLE series (
      id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      study_id bigint NOT NULL REFERENCES studies ON DELETE CASCADE,
      series_instance_uid text NOT NULL,
      modality text,
      series_number integer,
      series_description text,
      series_date text,
      series_time text,
      body_part_examined text,
      performed_procedure_step_start_date text,
      performed_procedure_step_start_time text,
      number_of_instances integer NOT NULL DEFAULT 0,
      attributes text NOT NULL,
      created_at timestamptz NOT NULL DEFAULT now(),
      last_received_at timestamptz NOT NULL DEFAULT now(),
      UNIQUE (study_id, series_instance_uid)
    );
    CREATE INDEX series_series_instance_uid ON series (series_instance_uid);

    CREATE TABLE instances (
      id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      series_id bigint NOT NULL REFERENCES series ON DELETE CASCADE,
      sop_instance_uid text NOT NULL UNIQUE,
      sop_class_uid text NOT NULL,
      instance_number integer,
      transfer_syntax_uid text NOT NULL,
      storage_key text NOT NULL,
      size bigint NOT NULL,
      digest bytea NOT NULL,
      data_set_offset integer NOT NULL,
      frames text,
      metadata bytea NOT NULL,
      warnings text,
      origin text NOT NULL CHECK (origin IN ('received', 'self')),
      received_at timestamptz NOT NULL DEFAULT now()
    );
    CREATE INDEX instances_series_id ON instances (series_id);

    -- The same SOP Instance UID with other bytes, study or series: kept apart, never served in place of the first.
    CREATE TABLE conflicts (
      id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      sop_instance_uid text NOT NULL,
      study_instance_uid text NOT NULL,
      series_instance_uid text NOT NULL,
      storage_key text NOT NULL,
      size bigint NOT NULL,
      digest bytea NOT NULL,
      reason text NOT NULL,
      received_at timestamptz NOT NULL DEFAULT now(),
      UNIQUE (sop_instance_uid, digest)
    );

    -- One row for each model considered for one content of one series.
    CREATE TABLE analyses (
      id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      study_instance_uid text NOT NULL,
      series_instance_uid text NOT NULL,
      input_digest text NOT NULL,
      model_id text NOT NULL,
      model_version text NOT NULL,
      model_digest text NOT NULL,
      route text,
      deliver_to text[] NOT NULL DEFAULT '{}',
      state text NOT NULL CHECK (state IN ('skipped', 'waiting', 'running', 'delivered', 'failed')),
      reason text NOT NULL,
      conclusion text,
      findings text,
      received_at timestamptz,
      settled_at timestamptz NOT NULL DEFAULT now(),
      started_at timestamptz,
      inferred_at timestamptz,
      delivered_at timestamptz,
      UNIQUE (series_instance_uid, study_instance_uid, model_id, model_version, model_digest, input_digest)
    );

    CREATE TABLE results (
      analysis_id bigint NOT NULL REFERENCES analyses ON DELETE CASCADE,
      sop_instance_uid text NOT NULL,
      series_instance_uid text NOT NULL,
      sop_class_uid text NOT NULL,
      PRIMARY KEY (analysis_id, sop_instance_uid)
    );

    CREATE TABLE deliveries (
      analysis_id bigint NOT NULL REFERENCES analyses ON DELETE CASCADE,
      peer text NOT NULL,
      attempts integer NOT NULL DEFAULT 0,
      last_error text,
      delivered_at timestamptz,
      PRIMARY KEY (analysis_id, peer)
    );
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw('DROP TABLE deliveries, results, analyses, conflicts, instances, series, studies');
}
