import { createServer, type RequestListener } from 'node:http';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openPeer, openPeers } from '../../src/peers/open-peers.ts';
import { aNode } from '../support/test-node.ts';
import { aClosedPort, anOutgoing } from './outgoing.ts';

const peerAt = (root: string) => openPeer({ name: 'web', dicomweb: root }, 'SENDER');

async function aServer(answer: RequestListener): Promise<string> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  return `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}/dicom-web`;
}

describe('a DICOMweb peer', () => {
  it('takes every object as it is stored, again too, and answers an echo', async () => {
    const node = await aNode();
    const peer = peerAt(`${node.http}/dicom-web`);
    await expect(peer.echo()).resolves.toBeUndefined();
    const objects = [anOutgoing({ number: 1 }), anOutgoing({ number: 2 })];
    await peer.store(objects);
    await peer.store(objects);
    for (const { sopInstanceUid, bytes } of objects) {
      const at = `${node.http}/dicom-web/studies/1.2.3.4.1/series/1.2.3.4.1.1/instances/${sopInstanceUid}`;
      const stored = await fetch(at, { headers: { accept: 'application/dicom; transfer-syntax=*' } });
      expect(Buffer.from(await stored.arrayBuffer()).includes(bytes)).toBe(true);
    }
  });

  it('that refuses an object is told with its failure reason (PS3.18 10.5.3)', async () => {
    const node = await aNode();
    const object = anOutgoing({ fields: { StudyInstanceUID: null } });
    await expect(peerAt(`${node.http}/dicom-web`).store([object])).rejects.toMatchObject({
      code: 'peer-failed',
      message: `web: STOW-RS of SOP class ${object.sopClassUid} was answered with HTTP 409 and failure reason C000H`,
    });
  });

  it.each([
    [
      '202 and a list of failures',
      202,
      '[{"00081198":{"vr":"SQ","Value":[{"00081197":{"vr":"US","Value":[43264]}}]}}]',
      'HTTP 202 and failure reason A900H',
    ],
    [
      '200 and a failure without a reason',
      200,
      '{"00081198":{"vr":"SQ","Value":[{}]}}',
      'HTTP 200 and failure reason unknown',
    ],
    ['the page of a proxy', 502, '<html>Bad gateway</html>', 'HTTP 502'],
    ['JSON that is no data set', 500, '{"00081198":{"vr":"SQ","Value":7}}', 'HTTP 500'],
  ])('that answers with %s has failed', async (_, status, body, said) => {
    const root = await aServer((request, response) => {
      request.resume();
      request.on('end', () => response.writeHead(status, { 'content-type': 'application/dicom+json' }).end(body));
    });
    await expect(peerAt(root).store([anOutgoing()])).rejects.toMatchObject({
      code: 'peer-failed',
      message: expect.stringMatching(new RegExp(`was answered with ${said}$`)),
    });
  });

  it('that answers 200 with no words at all has taken it', async () => {
    const root = await aServer((request, response) => void request.resume().on('end', () => response.end()));
    await expect(peerAt(root).store([anOutgoing()])).resolves.toBeUndefined();
  });

  it('that is not there, hangs up, or is no DICOMweb server is told so', async () => {
    const gone = `http://127.0.0.1:${await aClosedPort()}/dicom-web`;
    await expect(peerAt(gone).store([anOutgoing()])).rejects.toMatchObject({
      code: 'peer-failed',
      message: expect.stringMatching(/^web at http:.* cannot be reached: .*ECONNREFUSED/),
    });
    const rude = await aServer((_, response) => {
      response.writeHead(200, { 'content-length': '100' }).write('{');
      setTimeout(() => response.destroy(), 50);
    });
    await expect(peerAt(rude).echo()).rejects.toMatchObject({ code: 'peer-failed' });
    const other = await aServer((_, response) => response.writeHead(404).end());
    await expect(peerAt(other).echo()).rejects.toMatchObject({
      code: 'peer-failed',
      message: 'web: QIDO-RS was answered with HTTP 404',
    });
  });

  it('and a DIMSE peer have one face, by the names of the settings', () => {
    const peers = openPeers(
      [
        { name: 'pacs', aeTitle: 'PACS', host: 'pacs', port: 104 },
        { name: 'web', dicomweb: 'http://web' },
      ],
      'VOXGATE',
    );
    expect([...peers].map(([name, peer]) => [name, peer.name, peer.constructor.name])).toEqual([
      ['pacs', 'pacs', 'DimsePeer'],
      ['web', 'web', 'DicomwebPeer'],
    ]);
  });
});
