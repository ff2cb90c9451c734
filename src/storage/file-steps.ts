import { readSync } from 'node:fs';
import { unlink } from 'node:fs/promises';
import { rethrowFull } from './disk-errors.ts';

/** The bytes at that place of a file; fewer where it ends. */
export function readAt(fd: number, offset: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  let filled = 0;
  while (filled < length) {
    const got = readSync(fd, bytes, filled, length - filled, offset + filled);
    if (got === 0) break;
    filled += got;
  }
  return bytes.subarray(0, filled);
}

/** That it is not there is no failure. */
export async function removeFile(path: string): Promise<void> {
  await unlink(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') rethrowFull(error);
  });
}
