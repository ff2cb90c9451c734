import { type Condition, LIMITS, type Scope, type Term, type Test } from './condition.ts';
import { nameOf } from './print-condition.ts';
import { type Piece, termOf } from './terms.ts';
import { type RawTest, type TermType, testOf, typeOf } from './tests.ts';
import { TokenReader, told } from './token-reader.ts';
import { type Token, tokensOf, Unreadable } from './tokens.ts';

/** Words that are never values without quotes. */
const RESERVED = new Set(['and', 'or', 'not', 'in', 'between', 'matches', 'exists', 'absent', 'is']);
const ORDERS: Readonly<Record<string, 'above' | 'atLeast' | 'below' | 'atMost'>> = {
  ...{ '>': 'above', '>=': 'atLeast', '<': 'below', '<=': 'atMost' },
};
const QUANTIFIERS: Readonly<Record<string, 'every' | 'some' | 'count'>> = {
  every: 'every',
  any: 'some',
  count: 'count',
};

/**
 * Reads the text form: `or` binds weakest, then `and`, then `not`.
 * @throws Unreadable with the character where it stops making sense
 */
export function parseText(source: string, scope: Scope): Condition {
  if (source.length > LIMITS.characters)
    throw new Unreadable(`a condition has ${LIMITS.characters} characters at most, this one ${source.length}`);
  if (source.trim() === '') return { kind: 'all', of: [] };
  return new Parser(tokensOf(source), scope).whole();
}

/** The name of an attribute, a fact or a finding alone. @throws Unreadable */
export function parseName(source: string): Piece[] {
  if (source.length > LIMITS.text) throw new Unreadable(`a name has ${LIMITS.text} characters at most`);
  return new Parser(tokensOf(source), 'series').name();
}

class Parser extends TokenReader {
  readonly #scope: Scope;
  #depth = 0;
  #nodes = 0;
  #within = false;

  constructor(tokens: readonly Token[], scope: Scope) {
    super(tokens);
    this.#scope = scope;
  }

  whole(): Condition {
    const condition = this.#either();
    if (this.token.kind !== 'end') this.fail(`"and", "or" or the end is expected, not ${told(this.token)}`);
    return condition;
  }

  name(): Piece[] {
    const pieces = this.#pieces();
    if (this.token.kind !== 'end') this.fail(`${told(this.token)} does not belong to a name`);
    return pieces;
  }

  #either(): Condition {
    return this.#joined('or', 'any', () => this.#both());
  }

  #both(): Condition {
    return this.#joined('and', 'all', () => this.#single());
  }

  #joined(word: string, kind: 'all' | 'any', read: () => Condition): Condition {
    const of = [read()];
    while (this.takes(word)) of.push(read());
    return of.length === 1 ? of[0]! : { kind, of };
  }

  #single(): Condition {
    if (this.is('not')) return this.#negated();
    this.#nodes += 1;
    if (this.#nodes > LIMITS.nodes) this.fail(`a condition has ${LIMITS.nodes} parts at most`);
    if (this.is('(')) return this.#deeper(() => this.#bracketed());
    const quantifier = this.following === '(' ? QUANTIFIERS[this.token.text] : undefined;
    return quantifier === undefined ? this.#comparison() : this.#quantified(quantifier);
  }

  #deeper(read: () => Condition): Condition {
    this.#depth += 1;
    if (this.#depth > LIMITS.depth) this.fail(`a condition is nested ${LIMITS.depth} deep at most`);
    const inner = read();
    this.#depth -= 1;
    return inner;
  }

  #bracketed(): Condition {
    this.wants('(');
    const inner = this.#either();
    this.wants(')');
    return inner;
  }

  #negated(): Condition {
    return {
      kind: 'not',
      of: this.#deeper(() => {
        this.wants('not');
        return this.#single();
      }),
    };
  }

  #quantified(kind: 'every' | 'some' | 'count'): Condition {
    const { at, text } = this.token;
    if (this.#within) this.fail(`"${text}" cannot stand within another "every", "any" or "count"`);
    if (this.#scope === 'result') this.fail(`"${text}" asks images, and this condition is about a result`);
    this.advance();
    this.#within = true;
    const of = this.#bracketed();
    this.#within = false;
    if (kind !== 'count') return { kind, of };
    const { raw, negated } = this.#test('number');
    const counted: Condition = { kind, of, test: this.at(at, () => testOf('count', 'number', undefined, raw)) };
    return negated ? { kind: 'not', of: counted } : counted;
  }

  #comparison(): Condition {
    const { at } = this.token;
    const pieces = this.#pieces();
    const term: Term = this.at(at, () => termOf(pieces, this.#scope));
    const type = typeOf(term);
    if (type === 'flag' && !this.is('=', '!=', '<>', 'is', 'exists', 'absent', 'in', 'not')) return yes(term);
    const { raw, negated } = this.#test(type);
    const test: Test = this.at(at, () => testOf(nameOf(term), type, term, raw));
    const compared: Condition = { kind: 'compare', term, test };
    return negated ? { kind: 'not', of: compared } : compared;
  }

  #pieces(): Piece[] {
    const pieces = [this.#piece()];
    while (this.takes('.')) pieces.push(this.#piece());
    return pieces;
  }

  #piece(): Piece {
    const { kind, text } = this.token;
    if (text === 'private' && this.following === '(') return this.#private();
    const name = kind === 'word' || kind === 'tag' ? text : undefined;
    if (name === undefined || RESERVED.has(name))
      this.fail(`the name of an attribute or a fact is expected, not ${told(this.token)}`);
    this.advance();
    return { name: name!, ...this.#index() };
  }

  /** private("SIEMENS MR HEADER", "0019xx0C") */
  #private(): Piece {
    this.advance();
    this.wants('(');
    const creator = this.#text();
    this.wants(',');
    const name = this.#text();
    this.wants(')');
    return { name, creator, ...this.#index() };
  }

  #text(): string {
    const { kind, text } = this.token;
    if (kind !== 'text') this.fail(`a text in quotes is expected, not ${told(this.token)}`);
    this.advance();
    return text;
  }

  #index(): { index?: number | string } {
    if (!this.takes('[')) return {};
    const { kind, text } = this.token;
    if (kind !== 'number' && kind !== 'tag' && kind !== 'text') this.fail('a number or a label in quotes is expected');
    this.advance();
    this.wants(']');
    return { index: kind === 'text' ? text : Number(text) };
  }

  #test(type: TermType): { raw: RawTest; negated: boolean } {
    if (this.takes('exists')) return { raw: { op: 'exists' }, negated: false };
    if (this.takes('absent')) return { raw: { op: 'exists' }, negated: true };
    if (this.takes('=') || this.takes('is')) return { raw: { op: 'is', value: this.#value(type) }, negated: false };
    if (this.takes('!=') || this.takes('<>')) return { raw: { op: 'is', value: this.#value(type) }, negated: true };
    const order = this.token.kind === 'sign' ? ORDERS[this.token.text] : undefined;
    if (order !== undefined) {
      this.advance();
      return { raw: { op: order, value: this.#value(type) }, negated: false };
    }
    const negated = this.takes('not');
    if (this.takes('matches')) return { raw: { op: 'matches', value: this.#value(type) }, negated };
    if (this.takes('in')) return { raw: this.#listOrRange(type), negated };
    if (this.takes('between')) {
      const from = this.#value(type);
      this.wants('and');
      return { raw: { op: 'between', from, to: this.#value(type) }, negated };
    }
    return this.fail(`a comparison (=, <=, in, matches, exists, …) is expected, not ${told(this.token)}`);
  }

  /** ("CT", "PT"), or 1..3 */
  #listOrRange(type: TermType): RawTest {
    if (!this.takes('(')) {
      const from = this.#value(type);
      this.wants('..');
      return { op: 'between', from, to: this.#value(type) };
    }
    const values = [this.#value(type)];
    while (this.takes(',')) {
      values.push(this.#value(type));
      if (values.length > LIMITS.values) this.fail(`a list has ${LIMITS.values} values at most`);
    }
    this.wants(')');
    return { op: 'in', values };
  }

  #value(type: TermType): string | number | boolean {
    const { kind, text } = this.token;
    const plain = kind === 'word' && !RESERVED.has(text);
    if (kind !== 'text' && kind !== 'number' && kind !== 'tag' && !plain)
      this.fail(`a value is expected, not ${told(this.token)}`);
    this.advance();
    if (plain && (text === 'true' || text === 'false') && type !== 'text') return text === 'true';
    if (kind === 'number' || (kind === 'tag' && (type === 'number' || type === 'any') && /^\d+$/.test(text)))
      return type === 'text' ? text : Number(text);
    return text;
  }
}

function yes(term: Term): Condition {
  return { kind: 'compare', term, test: { op: 'is', value: true } };
}
