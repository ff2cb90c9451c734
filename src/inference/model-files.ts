import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { lstat, realpath, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { sentenceOf, VoxgateError } from '../errors.ts';
import type { ModelManifest } from './model-manifest.ts';

/** A protobuf has 2 GiB at most; weights beyond that lie in files of external data. */
const LARGEST = { graph: 2 ** 31, external: 2 ** 36, golden: 2 ** 32 } as const;

interface NamedFile {
  /** Where the manifest names it. */
  readonly at: string;
  readonly path: string;
  readonly digest: string;
  readonly kind: keyof typeof LARGEST;
}

/** Every file that a manifest names. */
export function namedFiles({ files, golden }: Pick<ModelManifest, 'files' | 'golden'>): NamedFile[] {
  return [
    ...files.flatMap((file, i) => [
      { at: `files[${i}]`, path: file.path, digest: file.digest, kind: 'graph' as const },
      ...(file.external ?? []).map((external, j) => ({
        at: `files[${i}].external[${j}]`,
        ...external,
        kind: 'external' as const,
      })),
    ]),
    ...(golden
      ? [
          { at: 'golden.input', path: golden.input.path, digest: golden.input.digest, kind: 'golden' as const },
          { at: 'golden.output', path: golden.output.path, digest: golden.output.digest, kind: 'golden' as const },
        ]
      : []),
  ];
}

/**
 * Reads every file that a manifest names, once: it must lie in the package, be a file, and have its digest.
 * @param folder of model.json
 * @throws VoxgateError bad-model naming the first that is wrong
 */
export async function verifyFiles(folder: string, manifest: Pick<ModelManifest, 'files' | 'golden'>): Promise<void> {
  const inside = await realpath(folder);
  for (const file of namedFiles(manifest)) {
    const path = join(folder, file.path);
    const fault = (await placeFault(path, inside, LARGEST[file.kind])) ?? (await digestFault(path, file.digest));
    if (fault) throw new VoxgateError('bad-model', `${file.at}: ${path}: ${fault}`);
  }
}

/** A link that leads out of the package would make its digest depend on what somebody else may change. */
async function placeFault(path: string, inside: string, largest: number): Promise<string | undefined> {
  try {
    const real = await realpath(path);
    if (!real.startsWith(inside + sep)) return 'it leads out of the package';
    const status = await stat(real);
    if (!status.isFile()) return 'it is no file';
    return status.size > largest ? `it has ${status.size} bytes, ${largest} are the most` : undefined;
  } catch (error) {
    const linked = await lstat(path).then(
      (status) => status.isSymbolicLink(),
      () => false,
    );
    return linked ? 'it is a link to nothing' : sentenceOf(error);
  }
}

async function digestFault(path: string, digest: string): Promise<string | undefined> {
  const found = await sha256(path);
  return found === digest ? undefined : `its SHA-256 is ${found}, model.json says ${digest}`;
}

/** A model may have gigabytes: read in pieces. */
async function sha256(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}
