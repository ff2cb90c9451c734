import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { copyFile, mkdir, open, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { sentenceOf, VoxgateError } from '../errors.ts';
import { namedFiles, verifyFiles } from './model-files.ts';
import { type Model, modelAt, readManifest } from './model-package.ts';

/**
 * Our own copies of packages, by digest. What runs is the copy: whatever becomes of the library folder meanwhile, a job keeps the
 * bytes that its results name, and the last sound version of a package outlives one that was broken in its place.
 */
export class PackageStore {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /**
   * The package as it is kept here; copied, and its copy verified, where it is not yet.
   * @throws VoxgateError bad-model where a file changed while it was copied; out-of-resources where it cannot be kept
   */
  async keep(model: Model): Promise<Model> {
    const folder = join(this.#folder, model.key);
    const kept = modelAt(folder, model.manifest);
    if (await isComplete(kept)) return kept;
    const staged = join(this.#folder, `${randomUUID()}.partial`);
    try {
      await copyPackage(model, staged);
      await verifyFiles(staged, model.manifest);
      await rm(folder, { recursive: true, force: true });
      await rename(staged, folder);
      return kept;
    } catch (cause) {
      await rm(staged, { recursive: true, force: true });
      if (cause instanceof VoxgateError) throw cause;
      throw new VoxgateError('out-of-resources', `${model.folder} could not be kept: ${sentenceOf(cause)}`, { cause });
    }
  }

  /** What was kept under a digest, if it is still here. */
  async find(key: string): Promise<Model | undefined> {
    const folder = join(this.#folder, key);
    const manifest = await readManifest(join(folder, 'model.json')).catch(() => undefined);
    const kept = manifest && modelAt(folder, manifest);
    return kept?.key === key && (await isComplete(kept)) ? kept : undefined;
  }

  /** Removes what is none of these; for a start, when no job is under way. */
  async prune(keys: ReadonlySet<string>): Promise<void> {
    for (const name of await readdir(this.#folder).catch(() => []))
      if (!keys.has(name)) await rm(join(this.#folder, name), { recursive: true, force: true });
  }
}

/** A folder gets its name when all is in it; whoever removes a file of it by hand gets it back. */
async function isComplete({ folder, manifest }: Model): Promise<boolean> {
  const all = ['model.json', ...namedFiles(manifest).map(({ path }) => path)];
  const found = await Promise.all(
    all.map((path) =>
      stat(join(folder, path)).then(
        (status) => status.isFile(),
        () => false,
      ),
    ),
  );
  return found.every(Boolean);
}

async function copyPackage({ folder, manifest }: Model, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  for (const { path } of namedFiles(manifest)) {
    const target = join(to, path);
    await mkdir(dirname(target), { recursive: true });
    // A file system that can shares the blocks.
    await copyFile(join(folder, path), target, constants.COPYFILE_FICLONE);
    await synced(target);
  }
  await writeFile(join(to, 'model.json'), JSON.stringify(manifest));
  await synced(join(to, 'model.json'));
}

async function synced(path: string): Promise<void> {
  const file = await open(path, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
