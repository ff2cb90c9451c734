import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { type Fault, type VerifiedStore, verifyObjects } from '../archive/verify-objects.ts';
import { openDatabase, requireAnswer } from '../catalog/database.ts';
import { loadSettings } from '../config.ts';
import { VoxgateError } from '../errors.ts';
import { objectPath, walkFolder } from '../storage/file-store.ts';
import { connectToNode } from './node-database.ts';

interface Options {
  readonly study?: string;
  readonly since?: Date;
  readonly limit?: number;
  readonly json?: boolean;
}

/** Between two lines of progress. */
const PROGRESS_MS = 2000;

export function addVerify(program: Command): void {
  program
    .command('verify')
    .description('reread every stored object and compare it with its row: length, SHA-256, UIDs; changes nothing')
    .option('--study <uid>', 'only this study')
    .option('--since <date>', 'only what was received since, ISO 8601', aDate)
    .option('--limit <n>', 'at most so many objects', aCount)
    .option('--json', 'one JSON object a line: each fault, then the totals')
    .action(async (options: Options) => {
      const settings = loadSettings();
      const { connectionString, close } = await connectToNode(settings);
      const database = openDatabase(connectionString);
      try {
        await requireAnswer(database);
        const progress = progressLine();
        const parts = { database, store: storeUnder(settings.data) };
        const asked = { studyInstanceUid: options.study, since: options.since, limit: options.limit };
        const verified = await verifyObjects(parts, { ...asked, onProgress: progress }, (fault) =>
          process.stdout.write(options.json ? `${JSON.stringify(fault)}\n` : line(fault)),
        );
        const { objects, bytes, faults } = verified;
        const found = Object.entries(faults).filter(([, count]) => count > 0);
        if (options.json) process.stdout.write(`${JSON.stringify({ objects, bytes, faults })}\n`);
        else process.stdout.write(`${objects} objects, ${bytes} bytes read\n`);
        if (options.study !== undefined && objects === 0)
          throw new VoxgateError('not-found', 'nothing of that study is held here');
        if (found.length > 0)
          throw new VoxgateError(
            'not-found',
            `not all is well: ${found.map(([kind, n]) => `${n} ${kind}`).join(', ')}`,
          );
      } finally {
        await database.destroy();
        await close();
      }
    });
}

function aDate(text: string): Date {
  const date = new Date(text);
  if (Number.isNaN(date.getTime())) throw new InvalidArgumentError('a date such as 2026-01-31 or 2026-01-31T12:00:00Z');
  return date;
}

function aCount(text: string): number {
  const count = Number(text);
  if (!Number.isSafeInteger(count) || count < 1) throw new InvalidArgumentError('a whole number above 0');
  return count;
}

function line({ kind, storageKey, sentence, object }: Fault): string {
  const which = object ? ` ${object.heldIn} ${object.sopInstanceUid} of study ${object.studyInstanceUid}` : '';
  return `${kind}${which}: ${sentence} (file ${storageKey})\n`;
}

/** How far it is, on stderr: stdout is for what was found. */
function progressLine(): (checked: number, bytes: number) => void {
  const began = performance.now();
  let told = began;
  return (checked, bytes) => {
    const now = performance.now();
    if (now - told < PROGRESS_MS) return;
    told = now;
    const rate = (bytes / 1e6 / ((now - began) / 1000)).toFixed(0);
    process.stderr.write(`${checked} objects, ${(bytes / 1e9).toFixed(2)} GB, ${rate} MB/s\n`);
  };
}

/** Only to read: opening it as a node does would sweep away what that node is receiving. */
function storeUnder(data: string): VerifiedStore {
  const pathOf = (key: string): string => objectPath(join(data, 'objects'), key);
  return {
    pathOf,
    walk: () => walkFolder(join(data, 'objects')),
    stream: (key, start, length) =>
      createReadStream(pathOf(key), { start, end: start + length - 1, highWaterMark: 1024 * 1024 }),
  };
}
