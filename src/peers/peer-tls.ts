import { isIP } from 'node:net';
import { type ConnectionOptions, checkServerIdentity } from 'node:tls';
import { fingerprintOf, readTlsMaterial } from '../network/tls-material.ts';
import type { PeerTlsSettings } from '../peer-settings.ts';

/**
 * How a peer is called by TLS (PS3.15 B.12): with our certificate, its own checked against the authorities of the
 * settings (of the system where they name none), and against its name, or its fingerprint where that is set. Files are
 * read anew each time, so that renewed ones are taken.
 * @throws VoxgateError bad-setting for files that cannot be used
 */
export function peerTls(name: string, tls: PeerTlsSettings): ConnectionOptions {
  const { passphrase, fingerprint, serverName } = tls;
  const file = (key: 'ca' | 'cert' | 'key') =>
    tls[key] === undefined ? undefined : { setting: `peers.${name}.tls.${key}`, path: tls[key] };
  const { context } = readTlsMaterial({ ca: file('ca'), cert: file('cert'), key: file('key'), passphrase });
  return {
    ...context,
    rejectUnauthorized: true,
    // An IP address is checked, but may not be sent as a name.
    ...(serverName === undefined || isIP(serverName) !== 0 ? {} : { servername: serverName }),
    checkServerIdentity(host, certificate) {
      if (fingerprint === undefined) return checkServerIdentity(serverName ?? host, certificate);
      const shown = fingerprintOf(certificate.fingerprint256);
      return shown === fingerprint ? undefined : new Error('the certificate of the peer is not the one expected');
    },
  };
}
