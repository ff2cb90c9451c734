import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** The folder of real DICOM files beside the project; tests that need it skip, saying so, where it is absent. */
const root = resolve(process.env['VOXGATE_SHARED_DATA'] ?? '../shared/data');

export const hasSharedData = existsSync(join(root, 'expected.tsv'));
if (!hasSharedData) process.stderr.write(`shared data absent (${root}): the tests that need it are skipped\n`);

export function sharedData(...path: string[]): string {
  return join(root, ...path);
}

export function sharedFiles(folder: string): string[] {
  return readdirSync(sharedData(folder))
    .sort()
    .map((name) => sharedData(folder, name));
}

/** One row of expected.tsv: what an independent reader found in the file. */
export type ExpectedRow = Readonly<Record<string, string>>;

export function expectedRows(): ExpectedRow[] {
  const [header, ...lines] = readFileSync(sharedData('expected.tsv'), 'utf8').trimEnd().split('\n');
  const columns = header!.split('\t');
  return lines.map((line) => {
    const cells = line.split('\t');
    return Object.fromEntries(columns.map((column, i) => [column, cells[i] ?? '']));
  });
}
