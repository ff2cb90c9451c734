import { passes } from './compare.ts';
import type { Condition, Term, Test } from './condition.ts';
import { factOf } from './fact-table.ts';
import type { Facts } from './facts.ts';
import { existsIn, type Reading, readingsOf } from './read-term.ts';
import {
  askedFor,
  askedImages,
  foundFact,
  foundFinding,
  foundNothing,
  foundReadings,
  type Words,
} from './sentences.ts';
import { typeOf } from './tests.ts';

/** Yes, no, or not to be known: three values, as SQL has them. Only yes holds. */
type Answer = 'yes' | 'no' | 'unknown';

export interface Judgement {
  readonly holds: boolean;
  /**
   * For a person: "it asks for Modality CT, and this series has MR". Without a full stop; no value that tells who the
   * patient is stands in it.
   */
  readonly because: string;
  /** Of the first that does not hold, only what there is, by name: "this series is MR"; empty where it holds. */
  readonly found: string;
}

interface Verdict extends Words {
  readonly answer: Answer;
}

/** So many of the things that do not hold are told. */
const MOST_TOLD = 3;

/**
 * Judges a condition by facts. What is absent makes a comparison neither true nor false, whichever way it is turned:
 * such a condition does not hold, and says what is absent. Where the images of a series disagree it is the same.
 *
 * @param who who asks: "it", or `route "chest"`
 */
export function judge(condition: Condition, facts: Facts, who = 'it'): Judgement {
  const verdict = answerTo(condition, facts, false);
  if (verdict.answer === 'yes') {
    const because =
      verdict.parts?.length === 0 ? `${who} asks for nothing more` : `${who} asks for ${verdict.asked}, and that is so`;
    return { holds: true, because, found: '' };
  }
  const failed = failures(verdict);
  const { found, named } = failed[0]!;
  const alone = found.startsWith('this') ? found : (named ?? found);
  return { holds: false, because: `${who} asks for ${failed.map(clause).join('; for ')}`, found: alone };
}

function clause({ asked, found }: Words): string {
  return `${asked}, and ${found}`;
}

/** The parts of a conjunction that do not hold, each with its own finding. */
function failures(verdict: Verdict & { readonly parts?: readonly Verdict[] }): Words[] {
  if (verdict.parts === undefined) return [verdict];
  const failed = verdict.parts.filter(({ answer }) => answer !== 'yes').flatMap(failures);
  const told = failed.slice(0, MOST_TOLD);
  const left = failed.length - told.length;
  return left === 0 ? told : [...told, { asked: `${left} more`, found: 'those are not so either' }];
}

type Judged = Verdict & { readonly parts?: readonly Verdict[] };

/** `negated`: whether it holds that this is not so. Negation is carried down to the comparisons, which have words for it. */
function answerTo(condition: Condition, facts: Facts, negated: boolean): Judged {
  switch (condition.kind) {
    case 'not':
      return answerTo(condition.of, facts, !negated);
    case 'all':
    case 'any': {
      const parts = condition.of.map((part) => answerTo(part, facts, negated));
      return (condition.kind === 'all') === negated ? oneOf(parts) : allOf(parts);
    }
    case 'every':
    case 'some':
      return overImages(condition, facts, negated);
    case 'count':
      return counted(condition, facts, negated);
    case 'compare':
      return compared(condition.term, condition.test, facts, negated);
  }
}

function allOf(parts: readonly Judged[]): Judged {
  const answers = parts.map(({ answer }) => answer);
  const answer = answers.includes('no') ? 'no' : answers.includes('unknown') ? 'unknown' : 'yes';
  const asked = parts.length === 0 ? 'nothing' : parts.map((part) => part.asked).join(' and ');
  const failed = parts.filter((part) => part.answer !== 'yes');
  return { answer, asked, found: once(failed.map(nameFound)), parts };
}

function oneOf(parts: readonly Judged[]): Judged {
  const answers = parts.map(({ answer }) => answer);
  const answer = answers.includes('yes') ? 'yes' : answers.includes('unknown') ? 'unknown' : 'no';
  const asked = parts.map((part) => (part.parts ? `(${part.asked})` : part.asked)).join(' or ');
  return { answer, asked, found: once(parts.map(nameFound)) };
}

function nameFound({ found, named }: Words): string {
  return named ?? found;
}

function once(sentences: readonly string[]): string {
  return [...new Set(sentences.flatMap((one) => one.split(', and ')))].slice(0, MOST_TOLD).join(', and ');
}

function overImages(condition: Condition & { kind: 'every' | 'some' }, facts: Facts, negated: boolean): Judged {
  const { of, kind } = condition;
  const verdicts = facts.datasets.map((dataset) => answerTo(of, { ...facts, datasets: [dataset] }, negated));
  const everyOne = (kind === 'every') !== negated;
  const { answer } = everyOne ? allOf(verdicts) : oneOf(verdicts);
  const yes = verdicts.filter((verdict) => verdict.answer === 'yes').length;
  const asked = verdicts[0]?.asked ?? answerTo(of, { ...facts, datasets: [{}] }, negated).asked;
  return { answer, ...askedImages(facts, { everyOne, asked, yes, of: verdicts.length }) };
}

function counted(condition: Condition & { kind: 'count' }, facts: Facts, negated: boolean): Judged {
  const verdicts = facts.datasets.map((dataset) => answerTo(condition.of, { ...facts, datasets: [dataset] }, false));
  const yes = verdicts.filter(({ answer }) => answer === 'yes').length;
  const inner = verdicts[0]?.asked ?? answerTo(condition.of, { ...facts, datasets: [{}] }, false).asked;
  return {
    answer: passes([yes], condition.test) === negated ? 'no' : 'yes',
    asked: askedFor({ ...COUNT, noun: `${imagesOf(facts)} with ${inner}` }, condition.test, negated),
    found: yes === 1 ? 'one is so' : `${yes === 0 ? 'none' : yes} are so`,
  };
}

const COUNT = { name: 'count', of: 'series', type: 'number', meaning: '', counted: true } as const;

function imagesOf({ subject }: Facts): string {
  return subject === 'study' ? 'series' : 'images';
}

function compared(term: Term, test: Test, facts: Facts, negated: boolean): Judged {
  if (term.kind === 'fact') {
    const row = factOf(term.name)!;
    const value = facts.values[term.name];
    const words = { asked: askedFor(row, test, negated), ...foundFact(row, value, facts, test) };
    return { ...words, answer: answerOf(value === undefined ? [] : [value], test, negated) };
  }
  if (term.kind === 'finding') {
    const value = findingOf(facts, term);
    const words = { asked: askedFor(term, test, negated), found: foundFinding(term, value, facts) };
    return { ...words, answer: answerOf(value === undefined ? [] : [value], test, negated) };
  }
  const asked = askedFor(term, test, negated);
  if (test.op === 'exists') {
    const there = facts.datasets.filter((dataset) => existsIn(dataset, term)).length;
    const answer = there === facts.datasets.length ? 'yes' : there === 0 ? 'no' : 'unknown';
    return { asked, ...foundNothing(term, facts, there), answer: turned(answer, negated) };
  }
  const readings = facts.datasets.flatMap((dataset) => readingsOf(dataset, term, typeOf(term)));
  return { asked, ...agreed(readings, term, test, facts, negated) };
}

function agreed(readings: readonly Reading[], term: Term, test: Test, facts: Facts, negated: boolean) {
  const answers = readings.map((reading) => answerOf(reading, test, negated));
  const [first = 'unknown'] = answers;
  const answer = answers.every((one) => one === first) ? first : 'unknown';
  return { answer, ...foundReadings(term, readings, answers, facts) };
}

function answerOf(values: Reading, test: Test, negated: boolean): Answer {
  if (test.op === 'exists') return turned(values.length > 0 ? 'yes' : 'no', negated);
  if (values.length === 0) return 'unknown';
  return turned(passes(values, test) ? 'yes' : 'no', negated);
}

function turned(answer: Answer, negated: boolean): Answer {
  if (!negated || answer === 'unknown') return answer;
  return answer === 'yes' ? 'no' : 'yes';
}

/** A segment or class that the result does not hold was not found, and that much is known of it. */
function findingOf({ findings }: Facts, term: Term & { kind: 'finding' }): string | number | boolean | undefined {
  const group = findings?.[term.of] ?? {};
  const label = Object.keys(group).find((one) => one.toLowerCase() === term.label.toLowerCase());
  if (label === undefined) return term.measure === 'found' && findings !== undefined ? false : undefined;
  return group[label]?.[term.measure];
}
