import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { sentenceOf, VoxgateError } from '../errors.ts';
import type { ModelManifest } from './manifest.ts';

/** A model package that passed every check. */
export interface Model {
  readonly manifest: ModelManifest;
  readonly folder: string;
  readonly onnxPath: string;
}

/** A folder that looks like a model package and is none, with the reason. */
export interface BrokenModel {
  readonly folder: string;
  readonly reason: string;
}

export interface ModelLibrary {
  /** Sorted by id, then version ascending. */
  readonly models: readonly Model[];
  readonly broken: readonly BrokenModel[];
}

/** Reads `<folder>/<id>/<version>/model.json` of every library folder. A broken package hides no sound one. */
export async function loadModels(folders: readonly string[]): Promise<ModelLibrary> {
  const models: Model[] = [];
  const broken: BrokenModel[] = [];
  const validate = await manifestValidator();
  for (const folder of await packageFolders(folders)) {
    try {
      const model = await loadModel(folder, validate);
      refuseSecond(model, models);
      models.push(model);
    } catch (error) {
      broken.push({ folder, reason: sentenceOf(error) });
    }
  }
  models.sort(
    (a, b) => a.manifest.id.localeCompare(b.manifest.id) || compareVersions(a.manifest.version, b.manifest.version),
  );
  return { models, broken };
}

/** The model a route names: "id" (its newest version) or "id@version". */
export function findModel(library: ModelLibrary, name: string): Model | undefined {
  const [id, version] = name.split('@');
  return library.models
    .filter(({ manifest }) => manifest.id === id && (version === undefined || manifest.version === version))
    .at(-1);
}

/** Each model's newest version: what runs where no route is configured. */
export function newestModels(library: ModelLibrary): Model[] {
  return [...new Map(library.models.map((model) => [model.manifest.id, model])).values()];
}

type Validator = (manifest: unknown) => manifest is ModelManifest;

async function loadModel(folder: string, isManifest: Validator & { faults(): string }): Promise<Model> {
  const path = join(folder, 'model.json');
  const manifest = parseJson(path, await readFile(path, 'utf8'));
  if (!isManifest(manifest)) throw new VoxgateError('bad-model', `${path}: ${isManifest.faults()}`);
  const [id, version] = folder.split('/').slice(-2);
  if (manifest.id !== id || manifest.version !== version)
    throw new VoxgateError(
      'bad-model',
      `${path}: id and version are ${manifest.id} ${manifest.version}, its folders say ${id} ${version}`,
    );
  const outOfRange = manifest.segments.find((segment) => segment.class >= manifest.output.classes.length);
  if (outOfRange)
    throw new VoxgateError(
      'bad-model',
      `${path}: segment ${outOfRange.number} names class ${outOfRange.class} of ${manifest.output.classes.length}`,
    );
  const numbers = manifest.segments.map((segment) => segment.number);
  if (numbers.some((number, i) => number !== i + 1))
    throw new VoxgateError('bad-model', `${path}: segments must be numbered 1, 2, … in order`);
  if (new Set(manifest.segments.map((segment) => segment.class)).size < numbers.length)
    throw new VoxgateError('bad-model', `${path}: two segments name the same class`);
  const onnxPath = join(folder, 'model.onnx');
  const digest = await sha256(onnxPath);
  if (digest !== manifest.digest)
    throw new VoxgateError('bad-model', `${onnxPath}: its SHA-256 is ${digest}, model.json says ${manifest.digest}`);
  return { manifest, folder, onnxPath };
}

function parseJson(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new VoxgateError('bad-model', `${path}: ${sentenceOf(cause)}`, { cause });
  }
}

/** A model may have gigabytes: read in pieces. */
async function sha256(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

/** One name, one model: where library folders hold the same, the first folder counts. */
function refuseSecond({ manifest: { id, version } }: Model, models: readonly Model[]): void {
  const first = models.find(({ manifest }) => manifest.id === id && manifest.version === version);
  if (first) throw new VoxgateError('bad-model', `${id} ${version} is already in the library, from ${first.folder}`);
}

async function packageFolders(folders: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const folder of folders) {
    for (const id of await subfolders(folder)) {
      for (const version of await subfolders(join(folder, id))) {
        if (existsSync(join(folder, id, version, 'model.json'))) found.push(join(folder, id, version));
      }
    }
  }
  return found;
}

async function subfolders(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isDirectory() || entry.isSymbolicLink())
    .map((entry) => entry.name)
    .sort();
}

async function manifestValidator(): Promise<Validator & { faults(): string }> {
  const ajv = new Ajv2020({ allErrors: true, strict: false });
  const validate = ajv.compile<ModelManifest>(JSON.parse(await readFile(schemaPath(), 'utf8')));
  const isManifest = (manifest: unknown): manifest is ModelManifest => validate(manifest);
  return Object.assign(isManifest, { faults: () => ajv.errorsText(validate.errors, { dataVar: 'model' }) });
}

/** The schema lies beside the models of this project, whatever library folders are configured. */
function schemaPath(): string {
  for (let folder = dirname(fileURLToPath(import.meta.url)); folder !== dirname(folder); folder = dirname(folder)) {
    const path = join(folder, 'models', 'model.schema.json');
    if (existsSync(path)) return path;
  }
  throw new VoxgateError('bad-model', 'models/model.schema.json is missing from this installation');
}

/** Semantic versions: by number, part by part. */
function compareVersions(a: string, b: string): number {
  const [left, right] = [a.split('.').map(Number), b.split('.').map(Number)];
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
