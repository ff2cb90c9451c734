/** How one sender sends series of one modality: kept in the database, learned from every series that settles. */
export interface SourcePace {
  /** Pauses from one transfer to the next that went on with the same series, by their power of two in ms. */
  readonly between: readonly number[];
  /** Series learned from. */
  readonly series: number;
  /** How often as many images came as the headers announce, and how often not. */
  readonly announcedMet: number;
  readonly announcedUnmet: number;
}

export const NO_PACE: SourcePace = { between: [], series: 0, announcedMet: 0, announcedUnmet: 0 };

/** 2^17 ms are more than the longest pause that counts. */
const BUCKETS = 18;
/** When so many were counted all are halved: what a sender did last year counts less and less. */
const MOST = 4000;
/** Fewer series say nothing of a sender. */
const LEARNED_FROM = 3;
/** Of the pauses after which a series went on, so many are shorter than the quiet time. */
const PERCENTILE = 0.98;
/** A sender that has announced wrongly so often, and never rightly, is not believed. */
const NOT_BELIEVED_AFTER = 3;

export interface Learned {
  /** From one transfer to the next. */
  readonly pausesMs: readonly number[];
  /** Whether what the headers announced came; undefined where they announce nothing. */
  readonly announced?: 'met' | 'unmet' | undefined;
}

export function learn(pace: SourcePace, { pausesMs, announced }: Learned): SourcePace {
  return {
    between: counted(pace.between, pausesMs),
    series: Math.min(pace.series + 1, MOST),
    announcedMet: pace.announcedMet + (announced === 'met' ? 1 : 0),
    announcedUnmet: pace.announcedUnmet + (announced === 'unmet' ? 1 : 0),
  };
}

/**
 * How long to wait after the end of a transfer for another to go on, in ms: twice the pause that 98 of 100 of this sender's
 * are shorter than; undefined before enough is known of it. 0 for a sender that has never gone on.
 */
export function resumesWithin({ between, series }: SourcePace): number | undefined {
  if (series < LEARNED_FROM) return undefined;
  const all = between.reduce((sum, count) => sum + count, 0);
  if (all === 0) return 0;
  let sum = 0;
  for (const [bucket, count] of between.entries()) {
    sum += count;
    if (sum >= PERCENTILE * all) return 2 * 2 ** (bucket + 1);
  }
  return undefined;
}

/** Whether the counts in its headers are worth waiting for. */
export function isBelieved({ announcedMet, announcedUnmet }: SourcePace): boolean {
  return announcedUnmet < NOT_BELIEVED_AFTER || announcedMet > 0;
}

function counted(buckets: readonly number[], pausesMs: readonly number[]): number[] {
  const counts = Array.from({ length: BUCKETS }, (_, i) => buckets[i] ?? 0);
  for (const pause of pausesMs)
    counts[Math.min(BUCKETS - 1, Math.max(0, Math.floor(Math.log2(Math.max(1, pause)))))]! += 1;
  const sum = counts.reduce((a, b) => a + b, 0);
  return sum > MOST ? counts.map((count) => Math.floor(count / 2)) : counts;
}
