// The node's own means against a running node: the orphan sweep, without the hour that it leaves to files that are on
// their way, and `voxgate verify`.
import { spawnSync } from 'node:child_process';

/** Call it when nobody is sending. @returns {Promise<number>} files that were removed */
export async function sweep({ data, databaseUrl }) {
  const { openDatabase } = await import('../../dist/src/catalog/database.js');
  const { FileStore } = await import('../../dist/src/storage/file-store.js');
  const { sweepOrphans } = await import('../../dist/src/archive/sweep-orphans.js');
  const database = openDatabase(databaseUrl);
  try {
    const store = await FileStore.open(data);
    const { removed } = await sweepOrphans({ database, store, minimumAgeMs: 0 });
    return removed;
  } finally {
    await database.destroy();
  }
}

/** Rereads every object; @returns {string | undefined} what it says where not all is well */
export function verify({ data, databaseUrl }) {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['bin/voxgate.mjs', 'verify', '--json'], {
    encoding: 'utf8',
    env: { ...process.env, VOXGATE_DATA: data, DATABASE_URL: databaseUrl },
  });
  return status === 0 ? undefined : `voxgate verify: ${stdout.slice(-1000)}${stderr.slice(-1000)}`;
}
