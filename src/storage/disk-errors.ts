import { VoxgateError } from '../errors.ts';

const FULL = new Set(['ENOSPC', 'EDQUOT', 'EFBIG', 'EMFILE', 'ENFILE']);

/** @throws VoxgateError out-of-resources where the disk or the process is at its limit; else what it was given */
export function rethrowFull(cause: NodeJS.ErrnoException): never {
  if (FULL.has(cause.code ?? ''))
    throw new VoxgateError('out-of-resources', `the object cannot be written: ${cause.code}`, { cause });
  throw cause;
}

/** All of them end, whatever one does: the caller may close the files then. */
export async function allOf(steps: readonly Promise<unknown>[]): Promise<void> {
  for (const result of await Promise.allSettled(steps)) if (result.status === 'rejected') throw result.reason;
}
