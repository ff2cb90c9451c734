import { type FSWatcher, watch } from 'node:fs';
import { sentenceOf } from '../errors.ts';
import type { Log } from '../log.ts';
import type { LiveLibrary, ReloadReport } from './live-library.ts';

export interface WatchOptions {
  readonly folders: readonly string[];
  /** Where the file system tells of nothing (network mounts, links): looked at again this often. */
  readonly pollSeconds: number;
  readonly log: Log;
  /** After the last sign of a change: a copy of a large file gives signs all the time. */
  readonly quietMs?: number;
}

const QUIET_MS = 1000;

/** Looks at the library again when its folders change; returns what ends that. */
export function watchLibrary(library: LiveLibrary, options: WatchOptions): () => void {
  const { folders, pollSeconds, log, quietMs = QUIET_MS } = options;
  let timer: NodeJS.Timeout | undefined;
  const look = (): void => {
    library.reload().then(
      (report) => tell(report, log),
      (error: unknown) => log.error({ error: sentenceOf(error) }, 'the model library could not be looked at'),
    );
  };
  const soon = (): void => {
    clearTimeout(timer);
    timer = setTimeout(look, quietMs);
    timer.unref();
  };
  const watchers = folders.flatMap((folder) => watched(folder, soon));
  const poll = pollSeconds > 0 ? setInterval(look, pollSeconds * 1000) : undefined;
  poll?.unref();
  return () => {
    clearTimeout(timer);
    clearInterval(poll);
    for (const watcher of watchers) watcher.close();
  };
}

/** A folder that is not there, or that cannot be watched, is polled only. */
function watched(folder: string, changed: () => void): FSWatcher[] {
  try {
    const watcher = watch(folder, { recursive: true, persistent: false }, changed);
    watcher.on('error', () => watcher.close());
    return [watcher];
  } catch {
    return [];
  }
}

function tell({ added, changed, removed }: ReloadReport, log: Log): void {
  if (added.length + changed.length + removed.length > 0)
    log.info({ added, changed, removed }, 'the model library has changed');
}
