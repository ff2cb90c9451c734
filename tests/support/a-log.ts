import { pino } from 'pino';
import type { Log } from '../../src/log.ts';

type Line = Readonly<Record<string, unknown>>;

/** A log whose lines a test can read. */
export function aLog(): { log: Log; lines: () => readonly Line[] } {
  const written: Line[] = [];
  const log = pino({ base: null }, { write: (line: string) => void written.push(JSON.parse(line)) });
  return { log, lines: () => written };
}
