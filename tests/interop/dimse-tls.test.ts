import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { openPeer } from '../../src/peers/open-peers.ts';
import { anAuthority } from '../support/certificates.ts';
import { asFile } from '../support/instances.ts';
import { freePort, getJson } from '../support/node-process.ts';
import { hasPrograms, runProgram, startProgram } from '../support/programs.ts';
import { aFolder, aNode } from '../support/test-node.ts';

const ready = hasPrograms('echoscu', 'storescu', 'findscu', 'storescp');

describe.skipIf(!ready).each([true, false])('DCMTK by TLS, keys of RSA: %s (PS3.15 B.12)', (rsa) => {
  async function start(clientCert: 'required' | 'optional' = 'required') {
    const ca = anAuthority(aFolder(), { rsa });
    const [server, client] = [ca.issue({ name: 'server', rsa }), ca.issue({ name: 'client', rsa })];
    const tls = { cert: server.certPath, key: server.keyPath, passphrase: undefined, ca: ca.certPath, clientCert };
    const node = await aNode({ dimseTls: { host: '127.0.0.1', port: 0 }, tls, models: [] });
    const run = (program: string, options: readonly string[], ...more: string[]) =>
      runProgram(program, ['-v', '-aec', 'VOXGATE', ...options, '127.0.0.1', String(node.dimseTlsPort), ...more]);
    const own = ['+tls', client.keyPath, client.certPath, '+cf', ca.certPath];
    return { node, ca, client, run, own, anonymous: ['+tla', '+cf', ca.certPath] };
  }

  it('echoes, stores and queries with a certificate, also by both BCP 195 profiles of its own', async () => {
    const { node, run, own } = await start();
    for (const options of [own, [...own, '+px'], [...own, '+py']]) {
      const { code, output } = await run('echoscu', options);
      expect(code, output).toBe(0);
    }
    const file = join(aFolder(), 'one.dcm');
    writeFileSync(file, asFile());
    const stored = await run('storescu', own, file);
    expect(stored.code, stored.output).toBe(0);
    const keys = ['-k', 'QueryRetrieveLevel=STUDY', '-k', 'StudyInstanceUID'];
    const found = await run('findscu', ['-S', ...own, ...keys]);
    expect(found.output).toContain('1.2.3.4.1');
    expect(await getJson<object[]>(`${node.http}/dicom-web/studies`)).toHaveLength(1);
  });

  it('is refused without a certificate where one is required, with one of strangers, and by the old profile', async () => {
    const { node, run, own, anonymous } = await start();
    expect((await run('echoscu', anonymous)).code).not.toBe(0);
    const stranger = anAuthority(aFolder(), { rsa }).issue({ name: 'stranger', rsa });
    const theirs = ['+tls', stranger.keyPath, stranger.certPath, '-ic'];
    expect((await run('echoscu', theirs)).code).not.toBe(0);
    // Basic profile (PS3.15 B.1, retired): 3DES.
    expect((await run('echoscu', [...own, '+pb'])).code).not.toBe(0);
    expect((await run('echoscu', own)).code).toBe(0);
    await vi.waitFor(async () => {
      const { refused } = await getJson<{ refused: { kind: string }[] }>(`${node.http}/api/callers`);
      expect(refused.map(({ kind }) => kind)).toContain('tls');
    });
  });

  it('comes in anonymously where a certificate is optional', async () => {
    const { run, anonymous } = await start('optional');
    const { code, output } = await run('echoscu', anonymous);
    expect(code, output).toBe(0);
  });

  it('takes what we send by TLS (storescp), and is not trusted with another certificate', async () => {
    const { ca, client } = await start();
    const [folder, port] = [aFolder(), await freePort()];
    const storescp = ca.issue({ name: 'storescp', rsa });
    const args = ['+tls', storescp.keyPath, storescp.certPath, '+cf', ca.certPath, '-od', folder, String(port)];
    await startProgram('storescp', args, port);
    const echo = (tls: object) =>
      openPeer({ name: 'scp', aeTitle: 'STORESCP', host: '127.0.0.1', port, tls }, 'VOXGATE').echo();
    const own = { cert: client.certPath, key: client.keyPath };
    await echo({ ca: ca.certPath, ...own });
    const other = anAuthority(aFolder(), { rsa });
    await expect(echo({ ca: other.certPath, ...own })).rejects.toThrow(/SIGNATURE|CERT|certificate/);
  });
});
