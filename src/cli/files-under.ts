import { readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';

/** The index of a medium (PS3.10 8.6) speaks of the objects beside it and is none itself. */
const INDEX_OF_A_MEDIUM = 'DICOMDIR';

/** A file, or every file below a folder, by name. */
export async function filesUnder(path: string): Promise<string[]> {
  if (!(await stat(path)).isDirectory()) return [path];
  const entries = await readdir(path, { withFileTypes: true, recursive: true });
  return entries
    .filter((entry) => entry.isFile() && basename(entry.name) !== INDEX_OF_A_MEDIUM)
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}
