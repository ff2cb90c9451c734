import { afterAll, describe, expect, it, vi } from 'vitest';
import { type CallerNotes, readCallers, readRefused, recordCallers } from '../../src/catalog/callers.ts';
import { migrate, openDatabase } from '../../src/catalog/database.ts';
import { anAuthority } from '../support/certificates.ts';
import { getJson } from '../support/node-process.ts';
import { IMPLICIT, RawScu } from '../support/raw-scu.ts';
import { aDatabase, aFolder, aNode } from '../support/test-node.ts';

const VERIFICATION = { abstractSyntax: '1.2.840.10008.1.1', transferSyntaxes: [IMPLICIT] };

interface Callers {
  readonly refused: readonly { readonly callingAe: string; readonly allow: string; readonly times: number }[];
  readonly known: readonly object[];
}

describe('callers', () => {
  it('that were refused are shown with what to write so that they are let in, and are gone once they are', async () => {
    const peers = [{ name: 'us', aeTitle: 'US1', addresses: ['127.0.0.2'] }];
    const node = await aNode({ acceptUnknownPeers: false, peers, models: [] });
    const call = (calling: string, from = '127.0.0.1') =>
      RawScu.associate(node.dimsePort, [VERIFICATION], { calling, from });
    for (const calling of ['CT <1>', 'CT <1>', 'US1']) await call(calling);
    const callers = await vi.waitFor(async () => {
      const now = await getJson<Callers>(`${node.http}/api/callers`);
      expect(now.refused.map(({ times }) => times).sort()).toEqual([1, 2]);
      return now;
    });
    expect(callers.refused.map(({ allow }) => allow).sort()).toEqual([
      'add "127.0.0.1" to "addresses" of the peer with "aeTitle": "US1"',
      'add to "peers": "ct-1-": { "aeTitle": "CT <1>", "addresses": ["127.0.0.1"] }',
    ]);
    const page = await (await fetch(`${node.http}/`)).text();
    expect(page).toContain('Refused callers');
    expect(page).toContain('CT &#60;1&#62; from 127.0.0.1');
    expect(page).not.toContain('CT <1>');

    await call('US1', '127.0.0.2');
    await vi.waitFor(async () => {
      const { known } = await getJson<Callers>(`${node.http}/api/callers/US1`);
      expect(known).toMatchObject([
        {
          callingAe: 'US1',
          address: '127.0.0.2',
          peer: 'us',
          associations: 1,
          negotiation: {
            tls: null,
            implementationClassUid: '1.2.3.4',
            implementationVersion: 'RAW',
            contexts: [{ abstractSyntax: '1.2.840.10008.1.1', result: 0, accepted: IMPLICIT }],
          },
        },
      ]);
    });
    expect((await fetch(`${node.http}/api/callers/NOBODY`)).status).toBe(404);
    expect(await getJson(`${node.http}/api/tls`)).toEqual({ tls: null });
  });

  it('and our certificate are shown', async () => {
    const ca = anAuthority(aFolder());
    const { certPath: cert, keyPath: key, fingerprint } = ca.issue({ name: 'voxgate', until: 20.5 });
    const node = await aNode({
      dimseTls: { host: '127.0.0.1', port: 0 },
      tls: { cert, key, passphrase: undefined, ca: ca.certPath, clientCert: 'none' },
      models: [],
    });
    expect(await getJson(`${node.http}/api/tls`)).toMatchObject({
      tls: { subject: 'CN=voxgate', issuer: 'CN=ca', daysLeft: 20, fingerprint, clientCertificates: 'none' },
    });
    expect(await (await fetch(`${node.http}/`)).text()).toContain('expires in 20 days');
    const tls = { ca: ca.cert };
    const { answer } = await RawScu.associate(node.dimseTlsPort, [VERIFICATION], { calling: 'CT1', tls });
    expect(answer.type).toBe(0x02);
    await vi.waitFor(async () => {
      const { known } = await getJson<Callers>(`${node.http}/api/callers/CT1`);
      expect(known).toMatchObject([{ negotiation: { tls: 'TLSv1.3 TLS_AES_256_GCM_SHA384' } }]);
    });
  });
});

describe('the catalog of callers', () => {
  const opened: ReturnType<typeof openDatabase>[] = [];
  afterAll(() => Promise.all(opened.map((database) => database.destroy())));

  it('keeps the newest thousand, adds up, and forgets refusals of who has been let in since', async () => {
    const database = openDatabase(await aDatabase());
    opened.push(database);
    await migrate(database);
    const at = (second: number): Date => new Date(Date.UTC(2026, 0, 1, 0, 0, second));
    const refusal = (callingAe: string, count: number, second: number) => ({
      ...{ callingAe, calledAe: 'V', address: '10.0.0.1', subject: '', fingerprint: '', kind: 'unknown', reason: 'no' },
      ...{ count, lastSeen: at(second) },
    });
    const note = (changes: Partial<CallerNotes<typeof admitted>>) =>
      recordCallers(database, { refused: [], admitted: [], ...changes });
    const admitted = {
      callingAe: 'B',
      calledAe: 'V',
      address: '10.0.0.1',
      peer: null,
      count: 1,
      lastSeen: at(100),
      maxPduLength: 0,
    };
    await note({ refused: Array.from({ length: 1100 }, (_, i) => refusal(`C${i}`, 1, i)) });
    expect(await readRefused(database, 5000)).toHaveLength(1000);
    await note({ refused: [refusal('A', 2, 5000), refusal('B', 3, 5000)] });
    await note({ refused: [refusal('A', 5, 5001)] });
    expect(await readRefused(database, 1)).toMatchObject([
      { callingAe: 'A', times: 7, firstSeen: at(5000), lastSeen: at(5001) },
    ]);
    await note({ admitted: [admitted] });
    expect(await readRefused(database, 10, 'B')).toHaveLength(1);
    await note({ admitted: [{ ...admitted, count: 4, lastSeen: at(6000), maxPduLength: 16_384 }] });
    expect(await readRefused(database, 10, 'B')).toEqual([]);
    expect(await readCallers(database, 10)).toMatchObject([
      {
        callingAe: 'B',
        associations: 5,
        firstSeen: at(100),
        lastSeen: at(6000),
        negotiation: { maxPduLength: 16_384 },
      },
    ]);
  });
});
