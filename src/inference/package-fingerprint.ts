import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** More files than any package has; beyond them a change is seen by what is among them. */
const MOST_FILES = 1000;

/** Changes whenever a file of the package does: names, sizes, times and places of all files below the folder. */
export async function fingerprintOf(folder: string): Promise<string> {
  const names = await readdir(folder, { recursive: true }).catch(() => []);
  const lines = await Promise.all(
    names
      .sort()
      .slice(0, MOST_FILES)
      .map(async (name) => {
        const status = await stat(join(folder, name)).catch(() => undefined);
        return status ? `${name} ${status.size} ${status.mtimeMs} ${status.ino}` : `${name} is gone`;
      }),
  );
  return lines.join('\n');
}
