import { eventInformation, eventTypeOf } from '../archive/commitment-result.ts';
import type { Commitments } from '../archive/commitments.ts';
import { sentenceOf, VoxgateError } from '../errors.ts';
import type { JobRun } from '../jobs/queue.ts';
import { reportCommitment } from '../peers/commitment.ts';
import type { DimseAddress } from '../peers/dimse-address.ts';

export interface ReportParts {
  readonly commitments: Commitments;
  /** Where the node of an AE title is reached; undefined where none is configured. */
  readonly addressOf: (aeTitle: string) => DimseAddress | undefined;
  /** Ours, from which what is committed to can be retrieved. */
  readonly retrieveAeTitle: string;
}

/**
 * Tells a requestor the result of its storage commitment on a new association, where it was not told on one of its own
 * (PS3.4 J.3.3). Tried with the queue's back-off for days; a requestor that comes by itself meanwhile is told then.
 */
export async function reportResult(
  { commitments, addressOf, retrieveAeTitle }: ReportParts,
  { commitmentId }: { commitmentId: number },
  run: JobRun,
): Promise<void> {
  try {
    await commitments.report(commitmentId, 'on a new association', async (result) => {
      const { requestor } = result.commitment;
      const address = addressOf(requestor);
      if (!address)
        throw new VoxgateError('peer-failed', `no peer of AE title ${requestor} is configured to report to`);
      await reportCommitment(address, eventTypeOf(result), eventInformation(result, retrieveAeTitle));
    });
  } catch (error) {
    if (run.lastAttempt) await commitments.giveUp(commitmentId, sentenceOf(error));
    throw error;
  }
}
