import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { fingerprintOf } from '../network/tls-material.ts';
import { plainAddress } from './caller-policy.ts';

/** What is known of a caller before it has said a word. */
export interface Connection {
  readonly address: string;
  /** "TLSv1.3 TLS_AES_256_GCM_SHA384"; null without TLS. */
  readonly tls: string | null;
  /** Of the certificate that it has proved to be its own, and that our authorities vouch for; empty without one. */
  readonly subject: string;
  readonly fingerprint: string;
}

/** Read at once: a closed socket knows neither its address nor its certificate. */
export function connectionOf(socket: Socket): Connection {
  const address = plainAddress(socket.remoteAddress ?? '');
  if (!(socket instanceof TLSSocket)) return { address, tls: null, subject: '', fingerprint: '' };
  const cipher = socket.getCipher();
  const certificate = socket.authorized ? socket.getPeerX509Certificate() : undefined;
  return {
    address,
    tls: `${socket.getProtocol() ?? 'TLS'} ${cipher.standardName}`,
    subject: certificate?.subject.replaceAll('\n', ', ') ?? '',
    fingerprint: certificate ? fingerprintOf(certificate.fingerprint256) : '',
  };
}
