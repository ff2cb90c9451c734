import type { Database, Transaction } from '../catalog/database.ts';
import { dropJob, enqueue } from '../jobs/queue.ts';

/** The job that takes over a verification which was broken off: by then the one begun at once has mostly ended. */
const TAKE_OVER_SECONDS = 15;
/** The requestor's own association is waited for so long before one is opened to it. */
const REPORT_AFTER_SECONDS = 3;
/** With the queue's back-off about three days. */
const REPORT_ATTEMPTS = 20;

const verificationKey = (commitmentId: number): string => `commit ${commitmentId}`;

export function enqueueVerification(tx: Database | Transaction, commitmentId: number): Promise<void> {
  const options = { key: verificationKey(commitmentId), delaySeconds: TAKE_OVER_SECONDS };
  return enqueue(tx, 'verify-commitment', { commitmentId }, options);
}

export function dropVerification(tx: Transaction, commitmentId: number): Promise<void> {
  return dropJob(tx, verificationKey(commitmentId));
}

export function enqueueReport(
  tx: Transaction,
  commitmentId: number,
  delaySeconds = REPORT_AFTER_SECONDS,
): Promise<void> {
  const options = { key: `report ${commitmentId}`, delaySeconds, maxAttempts: REPORT_ATTEMPTS };
  return enqueue(tx, 'report-commitment', { commitmentId }, options);
}
