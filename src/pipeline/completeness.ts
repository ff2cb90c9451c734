import type { CompletenessSettings } from '../completeness-settings.ts';
import type { Closure } from './geometry-closure.ts';

/** What was said of how many instances there are, and how many of them are here. */
export interface Announcement {
  /** For a person: who says so. */
  readonly by: string;
  readonly expected: number;
  readonly held: number;
  /**
   * `series`: exactly what the series consists of (MPPS, IAN, 0020,1209); `acquisition`: what one acquisition gave
   * (0020,1002), which may be several series' or one's in parts, or what the sender has so far, which may become more;
   * `study`: 0020,1208.
   */
  readonly of: 'series' | 'acquisition' | 'study';
}

/** What is known of the sender of a series; seconds. */
export interface Sending {
  /** It adds to the series on a transfer that is open. */
  readonly open: boolean;
  /** Another transfer of the same sender is open and may bring some. */
  readonly othersOpen: boolean;
  /** The last transfer was broken off. */
  readonly cut: boolean;
  /** Transfers that brought instances of the series. */
  readonly transfers: number;
  /** Longest pause from one of them to the next. */
  readonly longestPause: number;
  /** As learned of this sender (resumesWithin), undefined where too little is known of it. */
  readonly resumesWithin: number | undefined;
}

/** Everything that is known of whether a series is complete. */
export interface CompletenessEvidence {
  readonly held: number;
  /** Seconds since the newest instance was stored. */
  readonly quiet: number;
  /** Undefined where the process that received it is no more. */
  readonly sending: Sending | undefined;
  readonly announcements: readonly Announcement[];
  readonly closure: Closure;
}

/** Seconds. */
export interface CompletenessLimits {
  /** With all evidence for it. */
  readonly leastQuiet: number;
  /** After the end of a transfer, of a sender that is not known. */
  readonly settle: number;
  readonly mostQuiet: number;
  /** Where the sender has not said that it is done. */
  readonly idle: number;
  /** For what was announced and did not come. */
  readonly announced: number;
}

/** A settle time that is longer or shorter than the others say moves them along. */
export function completenessLimits(settings: CompletenessSettings): CompletenessLimits {
  const { settleSeconds: settle, leastQuietSeconds, mostQuietSeconds, idleSettleSeconds: idle } = settings;
  return {
    leastQuiet: Math.min(leastQuietSeconds, settle),
    settle,
    mostQuiet: Math.max(mostQuietSeconds, settle),
    idle,
    announced: Math.max(settings.announcedSeconds, idle),
  };
}

export type Confidence = 'high' | 'medium' | 'low';

export interface Verdict {
  readonly settled: boolean;
  /** Seconds to wait until it is looked at again; 0 where it is settled. */
  readonly wait: number;
  readonly confidence: Confidence;
  /** For a person: one sentence. */
  readonly reason: string;
  /** False where something that was announced is missing. */
  readonly complete: boolean;
}

/** A rule: with this quiet time the series is settled, for this reason. */
interface Rule {
  readonly quiet: number;
  readonly confidence: Confidence;
  readonly because: string;
  readonly complete?: false;
}

/**
 * Whether a series has come to its end. The strongest evidence decides how long it has to have been quiet: nothing more
 * is waited for when every announced instance is here; what was announced and is not here is waited for longest.
 */
export function judgeCompleteness(evidence: CompletenessEvidence, limits: CompletenessLimits): Verdict {
  const rule = ruleOf(evidence, limits);
  const { confidence, complete = true } = rule;
  const missing = rule.quiet - evidence.quiet;
  if (missing <= 0)
    return {
      settled: true,
      wait: 0,
      confidence,
      complete,
      reason: `Settled after ${seconds(evidence.quiet)} of quiet: ${rule.because}.`,
    };
  return {
    settled: false,
    wait: missing,
    confidence,
    complete,
    reason: `Waiting ${seconds(missing)} more: ${rule.because}.`,
  };
}

function ruleOf(evidence: CompletenessEvidence, limits: CompletenessLimits): Rule {
  const { sending, announcements, held } = evidence;
  const exact = announcements.filter((one) => one.of === 'series');
  const weighty = exact.length > 0 ? exact : announcements.filter((one) => one.of === 'acquisition');
  const unmet = weighty.find((one) => one.held < one.expected);
  if (unmet)
    return {
      quiet: limits.announced,
      confidence: 'low',
      complete: false,
      because: `${unmet.held} of ${unmet.expected} instances are here that ${unmet.by} announces`,
    };
  const [said] = exact;
  if (said)
    return {
      quiet: 0,
      confidence: 'high',
      because: `all ${said.expected} instances are here that ${said.by} announces`,
    };
  if (!sending)
    return {
      quiet: limits.idle,
      confidence: 'low',
      because: 'the node was started anew while it came, and nobody says what it consists of',
    };
  if (sending.open)
    return {
      quiet: limits.idle,
      confidence: 'low',
      because: `its sender has not said that it is done (${held} instances)`,
    };
  if (sending.cut)
    return { quiet: limits.idle, confidence: 'low', because: `its sender was cut off (${held} instances)` };
  return endedRule(evidence, sending, limits);
}

/** Its sender has said that it is done. */
function endedRule(
  { announcements, closure }: CompletenessEvidence,
  sending: Sending,
  limits: CompletenessLimits,
): Rule {
  const pause = pauseOf(sending, limits);
  const met = announcements.find((one) => one.held >= one.expected);
  const exactly = met?.held === met?.expected && closure.kind === 'closed';
  if (met && !sending.othersOpen && (sending.transfers === 1 || exactly))
    return {
      quiet: limits.leastQuiet,
      confidence: 'high',
      because: `its sender is done, and all ${met.expected} instances are here that ${met.by} announces`,
    };
  if (closure.kind === 'holes')
    return { quiet: limits.mostQuiet, confidence: 'low', because: `its sender is done, and ${closure.because}` };
  const whole = closure.kind === 'closed' || closure.kind === 'single';
  if (whole && !sending.othersOpen && sending.transfers === 1 && !sending.resumesWithin)
    return {
      quiet: closure.kind === 'closed' ? limits.leastQuiet : Math.max(limits.leastQuiet, Math.min(pause, SINGLE_QUIET)),
      confidence: closure.kind === 'closed' ? 'high' : 'medium',
      because: `its sender is done, and ${closure.because}`,
    };
  const short = announcements.find((one) => one.held < one.expected);
  if (short)
    return {
      quiet: Math.max(pause, limits.idle),
      confidence: 'low',
      complete: false,
      because: `its sender is done, and ${short.held} of ${short.expected} instances are here that ${short.by} announces`,
    };
  const quiet = Math.max(pause, Math.min(limits.settle, NOTHING_AGREES));
  return { quiet, confidence: 'medium', because: `its sender is done, and goes on within ${seconds(quiet)} if at all` };
}

/** Where nothing but the end of the transfer speaks for it, however soon its sender is known to go on. */
const NOTHING_AGREES = 1;

/** An image that stands for itself: long enough for a sender that opens an association for each. */
const SINGLE_QUIET = 0.5;
/** Of the pauses of this very series, so many times the longest. */
const LONGER_THAN_ITS_PAUSES = 1.5;

/** How long its sender may take to go on. */
function pauseOf({ transfers, longestPause, resumesWithin }: Sending, limits: CompletenessLimits): number {
  const known = resumesWithin ?? limits.settle;
  const own = transfers > 1 ? Math.min(limits.idle, LONGER_THAN_ITS_PAUSES * longestPause) : 0;
  return Math.max(Math.min(limits.mostQuiet, Math.max(limits.leastQuiet, known)), own);
}

function seconds(value: number): string {
  return `${value < 10 ? Math.round(value * 10) / 10 : Math.round(value)} s`;
}
