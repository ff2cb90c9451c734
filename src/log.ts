import { type Logger, pino, stdTimeFunctions } from 'pino';

export type Log = Logger;

/**
 * JSON lines on stdout; a person at a terminal gets one short line each. Constant sentences with fields.
 * Never a patient's name, ID or date of birth (contract, promise 6).
 */
export function createLog(level: string, terminal = process.stdout.isTTY === true): Log {
  const options = { level, base: null, timestamp: stdTimeFunctions.isoTime };
  return terminal ? pino(options, { write: (line: string) => process.stdout.write(forTerminal(line)) }) : pino(options);
}

const LEVELS: Readonly<Record<number, string>> = {
  10: 'trace',
  20: 'debug',
  30: 'info',
  40: 'WARN',
  50: 'ERROR',
  60: 'FATAL',
};

function forTerminal(line: string): string {
  const { level, time, msg, ...fields } = JSON.parse(line) as Record<string, unknown>;
  const clock = String(time).slice(11, 19);
  const rest = Object.entries(fields).map(
    ([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
  return `${withoutControls([clock, LEVELS[Number(level)] ?? level, msg, ...rest].join(' '))}\n`;
}

/** A peer's words are in some fields: they must not steer the terminal, nor look like a line of ours. */
function withoutControls(line: string): string {
  return line.replace(/\p{Cc}/gu, '?');
}
