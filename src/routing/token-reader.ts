import { type Token, Unreadable } from './tokens.ts';

/** Goes through the words of a text, one after the other. */
export class TokenReader {
  readonly #tokens: readonly Token[];
  #next = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  /** What comes behind the next one. */
  protected get following(): string | undefined {
    return this.#tokens[this.#next + 1]?.text;
  }

  protected advance(): void {
    this.#next += 1;
  }

  protected get token(): Token {
    return this.#tokens[this.#next]!;
  }

  protected fail(message: string, at = this.token.at): never {
    throw new Unreadable(message, at);
  }

  /** Faults of names and values are told where they stand. */
  protected at<T>(at: number, read: () => T): T {
    try {
      return read();
    } catch (error) {
      if (error instanceof Unreadable && error.at === undefined) throw new Unreadable(error.message, at);
      throw error;
    }
  }

  protected is(...texts: string[]): boolean {
    const { kind, text } = this.token;
    return (kind === 'word' || kind === 'sign') && texts.includes(text);
  }

  protected takes(text: string): boolean {
    if (!this.is(text)) return false;
    this.#next += 1;
    return true;
  }

  protected wants(text: string): void {
    if (!this.takes(text)) this.fail(`"${text}" is expected, not ${told(this.token)}`);
  }
}

/** As a fault names it. */
export function told({ kind, text }: Token): string {
  return kind === 'end' ? text : `"${text.slice(0, 40)}"`;
}
