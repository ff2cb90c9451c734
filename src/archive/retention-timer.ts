import { forgetChanges, numberChanges } from '../catalog/changes.ts';
import type { Database } from '../catalog/database.ts';
import { sentenceOf } from '../errors.ts';
import type { Log } from '../log.ts';
import { applyRetention, type RetentionParts } from './retention.ts';
import { type SweepParts, sweepOrphans } from './sweep-orphans.ts';

export interface Upkeep {
  readonly database: Database;
  readonly retention: RetentionParts;
  readonly sweep: SweepParts;
  /** How long the change feed remembers; 0 is for ever. */
  readonly changeDays: number;
  readonly log: Log;
}

/** A start is busy enough without it. */
const FIRST_AFTER_MS = 60_000;
const RETENTION_EVERY_MS = 10 * 60_000;
/** So that a feed that nobody reads does not pile up what its first reader would wait for. */
const CHANGES_EVERY_MS = 5 * 60_000;
const SWEEP_EVERY_MS = 24 * 60 * 60_000;

/** Second half of the advisory lock's key, one a task; the first is "VOXU". */
const LOCK_SPACE = 0x564f5855;
const LOCK_OF = { retention: 1, sweep: 2, changes: 3 } as const;

/**
 * Looks after the archive by the clock: retention every ten minutes where there are rules, the change feed every five,
 * the sweep after the start and then daily. Of several nodes on one database one does it at a time.
 *
 * @returns a function that ends it, when what is under way has ended
 */
export function startUpkeep({ database, retention, sweep, changeDays, log }: Upkeep): () => Promise<void> {
  const hasRules = retention.rules.maxAgeDays !== undefined || retention.rules.keepFree !== undefined;
  const tasks = [
    every(SWEEP_EVERY_MS, () =>
      told(log, 'sweep', () =>
        alone(database, LOCK_OF.sweep, async () => {
          const swept = await sweepOrphans(sweep);
          if (swept.missingCount > 0)
            log.error({ count: swept.missingCount, first: swept.missing }, 'files of held instances are missing');
          if (swept.removed > 0)
            log.info({ files: swept.removed, bytes: swept.bytes }, 'unreferenced files were removed');
        }),
      ),
    ),
    every(CHANGES_EVERY_MS, () =>
      told(log, 'changes', () =>
        alone(database, LOCK_OF.changes, async () => {
          while (await numberChanges(database));
          if (changeDays > 0) await forgetChanges(database, changeDays);
        }),
      ),
    ),
    ...(hasRules
      ? [
          every(RETENTION_EVERY_MS, () =>
            told(log, 'retention', () =>
              alone(database, LOCK_OF.retention, async () => {
                const run = await applyRetention(retention);
                if (run.studies + run.purged + run.failed > 0) log.info({ ...run }, 'retention was applied');
              }),
            ),
          ),
        ]
      : []),
  ];
  return async () => {
    await Promise.all(tasks.map((stop) => stop()));
  };
}

/** Runs again and again, never twice at once. */
function every(pauseMs: number, work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> = Promise.resolve();
  let timer: NodeJS.Timeout;
  let stopped = false;
  const next = (inMs: number): void => {
    timer = setTimeout(() => {
      running = work().finally(() => {
        if (!stopped) next(pauseMs);
      });
    }, inMs);
    timer.unref();
  };
  next(FIRST_AFTER_MS);
  return async () => {
    stopped = true;
    clearTimeout(timer);
    await running;
  };
}

async function told(log: Log, task: string, work: () => Promise<void>): Promise<void> {
  await work().catch((error: unknown) =>
    log.error({ task, reason: sentenceOf(error) }, 'upkeep of the archive failed'),
  );
}

/** The lock goes with its connection, and so with a process that dies. The transaction does nothing else. */
async function alone(database: Database, task: number, work: () => Promise<void>): Promise<void> {
  await database.transaction(async (tx) => {
    const { rows }: { rows: { mine: boolean }[] } = await tx.raw('SELECT pg_try_advisory_xact_lock(?, ?) AS mine', [
      LOCK_SPACE,
      task,
    ]);
    if (rows[0]?.mine === true) await work();
  });
}
