import { settleKey } from '../archive/commit-queue.ts';
import { analysisJobKey } from '../catalog/analyses.ts';
import type { Database } from '../catalog/database.ts';
import { addDeadLetter } from '../catalog/dead-letters.ts';
import { ageAnalyses, failLostAnalyses } from '../catalog/job-overview.ts';
import { forgottenSeries } from '../catalog/settlements.ts';
import { sentenceOf } from '../errors.ts';
import { enqueue, type Queue } from '../jobs/queue.ts';
import type { Log } from '../log.ts';
import { cancelledAmong } from './cancel-analysis.ts';
import { STAT_PRIORITY } from './settle-series.ts';

const LOST_EVERY_MS = 30_000;
const AGE_EVERY_MS = 15_000;
const CANCELLED_EVERY_MS = 1000;
const FORGOTTEN_EVERY_MS = 5 * 60_000;
/** A routine analysis that has waited so long stands beside a new STAT one. */
const AGED_AFTER_SECONDS = 20 * 60;

/**
 * Looks after the analyses by the clock: those that lost their last attempt are called failed, those that wait grow
 * older, and one that runs here and was cancelled elsewhere is ended. @returns a function that ends it
 */
export function watchAnalyses(database: Database, queue: Pick<Queue, 'running' | 'cancel'>, log: Log): () => void {
  const every = (milliseconds: number, task: () => Promise<void>): NodeJS.Timeout => {
    let busy = false;
    return setInterval(() => {
      if (busy) return;
      busy = true;
      task()
        .catch((error: unknown) => log.warn({ reason: sentenceOf(error) }, 'could not look after the analyses'))
        .finally(() => {
          busy = false;
        });
    }, milliseconds);
  };
  const timers = [
    every(LOST_EVERY_MS, () => giveUpLost(database, log)),
    every(AGE_EVERY_MS, () => ageAnalyses(database, AGED_AFTER_SECONDS, STAT_PRIORITY)),
    every(CANCELLED_EVERY_MS, () => endCancelled(database, queue)),
    every(FORGOTTEN_EVERY_MS, () => settleForgotten(database)),
  ];
  settleForgotten(database).catch((error: unknown) =>
    log.warn({ reason: sentenceOf(error) }, 'could not look for series that were forgotten'),
  );
  return () => {
    for (const timer of timers) clearInterval(timer);
  };
}

/** Each leaves a dead letter, by which it can be tried again. */
async function giveUpLost(database: Database, log: Log): Promise<void> {
  const lost = await database.transaction(async (tx) => {
    const found = await failLostAnalyses(tx);
    for (const { id, attempts } of found)
      await addDeadLetter(tx, {
        job: 'analyze-series',
        jobKey: analysisJobKey(id),
        payload: { analysisId: id },
        class: 'resource',
        code: 'process-ended',
        reason: 'the node was ended in every attempt',
        attempts,
        analysisId: id,
      });
    return found;
  });
  if (lost.length > 0)
    log.error({ analyses: lost.map(({ id }) => id) }, 'analyses were given up: the node was ended in every attempt');
}

async function endCancelled(database: Database, queue: Pick<Queue, 'running' | 'cancel'>): Promise<void> {
  const ids = queue.running.flatMap((key) =>
    key.startsWith('analyze ') ? [Number(key.slice('analyze '.length))] : [],
  );
  for (const id of await cancelledAmong(database, ids)) queue.cancel(analysisJobKey(id), 'the analysis was cancelled');
}

/** What a process that died has left unsettled. */
async function settleForgotten(database: Database): Promise<void> {
  for (const place of await forgottenSeries(database)) {
    const key = settleKey(place.studyInstanceUid, place.seriesInstanceUid);
    await enqueue(database, 'settle-series', { ...place, because: 'idle' }, { key });
  }
}
