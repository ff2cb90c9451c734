import type { Transcoder } from '../network/send-object.ts';
import { isReachable, type PeerSettings } from '../peer-settings.ts';
import { DicomwebPeer } from './dicomweb-peer.ts';
import { DicomwebPriors } from './dicomweb-priors.ts';
import type { DimseAddress } from './dimse-address.ts';
import { DimsePeer } from './dimse-peer.ts';
import { DimsePriors } from './dimse-priors.ts';
import type { Peer } from './peer.ts';
import { peerTls } from './peer-tls.ts';
import type { PriorPeer } from './prior-peer.ts';

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

/** The peers that are asked for earlier studies, in the order of the settings. */
export function openPriorPeers(settings: readonly PeerSettings[], ownAeTitle: string): PriorPeer[] {
  return settings
    .filter((peer) => peer.priors && isReachable(peer))
    .map((peer) =>
      peer.dicomweb === undefined
        ? new DimsePriors(new DimsePeer(peer.name, dimseAddress(peer, ownAeTitle)), ownAeTitle)
        : new DicomwebPriors(peer.name, peer.dicomweb),
    );
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
