import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import pg from 'pg';
import { pino } from 'pino';
import { afterAll, beforeAll, inject } from 'vitest';
import { loadSettings, type Settings } from '../../src/config.ts';
import { type Node, startNode } from '../../src/main.ts';

/** A node that several tests ask; what they store has UIDs of their own. */
export interface SharedNode {
  readonly node: Node;
  readonly http: string;
  /** Everything it has logged so far, JSON lines. */
  log(): string;
  /** Files of objects on their way in; none when nobody is sending. */
  staged(): string[];
  sql(statement: string, values?: readonly unknown[]): Promise<Record<string, unknown>[]>;
  /** Takes its database from under the node. */
  dropDatabase(): Promise<void>;
  stop(): Promise<void>;
}

/** A node of its own on free ports: real database, real files, no models. */
export async function openNode(changes: Partial<Settings> = {}): Promise<SharedNode> {
  const base = new URL(inject('postgres'));
  const name = `test_${randomBytes(6).toString('hex')}`;
  await query(base.href, `CREATE DATABASE ${name}`);
  const own = new URL(base);
  own.pathname = `/${name}`;
  const data = mkdtempSync(join(tmpdir(), 'voxgate-test-'));
  const lines: string[] = [];
  const sink = new Writable({
    write(chunk, _encoding, done) {
      lines.push(String(chunk));
      done();
    },
  });
  const settings = loadSettings({});
  const node = await startNode(
    {
      ...settings,
      // Tests call it by the names that proxies call it by.
      httpDoor: { ...settings.httpDoor, names: undefined },
      dimse: { host: '127.0.0.1', port: 0 },
      http: { host: '127.0.0.1', port: 0 },
      data,
      databaseUrl: own.href,
      models: [],
      settleSeconds: 0,
      ...changes,
    },
    pino({ level: 'info' }, sink),
  );
  const dropDatabase = async (): Promise<void> => {
    await query(base.href, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
  };
  return {
    node,
    http: `http://127.0.0.1:${node.httpPort}`,
    log: () => lines.join(''),
    staged: () => readdirSync(join(data, 'staging')),
    sql: (statement, values = []) => query(own.href, statement, values),
    dropDatabase,
    async stop() {
      await node.stop();
      await dropDatabase();
      rmSync(data, { recursive: true, force: true });
    },
  };
}

/** One node for the tests of a file or group. */
export function aSharedNode(changes: Partial<Settings> = {}): SharedNode {
  let opened: SharedNode | undefined;
  beforeAll(async () => {
    opened = await openNode(changes);
  });
  afterAll(() => opened?.stop());
  const now = (): SharedNode => {
    if (!opened) throw new Error('the node is opened before the tests, not while they are collected');
    return opened;
  };
  return {
    get node() {
      return now().node;
    },
    get http() {
      return now().http;
    },
    log: () => now().log(),
    staged: () => now().staged(),
    sql: (statement, values) => now().sql(statement, values),
    dropDatabase: () => now().dropDatabase(),
    stop: () => now().stop(),
  };
}

async function query(
  connectionString: string,
  statement: string,
  values: readonly unknown[] = [],
): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    return (await client.query(statement, [...values])).rows;
  } finally {
    await client.end();
  }
}
