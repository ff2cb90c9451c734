import type { Knex } from 'knex';

/**
 * What others ask us to keep (commitments) and what we ask of them (commitment_requests); what modalities say that they
 * made (procedure_steps) and others that they hold (availability_notices), with the instances that follow from either
 * (expected_instances); and the order that a study was made for (study_orders).
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    CREATE TABLE commitments (
      id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      transaction_uid text NOT NULL,
      door text NOT NULL CHECK (door IN ('dimse', 'dicomweb')),
      -- AE title; empty for DICOMweb.
      requestor text NOT NULL,
      -- The request spoke of studies (PS3.18 J.1), and so does the answer.
      by_study boolean NOT NULL DEFAULT false,
      content_digest bytea NOT NULL,
      -- The Transaction UID is another request's: nothing is looked at.
      duplicate boolean NOT NULL DEFAULT false,
      state text NOT NULL CHECK (state IN ('verifying', 'verified', 'reported', 'given-up')),
      instances integer NOT NULL,
      failures integer NOT NULL DEFAULT 0,
      attempts integer NOT NULL DEFAULT 0,
      last_error text,
      -- How the result was reported: on the same, a later or a new association.
      reported_by text,
      requested_at timestamptz NOT NULL DEFAULT now(),
      verified_at timestamptz,
      ended_at timestamptz
    );
    CREATE UNIQUE INDEX commitments_transaction_uid ON commitments (transaction_uid) WHERE NOT duplicate;
    CREATE INDEX commitments_to_report ON commitments (requestor, id) WHERE state = 'verified' AND door = 'dimse';
    CREATE INDEX commitments_ended_at ON commitments (ended_at);

    CREATE TABLE commitment_instances (
      commitment_id bigint NOT NULL REFERENCES commitments ON DELETE CASCADE,
      position integer NOT NULL,
      sop_class_uid text NOT NULL,
      sop_instance_uid text NOT NULL,
      study_instance_uid text,
      series_instance_uid text,
      -- Failure Reason (0008,1197), 0 for none; null until it is verified.
      failure_reason integer,
      PRIMARY KEY (commitment_id, position)
    );

    CREATE TABLE commitment_requests (
      id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      transaction_uid text NOT NULL UNIQUE,
      peer text NOT NULL,
      analysis_id bigint NOT NULL REFERENCES analyses ON DELETE CASCADE,
      -- 2 after what failed was sent again.
      round integer NOT NULL DEFAULT 1,
      state text NOT NULL CHECK (state IN ('waiting', 'asked', 'committed', 'failed', 'given-up')),
      -- [{ sopClassUid, sopInstanceUid, failureReason }]: the results of one analysis, a handful.
      instances jsonb NOT NULL,
      attempts integer NOT NULL DEFAULT 0,
      last_error text,
      created_at timestamptz NOT NULL DEFAULT now(),
      asked_at timestamptz,
      answered_at timestamptz,
      UNIQUE (analysis_id, peer, round)
    );

    ALTER TABLE deliveries ADD COLUMN commitment text, ADD COLUMN committed_at timestamptz;

    CREATE TABLE procedure_steps (
      sop_instance_uid text PRIMARY KEY,
      state text NOT NULL CHECK (state IN ('IN PROGRESS', 'DISCONTINUED', 'COMPLETED')),
      performed_by text NOT NULL,
      study_instance_uids text[] NOT NULL,
      modality text,
      -- Of the Performed Series Sequence, kept for indexing; the whole is in content.
      series_instance_uids text[] NOT NULL DEFAULT '{}',
      instances integer NOT NULL DEFAULT 0,
      content text NOT NULL,
      created_at timestamptz NOT NULL DEFAULT now(),
      updated_at timestamptz NOT NULL DEFAULT now(),
      ended_at timestamptz
    );
    CREATE INDEX procedure_steps_studies ON procedure_steps USING gin (study_instance_uids);

    CREATE TABLE availability_notices (
      sop_instance_uid text PRIMARY KEY,
      study_instance_uid text NOT NULL,
      announced_by text NOT NULL,
      instances integer NOT NULL,
      received_at timestamptz NOT NULL DEFAULT now()
    );

    CREATE TABLE expected_instances (
      series_instance_uid text NOT NULL,
      sop_instance_uid text NOT NULL,
      source text NOT NULL CHECK (source IN ('mpps', 'ian')),
      source_uid text NOT NULL,
      study_instance_uid text,
      sop_class_uid text NOT NULL,
      -- Of a notice: where it can be had, and how soon (PS3.3 C.4.23.1.1).
      retrieve_ae_title text,
      availability text,
      recorded_at timestamptz NOT NULL DEFAULT now(),
      PRIMARY KEY (series_instance_uid, sop_instance_uid, source, source_uid)
    );
    CREATE INDEX expected_instances_source_uid ON expected_instances (source_uid);

    CREATE TABLE study_orders (
      study_instance_uid text PRIMARY KEY,
      state text NOT NULL CHECK (state IN ('matched', 'ambiguous', 'none')),
      -- For a person: one sentence.
      reason text NOT NULL,
      peer text,
      matched_by text,
      -- DICOM JSON of the order, without the patient.
      attributes text,
      asked_at timestamptz NOT NULL DEFAULT now()
    );
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    DROP TABLE study_orders, expected_instances, availability_notices, procedure_steps, commitment_requests,
      commitment_instances, commitments;
    ALTER TABLE deliveries DROP COLUMN commitment, DROP COLUMN committed_at;
  `);
}
