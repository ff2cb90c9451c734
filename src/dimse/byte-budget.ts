/**
 * Bytes of messages that are under way at once. Who holds some of them waits while there are too many, except for the
 * one that has held some for longest: its message comes to an end, and so does everybody's. A stalled one is ended by
 * its deadline.
 */
export class ByteBudget {
  readonly #limit: number;
  #used = 0;
  /** Those that hold bytes, the longest first. */
  readonly #holders = new Set<Hold>();
  readonly #waiting = new Map<Hold, () => void>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  get used(): number {
    return this.#used;
  }

  /** Whether so many more would fit. */
  fits(bytes: number): boolean {
    return this.#used + bytes <= this.#limit;
  }

  open(): Hold {
    return new Hold(this);
  }

  /** Of `Hold`: its bytes changed by so many. */
  changed(hold: Hold, difference: number): void {
    this.#used += difference;
    if (hold.bytes > 0) this.#holders.add(hold);
    else this.#holders.delete(hold);
    if (difference < 0) this.#wake();
  }

  /** Of `Hold`: undefined where it may go on. */
  turn(hold: Hold): Promise<void> | undefined {
    if (this.#mayGoOn(hold)) return undefined;
    return new Promise((resolve) => this.#waiting.set(hold, resolve));
  }

  /** Of `Hold`: whoever waits for it waits no more. */
  dismiss(hold: Hold): void {
    this.#waiting.get(hold)?.();
    this.#waiting.delete(hold);
  }

  #mayGoOn(hold: Hold): boolean {
    const [longest] = this.#holders;
    return this.#used <= this.#limit || longest === hold;
  }

  #wake(): void {
    for (const hold of this.#waiting.keys()) if (this.#mayGoOn(hold)) this.dismiss(hold);
  }
}

/** What one association holds of a budget. */
export class Hold {
  readonly #budget: ByteBudget;
  #bytes = 0;

  constructor(budget: ByteBudget) {
    this.#budget = budget;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** It holds so many now; says whether to wait before more are read. */
  set(bytes: number): Promise<void> | undefined {
    const difference = bytes - this.#bytes;
    this.#bytes = bytes;
    this.#budget.changed(this, difference);
    return difference > 0 ? this.#budget.turn(this) : undefined;
  }

  /** Gives back all of it. */
  close(): void {
    void this.set(0);
    this.#budget.dismiss(this);
  }
}
