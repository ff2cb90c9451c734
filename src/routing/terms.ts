import { attributeOf, isPrivate, keywordOf, tagOfKeywordOrTag } from '../dicom/dictionary.ts';
import type { PathStep, Scope, Term } from './condition.ts';
import { type FactRow, factOf } from './fact-table.ts';
import { nearestName } from './nearest-name.ts';
import { FINDINGS } from './tests.ts';
import { Unreadable } from './tokens.ts';

/** One piece of a name as it was written: Sequence[2], private("creator", "0019xx0C"), segments["Right lung"]. */
export interface Piece {
  readonly name: string;
  readonly index?: number | string;
  readonly creator?: string;
}

/** Attributes lie at most so many sequences deep. */
const DEEPEST = 8;
const PRIVATE_ELEMENT = /^([0-9A-F]{3}[13579BDF])XX([0-9A-F]{2})$/;

/**
 * What a name means: a fact, a finding, or an attribute of the standard.
 * @throws Unreadable naming the nearest name
 */
export function termOf(pieces: readonly Piece[], scope: Scope): Term {
  const [first] = pieces;
  if (first === undefined) throw new Unreadable('a name is missing');
  const spelled = pieces.map(({ name }) => name).join('.');
  const fact = factOf(spelled);
  if (fact !== undefined && pieces.every(({ index }) => index === undefined)) return factTerm(fact, scope);
  if (first.name === 'segments' || first.name === 'classes') return findingTerm(first.name, pieces, scope);
  if (scope === 'result')
    throw new Unreadable(
      `"${spelled}" is no finding: write segments["label"].volumeMl or classes["label"].probability`,
    );
  if (pieces.length > DEEPEST) throw new Unreadable(`"${spelled}" goes deeper than ${DEEPEST} sequences`);
  const path = pieces.map((piece) => stepOf(piece, spelled));
  path.slice(0, -1).forEach((step) => {
    if (step.creator === undefined && attributeOf(step.tag)?.vr !== 'SQ')
      throw new Unreadable(`"${step.name}" is no sequence, and has nothing in it`);
  });
  const last = path.at(-1)!;
  return { kind: 'attribute', path, vr: last.creator === undefined ? attributeOf(last.tag)?.vr : undefined };
}

function factTerm({ name, of }: FactRow, scope: Scope): Term {
  if (scope === 'result' || (of !== 'both' && of !== scope))
    throw new Unreadable(
      `"${name}" is a fact of a ${of === 'both' ? 'series' : of}; this condition is about a ${scope}`,
    );
  return { kind: 'fact', name };
}

function findingTerm(of: 'segments' | 'classes', pieces: readonly Piece[], scope: Scope): Term {
  const [{ index } = { index: undefined }, second, third] = pieces;
  const label = index ?? (pieces.length === 3 ? second?.name : undefined);
  const measure = index === undefined ? third : second;
  const whole = pieces.length === (index === undefined ? 3 : 2);
  if (scope !== 'result')
    throw new Unreadable(`"${of}" are findings of an analysis; this condition is about a ${scope}`);
  if (typeof label !== 'string' || measure === undefined || !whole || measure.index !== undefined)
    throw new Unreadable(`"${of}" wants a label and what is measured: ${of}["label"].${EXAMPLE[of]}`);
  if (!Object.hasOwn(FINDINGS[of], measure.name))
    throw new Unreadable(
      `of ${of} is known: ${Object.keys(FINDINGS[of]).join(', ')}; not "${measure.name.slice(0, 64)}"`,
    );
  return { kind: 'finding', of, label, measure: measure.name };
}

const EXAMPLE = { segments: 'volumeMl', classes: 'probability' } as const;

function stepOf({ name, index, creator }: Piece, spelled: string): PathStep {
  if (typeof index === 'string') throw new Unreadable(`"${name}" is counted by number: ${name}[1]`);
  if (index !== undefined && !(Number.isSafeInteger(index) && index >= 1))
    throw new Unreadable(`"${name}" is counted from 1`);
  const place = index === undefined ? {} : { index };
  if (creator !== undefined) return { ...privateStep(name, creator), ...place };
  const tag = tagOfKeywordOrTag(name);
  if (tag === undefined || attributeOf(tag) === undefined) throw unknownName(name, tag, spelled);
  return { name: keywordOf(tag) ?? tag, tag, ...place };
}

function privateStep(name: string, creator: string): PathStep {
  const match = PRIVATE_ELEMENT.exec(name.toUpperCase());
  if (match === null || creator.trim() === '')
    throw new Unreadable(`a private attribute is written private("creator", "0019xx0C"), and its group is odd`);
  return { name: `${match[1]}xx${match[2]}`, tag: `${match[1]}xx${match[2]}`, creator: creator.trim() };
}

function unknownName(name: string, tag: string | undefined, spelled: string): Unreadable {
  if (tag !== undefined)
    return new Unreadable(
      isPrivate(tag)
        ? `${tag} is a private attribute: write private("creator", "${tag.slice(0, 4)}xx${tag.slice(6)}")`
        : `${tag} is no attribute of the standard`,
    );
  const nearest = nearestName(spelled) ?? nearestName(name);
  const hint = nearest === undefined ? '' : `; did you mean ${nearest}?`;
  return new Unreadable(`"${name.slice(0, 64)}" is no attribute of the standard and no fact${hint}`);
}
