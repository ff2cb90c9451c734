import type { Archive } from '../archive/archive.ts';
import type { Commitments } from '../archive/commitments.ts';
import type { RequestedCommitments } from '../archive/requested-commitments.ts';
import type { Database } from '../catalog/database.ts';
import type { PeerSettings } from '../config.ts';
import type { JobHandlers } from '../jobs/queue.ts';
import type { DimseAddress } from '../peers/dimse-address.ts';
import { dimseAddress } from '../peers/open-peers.ts';
import type { Peer } from '../peers/peer.ts';
import { matchOrder } from './match-order.ts';
import { notifyAvailability } from './notify-availability.ts';
import { reportResult } from './report-commitment.ts';
import { requestCommitment } from './request-commitment.ts';

export interface WorkflowParts {
  readonly database: Database;
  readonly archive: Archive;
  readonly commitments: Commitments;
  readonly requested: RequestedCommitments;
  readonly peers: ReadonlyMap<string, Peer>;
  readonly settings: { readonly aeTitle: string; readonly peers: readonly PeerSettings[] };
}

type WorkflowJob =
  | 'verify-commitment'
  | 'report-commitment'
  | 'request-commitment'
  | 'notify-availability'
  | 'match-order';

/** The jobs of storage commitment, availability notification and order matching. */
export function workflowJobs({ settings, ...parts }: WorkflowParts): Pick<JobHandlers, WorkflowJob> {
  const { aeTitle, peers } = settings;
  const reachable = peers.filter((peer) => peer.aeTitle !== undefined && peer.host !== undefined);
  const addresses = new Map(reachable.map((peer) => [peer.name, dimseAddress(peer, aeTitle)]));
  const byAeTitle = new Map(
    reachable.map((peer): [string, DimseAddress] => [peer.aeTitle!, addresses.get(peer.name)!]),
  );
  const worklists = new Map(
    reachable
      .filter((peer) => peer.worklist)
      .map((peer): [string, DimseAddress] => [peer.name, addresses.get(peer.name)!]),
  );
  const reporting = {
    commitments: parts.commitments,
    addressOf: (title: string) => byAeTitle.get(title),
    retrieveAeTitle: aeTitle,
  };
  return {
    'verify-commitment': ({ commitmentId }) => parts.commitments.takeOver(commitmentId),
    'report-commitment': (job, run) => reportResult(reporting, job, run),
    'request-commitment': (job, run) => requestCommitment({ ...parts, addresses }, job, run),
    'notify-availability': (job) => notifyAvailability({ ...parts, addresses, retrieveAeTitle: aeTitle }, job),
    'match-order': (job, run) => matchOrder({ ...parts, worklists }, job, run),
  };
}
