/** How far a settle job may lag behind the last instance: a tenth of its delay. */
const LAG = 0.1;
/** Series remembered before those past their time are looked for and dropped. */
const PRUNE_ABOVE = 1000;

/**
 * Remembers for which series a settle job was left moments ago, so that not every instance of a series under way leaves
 * it anew: that took a third of PostgreSQL's time for a C-STORE, and woke the queue for each instance to find nothing due.
 * The job there is comes up to a tenth of its delay early. It is there in any case, so a crash loses nothing.
 */
export class IdleSettle {
  readonly delaySeconds: number;
  readonly #leftAt = new Map<string, number>();
  #replacements = 0;

  constructor(delaySeconds: number) {
    this.delaySeconds = delaySeconds;
  }

  /** Whether the job of this key was left so lately that it need not be left again. */
  isFresh(key: string): boolean {
    const at = this.#leftAt.get(key);
    return at !== undefined && this.#isFresh(at);
  }

  /** To be taken before the transaction that leaves jobs begins, and given to `left` when it is committed. */
  get replacements(): number {
    return this.#replacements;
  }

  /** The jobs of these keys were left. Not remembered where one may have been replaced in the meantime. */
  left(keys: readonly string[], replacementsBefore: number): void {
    if (this.#replacements !== replacementsBefore) return;
    if (this.#leftAt.size > PRUNE_ABOVE)
      for (const [old, at] of this.#leftAt) if (!this.#isFresh(at)) this.#leftAt.delete(old);
    for (const key of keys) this.#leftAt.set(key, performance.now());
  }

  /** Another job has taken its place and runs sooner: what comes now leaves its own. */
  replaced(key: string): void {
    this.#replacements += 1;
    this.#leftAt.delete(key);
  }

  #isFresh(at: number): boolean {
    return performance.now() - at < this.delaySeconds * 1000 * LAG;
  }
}
