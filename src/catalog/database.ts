import knexFactory, { type Knex } from 'knex';
import pg from 'pg';
import * as archive from '../../migrations/0001-archive.ts';
import * as smallRows from '../../migrations/0002-small-rows.ts';
import * as searching from '../../migrations/0003-search.ts';
import * as workflow from '../../migrations/0004-workflow.ts';
import * as callers from '../../migrations/0005-callers.ts';
import * as deletions from '../../migrations/0006-deletions.ts';
import * as changeFeed from '../../migrations/0008-change-feed.ts';
import * as imageShape from '../../migrations/0009-image-shape.ts';
import * as jobs from '../../migrations/0010-jobs.ts';
import * as routes from '../../migrations/0011-routes.ts';
import * as models from '../../migrations/0012-models.ts';
import { sentenceOf, VoxgateError } from '../errors.ts';

export type Database = Knex;
export type Transaction = Knex.Transaction;

/** A migration's name is in the database for ever: it never changes once merged. */
const MIGRATIONS: Readonly<Record<string, Knex.Migration>> = {
  '0001-archive': archive,
  '0002-small-rows': smallRows,
  '0003-search': searching,
  '0004-workflow': workflow,
  '0005-callers': callers,
  '0006-deletions': deletions,
  '0008-change-feed': changeFeed,
  '0009-image-shape': imageShape,
  '0010-jobs': jobs,
  '0011-routes': routes,
  '0012-models': models,
};

const migrationSource: Knex.MigrationSource<string> = {
  getMigrations: () => Promise.resolve(Object.keys(MIGRATIONS)),
  getMigrationName: (name) => name,
  getMigration: (name) => Promise.resolve(MIGRATIONS[name]!),
};

const INT8 = 20;

/** A pool of connections to PostgreSQL. Sizes and counts (bigint) come as numbers: none here passes 2^53. */
export function openDatabase(connectionString: string): Database {
  return knexFactory({
    client: 'pg',
    connection: {
      connectionString,
      types: {
        getTypeParser: (oid, format) =>
          oid === INT8 ? Number : pg.types.getTypeParser(oid, format === 'binary' ? 'binary' : 'text'),
      },
    },
    pool: { min: 0, max: 8 },
    acquireConnectionTimeout: 30_000,
    migrations: { migrationSource, tableName: 'voxgate_migrations' },
  });
}

/** @throws VoxgateError bad-setting when PostgreSQL does not answer or does not let us in */
export async function requireAnswer(database: Database): Promise<void> {
  await database.raw('SELECT 1').catch((cause: unknown) => {
    throw new VoxgateError('bad-setting', `DATABASE_URL: PostgreSQL does not answer: ${sentenceOf(cause)}`, { cause });
  });
}

/** Brings the schema up to date; returns the names of the migrations applied. */
export async function migrate(database: Database): Promise<string[]> {
  return alone(database, async () => {
    const [, applied]: [number, string[]] = await database.migrate.latest();
    return applied;
  });
}

/** Undoes the newest migration; returns its name. */
export async function migrateDown(database: Database): Promise<string[]> {
  return alone(database, async () => {
    const [, undone]: [number, string[]] = await database.migrate.down();
    return undone;
  });
}

/** "VOXM" */
const MIGRATION_LOCK = 0x564f584d;

/**
 * One process at a time. knex's own lock is a row that a killed process leaves behind for a person to remove, and that
 * fails a second process at once; this one goes with its connection, and a second process waits.
 */
function alone(database: Database, work: () => Promise<string[]>): Promise<string[]> {
  return database.transaction(async (tx) => {
    await tx.raw('SELECT pg_advisory_xact_lock(?)', [MIGRATION_LOCK]);
    await database.migrate.forceFreeMigrationsLock();
    return work();
  });
}
