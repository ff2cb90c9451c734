import type { Knex } from 'knex';

/** Who called the DIMSE door: those turned away, so that they can be allowed, and those let in, with what was agreed. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    CREATE TABLE refused_callers (
      calling_ae text NOT NULL,
      called_ae text NOT NULL,
      address text NOT NULL,
      fingerprint text NOT NULL,
      kind text NOT NULL,
      subject text NOT NULL,
      reason text NOT NULL,
      first_seen timestamptz NOT NULL,
      last_seen timestamptz NOT NULL,
      times bigint NOT NULL,
      PRIMARY KEY (calling_ae, called_ae, address, fingerprint, kind)
    );
    CREATE INDEX refused_callers_last_seen ON refused_callers (last_seen);

    CREATE TABLE callers (
      calling_ae text NOT NULL,
      address text NOT NULL,
      called_ae text NOT NULL,
      peer text,
      -- The last association: TLS, certificate, user, implementation, presentation contexts.
      negotiation jsonb NOT NULL,
      first_seen timestamptz NOT NULL,
      last_seen timestamptz NOT NULL,
      associations bigint NOT NULL,
      PRIMARY KEY (calling_ae, address)
    );
    CREATE INDEX callers_last_seen ON callers (last_seen);
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw('DROP TABLE callers, refused_callers');
}
