import type { PeerSettings } from '../config.ts';
import type { Kind, Transcoder } from '../network/send-object.ts';
import { dimseAddress } from './open-peers.ts';
import { StoreAssociations } from './store-association.ts';

/**
 * Where a C-MOVE can send to: the configured DIMSE peers by AE title; undefined for a title that is none of theirs.
 */
export function moveDestinations(
  settings: readonly PeerSettings[],
  ownAeTitle: string,
  transcoder: Transcoder | undefined,
): (aeTitle: string) => { open(kinds: readonly Kind[]): Promise<StoreAssociations> } | undefined {
  const byTitle = new Map(
    settings.flatMap((peer) =>
      peer.aeTitle !== undefined && peer.host !== undefined ? [[peer.aeTitle, peer] as const] : [],
    ),
  );
  return (aeTitle) => {
    const peer = byTitle.get(aeTitle);
    if (!peer) return undefined;
    const address = dimseAddress(peer, ownAeTitle);
    return { open: (kinds) => StoreAssociations.open(address, kinds, transcoder) };
  };
}
