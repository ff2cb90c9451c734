import { opendir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { FileStore } from '../storage/file-store.ts';
import type { SweptStore } from './sweep-orphans.ts';

export interface StoredFile {
  readonly key: string;
  readonly size: number;
  readonly modifiedAt: Date;
}

/** Every object file under the data folder, as FileStore lays them out; one folder at a time. */
export async function* walkFiles(data: string): AsyncGenerator<StoredFile> {
  const objects = join(data, 'objects');
  for await (const folder of await opendir(objects)) {
    if (!folder.isDirectory()) continue;
    for await (const file of await opendir(join(objects, folder.name))) {
      if (!file.name.endsWith('.dcm')) continue;
      const found = await stat(join(objects, folder.name, file.name)).catch(() => undefined);
      if (found) yield { key: file.name.slice(0, -'.dcm'.length), size: found.size, modifiedAt: found.mtime };
    }
  }
}

export function sweptStore(store: FileStore, data: string): SweptStore {
  return {
    walk: () => walkFiles(data),
    remove: (key) => store.remove(key),
    read: (key, offset, length) => store.read(key, offset, length),
  };
}
