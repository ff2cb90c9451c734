import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { expect, vi } from 'vitest';
import type { NodeProcess } from '../support/node-process.ts';
import { openConnections, openDescriptors, residentMegabytes } from '../support/process-health.ts';

export interface Baseline {
  readonly pid: number;
  readonly sockets: number;
  readonly residentMegabytes: number;
}

export function baselineOf(node: NodeProcess): Baseline {
  const { sockets } = openDescriptors(node.pid);
  return { pid: node.pid, sockets, residentMegabytes: residentMegabytes(node.pid) };
}

/** The database's pool may have grown by its few connections. */
const POOL_SOCKETS = 20;
/** What the heap may keep after a storm: V8 gives it back when it likes. */
const HEAP_MEGABYTES = 250;

/** Nothing of a storm is left: the same process, no sockets, no staged files, no rows without files, memory given back. */
export async function expectUnharmed(node: NodeProcess, before: Baseline): Promise<void> {
  expect(node.pid).toBe(before.pid);
  expect((await fetch(`${node.http}/readyz`)).status).toBe(200);
  await vi.waitFor(() => expect(openConnections(node.dimsePort)).toBe(0), { timeout: 20_000, interval: 100 });
  await vi.waitFor(() => expect(readdirSync(join(node.data, 'staging'))).toEqual([]), { timeout: 20_000 });
  const { sockets, files } = openDescriptors(node.pid);
  expect(sockets).toBeLessThanOrEqual(before.sockets + POOL_SOCKETS);
  expect(files.filter((path) => path.startsWith(node.data) && path.includes('/staging/'))).toEqual([]);
  expect(residentMegabytes(node.pid)).toBeLessThan(before.residentMegabytes + HEAP_MEGABYTES);
  expect(await rowsWithoutFile(node)).toEqual([]);
}

async function rowsWithoutFile({ data, databaseUrl }: NodeProcess): Promise<string[]> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const { rows } = await client.query<{ key: string }>(
      'SELECT storage_key AS key FROM instances UNION SELECT storage_key FROM conflicts',
    );
    const names = readdirSync(join(data, 'objects'), { recursive: true, encoding: 'utf8' });
    const held = new Set(
      names.map((path) =>
        path
          .split('/')
          .at(-1)!
          .replace(/\.dcm$/, ''),
      ),
    );
    return rows.map(({ key }) => key).filter((key) => !held.has(key));
  } finally {
    await client.end();
  }
}
