/** A token of the Python subset that `$` expressions may use. */
export type Token =
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'name'; readonly value: string }
  /** `@id::key`: the id, "#" written as "::". */
  | { readonly kind: 'reference'; readonly value: string }
  | { readonly kind: 'symbol'; readonly value: string }
  | { readonly kind: 'end' };

/** What is wrong with an expression; the caller adds the key and the expression itself. */
export class ExpressionFault extends Error {}

const SPACE = /[ \t\r\n]+/y;
const NUMBER = /(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?/y;
const NAME = /[A-Za-z_]\w*/y;
/** As MONAI finds them: `@`, words joined by "::" or the older "#"; relative ones were made absolute before. */
const REFERENCE = /@\w*(?:(?:::|#)\w*)*/y;
const STRING = /'(?:[^'\\\n]|\\['"\\nt])*'|"(?:[^"\\\n]|\\['"\\nt])*"/y;
const SYMBOL = /\*\*|\/\/|==|!=|<=|>=|[-+*/%<>()[\]{},:.]/y;

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', "'": "'", '"': '"', '\\': '\\' };

/** @throws ExpressionFault at the first character that begins no token */
export function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  const take = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    const found = pattern.exec(text)?.[0];
    if (found !== undefined) at += found.length;
    return found;
  };
  for (;;) {
    take(SPACE);
    if (at >= text.length) {
      tokens.push({ kind: 'end' });
      return tokens;
    }
    const token = oneToken(take, text, () => at);
    tokens.push(token);
  }
}

function oneToken(take: (pattern: RegExp) => string | undefined, text: string, at: () => number): Token {
  const reference = take(REFERENCE);
  if (reference !== undefined) return { kind: 'reference', value: reference.slice(1).replaceAll('#', '::') };
  const number = take(NUMBER);
  if (number !== undefined) {
    if (/[\w]/.test(text[at()] ?? '')) throw new ExpressionFault(`"${number}${text[at()]}" is no number`);
    return { kind: 'number', value: Number(number) };
  }
  const name = take(NAME);
  if (name !== undefined) {
    if (/['"]/.test(text[at()] ?? '')) throw new ExpressionFault(`strings with the prefix ${name} are not allowed`);
    return { kind: 'name', value: name };
  }
  const string = take(STRING);
  if (string !== undefined) {
    const value = string.slice(1, -1).replace(/\\(.)/g, (_, letter: string) => ESCAPES[letter] ?? letter);
    if (value.includes('@')) throw new ExpressionFault('a reference within a string is not followed');
    return { kind: 'string', value };
  }
  const symbol = take(SYMBOL);
  if (symbol !== undefined) return { kind: 'symbol', value: symbol };
  throw new ExpressionFault(`${JSON.stringify(text[at()])} is not allowed`);
}
