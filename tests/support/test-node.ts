import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import pg from 'pg';
import { inject, onTestFinished } from 'vitest';
import { loadSettings, type Settings } from '../../src/config.ts';
import { createLog } from '../../src/log.ts';
import { type Node, startNode } from '../../src/main.ts';

/** A database of its own for one test, dropped when the test is over. */
export async function aDatabase(): Promise<string> {
  const base = new URL(inject('postgres'));
  const name = `test_${randomBytes(6).toString('hex')}`;
  const admin = async (sql: string): Promise<void> => {
    const client = new pg.Client({ connectionString: base.href });
    await client.connect();
    await client.query(sql);
    await client.end();
  };
  await admin(`CREATE DATABASE ${name}`);
  onTestFinished(() => admin(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`));
  const own = new URL(base);
  own.pathname = `/${name}`;
  return own.href;
}

export function aFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'voxgate-test-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export interface TestNode extends Node {
  readonly http: string;
}

/** Settings for a node on free ports with a data folder of its own. */
export async function someSettings(changes: Partial<Settings> = {}): Promise<Settings> {
  return {
    ...loadSettings({}),
    dimse: { host: '127.0.0.1', port: 0 },
    http: { host: '127.0.0.1', port: 0 },
    data: aFolder(),
    databaseUrl: await aDatabase(),
    models: [resolve('models')],
    settleSeconds: 0.2,
    mostQuietSeconds: 0.5,
    ...changes,
  };
}

/** A whole node: real database, real files, real sockets; stopped when the test is over. */
export async function aNode(changes: Partial<Settings> = {}): Promise<TestNode> {
  const node = await startNode(
    await someSettings(changes),
    createLog(process.env['VOXGATE_LOG_LEVEL'] ?? 'silent', false),
  );
  onTestFinished(() => node.stop());
  return { ...node, http: `http://127.0.0.1:${node.httpPort}` };
}
