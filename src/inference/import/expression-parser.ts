import { BUNDLE_LIMITS } from './bundle-limits.ts';
import { ExpressionFault, type Token, tokenize } from './expression-tokens.ts';
import type { Tree } from './expression-tree.ts';

/** Words of Python that begin or are what is never evaluated. */
const FOREIGN: ReadonlySet<string> = new Set(
  'for while import from exec eval async await yield def class del global with assert raise return try'.split(' '),
);
const COMPARISONS: ReadonlySet<string> = new Set(['==', '!=', '<', '<=', '>', '>=']);

/**
 * Reads the Python subset of `$` expressions into a tree, by precedence (Python reference, 6.17).
 * @throws ExpressionFault with what is not understood
 */
export function parseExpression(text: string): Tree {
  if (text.length > BUNDLE_LIMITS.expressionLength)
    throw new ExpressionFault(`is longer than ${BUNDLE_LIMITS.expressionLength} characters`);
  return new Parser(tokenize(text)).whole();
}

class Parser {
  private readonly tokens: readonly Token[];
  private at = 0;
  private depth = 0;

  constructor(tokens: readonly Token[]) {
    this.tokens = tokens;
  }

  whole(): Tree {
    const tree = this.expression();
    const rest = this.peek();
    if (rest.kind !== 'end') throw new ExpressionFault(`${describe(rest)} is not understood there`);
    return tree;
  }

  private expression(): Tree {
    if (++this.depth > BUNDLE_LIMITS.depth) throw new ExpressionFault('is nested too deep');
    const tree = this.isWord('lambda') ? this.lambda() : this.choice();
    this.depth--;
    return tree;
  }

  private lambda(): Tree {
    this.next();
    const parameters: string[] = [];
    while (!this.isSymbol(':')) {
      const token = this.next();
      if (token.kind !== 'name') throw new ExpressionFault('a lambda takes plain names only');
      parameters.push(token.value);
      if (!this.acceptSymbol(',')) break;
    }
    this.expectSymbol(':');
    return { kind: 'lambda', parameters, body: this.expression() };
  }

  private choice(): Tree {
    const yes = this.either();
    if (!this.acceptWord('if')) return yes;
    const test = this.either();
    if (!this.acceptWord('else')) throw new ExpressionFault('"if" without "else"');
    return { kind: 'choice', test, yes, no: this.expression() };
  }

  private either(): Tree {
    let left = this.both();
    while (this.acceptWord('or')) left = { kind: 'or', left, right: this.both() };
    return left;
  }

  private both(): Tree {
    let left = this.negation();
    while (this.acceptWord('and')) left = { kind: 'and', left, right: this.negation() };
    return left;
  }

  private negation(): Tree {
    let count = 0;
    while (this.acceptWord('not')) count++;
    let tree = this.comparison();
    for (let i = 0; i < count; i++) tree = { kind: 'unary', operator: 'not', of: tree };
    return tree;
  }

  private comparison(): Tree {
    const first = this.sum();
    const rest: (readonly [string, Tree])[] = [];
    for (let operator = this.comparator(); operator !== undefined; operator = this.comparator())
      rest.push([operator, this.sum()]);
    return rest.length === 0 ? first : { kind: 'compare', first, rest };
  }

  private comparator(): string | undefined {
    const token = this.peek();
    if (token.kind === 'symbol' && COMPARISONS.has(token.value)) {
      this.next();
      return token.value;
    }
    if (this.acceptWord('in')) return 'in';
    if (this.acceptWord('is')) return this.acceptWord('not') ? 'is not' : 'is';
    if (this.isWord('not') && this.isWord('in', this.tokens[this.at + 1])) {
      this.at += 2;
      return 'not in';
    }
    return undefined;
  }

  private sum(): Tree {
    let left = this.product();
    for (let o = this.acceptSymbol('+', '-'); o; o = this.acceptSymbol('+', '-'))
      left = { kind: 'binary', operator: o, left, right: this.product() };
    return left;
  }

  private product(): Tree {
    let left = this.factor();
    for (let o = this.acceptSymbol('*', '/', '//', '%'); o; o = this.acceptSymbol('*', '/', '//', '%'))
      left = { kind: 'binary', operator: o, left, right: this.factor() };
    return left;
  }

  private factor(): Tree {
    const signs: ('+' | '-')[] = [];
    for (let o = this.acceptSymbol('+', '-'); o; o = this.acceptSymbol('+', '-')) signs.push(o === '+' ? '+' : '-');
    let tree = this.power();
    for (const operator of signs.reverse()) tree = { kind: 'unary', operator, of: tree };
    return tree;
  }

  private power(): Tree {
    const left = this.postfix();
    if (!this.acceptSymbol('**')) return left;
    if (++this.depth > BUNDLE_LIMITS.depth) throw new ExpressionFault('is nested too deep');
    const right = this.factor();
    this.depth--;
    return { kind: 'binary', operator: '**', left, right };
  }

  private postfix(): Tree {
    let tree = this.atom();
    for (;;) {
      if (this.acceptSymbol('[')) tree = { kind: 'index', of: tree, indices: this.items(']', () => this.subscript()) };
      else if (this.acceptSymbol('('))
        tree = { kind: 'call', of: tree, args: this.items(')', () => this.expression()) };
      else if (this.acceptSymbol('.')) {
        const token = this.next();
        if (tree.kind !== 'name' || token.kind !== 'name')
          throw new ExpressionFault('an attribute of a value is never looked up');
        tree = { kind: 'name', name: `${tree.name}.${token.value}` };
      } else return tree;
    }
  }

  private subscript(): Tree {
    const from = this.isSymbol(':') ? undefined : this.expression();
    if (!this.acceptSymbol(':')) return from ?? { kind: 'slice', from: undefined, to: undefined };
    const to = this.isSymbol(']') || this.isSymbol(',') ? undefined : this.expression();
    return { kind: 'slice', from, to };
  }

  private atom(): Tree {
    const token = this.next();
    if (token.kind === 'number' || token.kind === 'string') return { kind: 'value', value: token.value };
    if (token.kind === 'reference') return { kind: 'reference', id: token.value };
    if (token.kind === 'name') return nameOrWord(token.value);
    if (token.kind === 'symbol' && token.value === '[')
      return { kind: 'list', items: this.items(']', () => this.expression()) };
    if (token.kind === 'symbol' && token.value === '{') return { kind: 'dict', entries: this.entries() };
    if (token.kind === 'symbol' && token.value === '(') return this.parenthesis();
    throw new ExpressionFault(`${describe(token)} is not understood there`);
  }

  private parenthesis(): Tree {
    if (this.acceptSymbol(')')) return { kind: 'tuple', items: [] };
    const first = this.expression();
    if (this.acceptSymbol(')')) return first;
    this.expectSymbol(',');
    return { kind: 'tuple', items: [first, ...this.items(')', () => this.expression())] };
  }

  private entries(): (readonly [Tree, Tree])[] {
    const entries: (readonly [Tree, Tree])[] = [];
    while (!this.acceptSymbol('}')) {
      const key = this.expression();
      this.expectSymbol(':');
      entries.push([key, this.expression()]);
      if (!this.isSymbol('}')) this.expectSymbol(',');
    }
    return entries;
  }

  /** Up to and with the closing bracket; one comma may stand before it. */
  private items(close: string, read: () => Tree): Tree[] {
    const items: Tree[] = [];
    while (!this.acceptSymbol(close)) {
      items.push(read());
      if (!this.isSymbol(close)) this.expectSymbol(',');
    }
    return items;
  }

  private peek(): Token {
    return this.tokens[this.at] ?? { kind: 'end' };
  }

  private next(): Token {
    const token = this.peek();
    this.at++;
    return token;
  }

  private isSymbol(value: string): boolean {
    const token = this.peek();
    return token.kind === 'symbol' && token.value === value;
  }

  private isWord(value: string, token = this.peek()): boolean {
    return token.kind === 'name' && token.value === value;
  }

  private acceptSymbol(...values: readonly string[]): string | undefined {
    const token = this.peek();
    if (token.kind !== 'symbol' || !values.includes(token.value)) return undefined;
    this.at++;
    return token.value;
  }

  private acceptWord(value: string): boolean {
    if (!this.isWord(value)) return false;
    this.at++;
    return true;
  }

  private expectSymbol(value: string): void {
    if (!this.acceptSymbol(value)) throw new ExpressionFault(`${describe(this.peek())} stands where "${value}" should`);
  }
}

function nameOrWord(name: string): Tree {
  if (name === 'None') return { kind: 'value', value: null };
  if (name === 'True') return { kind: 'value', value: true };
  if (name === 'False') return { kind: 'value', value: false };
  if (FOREIGN.has(name)) throw new ExpressionFault(`"${name}" is never evaluated`);
  return { kind: 'name', name };
}

function describe(token: Token): string {
  if (token.kind === 'name' && FOREIGN.has(token.value)) return `"${token.value}", which is never evaluated, and`;
  return token.kind === 'end' ? 'the end' : JSON.stringify(String(token.value));
}
