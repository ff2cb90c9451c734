import { describe, expect, it, onTestFinished } from 'vitest';
import { openDatabase } from '../../src/catalog/database.ts';
import { readTotals } from '../../src/catalog/overview.ts';
import { openPeer } from '../../src/peers/open-peers.ts';
import type { Peer } from '../../src/peers/peer.ts';
import { SECONDARY_CAPTURE } from '../support/instances.ts';
import { EXPLICIT, IMPLICIT } from '../support/raw-scu.ts';
import { aNode, type TestNode } from '../support/test-node.ts';
import {
  Accept,
  acceptAll,
  aFakeScp,
  type Behaviour,
  RejectTransferSyntaxesNotSupported,
  success,
} from './fake-scp.ts';
import { aClosedPort, aCounter, anOutgoing } from './outgoing.ts';

const peerAt = (port: number, aeTitle = 'VOXGATE'): Peer =>
  openPeer({ name: 'pacs', aeTitle, host: '127.0.0.1', port }, 'SENDER');
const misbehaving = async (behaviour: Behaviour): Promise<Peer> => peerAt(await aFakeScp(behaviour));

async function retrieve(node: TestNode, instance: string): Promise<Buffer> {
  const response = await fetch(`${node.http}/dicom-web/studies/1.2.3.4.1/series/1.2.3.4.1.1/instances/${instance}`, {
    headers: { accept: 'application/dicom; transfer-syntax=*' },
  });
  expect(response.status).toBe(200);
  return Buffer.from(await response.arrayBuffer());
}

describe('a DIMSE peer', () => {
  it('takes every object as it is stored, over one association', async () => {
    const node = await aNode();
    const database = openDatabase(node.settings.databaseUrl ?? '');
    onTestFinished(() => database.destroy());
    const objects = Array.from({ length: 12 }, (_, i) =>
      anOutgoing({ number: i + 1, transferSyntaxUid: i % 2 === 0 ? EXPLICIT : IMPLICIT }),
    );
    const counter = await aCounter(node.dimsePort);
    await peerAt(counter.port).store(objects);
    expect(counter.connections()).toBe(1);
    for (const { sopInstanceUid, bytes, dataSetOffset } of objects) {
      const stored = await retrieve(node, sopInstanceUid);
      const sent = bytes.subarray(dataSetOffset);
      expect(stored.subarray(stored.length - sent.length).equals(sent)).toBe(true);
    }
    await peerAt(node.dimsePort).store(objects);
    expect((await readTotals(database)).instances).toBe(12);
    await peerAt(node.dimsePort).store([]);
  });

  it('answers C-ECHO', async () => {
    const { dimsePort } = await aNode();
    await expect(peerAt(dimsePort).echo()).resolves.toBeUndefined();
  });

  it.each([
    ['SENDER', 'VOXGATE', 'result 1, source 1, reason 3: calling AE title not recognized'],
    ['CT1', 'OTHER', 'result 1, source 1, reason 7: called AE title not recognized'],
  ])(
    'that rejects %s calling %s is told with result, source and reason (PS3.8 Table 9-21)',
    async (calling, called, reason) => {
      const { dimsePort } = await aNode({
        acceptUnknownPeers: false,
        peers: [{ name: 'ct', aeTitle: 'CT1', host: '127.0.0.1', port: 104 }],
      });
      const peer = openPeer({ name: 'pacs', aeTitle: called, host: '127.0.0.1', port: dimsePort }, calling);
      const refusal = {
        code: 'peer-failed',
        message: `${called} at 127.0.0.1:${dimsePort}: the association was rejected (${reason})`,
      };
      await expect(peer.echo()).rejects.toMatchObject(refusal);
      await expect(peer.store([anOutgoing()])).rejects.toMatchObject(refusal);
    },
  );

  it('at whose address nobody listens is told with ECONNREFUSED', async () => {
    const port = await aClosedPort();
    await expect(peerAt(port, 'GONE').store([anOutgoing()])).rejects.toMatchObject({
      code: 'peer-failed',
      message: `GONE at 127.0.0.1:${port}: ECONNREFUSED`,
    });
  });

  it('that does not take a SOP class or syntax is named with it; the other objects are stored', async () => {
    const node = await aNode();
    const notStorage = '1.2.840.10008.5.1.1.9';
    const objects = [
      anOutgoing({ number: 1, sopClassUid: notStorage }),
      anOutgoing({ number: 2 }),
      { ...anOutgoing({ number: 3 }), transferSyntaxUid: '1.2.3.4.5' },
      { ...anOutgoing({ number: 4 }), transferSyntaxUid: '1.2.3.4.5' },
    ];
    await expect(peerAt(node.dimsePort).store(objects)).rejects.toMatchObject({
      code: 'peer-failed',
      message:
        `pacs (VOXGATE): did not accept SOP class ${notStorage} in transfer syntax ${EXPLICIT}; ` +
        `did not accept SOP class ${SECONDARY_CAPTURE} in transfer syntax 1.2.3.4.5 (2 objects)`,
    });
    await retrieve(node, '1.2.3.4.1.1.2');
  });

  it('that refuses an object is told with status and comment (PS3.7 C); the objects after it are stored', async () => {
    const node = await aNode();
    const objects = [anOutgoing({ number: 1, fields: { StudyInstanceUID: null } }), anOutgoing({ number: 2 })];
    await expect(peerAt(node.dimsePort).store(objects)).rejects.toMatchObject({
      code: 'peer-failed',
      message: expect.stringMatching(
        /refused SOP class 1\.2\.840\.10008\.5\.1\.4\.1\.1\.7 with status C000H Study Instance UID/,
      ),
    });
    await retrieve(node, '1.2.3.4.1.1.2');
  });

  it('that takes only one transfer syntax of a SOP class gets nothing converted', async () => {
    const stored: [string, number][] = [];
    const peer = await misbehaving({
      associate(scp, association) {
        for (const { context } of association.getPresentationContexts()) {
          const [syntax] = context.getTransferSyntaxUids();
          context.setResult(syntax === IMPLICIT ? Accept : RejectTransferSyntaxesNotSupported, syntax);
        }
        scp.sendAssociationAccept();
      },
      store(_, request, answer) {
        const elements = request.getDataset()?.getElements() ?? {};
        stored.push([String(request.getAffectedSopInstanceUid()), Object.keys(elements).length]);
        success(request, answer);
      },
    });
    const objects = [anOutgoing({ number: 1 }), anOutgoing({ number: 2, transferSyntaxUid: IMPLICIT })];
    await expect(peer.store(objects)).rejects.toMatchObject({
      message: `pacs (VOXGATE): did not accept SOP class ${SECONDARY_CAPTURE} in transfer syntax ${EXPLICIT}`,
    });
    expect(stored).toEqual([['1.2.3.4.1.1.2', expect.any(Number)]]);
    expect(stored[0]![1]).toBeGreaterThan(10);
  });

  it.each<[string, Behaviour, string]>([
    ['aborts', { store: (scp) => scp.sendAbort(0, 0) }, 'the peer aborted the association'],
    ['hangs up in the middle', { store: (scp) => scp.socket.destroy() }, 'the connection was closed before the end'],
    ['hangs up at once', { associate: (scp) => scp.socket.destroy() }, 'the connection was closed before the end'],
  ])('that %s has failed', async (_, behaviour, reason) => {
    await expect((await misbehaving(behaviour)).store([anOutgoing()])).rejects.toMatchObject({
      code: 'peer-failed',
      message: expect.stringContaining(reason),
    });
  });

  it.each<[string, Behaviour]>([
    ['hangs up instead of confirming the release', { release: (scp) => scp.socket.destroy() }],
    ['aborts instead of confirming the release', { release: (scp) => scp.sendAbort(0, 0) }],
    ['stores with a warning (B000H)', { store: (_, request, answer) => answer(withStatus(request, 0xb000)) }],
  ])('that %s has taken everything all the same', async (_, behaviour) => {
    await expect((await misbehaving(behaviour)).store([anOutgoing()])).resolves.toBeUndefined();
  });

  it('is not left with an open association when an object cannot be read', async () => {
    let ended = false;
    const peer = await misbehaving({
      associate(scp, association) {
        acceptAll(scp, association);
        scp.on('close', () => {
          ended = true;
        });
      },
    });
    const lost = anOutgoing({ path: '/nowhere/at/all' });
    await expect(peer.store([lost])).rejects.toThrow('the stored object is not on disk');
    await expect.poll(() => ended).toBe(true);
  });

  it('gets more kinds of object than there are presentation contexts over several associations (PS3.8 9.3.2.2)', async () => {
    const stored: string[] = [];
    const port = await aFakeScp({
      store(_, request, answer) {
        stored.push(String(request.getAffectedSopInstanceUid()));
        success(request, answer);
      },
    });
    const counter = await aCounter(port);
    const many = Array.from({ length: 300 }, (_, i) => anOutgoing({ number: i, sopClassUid: `1.2.3.${i % 150}` }));
    await peerAt(counter.port).store(many);
    expect(stored).toEqual(many.map(({ sopInstanceUid }) => sopInstanceUid));
    expect(counter.connections()).toBe(2);
  });
});

function withStatus(request: Parameters<typeof success>[0], status: number) {
  let given: Parameters<Parameters<typeof success>[1]>[0] | undefined;
  success(request, (response) => {
    given = response;
  });
  given!.setStatus(status);
  return given!;
}
