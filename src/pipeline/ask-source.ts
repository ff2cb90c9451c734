import type { PeerSettings } from '../config.ts';
import { countInstances } from '../peers/count-instances.ts';
import { dimseAddress } from '../peers/open-peers.ts';

/** Asks the sender of a series how many instances it has of it, where its peer setting allows that. */
export type AskSource = (
  source: string,
  place: { readonly studyInstanceUid: string; readonly seriesInstanceUid: string },
) => Promise<number | undefined>;

/** @param aeTitle our own */
export function askSource(peers: readonly PeerSettings[], aeTitle: string): AskSource | undefined {
  const asked = peers.filter((peer) => peer.instanceCounts && peer.host !== undefined && peer.aeTitle !== undefined);
  if (asked.length === 0) return undefined;
  const addresses = new Map(asked.map((peer) => [peer.aeTitle!, dimseAddress(peer, aeTitle)]));
  return async (source, place) => {
    const address = addresses.get(source.slice(0, source.lastIndexOf('@')));
    return address && countInstances(address, place);
  };
}
