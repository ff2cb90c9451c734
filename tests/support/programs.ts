import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** Whether all these outside programs are on the PATH; says which are not. */
export function hasPrograms(...names: string[]): boolean {
  const folders = (process.env['PATH'] ?? '').split(':');
  const absent = names.filter((name) => !folders.some((folder) => existsSync(join(folder, name))));
  if (absent.length > 0) process.stderr.write(`${absent.join(', ')} absent: the tests that need them are skipped\n`);
  return absent.length === 0;
}
