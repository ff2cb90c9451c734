import { type ErrorCode, VoxgateError } from '../errors.ts';
import type { Condition, Scope } from './condition.ts';
import { parseJson } from './parse-json.ts';
import { Unreadable } from './tokens.ts';

/**
 * Reads a condition in any of its forms: text, JSON, or plain { "Keyword": value }.
 * @param at where it stands, "routes[0].when": every fault begins with it
 * @param code what a fault is: a wrong setting, or a wrong model package
 * @throws VoxgateError of that code, naming the place, the character of a text and the nearest name of a misspelled one
 */
export function parseCondition(
  value: unknown,
  at: string,
  { scope = 'series', code = 'bad-setting' }: { readonly scope?: Scope; readonly code?: ErrorCode } = {},
): Condition {
  try {
    return parseJson(value, scope);
  } catch (error) {
    if (error instanceof Unreadable) throw new VoxgateError(code, `${at}${error.message}`, { cause: error });
    throw error;
  }
}
