import type { JobHandlers } from '../../src/jobs/queue.ts';

const never = (): Promise<never> => Promise.reject(new Error('no such job was left'));

/** A handler of every job, for tests that leave one kind and are about none of the others. */
export const NO_JOBS: JobHandlers = {
  'settle-series': never,
  'analyze-series': never,
  'analyze-urgent': never,
  'deliver-results': never,
  'verify-commitment': never,
  'report-commitment': never,
  'request-commitment': never,
  'notify-availability': never,
  'fetch-priors': never,
  'match-order': never,
  'purge-deletion': never,
};
