import type { Transcoder } from '../network/send-object.ts';
import { isReachable, type PeerSettings } from '../peer-settings.ts';
import { DicomwebPeer } from './dicomweb-peer.ts';
import type { DimseAddress } from './dimse-address.ts';
import { DimsePeer } from './dimse-peer.ts';
import type { Peer } from './peer.ts';
import { peerTls } from './peer-tls.ts';

/** The configured peers by name. */
export function openPeers(
  settings: readonly PeerSettings[],
  ownAeTitle: string,
  transcoder?: Transcoder,
): ReadonlyMap<string, Peer> {
  return new Map(settings.filter(isReachable).map((peer) => [peer.name, openPeer(peer, ownAeTitle, transcoder)]));
}

export function openPeer(settings: PeerSettings, ownAeTitle: string, transcoder?: Transcoder): Peer {
  const { name, dicomweb } = settings;
  if (dicomweb !== undefined) return new DicomwebPeer(name, dicomweb);
  return new DimsePeer(name, dimseAddress(settings, ownAeTitle), transcoder);
}

/** @throws VoxgateError bad-setting for TLS files that cannot be used */
export function dimseAddress({ name, aeTitle, host, port, tls }: PeerSettings, ownAeTitle: string): DimseAddress {
  const address = { callingAe: ownAeTitle, calledAe: aeTitle ?? '', host: host ?? '', port: port ?? 0 };
  if (tls === undefined) return address;
  peerTls(name, tls);
  return {
    ...address,
    get tls() {
      return peerTls(name, tls);
    },
  };
}
