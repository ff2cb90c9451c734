import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { sentenceOf, VoxgateError } from '../errors.ts';
import { manifestFaults } from './model-checks.ts';
import { verifyFiles } from './model-files.ts';
import type { ModelManifest } from './model-manifest.ts';
import { parseManifest } from './model-schema.ts';

/** A model package that passed every check. */
export interface Model {
  readonly manifest: ModelManifest;
  readonly folder: string;
  /** Absolute paths of the networks: more than one is an ensemble. */
  readonly files: readonly string[];
  /** SHA-256 over all that decides a result: the manifest, and through its digests every file. Results name it. */
  readonly key: string;
}

const LARGEST_MANIFEST = 2 ** 22;

/**
 * Reads one package: schema, cross-checks, every file's digest.
 * @param folder `<library>/<id>/<version>`
 * @throws VoxgateError bad-model naming the file and the JSON path of what is wrong
 */
export async function loadPackage(folder: string): Promise<Model> {
  const path = join(folder, 'model.json');
  const manifest = await readManifest(path);
  const [id, version] = folder.split('/').slice(-2);
  if (manifest.id !== id || manifest.version !== version)
    throw new VoxgateError(
      'bad-model',
      `${path}: id and version are ${manifest.id} ${manifest.version}, its folders say ${id} ${version}`,
    );
  await verifyFiles(folder, manifest);
  return modelAt(folder, manifest);
}

/** The package of a manifest in a folder whose files were verified. */
export function modelAt(folder: string, manifest: ModelManifest): Model {
  return { manifest, folder, files: manifest.files.map(({ path }) => join(folder, path)), key: digestOf(manifest) };
}

/** @throws VoxgateError bad-model naming every fault by its JSON path */
export async function readManifest(path: string): Promise<ModelManifest> {
  try {
    const { size } = await stat(path);
    if (size > LARGEST_MANIFEST) throw new VoxgateError('bad-model', `it has ${size} bytes`);
    const manifest = parseManifest(await readFile(path, 'utf8'));
    const faults = manifestFaults(manifest);
    if (faults.length > 0) throw new VoxgateError('bad-model', faults.join('; '));
    return manifest;
  } catch (cause) {
    throw new VoxgateError('bad-model', `${path}: ${sentenceOf(cause)}`, { cause });
  }
}

/** The same for the same content, however it is indented and whatever the order of its keys. */
function digestOf(manifest: ModelManifest): string {
  return createHash('sha256')
    .update(JSON.stringify(sorted(manifest)))
    .digest('hex');
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, inner]) => [key, sorted(inner)]));
}
