import { once } from 'node:events';
import { copyFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { type ConnectionOptions, connect as connectTls, type SecureVersion } from 'node:tls';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { TlsSettings } from '../../src/config.ts';
import { openPeer } from '../../src/peers/open-peers.ts';
import { aDoor, LOOPBACK } from '../support/a-door.ts';
import { aLog } from '../support/a-log.ts';
import { type Authority, anAuthority, type TestCertificate } from '../support/certificates.ts';
import { IMPLICIT, RawScu } from '../support/raw-scu.ts';
import { aFolder } from '../support/test-node.ts';

const VERIFICATION = { abstractSyntax: '1.2.840.10008.1.1', transferSyntaxes: [IMPLICIT] };
const ACCEPTED = 0x02;

interface Certificates {
  readonly ca: Authority;
  readonly server: TestCertificate;
  readonly client: TestCertificate;
  readonly tls: TlsSettings;
}

function someCertificates(changes: Partial<TlsSettings> = {}): Certificates {
  const ca = anAuthority(aFolder());
  const [server, client] = [ca.issue({ name: 'server' }), ca.issue({ name: 'client' })];
  const { certPath: cert, keyPath: key } = server;
  const tls: TlsSettings = { cert, key, passphrase: undefined, ca: ca.certPath, clientCert: 'required', ...changes };
  return { ca, server, client, tls };
}

/** A whole association by TLS; the reason where there is none. */
async function call(port: number, tls: ConnectionOptions): Promise<number | string> {
  try {
    const { scu, answer } = await RawScu.associate(port, [VERIFICATION], { tls });
    scu.destroy();
    return answer.type;
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : String(error);
  }
}

describe('the DIMSE door by TLS (PS3.15 B.12)', () => {
  it.each<[SecureVersion]>([['TLSv1.2'], ['TLSv1.3']])(
    'takes associations by %s beside those without TLS',
    async (version) => {
      const { ca, client, tls } = someCertificates();
      const { port, tlsPort } = await aDoor({ plain: LOOPBACK, secure: LOOPBACK, tls });
      const { cert, key } = client;
      expect(await call(tlsPort, { ca: ca.cert, cert, key, minVersion: version, maxVersion: version })).toBe(ACCEPTED);
      expect((await RawScu.associate(port, [VERIFICATION])).answer.type).toBe(ACCEPTED);
    },
  );

  it('takes the best that both know: TLS 1.3 with AES 256 in GCM', async () => {
    const { ca, client, tls } = someCertificates();
    const { tlsPort } = await aDoor({ secure: LOOPBACK, tls });
    const { scu } = await RawScu.associate(tlsPort, [VERIFICATION], { tls: { ca: ca.cert, ...client } });
    expect(scu.socket).toMatchObject({ encrypted: true, authorized: true });
    const socket = scu.socket as unknown as { getProtocol(): string; getCipher(): { standardName: string } };
    expect([socket.getProtocol(), socket.getCipher().standardName]).toEqual(['TLSv1.3', 'TLS_AES_256_GCM_SHA384']);
  });

  it.each<[string, ConnectionOptions]>([
    ['TLS 1.1', { maxVersion: 'TLSv1.1', minVersion: 'TLSv1', ciphers: 'ALL:@SECLEVEL=0' }],
    [
      'TLS 1.2 with a suite that is not of the profile (CBC)',
      { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-SHA256' },
    ],
    ['TLS 1.2 with a key exchange by RSA', { maxVersion: 'TLSv1.2', ciphers: 'AES256-GCM-SHA384' }],
  ])('refuses %s, says why in the log, and goes on', async (_, options) => {
    const { ca, client, tls } = someCertificates();
    const { log, lines } = aLog();
    const { tlsPort } = await aDoor({ secure: LOOPBACK, tls, log });
    expect(await call(tlsPort, { ca: ca.cert, ...client, ...options })).not.toBe(ACCEPTED);
    await vi.waitFor(() => expect(lines()).toContainEqual(expect.objectContaining({ msg: 'TLS handshake failed' })));
    expect(lines().find(({ msg }) => msg === 'TLS handshake failed')?.['reason']).toMatch(/version|cipher|protocol/i);
    expect(await call(tlsPort, { ca: ca.cert, ...client })).toBe(ACCEPTED);
  });

  it('lets in by VOXGATE_TLS_CLIENT_CERT: required, optional and none', async () => {
    const { ca, client, tls } = someCertificates();
    const stranger = anAuthority(aFolder()).issue({ name: 'stranger' });
    const expired = ca.issue({ name: 'expired', from: -20, until: -10 });
    const outcome = async (clientCert: TlsSettings['clientCert']) => {
      const { tlsPort } = await aDoor({ secure: LOOPBACK, tls: { ...tls, clientCert } });
      const shown = [client, {}, stranger, expired];
      return Promise.all(shown.map(async (one) => (await call(tlsPort, { ca: ca.cert, ...one })) === ACCEPTED));
    };
    expect(await outcome('required')).toEqual([true, false, false, false]);
    expect(await outcome('optional')).toEqual([true, true, false, false]);
    expect(await outcome('none')).toEqual([true, true, true, true]);
  });

  it('remembers whom it refused, with the certificate that was shown', async () => {
    const { ca, tls } = someCertificates();
    const stranger = anAuthority(aFolder()).issue({ name: 'stranger' });
    const { tlsPort, callers } = await aDoor({ secure: LOOPBACK, tls });
    await call(tlsPort, { ca: ca.cert, ...stranger });
    await vi.waitFor(() =>
      expect(callers().refused).toMatchObject([
        { kind: 'tls', address: '127.0.0.1', subject: 'CN=stranger', fingerprint: stranger.fingerprint },
      ]),
    );
    expect(callers().refused[0]?.reason).toMatch(/not trusted/);
  });

  it('ends a handshake that does not come (ARTIM), plain bytes, and half a hello', async () => {
    const { ca, client, tls } = someCertificates();
    const { tlsPort } = await aDoor({ secure: LOOPBACK, tls, deadlines: { artim: 300, idle: 60_000, write: 60_000 } });
    for (const bytes of [Buffer.alloc(0), Buffer.from('GET / HTTP/1.1\r\n\r\n'), Buffer.from([0x16, 3, 1, 2, 0, 1])]) {
      const socket = connect(tlsPort, '127.0.0.1');
      onTestFinished(() => void socket.destroy());
      socket.on('error', () => undefined);
      const closed = once(socket, 'close');
      if (bytes.length > 0) socket.write(bytes);
      await closed;
    }
    expect(await call(tlsPort, { ca: ca.cert, ...client })).toBe(ACCEPTED);
  });

  it('does not renegotiate, nor resume a session', async () => {
    const { ca, client, tls } = someCertificates();
    const { tlsPort } = await aDoor({ secure: LOOPBACK, tls });
    const options = { ca: ca.cert, cert: client.cert, key: client.key, host: '127.0.0.1', port: tlsPort };
    const first = connectTls({ ...options, maxVersion: 'TLSv1.2' });
    onTestFinished(() => void first.destroy());
    await once(first, 'secureConnect');
    const refused = new Promise<Error | null>((resolve) => {
      first.on('error', resolve);
      first.renegotiate({}, resolve);
    });
    expect(await refused).toMatchObject({ message: expect.stringContaining('no renegotiation') });
    const session = first.getSession();
    const second = connectTls({ ...options, maxVersion: 'TLSv1.2', ...(session ? { session } : {}) });
    onTestFinished(() => void second.destroy());
    await once(second, 'secureConnect');
    expect(second.isSessionReused()).toBe(false);
  });

  it('names each setting whose file cannot be used', async () => {
    const { client, tls } = someCertificates();
    const garbage = join(aFolder(), 'garbage.pem');
    writeFileSync(garbage, 'not PEM');
    const open = (changes: Partial<TlsSettings>) => aDoor({ secure: LOOPBACK, tls: { ...tls, ...changes } });
    await expect(open({ cert: '/nowhere.pem' })).rejects.toThrow(/VOXGATE_TLS_CERT: \/nowhere.pem cannot be read/);
    await expect(open({ key: client.keyPath })).rejects.toThrow(
      /VOXGATE_TLS_KEY: .* is not the key of the certificate/,
    );
    await expect(open({ cert: garbage, ca: garbage })).rejects.toThrow(/VOXGATE_TLS_CERT: .*\n.*VOXGATE_TLS_CA: /);
    await expect(open({ key: garbage })).rejects.toThrow(/VOXGATE_TLS_KEY: .* no private key/);
  });

  it('shows how long its certificate lasts, warns before, and takes a renewed one without a restart', async () => {
    const { ca, tls } = someCertificates();
    const { log, lines } = aLog();
    const old = ca.issue({ name: 'old', until: 10.5 });
    const folder = aFolder();
    const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
    copyFileSync(old.certPath, cert);
    copyFileSync(old.keyPath, key);
    const door = await aDoor({ secure: LOOPBACK, tls: { ...tls, cert, key, clientCert: 'none' }, log, lookEvery: 50 });
    expect(door.tlsReport()).toMatchObject({
      subject: 'CN=old',
      daysLeft: 10,
      fingerprint: old.fingerprint,
      fault: null,
    });
    expect(lines()).toContainEqual(expect.objectContaining({ setting: 'VOXGATE_TLS_CERT', daysLeft: 10 }));
    // First a certificate without its key: the old one stays in use.
    const fresh = ca.issue({ name: 'fresh' });
    copyFileSync(fresh.certPath, cert);
    await vi.waitFor(() => expect(door.tlsReport()?.fault).toMatch(/is not the key of the certificate/));
    expect(door.tlsReport()?.subject).toBe('CN=old');
    expect(await call(door.tlsPort, { ca: ca.cert })).toBe(ACCEPTED);
    copyFileSync(fresh.keyPath, key);
    await vi.waitFor(() => expect(door.tlsReport()).toMatchObject({ subject: 'CN=fresh', daysLeft: 364, fault: null }));
    const { scu } = await RawScu.associate(door.tlsPort, [VERIFICATION], { tls: { ca: ca.cert } });
    expect(JSON.stringify(door.tlsReport())).toContain(fresh.fingerprint);
    scu.destroy();
  });
});

describe('a peer that is called by TLS', () => {
  it('is asked for the name, or for the fingerprint, in its certificate; and sees ours', async () => {
    const { ca, server, client, tls } = someCertificates();
    const { tlsPort, callers } = await aDoor({ secure: LOOPBACK, tls });
    const echo = (changes: object) => {
      const own = { ca: ca.certPath, cert: client.certPath, key: client.keyPath, ...changes };
      const peer = { name: 'pacs', aeTitle: 'VOXGATE', host: '127.0.0.1', port: tlsPort, tls: own };
      return openPeer(peer, 'ME').echo();
    };
    await echo({});
    await echo({ fingerprint: server.fingerprint });
    await vi.waitFor(() => expect(callers().admitted[0]).toMatchObject({ callingAe: 'ME', subject: 'CN=client' }));
    await expect(echo({ fingerprint: client.fingerprint })).rejects.toThrow(/not the one expected/);
    await expect(echo({ serverName: 'other.example' })).rejects.toThrow(/ALTNAME|altnames/i);
    const stranger = anAuthority(aFolder());
    await expect(echo({ ca: stranger.certPath })).rejects.toThrow(/CERT|SIGNATURE|certificate/i);
    await expect(async () => echo({ ca: '/nowhere' })).rejects.toThrow('peers.pacs.tls.ca: /nowhere cannot be read');
  });
});
