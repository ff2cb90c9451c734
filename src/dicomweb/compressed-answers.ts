/** Room for some thousand series of a hundred images. */
const MOST_BYTES = 64 * 1024 * 1024;

/**
 * Answers that were compressed before, by their entity tag, the oldest thrown out first. Whoever asks while one is being
 * made waits for it: a viewer's windows ask for the same series at once.
 */
export class CompressedAnswers {
  readonly #answers = new Map<string, Promise<Buffer>>();
  readonly #sizes = new Map<string, number>();
  #bytes = 0;

  get(etag: string, make: () => Promise<Buffer>): Promise<Buffer> {
    const known = this.#answers.get(etag);
    if (known) {
      // Used last, thrown out last.
      this.#answers.delete(etag);
      this.#answers.set(etag, known);
      return known;
    }
    const made = make();
    this.#answers.set(etag, made);
    made.then(
      ({ length }) => this.#keep(etag, length),
      () => this.#answers.delete(etag),
    );
    return made;
  }

  #keep(etag: string, length: number): void {
    this.#sizes.set(etag, length);
    this.#bytes += length;
    for (const [oldest] of this.#answers) {
      if (this.#bytes <= MOST_BYTES) return;
      const size = this.#sizes.get(oldest);
      if (size === undefined) continue; // still being made
      this.#answers.delete(oldest);
      this.#sizes.delete(oldest);
      this.#bytes -= size;
    }
  }
}
