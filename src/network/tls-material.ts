import { constants, createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import { sentenceOf, VoxgateError } from '../errors.ts';

/** PEM files, each with the name of the setting that names it. */
export interface TlsFiles {
  readonly cert?: NamedFile | undefined;
  readonly key?: NamedFile | undefined;
  readonly passphrase?: string | undefined;
  readonly ca?: NamedFile | undefined;
}

export interface NamedFile {
  readonly setting: string;
  readonly path: string;
}

export interface TlsMaterial {
  /** For a server or a connection. */
  readonly context: SecureContextOptions;
  /** Undefined where none is shown. */
  readonly certificate: X509Certificate | undefined;
}

/**
 * Cipher suites that both live profiles of PS3.15 permit: B.12 (BCP 195 with RFC 8996 and RFC 9325) and B.13, which
 * narrows it to these. Left out of B.13's list are its CCM_8 suites, whose tag is 64 bits short. Best first.
 */
const CIPHER_SUITES = [
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_128_CCM_SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-CCM',
  'ECDHE-ECDSA-AES128-CCM',
  // RSA keys of 2048 bits at least, and no signature by SHA-1 (RFC 9325 4.5).
  '@SECLEVEL=2',
];

/** Of either side: TLS 1.2 and 1.3, no renegotiation, no compression, and each association proves itself anew. */
export const TLS_PROFILE: SecureContextOptions = {
  minVersion: 'TLSv1.2',
  maxVersion: 'TLSv1.3',
  ciphers: CIPHER_SUITES.join(':'),
  ecdhCurve: 'X25519:P-256:P-384:P-521',
  honorCipherOrder: true,
  secureOptions: constants.SSL_OP_NO_RENEGOTIATION | constants.SSL_OP_NO_COMPRESSION | constants.SSL_OP_NO_TICKET,
};

/**
 * Reads certificate, key and authorities, and tries them against each other.
 * @throws VoxgateError bad-setting, one sentence a fault, each with its setting
 */
export function readTlsMaterial({ cert, key, passphrase, ca }: TlsFiles): TlsMaterial {
  const faults: string[] = [];
  const read = (file: NamedFile | undefined): string | undefined => {
    try {
      return file && readFileSync(file.path, 'utf8');
    } catch (error) {
      faults.push(`${file?.setting}: ${file?.path} cannot be read: ${sentenceOf(error)}`);
      return undefined;
    }
  };
  const attempt = <T>(file: NamedFile | undefined, what: string, work: () => T): T | undefined => {
    try {
      return work();
    } catch (error) {
      faults.push(`${file?.setting}: ${file?.path} ${what}: ${sentenceOf(error)}`);
      return undefined;
    }
  };
  const [certPem, keyPem, caPem] = [read(cert), read(key), read(ca)];
  const certificate = certPem && attempt(cert, 'holds no certificate', () => new X509Certificate(certPem));
  const privateKey =
    keyPem &&
    attempt(key, 'holds no private key, or the passphrase is wrong', () =>
      createPrivateKey({ key: keyPem, ...(passphrase === undefined ? {} : { passphrase }) }),
    );
  if (caPem)
    for (const one of blocksOf(caPem, ca, faults))
      attempt(ca, 'holds a broken certificate', () => new X509Certificate(one));
  if (certificate && privateKey && !certificate.checkPrivateKey(privateKey))
    faults.push(`${key?.setting}: ${key?.path} is not the key of the certificate in ${cert?.path}`);
  const context: SecureContextOptions = {
    ...TLS_PROFILE,
    ...(certPem && privateKey ? { cert: certPem, key: pemOf(privateKey) } : {}),
    ...(caPem ? { ca: caPem } : {}),
  };
  // What OpenSSL says of them together: a key that is too short, a chain that it cannot read.
  if (faults.length === 0) attempt(cert ?? ca, 'cannot be used', () => createSecureContext(context));
  if (faults.length > 0) throw new VoxgateError('bad-setting', faults.join('\n  '));
  return { context, certificate: certificate || undefined };
}

function blocksOf(pem: string, file: NamedFile | undefined, faults: string[]): string[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  if (blocks.length === 0) faults.push(`${file?.setting}: ${file?.path} holds no certificate`);
  return [...blocks];
}

/** Without its passphrase, for node:tls. */
function pemOf(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}

/** SHA-256 as the settings write it: lower case hex without colons. */
export function fingerprintOf(text: string): string {
  return text.replaceAll(':', '').toLowerCase();
}
