import type { Database } from '../catalog/database.ts';
import { readBacklog } from '../catalog/job-overview.ts';
import { sentenceOf } from '../errors.ts';
import type { JobSettings } from '../job-settings.ts';
import type { Log } from '../log.ts';

const LOOK_EVERY_MS = 2000;

/**
 * Whether so much waits to be analysed that nothing more is to be received: looked at every two seconds, so that neither
 * door asks the database for each object. Recovers by itself; a database that does not answer overloads nothing.
 */
export class OverloadWatch {
  readonly #settings: JobSettings;
  #reason: string | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(settings: JobSettings) {
    this.#settings = settings;
  }

  /** For a sender: why it is to come again later. */
  get reason(): string | undefined {
    return this.#reason;
  }

  /** Does nothing where no limit is set. @returns a function that ends it */
  start(database: Database, log: Log): () => void {
    const { overloadSeconds, overloadBytes } = this.#settings;
    if (overloadSeconds === 0 && overloadBytes === 0) return () => undefined;
    let busy = false;
    this.#timer = setInterval(() => {
      if (busy) return;
      busy = true;
      this.#look(database, log)
        .catch((error: unknown) =>
          log.warn({ reason: sentenceOf(error) }, 'could not look how much waits to be analysed'),
        )
        .finally(() => {
          busy = false;
        });
    }, LOOK_EVERY_MS);
    return () => clearInterval(this.#timer);
  }

  async #look(database: Database, log: Log): Promise<void> {
    const { overloadSeconds, overloadBytes } = this.#settings;
    const { analyses, oldestSeconds, bytes } = await readBacklog(database);
    const late = overloadSeconds > 0 && oldestSeconds > overloadSeconds;
    const many = overloadBytes > 0 && bytes > overloadBytes;
    const reason = late || many ? 'too much waits to be analysed; send it again later' : undefined;
    if (reason !== this.#reason)
      log.warn(
        { analyses, oldestSeconds, bytes },
        reason === undefined ? 'objects are received again' : 'nothing more is received: too much waits to be analysed',
      );
    this.#reason = reason;
  }
}
