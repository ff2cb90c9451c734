/** What a message must bring while it is being received; a whole command set is shorter. */
const LEAST_BYTES = 1024;

/**
 * Watches that a message, once begun, keeps coming: a sender that sends a byte now and then is never idle, and would
 * hold its association, and what it has staged, for ever.
 */
export class Pace {
  readonly #timer: NodeJS.Timeout;
  #bytes = 0;
  /** In the middle of the same message since the beginning of this window. */
  #watched = false;

  /**
   * @param windowMs in which LEAST_BYTES must come
   * @param isReceiving whether a message is begun and not ended
   * @param waits whether it is we who do not read
   */
  constructor(windowMs: number, isReceiving: () => boolean, waits: () => boolean, onStall: () => void) {
    this.#timer = setInterval(() => {
      if (this.#watched && this.#bytes < LEAST_BYTES && !waits()) onStall();
      this.#bytes = 0;
      this.#watched = isReceiving() && !waits();
    }, windowMs);
  }

  /** @param ended that a message came to its end with these bytes */
  took(bytes: number, ended: boolean): void {
    this.#bytes += bytes;
    if (ended) this.#watched = false;
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
