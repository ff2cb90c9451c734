import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { JsonDataset, JsonElement } from '../../src/dicom/dataset.ts';
import { nativeXml } from '../../src/dicom/native-xml.ts';
import { readNativeXml } from '../../src/dicom/read-native-xml.ts';
import { hasPrograms, runProgram } from '../support/programs.ts';
import { pythonEnvironment } from '../support/pynetdicom.ts';
import { expectedRows, hasSharedData, sharedData } from '../support/shared-data.ts';
import {
  type Comparison,
  compare,
  type PlainElement,
  plainOf,
  type ReadFile,
  readFile,
  SOME_BYTES,
} from './compare-models.ts';
import { KNOWN_DIFFERENCES, NOT_COMPARED } from './model-differences.ts';

const files = hasSharedData ? expectedRows().map((row) => row['file']!) : [];
const compared = files.filter((file) => NOT_COMPARED[file] === undefined);
const folder = mkdtempSync(join(tmpdir(), 'voxgate-models-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const python = ['/usr/bin/python3', 'python3'].find(
  (program) =>
    spawnSync(program, ['-c', 'import pydicom'], { env: { ...process.env, ...pythonEnvironment } }).status === 0,
);
if (python === undefined) process.stderr.write('pydicom absent: the comparison with it is skipped\n');
const hasDcm2json = hasPrograms('dcm2json', 'dcm2xml', 'dcmodify');

/** Every difference has a rule that says who is right, and every rule of the judge has a difference. */
function judge(name: 'pydicom' | 'dcm2json' | 'dcm2xml', comparison: Comparison, filesRead: number): void {
  const rules = KNOWN_DIFFERENCES.filter(({ judges }) => judges.includes(name));
  const counts = new Map(rules.map((rule) => [rule, 0]));
  const unknown: string[] = [];
  const kinds = new Map<string, number>();
  for (const difference of comparison.differences) {
    const rule = rules.find((one) => one.covers(difference));
    if (rule !== undefined) counts.set(rule, counts.get(rule)! + 1);
    else {
      const { file, path, kind, ours, theirs } = difference;
      const like = `${kind} ${ours?.vr} ${theirs?.vr}`;
      kinds.set(like, (kinds.get(like) ?? 0) + 1);
      if (kinds.get(like)! > 5) continue;
      unknown.push(`${file} ${path} ${kind}: ${brief(ours)} here, ${brief(theirs)} there`);
    }
  }
  const table = rules.map((rule) => `  ${String(counts.get(rule)).padStart(6)}  ${rule.what}; right: ${rule.right}`);
  process.stdout.write(
    `${name}: ${filesRead} files, ${comparison.attributes} attributes, ${comparison.differences.length} differences\n${table.join('\n')}\n`,
  );
  expect(unknown).toEqual([]);
  expect(rules.filter((rule) => counts.get(rule) === 0 && rule.always !== false).map(({ what }) => what)).toEqual([]);
}

function brief(element: unknown): string {
  return JSON.stringify(element, (key, value) => (key === 'bytes' || key === 'alike' ? undefined : value))?.slice(
    0,
    200,
  );
}

const readOnce = new Map<string, ReadFile>();
function ours(file: string): ReadFile {
  const known = readOnce.get(file) ?? readFile(sharedData(file));
  readOnce.set(file, known);
  return known;
}

describe.skipIf(!hasSharedData || python === undefined)('pydicom and Voxgate, on every readable file', () => {
  it('make the same DICOM JSON Model (PS3.18 Annex F), but for the differences listed', () => {
    const lines = join(folder, 'pydicom.ndjson');
    const { status } = spawnSync(python!, [join(import.meta.dirname, 'pydicom-models.py'), lines], {
      input: compared.map((file) => sharedData(file)).join('\n'),
      env: { ...process.env, ...pythonEnvironment },
      timeout: 120_000,
    });
    expect(status).toBe(0);
    const [, ...answers] = readFileSync(lines, 'utf8').trimEnd().split('\n');
    const comparison: Comparison = { attributes: 0, differences: [] };
    let read = 0;
    for (const [at, line] of answers.entries()) {
      const { model }: { model?: JsonDataset } = JSON.parse(line);
      if (model === undefined) {
        expect(NOT_READ_BY_PYDICOM).toContain(compared[at]);
        continue;
      }
      compare(comparison, compared[at]!, ours(compared[at]!), plainOf(model));
      read += 1;
    }
    expect(read).toBe(compared.length - NOT_READ_BY_PYDICOM.length);
    judge('pydicom', comparison, read);
  });
});

/** Big endian sequences of undefined length inside implicit VR: it ends at the first item. */
const NOT_READ_BY_PYDICOM = ['malformed/vr-length/GH177_D_CLUNIE_CT1_IVRLE_BigEndian_undefined_length.dcm'];

/** What DCMTK 3.6.7 of Debian does not convert: ISO 2022 sets that its iconv lacks, and an implicit VR it does not see. */
const NOT_READ_BY_DCM2JSON = [
  'charsets/chrH31.dcm',
  'charsets/chrH32.dcm',
  'charsets/chrJapMulti.dcm',
  'charsets/chrJapMultiExplicitIR6.dcm',
  'charsets/chrSQEncoding1.dcm',
  'malformed/pixel/J2K_pixelrep_mismatch.dcm',
  'transfer-syntaxes/colour-sc/SC_rgb_jpeg.dcm',
];
/** Nor does it write directory records as XML, or an item with a character set of its own. */
const NOT_READ_BY_DCM2XML = [
  ...NOT_READ_BY_DCM2JSON,
  'charsets/chrSQEncoding.dcm',
  'malformed/dicomdir/DICOMDIR',
  'malformed/dicomdir/DICOMDIR-bigEnd',
  'malformed/dicomdir/DICOMDIR-nopatient',
].sort();

/** Runs a program of DCMTK on a file; again on a copy without pixels, or without a character set it does not know. */
async function byDcmtk(program: string, options: string[], file: string): Promise<string | undefined> {
  const out = join(folder, 'dcmtk.out');
  const copy = join(folder, 'copy.dcm');
  const run = (from: string) => runProgram(program, [...options, from, out], { seconds: 30 });
  let result = await run(sharedData(file));
  for (const tag of ['(7fe0,0010)', '(0008,0005)']) {
    if (result.code === 0) break;
    if (result.output.includes('Cannot open character encoding')) return undefined;
    if (tag === '(7fe0,0010)') copyFileSync(sharedData(file), copy);
    await runProgram('dcmodify', ['-nb', '-imt', '-ea', tag, copy]);
    result = await run(copy);
  }
  return result.code === 0 ? readFileSync(out, 'utf8') : undefined;
}

async function compareWithDcmtk(
  name: 'dcm2json' | 'dcm2xml',
  options: string[],
  read: (text: string) => JsonDataset,
  notRead: readonly string[],
  resolve?: (element: JsonElement) => PlainElement,
): Promise<void> {
  const comparison: Comparison = { attributes: 0, differences: [] };
  const failed: string[] = [];
  for (const file of compared) {
    const text = await byDcmtk(name, options, file);
    if (text === undefined) failed.push(file);
    else compare(comparison, file, ours(file), plainOf(read(text), resolve));
  }
  expect(failed.sort()).toEqual(notRead);
  judge(name, comparison, compared.length - failed.length);
}

/** dcm2json 3.6.7 writes inf and nan as bare words, which is no JSON. */
function jsonOfDcmtk(text: string): JsonDataset {
  return JSON.parse(
    text.replace(
      /(?<=[[,])(-?)(inf|nan)(?=[,\]])/g,
      (_, sign, word) => `"${sign}${word === 'inf' ? 'Infinity' : 'NaN'}"`,
    ),
  );
}

describe.skipIf(!hasSharedData || !hasDcm2json)('DCMTK and Voxgate, on every readable file', () => {
  it('make the same DICOM JSON Model, but for the differences listed', async () => {
    await compareWithDcmtk('dcm2json', ['-q', '-ee', '-fc'], jsonOfDcmtk, NOT_READ_BY_DCM2JSON);
  }, 600_000);

  it('make the same Native DICOM Model (PS3.19 Section A.1), but for the differences listed', async () => {
    // bytes were compared in JSON; as XML they would be 120 MB of base64
    const someBytes = ({ vr }: JsonElement): PlainElement => ({ vr, values: [], digest: SOME_BYTES });
    await compareWithDcmtk(
      'dcm2xml',
      ['-q', '--native-format', '--convert-to-utf8'],
      readNativeXml,
      NOT_READ_BY_DCM2XML,
      someBytes,
    );
  }, 600_000);
});

describe.skipIf(!hasSharedData)('the Native DICOM Model of every readable file', () => {
  it('is read back as the data set that it was made of', () => {
    for (const file of files.filter((one) => one !== 'malformed/meta/no_meta.dcm')) {
      const dataset = JSON.parse(JSON.stringify(ours(file).parsed.dataset));
      expect(`${file} ${JSON.stringify(readNativeXml(nativeXml(dataset)))}`).toBe(`${file} ${JSON.stringify(dataset)}`);
    }
  });

  it.skipIf(!hasPrograms('xmllint'))('is valid by the schema of PS3.19 Section A.1.6', async () => {
    const documents = compared.map((file, at) => {
      const document = join(folder, `${at}.xml`);
      writeFileSync(document, nativeXml(ours(file).parsed.dataset));
      return document;
    });
    const schema = join(import.meta.dirname, 'native-dicom-model.rng');
    const { code, output } = await runProgram('xmllint', ['--noout', '--huge', '--relaxng', schema, ...documents]);
    expect(output.split('\n').filter((line) => line !== '' && !line.endsWith(' validates'))).toEqual([]);
    expect(code).toBe(0);
  });
});
