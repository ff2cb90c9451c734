/** What takes room in the cache. */
export interface Cached {
  readonly bytes: Uint8Array;
}

interface Making {
  readonly result: Promise<Cached>;
  readonly stop: AbortController;
  waiting: number;
}

/** Names of what was asked for once. */
const SEEN = 8192;

/**
 * Pixels that were made last, up to a number of bytes. What several ask for at once is made once; it is given up when the
 * last of them has left.
 */
export class PixelCache {
  readonly #limit: number;
  /** The longest unused first. */
  readonly #kept = new Map<string, Cached>();
  readonly #making = new Map<string, Making>();
  readonly #seen = new Set<string>();
  #bytes = 0;

  constructor(limitBytes: number) {
    this.#limit = limitBytes;
  }

  /** Bytes that are held. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * @param key names the bytes for good: with the key of the stored object, which no other object ever has
   * @throws what `make` throws, which is not remembered; the reason of `signal`
   */
  async get<T extends Cached>(
    key: string,
    make: (signal: AbortSignal) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> {
    const kept = this.#kept.get(key);
    if (kept) {
      this.#kept.delete(key);
      this.#kept.set(key, kept);
      // A key stands for one kind of value.
      return kept as T;
    }
    return (await this.#join(key, this.#making.get(key) ?? this.#begin(key, make), signal)) as T;
  }

  /**
   * For what is cheap to make again: kept when it is asked for a second time, so that a long series that is read once pushes
   * nothing out.
   */
  async getCheap<T extends Cached>(key: string, make: () => Promise<T>): Promise<T> {
    if (this.#kept.has(key) || this.#seen.delete(key)) return this.get(key, make);
    this.#seen.add(key);
    if (this.#seen.size > SEEN) this.#seen.delete(this.#seen.values().next().value!);
    return make();
  }

  #begin(key: string, make: (signal: AbortSignal) => Promise<Cached>): Making {
    const stop = new AbortController();
    const making: Making = { result: make(stop.signal), stop, waiting: 0 };
    this.#making.set(key, making);
    making.result.then(
      (made) => {
        if (this.#leave(key, making)) this.#keep(key, made);
      },
      () => this.#leave(key, making),
    );
    return making;
  }

  #leave(key: string, making: Making): boolean {
    return this.#making.get(key) === making && this.#making.delete(key);
  }

  async #join(key: string, making: Making, signal: AbortSignal | undefined): Promise<Cached> {
    making.waiting += 1;
    let left: (() => void) | undefined;
    const leaving = new Promise<never>((_resolve, reject) => {
      left = () => reject(signal?.reason);
      if (signal?.aborted) left();
      else signal?.addEventListener('abort', left, { once: true });
    });
    try {
      return await Promise.race([making.result, leaving]);
    } finally {
      if (left) signal?.removeEventListener('abort', left);
      making.waiting -= 1;
      if (making.waiting === 0 && this.#leave(key, making)) making.stop.abort(signal?.reason);
    }
  }

  #keep(key: string, made: Cached): void {
    const size = made.bytes.length;
    // One that would push out all others is not worth it.
    if (size > this.#limit / 4) return;
    this.#kept.set(key, made);
    this.#bytes += size;
    for (const [oldest, { bytes }] of this.#kept) {
      if (this.#bytes <= this.#limit) break;
      this.#kept.delete(oldest);
      this.#bytes -= bytes.length;
    }
  }
}
