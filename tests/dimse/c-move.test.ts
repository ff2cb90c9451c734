import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { JsonDataset } from '../../src/dicom/dataset.ts';
import { PATIENT_ROOT_MOVE, PATIENT_STUDY_ONLY_MOVE, STUDY_ROOT_MOVE } from '../../src/dicom/sop-classes.ts';
import { openPeer } from '../../src/peers/open-peers.ts';
import { openAssociation, type RequestorAssociation } from '../../src/peers/requestor.ts';
import {
  Accept,
  acceptAll,
  aFakeScp,
  type Behaviour,
  RejectTransferSyntaxesNotSupported,
  success,
} from '../peers/fake-scp.ts';
import { aClosedPort, aCounter, anOutgoing, type Outgoing } from '../peers/outgoing.ts';
import { EXPLICIT, IMPLICIT } from '../support/raw-scu.ts';
import { aNode, type TestNode } from '../support/test-node.ts';
import { identifierContext, RawRetriever, retrieve, type Said } from './retrieving.ts';

const STUDY = { QueryRetrieveLevel: 'STUDY', StudyInstanceUID: '1.2.3.4.1' };
const ROOTS = [STUDY_ROOT_MOVE, PATIENT_ROOT_MOVE, PATIENT_STUDY_ONLY_MOVE];

async function aNodeFor(port: number, objects: readonly Outgoing[]): Promise<TestNode> {
  const node = await aNode({ peers: [{ name: 'there', aeTitle: 'THERE', host: '127.0.0.1', port }] });
  await openPeer({ name: 'node', aeTitle: 'VOXGATE', host: '127.0.0.1', port: node.dimsePort }, 'SENDER').store(
    objects,
  );
  return node;
}

async function anAssociation(node: TestNode): Promise<RequestorAssociation> {
  const address = { callingAe: 'ASKING', calledAe: 'VOXGATE', host: '127.0.0.1', port: node.dimsePort };
  const association = await openAssociation(address, ROOTS.map(identifierContext));
  onTestFinished(() => association.abort());
  return association;
}

const moveStudy = async (node: TestNode): Promise<Said> =>
  retrieve(await anAssociation(node), 'C-MOVE-RQ', STUDY_ROOT_MOVE, STUDY, { destination: 'THERE' });

const someObjects = (count: number): Outgoing[] =>
  Array.from({ length: count }, (_, i) => anOutgoing({ number: i + 1 }));

/** A destination that notes what it is given. */
async function aDestination(behaviour: Behaviour = {}) {
  const stored: { uid: string; originator: unknown; originatorId: unknown }[] = [];
  const port = await aFakeScp({
    ...behaviour,
    store(scp, request, answer) {
      const command = request.getCommandDataset();
      stored.push({
        uid: String(request.getAffectedSopInstanceUid()),
        originator: command?.getElement('MoveOriginatorApplicationEntityTitle'),
        originatorId: command?.getElement('MoveOriginatorMessageID'),
      });
      (behaviour.store ?? ((_scp, one, say) => success(one, say)))(scp, request, answer);
    },
  });
  const counter = await aCounter(port);
  return { port: counter.port, stored, connections: counter.connections };
}

describe('C-MOVE (PS3.4 C.4.2)', () => {
  it('sends what is meant over one association, in order, and says for whom (PS3.7 9.1.1.1)', async () => {
    const there = await aDestination();
    const objects = someObjects(12);
    const node = await aNodeFor(there.port, [...objects].reverse());
    const said = await moveStudy(node);
    expect(said.final).toMatchObject({ status: 0, completed: 12, failed: 0, warning: 0 });
    expect(said.final).not.toHaveProperty('remaining');
    expect(said.pending[0]).toMatchObject({ remaining: 12, completed: 0 });
    expect(there.stored.map(({ uid }) => uid)).toEqual(objects.map(({ sopInstanceUid }) => sopInstanceUid));
    expect(there.stored[0]).toMatchObject({ originator: 'ASKING', originatorId: 1 });
    expect(there.connections()).toBe(1);
  });

  it('finds what is meant by the unique keys of its level and those above (PS3.4 C.4.2.1.4)', async () => {
    const there = await aDestination();
    const node = await aNodeFor(there.port, someObjects(3));
    const association = await anAssociation(node);
    const series = { QueryRetrieveLevel: 'SERIES', SeriesInstanceUID: '1.2.3.4.1.1' };
    const asked: [string, Record<string, string | string[]>, number][] = [
      [PATIENT_ROOT_MOVE, { QueryRetrieveLevel: 'PATIENT', PatientID: 'T1' }, 3],
      [PATIENT_ROOT_MOVE, { QueryRetrieveLevel: 'PATIENT', PatientID: 'T2' }, 0],
      [PATIENT_STUDY_ONLY_MOVE, { ...STUDY, PatientID: 'T1' }, 3],
      [PATIENT_ROOT_MOVE, { ...STUDY, PatientID: 'T2' }, 0],
      [STUDY_ROOT_MOVE, { QueryRetrieveLevel: 'STUDY', StudyInstanceUID: ['1.2.3.4.1', '1.2.3.9'] }, 3],
      [STUDY_ROOT_MOVE, { ...STUDY, ...series }, 3],
      [STUDY_ROOT_MOVE, series, 3],
      [
        STUDY_ROOT_MOVE,
        { ...STUDY, ...series, QueryRetrieveLevel: 'IMAGE', SOPInstanceUID: ['1.2.3.4.1.1.1', '1.2.3.4.1.1.3'] },
        2,
      ],
    ];
    for (const [root, identifier, count] of asked) {
      there.stored.splice(0);
      const said = await retrieve(association, 'C-MOVE-RQ', root, identifier, { destination: 'THERE' });
      expect(said.final, JSON.stringify(identifier)).toMatchObject({ status: 0, completed: count, failed: 0 });
      expect(there.stored).toHaveLength(count);
    }
  });

  it('is refused with A801H for an unknown destination, with A900H for an identifier that fits no level', async () => {
    const node = await aNodeFor(await aClosedPort(), []);
    const association = await anAssociation(node);
    const ask = async (root: string, identifier: Record<string, string | string[]>, destination = 'THERE') =>
      (await retrieve(association, 'C-MOVE-RQ', root, identifier, { destination })).final.status;
    expect(await ask(STUDY_ROOT_MOVE, STUDY, 'ELSEWHERE')).toBe(0xa801);
    expect(await ask(STUDY_ROOT_MOVE, { QueryRetrieveLevel: 'PATIENT', PatientID: 'T1' })).toBe(0xa900);
    expect(await ask(PATIENT_STUDY_ONLY_MOVE, { QueryRetrieveLevel: 'SERIES', SeriesInstanceUID: '1.2' })).toBe(0xa900);
    expect(await ask(STUDY_ROOT_MOVE, { QueryRetrieveLevel: 'STUDY', PatientID: 'T1' })).toBe(0xa900);
    expect(await ask(STUDY_ROOT_MOVE, { StudyInstanceUID: '1.2.3.4.1' })).toBe(0xa900);
    expect(await ask(STUDY_ROOT_MOVE, STUDY)).toBe(0);
  });

  it('ends with A702H and every UID in the failed list where the destination cannot be reached', async () => {
    const node = await aNodeFor(await aClosedPort(), someObjects(3));
    const said = await moveStudy(node);
    expect(said.final).toMatchObject({ status: 0xa702, completed: 0, failed: 3 });
    expect(said.final.errorComment).toMatch(/^THERE at 127\.0\.0\.1:\d+: ECONNREFUSED/);
    expect(said.failed).toEqual(['1.2.3.4.1.1.1', '1.2.3.4.1.1.2', '1.2.3.4.1.1.3']);
  });

  it('goes on past what is refused, and lists it with B000H', async () => {
    const there = await aDestination({
      associate(scp, association) {
        for (const { context } of association.getPresentationContexts())
          context.setResult(
            context.getAbstractSyntaxUid() === '1.2.3.9' ? RejectTransferSyntaxesNotSupported : Accept,
            context.getTransferSyntaxUids()[0],
          );
        scp.sendAssociationAccept();
      },
      store(_, request, answer) {
        success(request, (response) => {
          if (request.getAffectedSopInstanceUid() === '1.2.3.4.1.1.2') response.setStatus(0xa700);
          if (request.getAffectedSopInstanceUid() === '1.2.3.4.1.1.4') response.setStatus(0xb000);
          answer(response);
        });
      },
    });
    const node = await aNodeFor(there.port, [...someObjects(4), anOutgoing({ number: 5, sopClassUid: '1.2.3.9' })]);
    const said = await moveStudy(node);
    expect(said.final).toMatchObject({ status: 0xb000, completed: 2, failed: 2, warning: 1 });
    expect(said.failed).toEqual(['1.2.3.4.1.1.2', '1.2.3.4.1.1.5']);
    expect(there.stored).toHaveLength(4);
  });

  it('counts what is left as failed where the destination dies in the middle', async () => {
    const there = await aDestination({
      store(scp, request, answer) {
        if (request.getAffectedSopInstanceUid() === '1.2.3.4.1.1.3') scp.socket.destroy();
        else success(request, answer);
      },
    });
    const node = await aNodeFor(there.port, someObjects(6));
    const said = await moveStudy(node);
    expect(said.final).toMatchObject({ status: 0xb000, completed: 2, failed: 4 });
    expect(said.failed).toEqual([3, 4, 5, 6].map((number) => `1.2.3.4.1.1.${number}`));
  });

  it('says so every second while the destination hangs, and is cancelled within a second (FE00H)', async () => {
    const ended: boolean[] = [];
    const there = await aDestination({
      associate(scp, association) {
        scp.on('close', () => ended.push(true));
        acceptAll(scp, association);
      },
      store(_, request, answer) {
        if (request.getAffectedSopInstanceUid() === '1.2.3.4.1.1.1') success(request, answer);
      },
    });
    const node = await aNodeFor(there.port, someObjects(3));
    const raw = await RawRetriever.associate(node.dimsePort, STUDY_ROOT_MOVE);
    raw.move(7, 'THERE', STUDY);
    const began = performance.now();
    const times: number[] = [];
    let last: JsonDataset = {};
    while (times.length < 4) {
      last = await raw.scu.receiveCommand();
      times.push(performance.now() - began);
    }
    expect(times[0]).toBeLessThan(1000);
    for (let i = 1; i < times.length; i++) expect(times[i]! - times[i - 1]!).toBeLessThan(2000);
    expect(last).toMatchObject({
      '00000900': { Value: [0xff00] },
      '00001020': { Value: [2] },
      '00001021': { Value: [1] },
    });
    const cancelled = performance.now();
    raw.cancel(7);
    while (last['00000900']?.Value?.[0] === 0xff00) last = await raw.scu.receiveCommand();
    expect(performance.now() - cancelled).toBeLessThan(1000);
    expect(last).toMatchObject({
      '00000900': { Value: [0xfe00] },
      '00001020': { Value: [2] },
      '00001021': { Value: [1] },
    });
    await expect.poll(() => ended.length).toBe(1);
  });

  it('stops where the caller aborts', async () => {
    const ended: boolean[] = [];
    const there = await aDestination({
      associate(scp, association) {
        scp.on('close', () => ended.push(true));
        acceptAll(scp, association);
      },
      store(_, request, answer) {
        setTimeout(() => success(request, answer), 50);
      },
    });
    const node = await aNodeFor(there.port, someObjects(60));
    const association = await anAssociation(node);
    const asked = retrieve(association, 'C-MOVE-RQ', STUDY_ROOT_MOVE, STUDY, { destination: 'THERE' }).catch(String);
    await expect.poll(() => there.stored.length).toBeGreaterThan(3);
    association.abort();
    expect(await asked).toContain('we aborted the association');
    await expect.poll(() => ended.length).toBe(1);
    expect(there.stored.length).toBeLessThan(60);
  });

  it('brings objects into what the destination accepts, and leaves no file of it behind', async () => {
    const elements: number[] = [];
    const there = await aDestination({
      associate(scp, association) {
        for (const { context } of association.getPresentationContexts()) {
          const [syntax] = context.getTransferSyntaxUids();
          context.setResult(syntax === IMPLICIT ? Accept : RejectTransferSyntaxesNotSupported, syntax);
        }
        scp.sendAssociationAccept();
      },
      store(_, request, answer) {
        elements.push(Object.keys(request.getDataset()?.getElements() ?? {}).length);
        success(request, answer);
      },
    });
    const node = await aNodeFor(
      there.port,
      [1, 2, 3].map((number) => anOutgoing({ number, transferSyntaxUid: EXPLICIT })),
    );
    const said = await moveStudy(node);
    expect(said.final).toMatchObject({ status: 0, completed: 3, failed: 0 });
    expect(Math.min(...elements)).toBeGreaterThan(10);
    const folder = join(node.settings.data, 'work', 'transcoded');
    await sleep(100);
    expect(existsSync(folder) ? readdirSync(folder) : []).toEqual([]);
  });
});
