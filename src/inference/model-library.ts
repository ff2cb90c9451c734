import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { sentenceOf, VoxgateError } from '../errors.ts';
import { loadPackage, type Model } from './model-package.ts';

export type { Model } from './model-package.ts';

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
  for (const folder of await packageFolders(folders)) {
    try {
      const model = await loadPackage(folder);
      refuseSecond(model, models);
      models.push(model);
    } catch (error) {
      broken.push({ folder, reason: sentenceOf(error) });
    }
  }
  return { models: sortModels(models), broken };
}

/** By id, then version ascending. */
export function sortModels(models: readonly Model[]): Model[] {
  return [...models].sort(
    (a, b) => a.manifest.id.localeCompare(b.manifest.id) || compareVersions(a.manifest.version, b.manifest.version),
  );
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

/** One name, one model: where library folders hold the same, the first folder counts. */
function refuseSecond({ manifest: { id, version } }: Model, models: readonly Model[]): void {
  const first = models.find(({ manifest }) => manifest.id === id && manifest.version === version);
  if (first) throw new VoxgateError('bad-model', `${id} ${version} is already in the library, from ${first.folder}`);
}

/** `<folder>/<id>/<version>` of every library folder that holds a model.json. */
export async function packageFolders(folders: readonly string[]): Promise<string[]> {
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

/** Semantic versions: by number, part by part. */
function compareVersions(a: string, b: string): number {
  const [left, right] = [a.split('.').map(Number), b.split('.').map(Number)];
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
