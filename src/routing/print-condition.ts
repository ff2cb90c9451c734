import type { Condition, PathStep, Term, Test, Value } from './condition.ts';

/** The name of a term as the text form writes it. */
export function nameOf(term: Term): string {
  if (term.kind === 'fact') return term.name;
  if (term.kind === 'finding') return `${term.of}[${quoted(term.label)}].${term.measure}`;
  return term.path.map(stepText).join('.');
}

function stepText({ name, creator, index }: PathStep): string {
  const written = creator === undefined ? name : `private(${quoted(creator)}, ${quoted(name)})`;
  return index === undefined ? written : `${written}[${index}]`;
}

/** The text form; read again it is the same tree. What asks for nothing is the empty text. */
export function printText(condition: Condition): string {
  switch (condition.kind) {
    case 'all':
    case 'any':
      return condition.of
        .map((part) => (part.kind === 'all' || part.kind === 'any' ? `(${printText(part)})` : printText(part)))
        .join(condition.kind === 'all' ? ' and ' : ' or ');
    case 'not':
      return printNot(condition.of);
    case 'every':
      return `every(${printText(condition.of)})`;
    case 'some':
      return `any(${printText(condition.of)})`;
    case 'count':
      return `count(${printText(condition.of)}) ${testText(condition.test)}`;
    case 'compare':
      if (condition.test.op === 'is' && condition.test.value === true) return nameOf(condition.term);
      return `${nameOf(condition.term)} ${testText(condition.test)}`;
  }
}

function printNot(of: Condition): string {
  if (of.kind === 'compare' && of.test.op === 'exists') return `${nameOf(of.term)} absent`;
  if (of.kind === 'compare' && of.test.op === 'is' && of.test.value !== true)
    return `${nameOf(of.term)} != ${valueText(of.test.value)}`;
  return of.kind === 'all' || of.kind === 'any' ? `not (${printText(of)})` : `not ${printText(of)}`;
}

const SIGNS = { above: '>', atLeast: '>=', below: '<', atMost: '<=' } as const;

function testText(test: Test): string {
  switch (test.op) {
    case 'exists':
      return 'exists';
    case 'is':
      return `= ${valueText(test.value)}`;
    case 'in':
      return `in (${test.values.map(valueText).join(', ')})`;
    case 'between':
      return `between ${valueText(test.from)} and ${valueText(test.to)}`;
    case 'matches':
      return `matches ${quoted(test.pattern)}`;
    default:
      return `${SIGNS[test.op]} ${valueText(test.value)}`;
  }
}

function valueText(value: Value): string {
  return typeof value === 'string' ? quoted(value) : String(value);
}

function quoted(text: string): string {
  return `"${text.replace(/[\\"]/g, '\\$&')}"`;
}

/** The JSON form; read again it is the same tree. */
export function printJson(condition: Condition): object {
  switch (condition.kind) {
    case 'all':
    case 'any':
      return { [condition.kind]: condition.of.map(printJson) };
    case 'not':
      return { not: printJson(condition.of) };
    case 'every':
      return { everyImage: printJson(condition.of) };
    case 'some':
      return { anyImage: printJson(condition.of) };
    case 'count':
      return { count: printJson(condition.of), ...testJson(condition.test) };
    case 'compare':
      return { [condition.term.kind]: nameOf(condition.term), ...testJson(condition.test) };
  }
}

function testJson(test: Test): object {
  switch (test.op) {
    case 'exists':
      return { exists: true };
    case 'in':
      return { in: test.values };
    case 'between':
      return { between: [test.from, test.to] };
    case 'matches':
      return { matches: test.pattern };
    default:
      return { [test.op]: test.value };
  }
}
