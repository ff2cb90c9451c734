import { opendir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { EXTENSION, isObjectKey } from './object-key.ts';

/** A file of the store, whether the catalog knows it or not. */
export interface StoredFile {
  readonly key: string;
  readonly size: number;
  readonly modifiedAt: Date;
}

/** The object files below a folder. */
export async function* walkFolder(folder: string): AsyncGenerator<StoredFile, void, undefined> {
  for await (const entry of await opendir(folder)) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      yield* walkFolder(path);
      continue;
    }
    const key = entry.name.endsWith(EXTENSION) ? entry.name.slice(0, -EXTENSION.length) : '';
    if (!isObjectKey(key)) continue;
    // It may have been removed since.
    const { size, mtime } = await stat(path).catch(() => ({ size: -1, mtime: new Date(0) }));
    if (size >= 0) yield { key, size, modifiedAt: mtime };
  }
}
