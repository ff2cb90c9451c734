import { statSync } from 'node:fs';
import type { Socket } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import type { TlsSettings } from '../config.ts';
import { sentenceOf } from '../errors.ts';
import type { Log } from '../log.ts';
import { fingerprintOf, type NamedFile, readTlsMaterial, type TlsMaterial } from '../network/tls-material.ts';
import { plainAddress } from './caller-policy.ts';
import type { CallerBook } from './callers.ts';

/** What the console shows of our certificate. */
export interface TlsReport {
  readonly subject: string;
  readonly issuer: string;
  readonly validFrom: Date;
  readonly validTo: Date;
  /** Negative once it has expired. */
  readonly daysLeft: number;
  readonly fingerprint: string;
  readonly clientCertificates: TlsSettings['clientCert'];
  /** Why files that have changed were not taken. */
  readonly fault: string | null;
}

export interface TlsListenerParts {
  readonly settings: TlsSettings;
  /** For a handshake, in milliseconds. */
  readonly artim: number;
  readonly callers: CallerBook;
  readonly log: Log;
  /** A connection that has not proved anything yet. */
  readonly onConnection: (socket: Socket) => void;
  readonly onSecure: (socket: TLSSocket) => void;
  /** How often the files are looked at, in milliseconds. */
  readonly lookEvery?: number;
}

const LOOK_EVERY_MS = 30_000;
const DAY_MS = 86_400_000;
const WARN_DAYS = 30;

/** The TLS side of the DIMSE door (PS3.15 B.12): handshakes, our certificate and its renewal. */
export class TlsListener {
  readonly server: Server;
  readonly #parts: TlsListenerParts;
  readonly #files: readonly (NamedFile | undefined)[];
  #material: TlsMaterial;
  #seen: string;
  #fault: string | null = null;
  #warned = 0;
  readonly #timer: NodeJS.Timeout;

  /** @throws VoxgateError bad-setting naming every file that cannot be used */
  constructor(parts: TlsListenerParts) {
    const { settings, artim, onConnection, onSecure, lookEvery = LOOK_EVERY_MS } = parts;
    this.#parts = parts;
    this.#files = Object.values(filesOf(settings));
    this.#seen = this.#stamp();
    this.#material = readTlsMaterial({ ...filesOf(settings), passphrase: settings.passphrase });
    this.server = createServer({
      ...this.#material.context,
      requestCert: settings.clientCert !== 'none',
      // Judged below: node:tls would end such a connection without a word to us.
      rejectUnauthorized: false,
      handshakeTimeout: artim,
    });
    this.server.on('connection', onConnection);
    this.server.on('secureConnection', (socket) => {
      const fault = faultOf(socket, settings.clientCert);
      if (fault === undefined) onSecure(socket);
      else this.#refuse(socket, fault);
    });
    this.server.on('tlsClientError', (error, socket) => this.#refuse(socket, reasonOf(error)));
    this.#timer = setInterval(() => this.#look(), lookEvery);
    this.#timer.unref();
    this.#warnOfExpiry();
  }

  report(): TlsReport | undefined {
    const { certificate } = this.#material;
    if (!certificate) return undefined;
    const validTo = new Date(certificate.validTo);
    return {
      subject: certificate.subject.replaceAll('\n', ', '),
      issuer: certificate.issuer.replaceAll('\n', ', '),
      validFrom: new Date(certificate.validFrom),
      validTo,
      daysLeft: Math.floor((validTo.getTime() - Date.now()) / DAY_MS),
      fingerprint: fingerprintOf(certificate.fingerprint256),
      clientCertificates: this.#parts.settings.clientCert,
      fault: this.#fault,
    };
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #refuse(socket: TLSSocket, reason: string): void {
    const { callers, log } = this.#parts;
    const address = plainAddress(socket.remoteAddress ?? '');
    const certificate = socket.getPeerX509Certificate();
    socket.destroy();
    // A watchdog that looks whether the port is open.
    if (reason === 'ECONNRESET') return;
    log.warn({ address, reason }, 'TLS handshake failed');
    callers.refused({
      callingAe: '',
      calledAe: '',
      address,
      subject: certificate?.subject.replaceAll('\n', ', ') ?? '',
      fingerprint: certificate ? fingerprintOf(certificate.fingerprint256) : '',
      kind: 'tls',
      reason,
    });
  }

  /** Renewed files are taken for the next handshake; broken ones leave the old in use. */
  #look(): void {
    this.#warnOfExpiry();
    const stamp = this.#stamp();
    if (stamp === this.#seen) return;
    this.#seen = stamp;
    const { settings, log } = this.#parts;
    try {
      this.#material = readTlsMaterial({ ...filesOf(settings), passphrase: settings.passphrase });
      this.server.setSecureContext(this.#material.context);
      this.#fault = null;
      this.#warned = 0;
      log.info({ validTo: this.#material.certificate?.validTo }, 'renewed TLS files are in use');
      this.#warnOfExpiry();
    } catch (error) {
      this.#fault = sentenceOf(error);
      log.error({ reason: this.#fault }, 'changed TLS files cannot be used; the old ones stay in use');
    }
  }

  /** Once a day. */
  #warnOfExpiry(): void {
    const report = this.report();
    if (!report || report.daysLeft >= WARN_DAYS || Date.now() - this.#warned < DAY_MS) return;
    this.#warned = Date.now();
    const { validTo, daysLeft } = report;
    const fields = { setting: 'VOXGATE_TLS_CERT', validTo, daysLeft };
    if (daysLeft < 0) this.#parts.log.error(fields, 'our TLS certificate has expired');
    else this.#parts.log.warn(fields, 'our TLS certificate expires soon');
  }

  #stamp(): string {
    const stamps = this.#files.map((file) => {
      const stats = file && statSync(file.path, { throwIfNoEntry: false });
      return stats ? `${stats.mtimeMs} ${stats.size} ${stats.ino}` : 'none';
    });
    return stamps.join('\n');
  }
}

/** What is wrong with the caller's certificate, where it must have one or has one. */
function faultOf(socket: TLSSocket, wanted: TlsSettings['clientCert']): string | undefined {
  if (wanted === 'none' || socket.authorized) return undefined;
  if (socket.getPeerX509Certificate())
    return `the certificate of the caller is not trusted: ${socket.authorizationError}`;
  return wanted === 'required' ? 'the caller showed no certificate' : undefined;
}

function filesOf({ cert, key, ca }: TlsSettings): Record<'cert' | 'key' | 'ca', NamedFile | undefined> {
  const named = (setting: string, path: string | undefined) => (path === undefined ? undefined : { setting, path });
  return {
    cert: named('VOXGATE_TLS_CERT', cert),
    key: named('VOXGATE_TLS_KEY', key),
    ca: named('VOXGATE_TLS_CA', ca),
  };
}

/** "ERR_SSL_UNSUPPORTED_PROTOCOL" of OpenSSL, or the words of Node; never the bytes that came. */
function reasonOf(error: Error & { readonly code?: string; readonly reason?: string }): string {
  return error.reason ?? error.code ?? error.message;
}
