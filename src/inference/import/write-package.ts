import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { copyFile, lstat, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { sentenceOf, VoxgateError } from '../../errors.ts';
import type { GoldenPair, ModelFile, ModelManifest } from '../model-manifest.ts';
import { loadPackage, type Model } from '../model-package.ts';
import type { OnnxFacts } from '../onnx/onnx-facts.ts';
import { onnxFindings } from '../onnx/onnx-faults.ts';
import { refused } from './config-value.ts';
import type { ManifestDraft } from './draft.ts';
import { type PlainArray, readNpy } from './npy.ts';

export interface PackageSources {
  readonly manifest: ManifestDraft;
  /** More than one is an ensemble. */
  readonly networks: readonly { readonly path: string; readonly facts: OnnxFacts }[];
  readonly golden?: { readonly input: string; readonly output: string; readonly tolerance: number };
}

/**
 * Writes `<library>/<id>/<version>` whole or not at all: into a folder beside it, checked by the loader that the node
 * itself uses, then renamed.
 * @throws VoxgateError bad-model: already there, a file that cannot be read, or a package the loader refuses
 */
export async function writePackage(
  library: string,
  sources: PackageSources,
): Promise<{ model: Model; warnings: readonly string[] }> {
  const { id, version } = sources.manifest;
  checkName('id', id, /^[a-z0-9]+(-[a-z0-9]+)*$/, 'small letters, digits and single hyphens');
  checkName('version', version, /^\d{1,5}\.\d{1,5}\.\d{1,5}$/, 'three numbers, as in 1.0.0');
  const target = join(resolve(library), id, version);
  if (await exists(target)) throw new VoxgateError('bad-model', `${target} is already there; give another --version`);
  await mkdir(dirname(target), { recursive: true });
  const workplace = await mkdtemp(join(resolve(library), '.import-'));
  try {
    // The loader wants the folders to be named as the package is.
    const folder = join(workplace, id, version);
    await mkdir(folder, { recursive: true });
    const manifest: ModelManifest = {
      ...sources.manifest,
      files: await copyNetworks(sources.networks, folder),
      ...(sources.golden ? { golden: await copyGolden(sources.golden, folder) } : {}),
    };
    await writeFile(join(folder, 'model.json'), `${JSON.stringify(manifest, undefined, 2)}\n`);
    await loadPackage(folder);
    const findings = manifest.files.flatMap((file, i) => {
      const facts = sources.networks[i]?.facts;
      return facts ? [onnxFindings(facts, manifest, file)] : [];
    });
    const faults = findings.flatMap((finding) => finding.faults);
    if (faults.length > 0)
      throw new VoxgateError('bad-model', `the network is not what it should be: ${faults.join('; ')}`);
    await rename(folder, target);
    return { model: await loadPackage(target), warnings: findings.flatMap(({ warnings }) => warnings) };
  } catch (cause) {
    throw new VoxgateError('bad-model', sentenceOf(cause).replaceAll(workplace, resolve(library)), { cause });
  } finally {
    await rm(workplace, { recursive: true, force: true });
  }
}

function checkName(what: string, name: string, pattern: RegExp, rule: string): void {
  if (pattern.test(name) && name.length <= 64) return;
  throw new VoxgateError('bad-model', `the ${what} "${name}" is not allowed (${rule}); give one with --${what}`);
}

async function copyNetworks(networks: PackageSources['networks'], folder: string): Promise<ModelFile[]> {
  const files: ModelFile[] = [];
  for (const [i, { path, facts }] of networks.entries()) {
    const name = networks.length === 1 ? 'model.onnx' : `fold-${i}.onnx`;
    const copied = [];
    for (const location of facts.external) {
      if (
        !/^[A-Za-z0-9_-][A-Za-z0-9_.-]*$/.test(location) ||
        /^(model\.json|model\.onnx|fold-\d+\.onnx)$/.test(location)
      )
        throw refused(basename(path), location, 'is no plain name of a file beside the ONNX file');
      copied.push({ path: location, digest: await copyInto(join(dirname(path), location), folder, location) });
    }
    const file = { path: name, digest: await copyInto(path, folder, name) };
    files.push(copied.length > 0 ? { ...file, external: copied } : file);
  }
  return files;
}

async function copyInto(from: string, folder: string, name: string): Promise<string> {
  if (!(await lstat(from)).isFile()) throw refused(basename(from), '', 'is no ordinary file');
  const to = join(folder, name);
  if (await exists(to)) throw refused(basename(from), '', 'two networks name it as their weights');
  await copyFile(from, to);
  const hash = createHash('sha256');
  await pipeline(createReadStream(to), hash);
  return hash.digest('hex');
}

async function copyGolden(golden: NonNullable<PackageSources['golden']>, folder: string): Promise<GoldenPair> {
  await mkdir(join(folder, 'golden'));
  const put = async (side: 'input' | 'output', { shape, bytes }: PlainArray) => {
    const path = `golden/${side}.f32`;
    await writeFile(join(folder, path), bytes);
    return { path, shape, digest: createHash('sha256').update(bytes).digest('hex') };
  };
  return {
    input: await put('input', await readNpy(golden.input)),
    output: await put('output', await readNpy(golden.output)),
    tolerance: golden.tolerance,
  };
}

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}
