import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sentenceOf, VoxgateError } from '../errors.ts';

/**
 * One node a data folder: a second one would sweep the first one's staged objects away.
 * The file holds the process id and, where the system tells it, when that process started, so that a process id that
 * was given to another program since (or to ourselves, in a container) does not lock us out.
 *
 * @returns a function that gives the folder back
 * @throws VoxgateError 'bad-setting' when a living node holds the folder
 */
export function lockFolder(folder: string): () => void {
  const path = join(folder, 'voxgate.lock');
  const own = `${process.pid} ${startOf(process.pid)}`;
  try {
    writeFileSync(path, own, { flag: 'wx' });
  } catch (error) {
    if (!isCode(error, 'EEXIST')) throw unusable(folder, error);
    const holder = livingHolder(readFileSync(path, 'utf8'));
    if (holder !== undefined) {
      throw new VoxgateError(
        'bad-setting',
        `VOXGATE_DATA: ${folder} is in use by another Voxgate node (process ${holder})`,
      );
    }
    writeFileSync(path, own);
  }
  return () => rmSync(path, { force: true });
}

function unusable(folder: string, cause: unknown): VoxgateError {
  return new VoxgateError('bad-setting', `VOXGATE_DATA: ${folder} cannot be written to: ${sentenceOf(cause)}`, {
    cause,
  });
}

/** The process that wrote the lock, if it lives and is not this one. A power cut may leave the file empty. */
function livingHolder(lock: string): number | undefined {
  const [pid, start] = [Number(lock.split(' ')[0]), lock.split(' ')[1] ?? ''];
  if (!Number.isInteger(pid) || pid <= 0 || pid === process.pid) return undefined;
  return isAlive(pid) && startOf(pid) === start ? pid : undefined;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return isCode(error, 'EPERM');
  }
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

/** Start time in clock ticks since boot (proc(5), field 22); empty where there is no /proc. */
function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    return '';
  }
}
