import type { Vr } from './dataset.ts';
import { isTag, tagOfKeywordOrTag, vrOf } from './dictionary.ts';

/** An attribute, or one in the items of a sequence, "00400275.00400009". */
export interface AttributePath {
  readonly tags: string;
  readonly vr: Vr;
}

/** Attributes lie at most so many sequences deep. */
const DEEPEST = 8;

/** A tag as PS3.6 prints it, with or without brackets; its own comma separates nothing. */
const PRINTED = /\(?\b([0-9A-Fa-f]{4}),([0-9A-Fa-f]{4})\b\)?/g;

/**
 * The attributes of a list joined by commas (PS3.18 Section 8.3.4.1.1): keywords or tags, alone or as paths joined by
 * points. Tags may be eight digits, "0x00080060", "0008,0060" or "(0008,0060)". What is no attribute has no path.
 */
export function attributePaths(list: string): { readonly name: string; readonly path?: AttributePath }[] {
  return list
    .replace(PRINTED, '$1$2')
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '')
    .map((name) => {
      const path = attributePath(name);
      return path === undefined ? { name } : { name, path };
    });
}

function attributePath(name: string): AttributePath | undefined {
  const steps = name.split('.');
  if (steps.length > DEEPEST) return undefined;
  const tags = steps.map((step) => tagOfKeywordOrTag(/^0x/i.test(step) && isTag(step.slice(2)) ? step.slice(2) : step));
  const last = tags.at(-1);
  if (last === undefined || tags.includes(undefined)) return undefined;
  return { tags: tags.join('.'), vr: vrOf(last) ?? 'UN' };
}
