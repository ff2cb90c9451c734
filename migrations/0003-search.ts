import type { Knex } from 'knex';

/**
 * Indexes by which every C-FIND and QIDO-RS query goes (PS3.4 C.2.2.2), and what they need.
 *
 * `studies_study_date` has no NULL in it, so that a page of answers begins where the one before ended by comparing rows.
 * `studies_patient` gathers the studies of a patient: the same Patient ID and issuer, or, for lack of an ID, the same
 * name and birth date. `studies_search` finds parts of texts by their trigrams and names by their sound; where the
 * extension pg_trgm cannot be had it holds the sounds alone, and a leading wildcard reads every study.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    ALTER TABLE studies ADD COLUMN IF NOT EXISTS issuer_of_patient_id text;

    -- Letters that Unicode does not take apart; see src/catalog/fold.ts.
    UPDATE studies SET
      patient_name_folded = ${FOLD.replaceAll('$name', 'patient_name_folded')},
      referring_physician_name_folded = ${FOLD.replaceAll('$name', 'referring_physician_name_folded')}
    WHERE concat(patient_name_folded, referring_physician_name_folded) ~ '[ßæœøłđðþħıς]';

    DROP INDEX studies_study_date;
    CREATE INDEX studies_study_date ON studies ((coalesce(study_date, '')) COLLATE "C" DESC, id DESC);

    CREATE INDEX studies_patient ON studies ((
      CASE WHEN coalesce(patient_id, '') = ''
        THEN chr(31) || left(coalesce(patient_name_folded, ''), 200) || chr(31) || left(coalesce(patient_birth_date, ''), 20)
        ELSE left(patient_id, 200) || chr(31) || left(coalesce(issuer_of_patient_id, ''), 200) END) COLLATE "C", id DESC);

    -- Soundex of each word in Latin letters; the same as soundsOf in src/catalog/names.ts.
    CREATE FUNCTION name_sounds(folded text) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $body$
      SELECT coalesce(array_agg(DISTINCT upper(left(word, 1)) || rpad(left(replace(substr(regexp_replace(
          translate(left(word, 1) || translate(substr(word, 2), 'hw', ''),
            'bfpvcgjkqsxzdtlmnraeiouyhw', '11112222222233455600000000'),
          '(.)\\1+', '\\1', 'g'), 2), '0', ''), 3), 3, '0')), '{}')
      FROM regexp_split_to_table(folded, '[\\s^=,.*\\?-]+') AS word WHERE word ~ '^[a-z]{2,}$'
    $body$;
  `);
  await knex.raw(CREATE_SEARCH_INDEX);
}

/** The replacements of src/catalog/fold.ts that have one letter, then those that have two. */
const FOLD = `replace(replace(replace(replace(
  translate($name, 'øłđðħıς', 'olddhiσ'), 'ß', 'ss'), 'æ', 'ae'), 'œ', 'oe'), 'þ', 'th')`;

/**
 * Pending entries of the index are merged in small portions: the usual 4 MB would delay one object in thousands for long.
 * A refused extension must not fail the migration, whatever the server calls the reason.
 */
const CREATE_SEARCH_INDEX = `
  DO $body$ BEGIN
    CREATE EXTENSION IF NOT EXISTS pg_trgm;
    CREATE INDEX studies_search ON studies USING gin (
      patient_name_folded gin_trgm_ops, patient_id gin_trgm_ops, accession_number gin_trgm_ops,
      study_description gin_trgm_ops, referring_physician_name_folded gin_trgm_ops, name_sounds(patient_name_folded)
    ) WITH (gin_pending_list_limit = 256);
  EXCEPTION WHEN OTHERS THEN
    RAISE NOTICE 'no pg_trgm: %', SQLERRM;
    CREATE INDEX studies_search ON studies USING gin (name_sounds(patient_name_folded)) WITH (gin_pending_list_limit = 256);
  END $body$`;

/** The extension stays: it may have been there before, and others may use it. */
export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    DROP INDEX studies_search, studies_patient, studies_study_date;
    DROP FUNCTION name_sounds(text);
    CREATE INDEX studies_study_date ON studies (study_date DESC NULLS LAST, id DESC);
  `);
}
