import { requestKey } from '../archive/requested-commitments.ts';
import type { Transaction } from '../catalog/database.ts';
import type { PeerSettings } from '../config.ts';
import { enqueue } from '../jobs/queue.ts';

/** @param all every peer of the analysis has its results now */
export type FollowUp = (
  tx: Transaction,
  delivery: { readonly analysisId: number; readonly peer: string },
  all: boolean,
) => Promise<void>;

/** A peer that should is asked to commit to what it got; those that want to know are told when all is delivered. */
export function afterDelivery(peers: readonly PeerSettings[]): FollowUp {
  const committing = new Set(peers.filter((peer) => peer.storageCommitment).map(({ name }) => name));
  const notified = peers.filter((peer) => peer.availabilityNotification).map(({ name }) => name);
  return async (tx, { analysisId, peer }, all) => {
    if (committing.has(peer)) {
      const step = { analysisId, peer };
      await enqueue(tx, 'request-commitment', step, { key: requestKey(step), maxAttempts: 12 });
    }
    if (!all) return;
    for (const name of notified)
      await enqueue(tx, 'notify-availability', { analysisId, peer: name }, { maxAttempts: 12 });
  };
}
