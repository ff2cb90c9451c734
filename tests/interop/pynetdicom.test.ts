import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { freePort, getJson, NodeProcess } from '../support/node-process.ts';
import { type ProgramResult, runProgram, startProgram } from '../support/programs.ts';
import { hasPynetdicom, hasQrscp, python, pythonEnvironment, SCU_SCRIPT } from '../support/pynetdicom.ts';
import { aFolder } from '../support/test-node.ts';
import { expectReceived, type JudgedObject, OTHER_STUDY, STUDY, writeStudies } from './judged-study.ts';

/** pynetdicom's apps as judges, and what they do not do by a script of ours on the same library. */
async function app(name: string, ...args: string[]): Promise<ProgramResult> {
  const result = await runProgram(python!, ['-m', 'pynetdicom', name, ...args], { env: pythonEnvironment });
  expect(result.code, `${name} ${args.join(' ')}\n${result.output}`).toBe(0);
  return result;
}

const peer = (node: NodeProcess): string[] => ['127.0.0.1', String(node.dimsePort), '-aec', 'VOXGATE'];
const keys = (level: string, ...more: string[]): string[] =>
  [`QueryRetrieveLevel=${level}`, ...more].flatMap((key) => ['-k', key]);

async function store(node: NodeProcess): Promise<JudgedObject[]> {
  const folder = join(aFolder(), 'in');
  const objects = writeStudies(folder);
  const { output } = await app(
    'storescu',
    '127.0.0.1',
    String(node.dimsePort),
    folder,
    '-aec',
    'VOXGATE',
    '-v',
    '-r',
    '-cx',
  );
  expect(output.match(/Received Store Response \(Status: 0x0000/g) ?? [], output).toHaveLength(objects.length);
  return objects;
}

async function scu<T>(...args: string[]): Promise<T> {
  const { code, output } = await runProgram(python!, [SCU_SCRIPT, ...args], { env: pythonEnvironment });
  expect(code, output).toBe(0);
  return JSON.parse(output.trim().split('\n').at(-1)!);
}

interface CommitmentAnswer {
  readonly status: number;
  readonly transaction: string;
  readonly reports: readonly {
    readonly type: number;
    readonly transaction: string;
    readonly stored: readonly string[];
    readonly failed: Readonly<Record<string, number>>;
  }[];
}

function expectReport({ status, transaction, reports }: CommitmentAnswer, objects: readonly JudgedObject[]): void {
  expect(status).toBe(0);
  expect(reports).toEqual([
    // 0112H: no such object instance (PS3.3 C.14.1.1); event 2: failures exist.
    { type: 2, transaction, stored: objects.map(({ sop }) => sop).sort(), failed: { '1.2.3.4.404': 0x0112 } },
  ]);
}

describe.skipIf(!hasPynetdicom)('pynetdicom', () => {
  it('rows 1, 2, 4: echoscu, storescu and findscu succeed in every model', async () => {
    const node = await NodeProcess.start();
    const { output } = await app('echoscu', ...peer(node), '-v');
    expect(output).toContain('Status: 0x0000');
    await store(node);
    for (const [model, count] of [
      ['-P', 1],
      ['-S', 1],
      ['-O', 1],
    ] as const) {
      const found = await app(
        'findscu',
        ...peer(node),
        '-v',
        model,
        ...keys('STUDY', 'PatientID=J1', 'StudyInstanceUID', 'PatientName'),
      );
      expect(found.output.match(/Find SCP Response: \d+ - 0xFF0[01]/g) ?? [], found.output).toHaveLength(count);
      expect(found.output).toContain(STUDY);
    }
  });

  it('row 12: getscu gets what was stored', async () => {
    const node = await NodeProcess.start();
    const objects = await store(node);
    const received = aFolder();
    await app('getscu', ...peer(node), '-S', '-od', received, ...keys('STUDY', `StudyInstanceUID=${STUDY}`));
    expectReceived(
      received,
      objects.filter(({ study }) => study === STUDY),
    );
  });

  it('row 11: movescu has a study moved to itself and to storescp', async () => {
    const [own, other] = [await freePort(), await freePort()];
    const node = await NodeProcess.start({
      peers: {
        own: { aeTitle: 'STORESCP', host: '127.0.0.1', port: own },
        other: { aeTitle: 'OTHERSCP', host: '127.0.0.1', port: other },
      },
    });
    const objects = await store(node);
    const study = keys('STUDY', `StudyInstanceUID=${OTHER_STUDY}`);
    const ofStudy = objects.filter(({ study: uid }) => uid === OTHER_STUDY);
    const received = aFolder();
    await app(
      ...([
        'movescu',
        ...peer(node),
        '-S',
        '-aem',
        'STORESCP',
        '--store',
        '--store-port',
        String(own),
        '-od',
        received,
      ] as const),
      ...study,
    );
    expectReceived(received, ofStudy);
    const archived = aFolder();
    const listen = ['-m', 'pynetdicom', 'storescp', String(other), '-aet', 'OTHERSCP', '-od', archived];
    await startProgram(python!, listen, other, pythonEnvironment);
    await app('movescu', ...peer(node), '-S', '-aem', 'OTHERSCP', ...study);
    expectReceived(archived, ofStudy);
  });

  it.skipIf(!hasQrscp)('row 11: qrscp takes what is moved to it', async () => {
    const port = await freePort();
    const node = await NodeProcess.start({ peers: { qr: { aeTitle: 'QRSCP', host: '127.0.0.1', port } } });
    const objects = await store(node);
    const folder = aFolder();
    const listen = ['--port', String(port), '-aet', 'QRSCP', '--instance-location', join(folder, 'i')];
    await startProgram(
      python!,
      ['-m', 'pynetdicom', 'qrscp', ...listen, '--database-location', join(folder, 'db.sqlite')],
      port,
      pythonEnvironment,
    );
    await app('movescu', ...peer(node), '-S', '-aem', 'QRSCP', ...keys('STUDY', `StudyInstanceUID=${STUDY}`));
    const found = await app(
      'findscu',
      '127.0.0.1',
      String(port),
      '-v',
      '-S',
      ...keys('STUDY', 'StudyInstanceUID', 'NumberOfStudyRelatedInstances'),
    );
    expect(found.output).toContain(STUDY);
    expect(objects.length).toBeGreaterThan(0);
  });

  it('row 13: storage commitment is reported on the same association', async () => {
    const node = await NodeProcess.start();
    const objects = await store(node);
    expectReport(
      await scu<CommitmentAnswer>('commit-same', String(node.dimsePort), ...objects.map(({ path }) => path)),
      objects,
    );
  });

  it('row 13: storage commitment is reported on a new association when the first is over', async () => {
    const port = await freePort();
    const node = await NodeProcess.start({ peers: { scu: { aeTitle: 'COMMITSCU', host: '127.0.0.1', port } } });
    const objects = await store(node);
    const answer = await scu<CommitmentAnswer>(
      ...(['commit-new', String(node.dimsePort), String(port)] as const),
      ...objects.map(({ path }) => path),
    );
    expectReport(answer, objects);
  });

  it('row 14: a procedure step is created, completed, and then final', async () => {
    const node = await NodeProcess.start();
    const answer = await scu<Record<string, unknown>>('mpps', String(node.dimsePort));
    expect(answer).toMatchObject({ created: 0, ended: 0, late: 0x0110 });
    const { procedureSteps } = await getJson<{ procedureSteps: object[] }>(`${node.http}/api/procedure-steps`);
    expect(procedureSteps).toHaveLength(1);
  });

  it('row 22: a user who is known is let in and told so, another is not', async () => {
    const node = await NodeProcess.start({ dimseUsers: { rita: null }, unknownPeers: { identity: true } });
    expect(await scu('identity', String(node.dimsePort), 'rita')).toEqual({
      established: true,
      status: 0,
      response: true,
    });
    expect(await scu('identity', String(node.dimsePort), 'nobody')).toEqual({ established: false });
  });
});
