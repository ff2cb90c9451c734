import { generateKeyPairSync, type KeyObject, randomBytes, sign, X509Certificate } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Certificates for tests (RFC 5280), written by hand: node:crypto reads them and makes none. */
export interface TestCertificate {
  readonly cert: string;
  readonly key: string;
  readonly certPath: string;
  readonly keyPath: string;
  /** SHA-256, lower case hex. */
  readonly fingerprint: string;
}

export interface CertificateOptions {
  readonly name: string;
  /** Days from today, negative for the past. */
  readonly from?: number;
  readonly until?: number;
  readonly rsa?: boolean;
  readonly isAuthority?: boolean;
}

export interface Authority extends TestCertificate {
  issue(options: CertificateOptions): TestCertificate;
}

type Der = Buffer;

function der(tag: number, ...parts: Der[]): Der {
  const content = Buffer.concat(parts);
  const { length } = content;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

const sequence = (...parts: Der[]): Der => der(0x30, ...parts);
const oid = (...bytes: number[]): Der => der(0x06, Buffer.from(bytes));
const nothing = der(0x05);
const bits = (content: Buffer): Der => der(0x03, Buffer.from([0]), content);

const COMMON_NAME = oid(0x55, 4, 3);
const BASIC_CONSTRAINTS = oid(0x55, 0x1d, 0x13);
const SUBJECT_ALT_NAME = oid(0x55, 0x1d, 0x11);
const ECDSA_SHA256 = sequence(oid(0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2));
const RSA_SHA256 = sequence(oid(0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 0x0b), nothing);

const nameOf = (name: string): Der => sequence(der(0x31, sequence(COMMON_NAME, der(0x0c, Buffer.from(name)))));

function timeAfter(days: number): Der {
  const text = new Date(Date.now() + days * 86_400_000).toISOString().replace(/[-:T]/g, '');
  return der(0x18, Buffer.from(`${text.slice(0, 14)}Z`));
}

interface Made {
  readonly name: string;
  readonly secret: KeyObject;
  readonly files: TestCertificate;
}

function make(folder: string, options: CertificateOptions, signer: Pick<Made, 'name' | 'secret'> | undefined): Made {
  const { name, from = -1, until = 365, rsa = false, isAuthority = false } = options;
  const pair = rsa
    ? generateKeyPairSync('rsa', { modulusLength: 2048 })
    : generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const issuer = signer ?? { name, secret: pair.privateKey };
  const algorithm = issuer.secret.asymmetricKeyType === 'rsa' ? RSA_SHA256 : ECDSA_SHA256;
  const extension = (id: Der, value: Der): Der => sequence(id, der(0x04, value));
  const addresses = sequence(der(0x82, Buffer.from('localhost')), der(0x87, Buffer.from([127, 0, 0, 1])));
  const content = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    algorithm,
    nameOf(issuer.name),
    sequence(timeAfter(from), timeAfter(until)),
    nameOf(name),
    pair.publicKey.export({ type: 'spki', format: 'der' }),
    der(
      0xa3,
      sequence(
        extension(BASIC_CONSTRAINTS, sequence(...(isAuthority ? [der(0x01, Buffer.from([0xff]))] : []))),
        extension(SUBJECT_ALT_NAME, addresses),
      ),
    ),
  );
  const whole = sequence(content, algorithm, bits(sign('sha256', content, issuer.secret)));
  const cert = `-----BEGIN CERTIFICATE-----\n${whole.toString('base64').replace(/.{64}(?!$)/g, '$&\n')}\n-----END CERTIFICATE-----\n`;
  const key = pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const [certPath, keyPath] = [join(folder, `${name}.pem`), join(folder, `${name}.key`)];
  writeFileSync(certPath, cert);
  writeFileSync(keyPath, key);
  const fingerprint = new X509Certificate(cert).fingerprint256.replaceAll(':', '').toLowerCase();
  return { name, secret: pair.privateKey, files: { cert, key, certPath, keyPath, fingerprint } };
}

/** A certificate authority, with what it issues in the same folder: a file a certificate, for localhost and 127.0.0.1. */
export function anAuthority(folder: string, options: Partial<CertificateOptions> = {}): Authority {
  const made = make(folder, { name: 'ca', isAuthority: true, ...options }, undefined);
  return { ...made.files, issue: (wanted) => make(folder, wanted, made).files };
}
