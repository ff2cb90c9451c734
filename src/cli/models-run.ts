import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDatabase } from '../catalog/database.ts';
import { locateInstances } from '../catalog/locate.ts';
import { loadSettings } from '../config.ts';
import { deterministicUid, isUsableAsUid } from '../dicom/uid.ts';
import { VoxgateError } from '../errors.ts';
import { Lanes } from '../inference/lanes/lanes.ts';
import type { Model } from '../inference/model-library.ts';
import { FileInstances } from '../pipeline/file-instances.ts';
import { type FileRun, runOnFiles } from '../pipeline/run-on-files.ts';
import type { Device } from '../results/types.ts';
import { objectPath } from '../storage/file-store.ts';
import { VERSION } from '../version.ts';
import { filesUnder } from './files-under.ts';
import { connectToNode } from './node-database.ts';

/**
 * Runs a model on files, or on a study that the node holds, and writes what it makes of each series to a folder: nothing is
 * recorded, kept or delivered.
 * @param study a file, a folder, or a Study Instance UID
 * @throws VoxgateError not-found when it ran on no series
 */
export async function runModelOnStudy(model: Model, study: string, out: string): Promise<void> {
  const files = new FileInstances(await pathsOf(study));
  for (const { path, reason } of files.leftAside) process.stderr.write(`${path}: ${reason}\n`);
  const workFolder = await mkdtemp(join(tmpdir(), 'voxgate-run-'));
  const engine = new Lanes();
  try {
    const runs = await runOnFiles({ files, engine, device: thisCommand(), workFolder }, model);
    await mkdir(out, { recursive: true });
    for (const run of runs) await write(run, out);
    if (!runs.some(({ ran }) => ran))
      throw new VoxgateError('not-found', `${model.manifest.id} ran on none of ${runs.length} series`);
  } finally {
    engine.close();
    await rm(workFolder, { recursive: true, force: true });
  }
}

async function pathsOf(study: string): Promise<readonly string[]> {
  if (existsSync(study)) return filesUnder(study);
  if (!isUsableAsUid(study))
    throw new VoxgateError('bad-request', `${study} is neither a file, nor a folder, nor a Study Instance UID`);
  const settings = loadSettings();
  const { connectionString, close } = await connectToNode(settings);
  const database = openDatabase(connectionString);
  try {
    const held = await locateInstances(database, { studyInstanceUid: study });
    if (held.length === 0) throw new VoxgateError('not-found', 'nothing of that study is held here');
    return held.map(({ storageKey }) => objectPath(join(settings.data, 'objects'), storageKey));
  } finally {
    await database.destroy();
    await close();
  }
}

const KINDS: Readonly<Record<string, string>> = {
  '1.2.840.10008.5.1.4.1.1.66.4': 'SEG',
  '1.2.840.10008.5.1.4.1.1.66.7': 'SEG',
};

async function write({ seriesInstanceUid, ran, sentence, findings, objects }: FileRun, out: string): Promise<void> {
  process.stdout.write(`${seriesInstanceUid}: ${sentence}\n`);
  if (!ran) return;
  const report = { seriesInstanceUid, sentence, findings };
  await writeFile(join(out, `${seriesInstanceUid}.json`), `${JSON.stringify(report, null, 2)}\n`);
  for (const { sopClassUid, bytes } of objects) {
    const path = join(out, `${seriesInstanceUid}.${KINDS[sopClassUid] ?? 'SR'}.dcm`);
    await writeFile(path, bytes);
    process.stdout.write(`  ${path}\n`);
  }
}

/** No node made these: whoever finds one later can tell. */
function thisCommand(): Device {
  return {
    uid: deterministicUid('voxgate models run', hostname()),
    name: `voxgate models run on ${hostname()}`.slice(0, 64),
    manufacturer: 'Voxgate contributors',
    modelName: 'Voxgate',
    serialNumber: 'models run',
    softwareVersion: VERSION,
  };
}
