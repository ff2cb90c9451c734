import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { freePort, getJson, NodeProcess } from '../support/node-process.ts';
import { hasPrograms, type ProgramResult, runProgram, startProgram } from '../support/programs.ts';
import { type ExpectedRow, expectedRows, hasSharedData, sharedData } from '../support/shared-data.ts';
import { aFolder } from '../support/test-node.ts';
import { dataSetOf, expectReceived, type JudgedObject, OTHER_STUDY, STUDY, writeStudies } from './judged-study.ts';

/** HTJ2K, JPEG XL and Deflated Image Frame are younger than it; dicomweb-roundtrip.test.ts sends those. */
const UNKNOWN_TO_DCMTK = new Set(
  ['4.110', '4.111', '4.112', '4.201', '4.202', '4.203', '8.1'].map((end) => `1.2.840.10008.1.2.${end}`),
);

/** Their SOP Class UID is UN: DCMTK announces its first byte, and A900H is the answer to that. */
const ANNOUNCED_WRONGLY = /ct-one-image-many-ts/;

/** DCMTK as the judge: each program ends with 0, and what it says is what we expect. */
const ready = hasPrograms('echoscu', 'storescu', 'dcmsend', 'findscu', 'movescu', 'getscu', 'storescp');

async function dcmtk(program: string, node: NodeProcess, ...args: string[]): Promise<ProgramResult> {
  const all = ['-v', '-aec', 'VOXGATE', ...args.slice(0, -1), ...splitLast(args, node)];
  // movescu writes what it keeps byte for byte (+B) where it runs, and not where -od says.
  const folder = args[args.indexOf('-od') + 1];
  const result = await runProgram(program, all, args.includes('-od') && folder ? { cwd: folder } : {});
  expect(result.code, `${program} ${args.join(' ')}\n${result.output}`).toBe(0);
  return result;
}

/** Options first, then peer and port, then files: the last argument is files separated by newlines, or empty. */
function splitLast(args: readonly string[], node: NodeProcess): string[] {
  const files = (args.at(-1) ?? '').split('\n').filter(Boolean);
  return ['127.0.0.1', String(node.dimsePort), ...files];
}

const paths = (objects: readonly { path: string }[]): string => objects.map(({ path }) => path).join('\n');

async function store(node: NodeProcess): Promise<JudgedObject[]> {
  const objects = writeStudies(aFolder());
  await dcmtk('storescu', node, '-R', paths(objects));
  return objects;
}

/** Values of one attribute in the responses that findscu prints. */
function values(output: string, tag: string): string[] {
  return [...output.matchAll(new RegExp(`^I: \\(${tag}\\) \\w\\w (?:\\[(.*?)\\]|\\(no value available\\))`, 'gm'))]
    .map((match) => (match[1] ?? '').trim())
    .slice(1); // the first is the request
}

const keys = (level: string, ...more: string[]): string[] =>
  [`QueryRetrieveLevel=${level}`, ...more].flatMap((key) => ['-k', key]);

describe.skipIf(!ready)('DCMTK', () => {
  it('row 1: echoscu succeeds, with 128 presentation contexts and 38 transfer syntaxes too', async () => {
    const node = await NodeProcess.start();
    await dcmtk('echoscu', node, '');
    await dcmtk('echoscu', node, '--propose-pc', '128', '--propose-ts', '38', '');
    await dcmtk('echoscu', node, '--repeat', '20', '');
  });

  it.skipIf(!hasSharedData)(
    'rows 2 and 28: dcmsend stores one real file of every transfer syntax that it knows',
    async () => {
      const node = await NodeProcess.start();
      const readable = expectedRows().filter(
        (row) => row['pydicom'] === 'ok' && row['dcmtk'] === 'ok' && row['SOPInstanceUID'] && row['StudyInstanceUID'],
      );
      // One object each, and each its own: many of the files share a SOP Instance UID.
      const chosen = new Map<string, ExpectedRow>();
      const taken = new Set<string>();
      for (const row of readable) {
        const syntax = row['TransferSyntaxUID']!;
        if (ANNOUNCED_WRONGLY.test(row['file']!)) continue;
        if (chosen.has(syntax) || UNKNOWN_TO_DCMTK.has(syntax) || taken.has(row['SOPInstanceUID']!)) continue;
        chosen.set(syntax, row);
        taken.add(row['SOPInstanceUID']!);
      }
      expect(chosen.size).toBeGreaterThan(10);
      for (const [syntax, row] of chosen) {
        const { output } = await dcmtk('dcmsend', node, '--decompress-never', sharedData(row['file']!));
        expect(output, syntax).toContain('Response (Success)');
        const { StudyInstanceUID, SeriesInstanceUID, SOPInstanceUID } = row;
        const path = `studies/${StudyInstanceUID}/series/${SeriesInstanceUID}/instances/${SOPInstanceUID}`;
        const back = await fetch(`${node.http}/dicom-web/${path}`, {
          headers: { accept: 'application/dicom; transfer-syntax=*' },
        });
        const stored = dataSetOf(Buffer.from(await back.arrayBuffer()));
        // DCMTK may write lengths anew, and uncompressed objects in another syntax; compressed pixels are the file's.
        const sent = dataSetOf(readFileSync(sharedData(row['file']!)));
        const compressed = /\.1\.2\.(4\.|5$)/.test(syntax);
        const tail = compressed ? 256 : 0;
        expect(stored.length, syntax).toBeGreaterThan(0);
        expect(
          stored.subarray(stored.length - tail).equals(sent.subarray(sent.length - tail)),
          `${syntax} ${row['file']}`,
        ).toBe(true);
      }
    },
  );

  it.each([['-xe'], ['-xb'], ['-xi'], ['-xd']])(
    'row 2: storescu %s proposes all its contexts and stores',
    async (syntax) => {
      const node = await NodeProcess.start();
      const objects = writeStudies(aFolder());
      await dcmtk('storescu', node, syntax, '+C', paths(objects));
      expect(await getJson<object[]>(`${node.http}/dicom-web/instances`)).toHaveLength(objects.length);
    },
  );

  it('rows 4, 6, 7, 10: findscu finds at every level in every model', async () => {
    const node = await NodeProcess.start();
    await store(node);
    const find = async (model: string, ...k: string[]): Promise<string> =>
      (await dcmtk('findscu', node, model, ...k, '')).output;
    for (const model of ['-P', '-O']) {
      const patients = await find(
        model,
        ...keys('PATIENT', 'PatientID=J*', 'PatientName', 'NumberOfPatientRelatedStudies'),
      );
      expect(values(patients, '0010,0020').sort(), model).toEqual(['J1', 'J2']);
      expect(values(patients, '0020,1200'), model).toEqual(['1', '1']);
    }
    for (const model of ['-P', '-S', '-O']) {
      const scope = model === '-S' ? [] : ['PatientID=J1'];
      const studies = await find(
        model,
        ...keys(
          'STUDY',
          ...scope,
          'StudyDate=20260101-20260131',
          'StudyInstanceUID',
          'ModalitiesInStudy',
          'NumberOfStudyRelatedInstances',
        ),
      );
      expect(values(studies, '0020,000d'), model).toEqual([STUDY]);
      expect(values(studies, '0008,0061')[0]?.split('\\').sort(), model).toEqual(['CT', 'SR']);
      expect(values(studies, '0020,1208'), model).toEqual(['4']);
    }
    for (const model of ['-P', '-S']) {
      const scope = model === '-S' ? [] : ['PatientID=J1'];
      const series = await find(
        model,
        ...keys('SERIES', ...scope, `StudyInstanceUID=${STUDY}`, 'Modality=SR', 'SeriesInstanceUID'),
      );
      expect(values(series, '0020,000e'), model).toEqual([`${STUDY}.2`]);
      const images = await find(
        model,
        ...keys(
          'IMAGE',
          ...scope,
          `StudyInstanceUID=${STUDY}`,
          `SeriesInstanceUID=${STUDY}.1`,
          'SOPInstanceUID',
          'InstanceNumber=2',
        ),
      );
      expect(values(images, '0008,0018'), model).toEqual([`${STUDY}.1.2`]);
    }
    const list = await find(
      '-S',
      ...keys('STUDY', `StudyInstanceUID=${STUDY}\\${OTHER_STUDY}`, 'PatientName=judged^t*'),
    );
    expect(values(list, '0020,000d')).toEqual([OTHER_STUDY]);
  });

  it('row 11: movescu moves to itself and to storescp, every data set as it was stored', async () => {
    const [own, other] = [await freePort(), await freePort()];
    const node = await NodeProcess.start({
      peers: {
        mover: { aeTitle: 'MOVESCU', host: '127.0.0.1', port: own },
        archive: { aeTitle: 'STORESCP', host: '127.0.0.1', port: other },
      },
    });
    const objects = await store(node);
    const ofStudy = objects.filter(({ study }) => study === STUDY);
    const received = aFolder();
    const study = keys('STUDY', `StudyInstanceUID=${STUDY}`);
    const moved = await dcmtk(
      'movescu',
      node,
      '-d',
      '-S',
      '-aem',
      'MOVESCU',
      '+P',
      String(own),
      '+B',
      '-od',
      received,
      ...study,
      '',
    );
    expect(moved.output).toMatch(/Completed Suboperations *: 4/);
    expectReceived(received, ofStudy);
    const archived = aFolder();
    await startProgram('storescp', ['-B', '-aet', 'STORESCP', '-od', archived, String(other)], other);
    const series = keys('SERIES', 'PatientID=J1', `StudyInstanceUID=${STUDY}`, `SeriesInstanceUID=${STUDY}.2`);
    await dcmtk('movescu', node, '-P', '-aem', 'STORESCP', ...series, '');
    expectReceived(
      archived,
      ofStudy.filter(({ series: uid }) => uid === `${STUDY}.2`),
    );
  });

  it('row 11: movescu is told that a destination is not known (A801H)', async () => {
    const node = await NodeProcess.start();
    const { output } = await runProgram('movescu', [
      ...['-d', '-S', '-aec', 'VOXGATE', '-aem', 'NOBODY', ...keys('STUDY', `StudyInstanceUID=${STUDY}`)],
      ...['127.0.0.1', String(node.dimsePort)],
    ]);
    expect(output).toMatch(/a801/i);
  });

  it('row 12: getscu gets a study, a series and an image, every data set as it was stored', async () => {
    const node = await NodeProcess.start();
    const objects = await store(node);
    const get = async (model: string, ...k: string[]): Promise<string> => {
      const folder = aFolder();
      await dcmtk('getscu', node, model, '+B', '-od', folder, ...k, '');
      return folder;
    };
    expectReceived(
      await get('-S', ...keys('STUDY', `StudyInstanceUID=${STUDY}`)),
      objects.filter(({ study }) => study === STUDY),
    );
    expectReceived(
      await get('-P', ...keys('PATIENT', 'PatientID=J2')),
      objects.filter(({ study }) => study === OTHER_STUDY),
    );
    expectReceived(
      await get(
        '-S',
        ...keys('IMAGE', `StudyInstanceUID=${STUDY}`, `SeriesInstanceUID=${STUDY}.1`, `SOPInstanceUID=${STUDY}.1.2`),
      ),
      objects.filter(({ sop }) => sop === `${STUDY}.1.2`),
    );
  });
});
