import type { ErrorClass } from './error-classes.ts';

/** The jobs there are, and what each is told. Payloads are small and name things by UID or row id. */
export interface JobPayloads {
  readonly 'settle-series': {
    readonly studyInstanceUid: string;
    readonly seriesInstanceUid: string;
    /**
     * What left the job: its sender is done, or has brought nothing more for a while; or an analysis of it waited for a
     * further input and is planned anew.
     */
    readonly because?: 'ended' | 'idle' | 'replan' | undefined;
  };
  readonly 'analyze-series': { readonly analysisId: number };
  /** The same, of those that do not wait behind others. */
  readonly 'analyze-urgent': { readonly analysisId: number };
  readonly 'deliver-results': { readonly analysisId: number; readonly peer: string };
  readonly 'verify-commitment': { readonly commitmentId: number };
  readonly 'report-commitment': { readonly commitmentId: number };
  readonly 'request-commitment': { readonly analysisId: number; readonly peer: string };
  readonly 'notify-availability': { readonly analysisId: number; readonly peer: string };
  readonly 'fetch-priors': {
    readonly studyInstanceUid: string;
    readonly seriesInstanceUid: string;
    readonly withinDays: number;
  };
  readonly 'match-order': { readonly studyInstanceUid: string };
  readonly 'purge-deletion': { readonly deletionId: number; readonly doneBy: string; readonly reason: string };
}
export type JobName = keyof JobPayloads;

export interface JobRun {
  /** 1 for the first try. */
  readonly attempt: number;
  readonly lastAttempt: boolean;
  /** Aborted when the job is cancelled or has taken too long: its reason says which. */
  readonly signal: AbortSignal;
}
export type JobHandlers = { readonly [Name in JobName]: (payload: JobPayloads[Name], run: JobRun) => Promise<void> };

/** One try that failed. */
export interface JobFailure {
  readonly job: JobName;
  readonly key: string | null;
  readonly payload: unknown;
  readonly attempt: number;
  readonly class: ErrorClass;
  readonly code: string;
  /** For a person: one sentence. */
  readonly reason: string;
  /** It is not tried again. */
  readonly final: boolean;
}

/** Why a job's signal was aborted. */
export class JobStopped extends Error {
  readonly kind: 'cancelled' | 'timed-out';
  constructor(kind: JobStopped['kind'], reason: string) {
    super(reason);
    this.kind = kind;
  }
}
