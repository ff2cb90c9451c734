import { keywordOf } from '../dicom/dictionary.ts';
import type { AttributeTerm, Term, Test, Value } from './condition.ts';
import { type FactRow, factOf } from './fact-table.ts';
import type { Facts } from './facts.ts';
import { nameOf } from './print-condition.ts';
import type { Reading } from './read-term.ts';

/** What is asked for, as a noun, and what there is, as a sentence without its stop. */
export interface Words {
  readonly asked: string;
  readonly found: string;
  /** The same found where several things are told in one: "its Modality is MR". */
  readonly named?: string;
}

/** Attributes of an image and its making, by group and VR: their values may stand in a reason. */
const TECHNICAL_GROUPS = new Set(['0018', '0020', '0028', '0054']);
const TECHNICAL_VRS = new Set(['CS', 'DS', 'IS', 'FD', 'FL', 'US', 'SS', 'UL', 'SL']);
/** Text, or of other groups, that says what an image is, not whose. */
const IMPERSONAL = new Set([
  ...['Modality', 'ImageType', 'Manufacturer', 'ManufacturerModelName', 'ConvolutionKernel', 'ScanOptions'],
  ...['ContrastBolusAgent', 'SoftwareVersions', 'SequenceName', 'ReceiveCoilName', 'SOPClassUID', 'CodeValue'],
  ...['CodingSchemeDesignator', 'RequestedProcedurePriority', 'RescaleType', 'Units', 'ModalitiesInStudy'],
  ...['PresentationIntentType', 'ViewCodeSequence', 'BodyPartExamined', 'Laterality', 'SyntheticData'],
]);
/** Whom it is about: not even what is asked for is told. */
const PERSONAL_GROUPS = new Set(['0010', '0032', '0038', '0040']);
const MOST_VALUES = 4;

function isTold({ path, vr }: AttributeTerm): boolean {
  const { tag, creator } = path.at(-1)!;
  if (creator !== undefined || path.some((step) => PERSONAL_GROUPS.has(step.tag.slice(0, 4)))) return false;
  if (IMPERSONAL.has(keywordOf(tag) ?? '')) return true;
  return TECHNICAL_GROUPS.has(tag.slice(0, 4)) && vr !== undefined && TECHNICAL_VRS.has(vr);
}

function isPersonal({ path }: AttributeTerm): boolean {
  if (keywordOf(path.at(-1)!.tag) === 'RequestedProcedurePriority') return false;
  return path.some(({ tag, creator }) => creator === undefined && PERSONAL_GROUPS.has(tag.slice(0, 4)));
}

/** "Modality CT", "a slice spacing of at most 3 mm", "no localizer", "30 slices or more". */
export function askedFor(what: Term | FactRow, test: Test, negated: boolean): string {
  const row = 'noun' in what ? what : what.kind === 'fact' ? factOf(what.name) : undefined;
  if (row?.flag && test.op === 'is') return row.flag.asked[(test.value === true) === negated ? 1 : 0];
  if (row) return askedFact(row, test, negated);
  const term = what as Term;
  const name = nameOf(term);
  if (test.op === 'exists') return negated ? `no ${name}` : `${name} with a value`;
  if (term.kind === 'attribute' && isPersonal(term)) return `a certain ${name}`;
  return `${name} ${isOrder(test) ? 'of ' : ''}${tested(test, negated)}`;
}

/** "of at most 3" */
function isOrder(test: Test): boolean {
  return test.op in ORDERS && 'value' in test && typeof test.value === 'number';
}

function askedFact(row: FactRow, test: Test, negated: boolean): string {
  if (test.op === 'exists') return negated ? `${row.noun} that is not known` : `${row.noun} that is known`;
  const amount = tested(test, negated);
  if (row.counted) return `${amount} ${row.noun}`;
  const unit = row.unit === undefined ? '' : ` ${row.unit}`;
  return row.type === 'number' ? `${row.noun} of ${amount}${unit}` : `${row.noun} ${amount}`.replace(/^an? /, '');
}

const OPPOSITES = { above: 'atMost', atMost: 'above', below: 'atLeast', atLeast: 'below' } as const;
const ORDERS = { above: 'more than', atMost: 'at most', below: 'less than', atLeast: 'at least' } as const;
/** Of dates and times. */
const WHEN = { above: 'after', atMost: 'not after', below: 'before', atLeast: 'not before' } as const;

/** "CT", "other than CT", "at most 3", "1 to 3", "like *lung*". */
function tested(test: Test, negated: boolean): string {
  switch (test.op) {
    case 'is':
      return `${negated ? 'other than ' : ''}${shown(test.value)}`;
    case 'in':
      return `${negated ? 'other than ' : ''}${listed(test.values.map(shown), 'or')}`;
    case 'matches':
      return `${negated ? 'not ' : ''}like ${test.pattern}`;
    case 'between':
      return `${negated ? 'outside ' : ''}${shown(test.from)} to ${shown(test.to)}`;
    case 'exists':
      return '';
    default:
      return `${(typeof test.value === 'number' ? ORDERS : WHEN)[negated ? OPPOSITES[test.op] : test.op]} ${shown(test.value)}`;
  }
}

function shown(value: Value): string {
  if (typeof value === 'number') return String(Number(value.toPrecision(4)));
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  return /^\d{8}$/.test(value) ? `${value.slice(0, 4)}-${value.slice(4, 6)}-${value.slice(6)}` : value;
}

function listed(texts: readonly string[], word: string): string {
  const [last, ...others] = [...texts].reverse();
  if (texts.length > 8) return `one of ${texts.length} values`;
  return others.length === 0 ? (last ?? '') : `${others.reverse().join(', ')} ${word} ${last}`;
}

/** "it is 5 mm", "there are 12", "this series is none", or why it is not known. */
export function foundFact(
  row: FactRow,
  value: Value | undefined,
  facts: Facts,
  test: Test,
): Pick<Words, 'found' | 'named'> {
  const found = factFound(row, value, facts, test);
  if (value !== undefined && row.personal) return { found, named: 'the patient is of another age' };
  if (value === undefined || row.flag) return { found };
  const noun = row.noun.replace(/^an? /, 'the ');
  return {
    found,
    named: row.counted ? `${found} ${row.noun}` : `${noun.startsWith('the ') ? noun : `the ${noun}`}${found.slice(2)}`,
  };
}

function factFound(row: FactRow, value: Value | undefined, facts: Facts, test: Test): string {
  if (value === undefined) return facts.unknown?.[row.name] ?? `that is not known of this ${facts.subject}`;
  if (row.personal) return 'the patient is of another age';
  if (row.flag && typeof value === 'boolean') return row.flag.found[value ? 0 : 1];
  if (test.op === 'exists') return 'it is known';
  if (row.counted) return value === 1 ? 'there is one' : `there are ${value === 0 ? 'none' : shown(value)}`;
  return `it is ${shown(value)}${row.unit === undefined ? '' : ` ${row.unit}`}`;
}

export function foundFinding({ of }: Term & { kind: 'finding' }, value: Value | undefined, facts: Facts): string {
  if (facts.findings === undefined) return 'nothing has been found yet';
  if (value === undefined) return of === 'segments' ? 'nothing of that name was measured' : 'the result does not say';
  return `it is ${shown(value)}`;
}

export function foundNothing(term: Term, { datasets, subject }: Facts, there: number): Pick<Words, 'found' | 'named'> {
  const name = nameOf(term);
  if (there === datasets.length) return { found: 'there is one', named: `${name} has a value` };
  if (there === 0) return { found: 'it is absent', named: `${name} is absent` };
  const where = `in ${datasets.length - there} of ${datasets.length} ${subject === 'study' ? 'series' : 'images'}`;
  return { found: `it is absent ${where}`, named: `${name} is absent ${where}` };
}

/** "this series has MR", "it is absent", "the images do not agree: 3 of 8 have it". */
export function foundReadings(
  term: Term,
  readings: readonly Reading[],
  answers: readonly string[],
  facts: Facts,
): Pick<Words, 'found' | 'named'> {
  const found = readingsFound(term, readings, answers, facts);
  const told = [`this ${facts.subject} has `, `this ${facts.subject} is `].find((words) => found.startsWith(words));
  const named = told === undefined ? undefined : `its ${nameOf(term)} is ${found.slice(told.length)}`;
  return { found, named: named ?? found.replace(/^it is absent/, `${nameOf(term)} is absent`) };
}

function readingsFound(
  term: Term,
  readings: readonly Reading[],
  answers: readonly string[],
  { subject }: Facts,
): string {
  const absent = readings.filter((reading) => reading.length === 0).length;
  const each = subject === 'study' ? 'series' : 'images';
  if (absent === readings.length) return 'it is absent';
  const yes = answers.filter((answer) => answer === 'yes').length;
  const ask = subject === 'study' ? '' : '; ask for "any" or "every"';
  if (yes > 0 && absent > 0) return `it is absent in ${absent} of ${readings.length} ${each}`;
  if (yes > 0 && yes < readings.length) return `only ${yes} of ${readings.length} ${each} have that${ask}`;
  if (term.kind !== 'attribute' || !isTold(term)) return `this ${subject} has another`;
  const values = [
    ...new Set(readings.filter(({ length }) => length > 0).map((reading) => reading.map(shown).join('\\'))),
  ];
  const more = values.length > MOST_VALUES ? `${values.length} other values` : listed(values, 'and');
  return nameOf(term) === 'Modality' ? `this ${subject} is ${more}` : `this ${subject} has ${more}`;
}

/** How `every` and `any` are asked for and found. */
export function askedImages(
  { subject }: Facts,
  { everyOne, asked, yes, of }: { everyOne: boolean; asked: string; yes: number; of: number },
): Words {
  const each = subject === 'study' ? 'series' : 'image';
  const many = subject === 'study' ? 'series' : 'images';
  const found = yes === 0 ? `none of ${of} ${many} is so` : `only ${yes} of ${of} ${many} are so`;
  return { asked: `${everyOne ? 'every' : 'some'} ${each} with ${asked}`, found };
}
