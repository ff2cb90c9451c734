import { failLostAnalyses } from '../catalog/analyses.ts';
import type { Database } from '../catalog/database.ts';
import { sentenceOf } from '../errors.ts';
import type { Log } from '../log.ts';

const LOOK_EVERY_MS = 30_000;

/** Looks for analyses that lost their last attempt and says so where people look. @returns a function that ends it */
export function watchLostAnalyses(database: Database, log: Log): () => void {
  const look = async (): Promise<void> => {
    try {
      const lost = await failLostAnalyses(database);
      if (lost.length > 0) log.error({ analyses: lost }, 'analyses were given up: the node was ended in every attempt');
    } catch (error) {
      log.warn({ reason: sentenceOf(error) }, 'could not look for lost analyses');
    }
  };
  const timer = setInterval(() => void look(), LOOK_EVERY_MS);
  return () => clearInterval(timer);
}
