import { describe, expect, it, onTestFinished } from 'vitest';
import { dataset } from '../../src/dicom/build.ts';
import { STUDY_ROOT_GET } from '../../src/dicom/sop-classes.ts';
import { encodeDataSet } from '../../src/dicom/write.ts';
import { DimsePeer } from '../../src/peers/dimse-peer.ts';
import { openPeer } from '../../src/peers/open-peers.ts';
import {
  type IncomingStore,
  openAssociation,
  type Proposal,
  type RequestorAssociation,
} from '../../src/peers/requestor.ts';
import { anOutgoing, type Outgoing } from '../peers/outgoing.ts';
import { SECONDARY_CAPTURE } from '../support/instances.ts';
import { EXPLICIT, IMPLICIT } from '../support/raw-scu.ts';
import { aNode, type TestNode } from '../support/test-node.ts';
import { identifierContext, retrieve } from './retrieving.ts';

const STUDY = { QueryRetrieveLevel: 'STUDY', StudyInstanceUID: '1.2.3.4.1' };
const OTHER_CLASS = '1.2.3.9';
const PROVIDER = { user: false, provider: true };

async function aNodeWith(objects: readonly Outgoing[]): Promise<TestNode> {
  const node = await aNode();
  await openPeer({ name: 'node', aeTitle: 'VOXGATE', host: '127.0.0.1', port: node.dimsePort }, 'SENDER').store(
    objects,
  );
  return node;
}

const addressOf = (node: TestNode) => ({
  callingAe: 'ASKING',
  calledAe: 'VOXGATE',
  host: '127.0.0.1',
  port: node.dimsePort,
});

interface Came {
  readonly uid: string;
  readonly syntax: string;
  readonly bytes: Buffer;
}

/** An association that takes what it asked for; `answer` gives the status of each, or never does. */
async function aTaker(
  node: TestNode,
  storage: readonly Proposal[],
  answer: (came: Came, request: IncomingStore) => number | Promise<number> = () => 0,
): Promise<{ association: RequestorAssociation; came: Came[] }> {
  const came: Came[] = [];
  const association = await openAssociation(addressOf(node), [identifierContext(STUDY_ROOT_GET), ...storage], {
    openSink: (request) => {
      if (request.command.commandField !== 1) return undefined;
      const pieces: Buffer[] = [];
      return Promise.resolve({
        take: (piece: Buffer) => void pieces.push(Buffer.from(piece)),
        end: async () => {
          const uid = request.command.affectedSopInstanceUid ?? '';
          const one = { uid, syntax: request.context.transferSyntaxUid, bytes: Buffer.concat(pieces) };
          came.push(one);
          await request.respond({ status: await answer(one, request) });
        },
        abandon: () => Promise.resolve(),
      });
    },
  });
  onTestFinished(() => association.abort());
  return { association, came };
}

const get = (association: RequestorAssociation) => retrieve(association, 'C-GET-RQ', STUDY_ROOT_GET, STUDY);
const inContexts = (...syntaxes: readonly string[][]): Proposal[] =>
  syntaxes.map((transferSyntaxUids) => ({ sopClassUid: SECONDARY_CAPTURE, transferSyntaxUids, role: PROVIDER }));
const anIdentifier = () => encodeDataSet(dataset(STUDY), { transferSyntaxUid: IMPLICIT });
const someObjects = (count: number): Outgoing[] =>
  Array.from({ length: count }, (_, i) => anOutgoing({ number: i + 1 }));

describe('C-GET (PS3.4 C.4.3)', () => {
  it('sends each object on the association in the context of its class and syntax, byte for byte', async () => {
    const objects = [1, 2, 3, 4].map((number) =>
      anOutgoing({ number, transferSyntaxUid: number % 2 ? EXPLICIT : IMPLICIT }),
    );
    const node = await aNodeWith(objects);
    const { association, came } = await aTaker(node, inContexts([EXPLICIT], [IMPLICIT]));
    expect(association.contexts.filter((context) => context.weAreProvider)).toHaveLength(2);
    const said = await get(association);
    expect(said.final).toMatchObject({ status: 0, completed: 4, failed: 0, warning: 0 });
    expect(said.pending[0]).toMatchObject({ remaining: 4, completed: 0 });
    expect(came.map(({ uid, syntax }) => [uid, syntax])).toEqual(
      objects.map((one) => [one.sopInstanceUid, one.transferSyntaxUid]),
    );
    for (const [i, { bytes, dataSetOffset }] of objects.entries())
      expect(came[i]!.bytes.equals(bytes.subarray(dataSetOffset))).toBe(true);
  });

  it('writes objects anew in the one syntax that the caller takes', async () => {
    const objects = someObjects(2);
    const node = await aNodeWith(objects);
    const { association, came } = await aTaker(node, inContexts([IMPLICIT]));
    expect((await get(association)).final).toMatchObject({ status: 0, completed: 2 });
    const asImplicit = [1, 2].map((number) => anOutgoing({ number, transferSyntaxUid: IMPLICIT }));
    expect(came.map(({ bytes }) => bytes.toString('hex'))).toEqual(
      asImplicit.map(({ bytes, dataSetOffset }) => bytes.subarray(dataSetOffset).toString('hex')),
    );
  });

  it('lists what has no context, what was refused, and counts warnings (B000H)', async () => {
    const node = await aNodeWith([...someObjects(3), anOutgoing({ number: 4, sopClassUid: OTHER_CLASS })]);
    const statuses: Record<string, number> = { '1.2.3.4.1.1.1': 0xa700, '1.2.3.4.1.1.2': 0xb007 };
    const { association } = await aTaker(node, inContexts([EXPLICIT]), ({ uid }) => statuses[uid] ?? 0);
    const said = await get(association);
    expect(said.final).toMatchObject({ status: 0xb000, completed: 1, failed: 2, warning: 1 });
    expect(said.failed).toEqual(['1.2.3.4.1.1.1', '1.2.3.4.1.1.4']);
  });

  it('ends with A702H where nothing could be sent', async () => {
    const node = await aNodeWith(someObjects(2));
    const { association } = await aTaker(node, [
      { sopClassUid: OTHER_CLASS, transferSyntaxUids: [EXPLICIT], role: PROVIDER },
    ]);
    expect((await get(association)).final).toMatchObject({ status: 0xa702, completed: 0, failed: 2 });
  });

  it('is answered without role selection too: some callers never offer to be the provider', async () => {
    const node = await aNodeWith(someObjects(2));
    const { association, came } = await aTaker(node, [
      { sopClassUid: SECONDARY_CAPTURE, transferSyntaxUids: [EXPLICIT] },
    ]);
    expect((await get(association)).final).toMatchObject({ status: 0, completed: 2 });
    expect(came).toHaveLength(2);
  });

  it('is told of while the caller takes its time, and cancelled within a second (FE00H)', async () => {
    const node = await aNodeWith(someObjects(5));
    const { association, came } = await aTaker(node, inContexts([EXPLICIT]), async ({ uid }) => {
      if (uid.endsWith('.2')) await new Promise((resolve) => setTimeout(resolve, 4000));
      return 0;
    });
    const [context] = association.contexts;
    const said: number[] = [];
    const times: number[] = [];
    const responses = association.requestMany(
      context!.id,
      'C-GET-RQ',
      { affectedSopClassUid: STUDY_ROOT_GET, priority: 0 },
      anIdentifier(),
    );
    for await (const { command } of responses) {
      said.push(command.remaining ?? -1);
      times.push(performance.now());
      if (said.length === 3) break;
    }
    expect(said).toEqual([5, 4, 4]);
    expect(times[2]! - times[1]!).toBeLessThan(2000);
    await new Promise((resolve) => setTimeout(resolve, 4000));
    // Nothing follows the one that was under way.
    expect(came.map(({ uid }) => uid)).toEqual(['1.2.3.4.1.1.1', '1.2.3.4.1.1.2']);
    expect((await get(association)).final).toMatchObject({ status: 0, completed: 5 });
  });

  it('leaves nothing open where the caller aborts in the middle; the node goes on', async () => {
    const node = await aNodeWith(someObjects(20));
    const { association, came } = await aTaker(node, inContexts([EXPLICIT]), () => {
      if (came.length === 5) association.abort();
      return 0;
    });
    await expect(get(association)).rejects.toThrow('we aborted the association');
    const again = await aTaker(node, inContexts([EXPLICIT]));
    expect((await get(again.association)).final).toMatchObject({ status: 0, completed: 20 });
  });
});

describe('C-GET as user', () => {
  it('has a peer send into whatever takes it, and says what failed', async () => {
    const objects = someObjects(3);
    const node = await aNodeWith(objects);
    const kept = new Map<string, Buffer>();
    const peer = new DimsePeer('pacs', addressOf(node));
    const result = await peer.get('study', dataset(STUDY), [SECONDARY_CAPTURE], {
      begin: ({ sopInstanceUid }) => {
        const pieces: Buffer[] = [];
        return Promise.resolve({
          write: (piece: Buffer) => void pieces.push(Buffer.from(piece)),
          finish: async () => {
            if (sopInstanceUid.endsWith('.3')) throw new Error('the disk is full');
            kept.set(sopInstanceUid, Buffer.concat(pieces));
          },
          discard: () => Promise.resolve(),
        });
      },
    });
    expect(result).toEqual({
      status: 0xb000,
      completed: 2,
      failed: 1,
      warning: 0,
      failedSopInstanceUids: ['1.2.3.4.1.1.3'],
    });
    expect([...kept.keys()]).toEqual(['1.2.3.4.1.1.1', '1.2.3.4.1.1.2']);
    const { bytes, dataSetOffset } = objects[0]!;
    expect(kept.get('1.2.3.4.1.1.1')!.equals(bytes.subarray(dataSetOffset))).toBe(true);
  });

  it('asks for matches, and leaves early where they are enough (C-FIND, C-CANCEL)', async () => {
    const node = await aNodeWith(someObjects(5));
    const peer = new DimsePeer('pacs', addressOf(node));
    const keys = dataset({ QueryRetrieveLevel: 'IMAGE', StudyInstanceUID: '1.2.3.4.1', SOPInstanceUID: '' });
    const found: (string | undefined)[] = [];
    for await (const match of peer.find('study', keys)) {
      found.push(match['00080018']?.Value?.map(String)[0]);
      if (found.length === 2) break;
    }
    expect(found).toHaveLength(2);
    let all = 0;
    for await (const _ of peer.find('study', keys)) all += 1;
    expect(all).toBe(5);
    await expect(peer.move('study', dataset(STUDY), 'NOWHERE')).rejects.toThrow('C-MOVE was answered with A801H');
  });
});
