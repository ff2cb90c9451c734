import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startEmbeddedPostgres } from '../../src/catalog/embedded-postgres.ts';

/** One that the server's own user may enter: PostgreSQL does not run as root. */
function aDataFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'voxgate-test-'));
  chmodSync(folder, 0o755);
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

async function ask<T extends pg.QueryResultRow>(connectionString: string, sql: string): Promise<T[]> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    return (await client.query<T>(sql)).rows;
  } finally {
    await client.end();
  }
}

describe('the embedded PostgreSQL', () => {
  it('starts, is taken up by the next node after a kill, stops, and comes back with what it held', async () => {
    const folder = aDataFolder();
    const first = await startEmbeddedPostgres(folder);
    onTestFinished(() => first.stop().catch(() => undefined));
    await ask(first.connectionString, 'CREATE TABLE kept (word text)');
    await ask(first.connectionString, `INSERT INTO kept VALUES ('held')`);
    const setting = async (name: string) => (await ask(first.connectionString, `SHOW ${name}`))[0]?.[name];
    expect([await setting('listen_addresses'), await setting('fsync')]).toEqual(['127.0.0.1', 'on']);
    const password = join(folder, 'postgres', 'password');
    expect(statSync(password).mode & 0o077).toBe(0);
    const wrong = new URL(first.connectionString);
    wrong.password = 'guessed';
    await expect(ask(wrong.href, 'SELECT 1')).rejects.toThrow(/password authentication failed/);

    // The node is gone without stopping it; the next one finds it running.
    const second = await startEmbeddedPostgres(folder);
    expect(second.connectionString).toBe(first.connectionString);
    expect(await ask(second.connectionString, 'SELECT word FROM kept')).toEqual([{ word: 'held' }]);
    await second.stop();
    await expect(ask(second.connectionString, 'SELECT 1')).rejects.toThrow(/ECONNREFUSED/);

    const third = await startEmbeddedPostgres(folder);
    expect(await ask(third.connectionString, 'SELECT word FROM kept')).toEqual([{ word: 'held' }]);

    // A power cut: its process id is another program's after the next start of the machine.
    const pidFile = join(folder, 'postgres', 'cluster', 'postmaster.pid');
    const [pid, ...rest] = readFileSync(pidFile, 'utf8').split('\n');
    await third.stop();
    const { uid, gid } = statSync(join(folder, 'postgres', 'cluster'));
    const stranger = spawn('sleep', ['60'], { uid, gid, cwd: '/' });
    onTestFinished(() => void stranger.kill());
    writeFileSync(pidFile, [stranger.pid, ...rest].join('\n'));
    const fourth = await startEmbeddedPostgres(folder);
    onTestFinished(() => fourth.stop().catch(() => undefined));
    expect(await ask(fourth.connectionString, 'SELECT word FROM kept')).toEqual([{ word: 'held' }]);
    expect(readFileSync(pidFile, 'utf8').split('\n')[0]).not.toBe(pid);
    await fourth.stop();
  });

  it('begins anew where the first start was killed half-way, and says what failed without its password', async () => {
    const folder = aDataFolder();
    const first = await startEmbeddedPostgres(folder);
    await first.stop();
    const cluster = join(folder, 'postgres', 'cluster');
    rmSync(join(cluster, 'PG_VERSION'));
    const again = await startEmbeddedPostgres(folder);
    await again.stop();
    expect(existsSync(join(folder, 'postgres', 'initdb-password'))).toBe(false);

    writeFileSync(join(cluster, 'postgresql.conf'), 'no_such_setting = on\n');
    const refusal = await startEmbeddedPostgres(folder).catch((error: unknown) => error);
    expect(refusal).toMatchObject({ code: 'bad-setting', message: expect.stringContaining('server.log') });
    expect(String(refusal)).not.toContain(readFileSync(join(folder, 'postgres', 'password'), 'utf8').trim());
  });
});
