import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { startEmbeddedPostgres } from '../catalog/embedded-postgres.ts';
import type { Settings } from '../config.ts';
import { VoxgateError } from '../errors.ts';
import { lockFolder } from '../storage/folder-lock.ts';

/**
 * The database of the node: where `DATABASE_URL` says, that of a running node, or, where none runs, its own started for as
 * long as this takes. A running node's server is never stopped.
 */
export async function connectToNode({
  data,
  databaseUrl,
}: Settings): Promise<{ connectionString: string; close: () => Promise<void> }> {
  if (!existsSync(join(data, 'objects')))
    throw new VoxgateError('bad-setting', `VOXGATE_DATA: there is no archive in ${data}`);
  if (databaseUrl !== undefined) return { connectionString: databaseUrl, close: () => Promise.resolve() };
  const cluster = join(data, 'postgres', 'cluster');
  if (!existsSync(cluster))
    throw new VoxgateError(
      'bad-setting',
      `DATABASE_URL is unset and ${data} has no database of its own; set DATABASE_URL`,
    );
  const unlock = lockIfFree(data);
  try {
    if (unlock === undefined && !existsSync(join(cluster, 'postmaster.pid')))
      throw new VoxgateError(
        'bad-setting',
        'the node of this data folder uses another database; set DATABASE_URL to it',
      );
    const { connectionString, stop } = await startEmbeddedPostgres(data);
    const close = async (): Promise<void> => {
      if (unlock === undefined) return;
      await stop();
      unlock();
    };
    return { connectionString, close };
  } catch (error) {
    unlock?.();
    throw error;
  }
}

/** Undefined where a node runs on the folder (or only reading is allowed): then its server is used as it is found. */
function lockIfFree(data: string): (() => void) | undefined {
  try {
    return lockFolder(data);
  } catch {
    return undefined;
  }
}
