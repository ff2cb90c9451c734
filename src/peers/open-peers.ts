import type { PeerSettings } from '../config.ts';
import { DicomwebPeer } from './dicomweb-peer.ts';
import { DimsePeer } from './dimse-peer.ts';
import type { Peer } from './peer.ts';

/** The configured peers by name. */
export function openPeers(settings: readonly PeerSettings[], ownAeTitle: string): ReadonlyMap<string, Peer> {
  return new Map(settings.map((peer) => [peer.name, openPeer(peer, ownAeTitle)]));
}

export function openPeer({ name, dicomweb, aeTitle, host, port }: PeerSettings, ownAeTitle: string): Peer {
  if (dicomweb !== undefined) return new DicomwebPeer(name, dicomweb);
  return new DimsePeer(name, { callingAe: ownAeTitle, calledAe: aeTitle ?? '', host: host ?? '', port: port ?? 0 });
}
