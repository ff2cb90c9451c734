/** The time that a job has had: only while something of it is being done does it pass. */
export class Clock {
  readonly #overdue: () => void;
  #leftMs: number;
  #running = 0;
  #since = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(milliseconds: number, overdue: () => void) {
    this.#leftMs = milliseconds;
    this.#overdue = overdue;
  }

  start(): void {
    if (this.#running++ > 0) return;
    this.#since = performance.now();
    this.#timer = setTimeout(this.#overdue, Math.max(0, this.#leftMs));
  }

  stop(): void {
    if (--this.#running > 0) return;
    clearTimeout(this.#timer);
    this.#leftMs -= performance.now() - this.#since;
  }
}
