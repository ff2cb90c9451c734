/** The words of the text form. */
export interface Token {
  readonly kind: 'word' | 'tag' | 'number' | 'text' | 'sign' | 'end';
  /** What is meant: of a text without its quotes. */
  readonly text: string;
  /** Counted from 1. */
  readonly at: number;
}

/** What cannot be read, and where. */
export class Unreadable extends Error {
  readonly at: number | undefined;
  constructor(message: string, at?: number) {
    super(message);
    this.at = at;
  }
}

const SPACE = /[\s]*/y;
/** A tag may look like a number, 00280010, and a number like a tag: who asks for the one takes the other. */
const TAG = /[0-9A-Fa-f]{8}(?!\w)(?!\.\d{1,7}(?!\w))/y;
const NUMBER = /-?\d+(\.\d+)?([eE][+-]?\d{1,3})?(?!\w)/y;
const DATE = /\d{4}-\d\d-\d\d(?![\w-])/y;
const WORD = /[A-Za-z_]\w*/y;
const SIGN = /<=|>=|!=|<>|\.\.|[=<>()[\],.]/y;
const QUOTED = /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'/y;

/** @throws Unreadable at the first character that begins nothing */
export function tokensOf(source: string): Token[] {
  const tokens: Token[] = [];
  let place = 0;
  const take = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = place;
    const found = pattern.exec(source)?.[0];
    if (found !== undefined) place += found.length;
    return found;
  };
  for (take(SPACE); place < source.length; take(SPACE)) {
    const at = place + 1;
    const quoted = take(QUOTED);
    const date = quoted === undefined ? take(DATE) : undefined;
    if (quoted !== undefined) tokens.push({ kind: 'text', text: unquoted(quoted), at });
    else if (date !== undefined) tokens.push({ kind: 'text', text: date, at });
    else tokens.push(plain(take, at, source));
  }
  tokens.push({ kind: 'end', text: 'the end', at: source.length + 1 });
  return tokens;
}

function plain(take: (pattern: RegExp) => string | undefined, at: number, source: string): Token {
  for (const [kind, pattern] of [
    ['tag', TAG],
    ['number', NUMBER],
    ['word', WORD],
    ['sign', SIGN],
  ] as const) {
    const text = take(pattern);
    if (text !== undefined) return { kind, text, at };
  }
  const character = source.charAt(at - 1);
  const quote = character === '"' || character === "'";
  throw new Unreadable(quote ? 'a text begins here and does not end' : `"${character}" has no meaning here`, at);
}

function unquoted(text: string): string {
  return text.slice(1, -1).replace(/\\(.)/gs, '$1');
}
