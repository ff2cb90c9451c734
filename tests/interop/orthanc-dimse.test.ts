import { readFileSync } from 'node:fs';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { anAuthority } from '../support/certificates.ts';
import { freePort, getJson, NodeProcess } from '../support/node-process.ts';
import { hasOrthanc, type Orthanc, startOrthanc } from '../support/orthanc.ts';
import { runProgram } from '../support/programs.ts';
import { aFolder } from '../support/test-node.ts';
import { dataSetOf, type JudgedObject, STUDY, writeStudies } from './judged-study.ts';

/** Orthanc and the node as each other's peers by DIMSE, without and with TLS (both sides show a certificate). */
interface Pair {
  readonly orthanc: Orthanc;
  readonly node: NodeProcess;
}

async function aPair(secure: boolean, more: object = {}): Promise<Pair> {
  const [dimse, dimseTls] = [await freePort(), await freePort()];
  const folder = aFolder();
  const authority = anAuthority(folder);
  const [ours, theirs] = ['node', 'orthanc'].map((name) => authority.issue({ name, rsa: true }));
  const orthanc = await startOrthanc({
    aeTitle: 'ORTHANC',
    modalities: { node: { aeTitle: 'VOXGATE', host: '127.0.0.1', port: secure ? dimseTls : dimse, tls: secure } },
    ...(secure ? { tls: { ...theirs!, caPath: authority.certPath } } : {}),
  });
  onTestFinished(() => orthanc.stop());
  const certificates = {
    dimseTls: `127.0.0.1:${dimseTls}`,
    tlsCert: ours!.certPath,
    tlsKey: ours!.keyPath,
    tlsCa: authority.certPath,
  };
  const peer = {
    aeTitle: 'ORTHANC',
    host: '127.0.0.1',
    port: orthanc.dicomPort,
    ...(secure ? { tls: true } : {}),
    ...more,
  };
  const node = await NodeProcess.start({ ...(secure ? certificates : {}), peers: { orthanc: peer } }, dimse);
  return { orthanc, node };
}

/** Puts the objects into Orthanc by its own REST API. */
async function fill(orthanc: Orthanc): Promise<{ objects: JudgedObject[]; ids: string[] }> {
  const objects = writeStudies(aFolder());
  const ids: string[] = [];
  for (const { path } of objects) {
    const answer = await fetch(`${orthanc.httpUrl}/instances`, { method: 'POST', body: readFileSync(path) });
    const { ID } = (await answer.json()) as { ID: string };
    ids.push(ID);
  }
  return { objects, ids };
}

async function empty(orthanc: Orthanc): Promise<void> {
  for (const { id } of await orthanc.instances())
    await fetch(`${orthanc.httpUrl}/instances/${id}`, { method: 'DELETE' });
}

const held = (node: NodeProcess): Promise<object[]> => getJson(`${node.http}/dicom-web/instances`);

describe.skipIf(!hasOrthanc).each([
  ['without TLS', false],
  ['with TLS', true],
] as const)('Orthanc and the node, %s', (_, secure) => {
  it('rows 1 to 13: Orthanc echoes, sends, queries, has objects moved to it, and has their storage committed', async () => {
    const { orthanc, node } = await aPair(secure);
    await orthanc.ask('/modalities/node/echo', {});

    const { objects, ids } = await fill(orthanc);
    await orthanc.ask('/modalities/node/store', { Resources: ids, StorageCommitment: false });
    expect(await held(node)).toHaveLength(objects.length);

    await empty(orthanc);
    const query = await orthanc.ask<{ ID: string }>('/modalities/node/query', {
      Level: 'Study',
      Query: {
        PatientID: 'J*',
        StudyDate: '20260101-20260131',
        StudyInstanceUID: '',
        NumberOfStudyRelatedInstances: '',
      },
    });
    const answers = await orthanc.ask<string[]>(`/queries/${query.ID}/answers`);
    expect(answers).toHaveLength(1);
    expect(await orthanc.ask(`/queries/${query.ID}/answers/0/content?simplify`)).toMatchObject({
      StudyInstanceUID: STUDY,
      NumberOfStudyRelatedInstances: '4',
    });

    await orthanc.ask(`/queries/${query.ID}/answers/0/retrieve`, { TargetAet: 'ORTHANC', Synchronous: true });
    const moved = await orthanc.instances();
    const ofStudy = objects.filter(({ study }) => study === STUDY);
    expect(moved.map(({ sopInstanceUid }) => sopInstanceUid).sort()).toEqual(ofStudy.map(({ sop }) => sop).sort());
    for (const { id, sopInstanceUid } of moved) {
      const sent = ofStudy.find(({ sop }) => sop === sopInstanceUid)!;
      expect(dataSetOf(await orthanc.file(id)).equals(sent.dataSet), sopInstanceUid).toBe(true);
    }

    const committed = await orthanc.ask<{ Path: string }>('/modalities/node/storage-commitment', {
      DicomInstances: ofStudy.map(({ sop }) => ['1.2.840.10008.5.1.4.1.1.7', sop]),
    });
    await vi.waitFor(async () => expect(await orthanc.ask(committed.Path)).toMatchObject({ Status: 'Success' }), {
      timeout: 20_000,
      interval: 200,
    });
    const refused = await orthanc.ask<{ Path: string }>('/modalities/node/storage-commitment', {
      DicomInstances: [['1.2.840.10008.5.1.4.1.1.7', '1.2.3.4.404']],
    });
    await vi.waitFor(async () => expect(await orthanc.ask(refused.Path)).toMatchObject({ Status: 'Failure' }), {
      timeout: 20_000,
      interval: 200,
    });
  });

  it('rows 1 and 3: the node echoes and sends to Orthanc', async () => {
    const { orthanc, node } = await aPair(secure);
    const objects = writeStudies(aFolder());
    const voxgate = async (...args: string[]): Promise<void> => {
      const env = { VOXGATE_CONFIG: node.configurationFile };
      const { code, output } = await runProgram(process.execPath, ['bin/voxgate.mjs', ...args], { env });
      expect(code, output).toBe(0);
    };
    await voxgate('echo', 'orthanc');
    await voxgate('send', 'orthanc', ...objects.map(({ path }) => path));
    expect((await orthanc.instances()).map(({ sopInstanceUid }) => sopInstanceUid).sort()).toEqual(
      objects.map(({ sop }) => sop).sort(),
    );
  });

  it('row 13: the node has the storage of its results committed by Orthanc', async () => {
    const { orthanc, node } = await aPair(secure, { storageCommitment: true });
    const phantom = [
      'phantom',
      '--slices',
      '60',
      '--seed',
      '3',
      '--send',
      `dicom://VOXGATE@127.0.0.1:${node.dimsePort}`,
    ];
    const { code, output } = await runProgram(process.execPath, ['bin/voxgate.mjs', ...phantom], { seconds: 120 });
    expect(code, output).toBe(0);
    await vi.waitFor(async () => expect(await orthanc.instances()).not.toEqual([]), { timeout: 90_000, interval: 500 });
    await vi.waitFor(
      async () => {
        const { requested } = await getJson<{ requested: { state: string }[] }>(`${node.http}/api/commitments`);
        expect(requested.map(({ state }) => state)).toEqual(requested.map(() => 'committed'));
        expect(requested).not.toEqual([]);
      },
      { timeout: 60_000, interval: 500 },
    );
  });
});
