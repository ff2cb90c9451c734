import { type FileHandle, lstat, open, readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { sentenceOf, VoxgateError } from '../../errors.ts';
import { BUNDLE_LIMITS } from './bundle-limits.ts';
import { refused } from './config-value.ts';
import { readZipDirectory, readZipEntry } from './zip-reader.ts';

/** The files of a bundle, whether it is a folder or a zip; names are relative to the bundle's own top, with "/". */
export interface BundleFiles {
  /** What it is called where it lies, without ".zip". */
  readonly name: string;
  readonly names: readonly string[];
  /** @throws VoxgateError bad-model: absent, larger than `limit` bytes, a link, damaged */
  read(name: string, limit?: number): Promise<Buffer>;
  close(): Promise<void>;
}

/** Weights that only Python can open, and that run what is in them when it does. */
const PICKLES = /\.(pt|pth|ts|pkl|pickle|ckpt|joblib|npz)$/i;

/**
 * Opens a bundle without reading more than its directory. A single folder around everything (as in the zoo's zips) is
 * taken off.
 * @throws VoxgateError bad-model: nothing there, neither folder nor zip, or a directory that no honest bundle has
 */
export async function openBundle(path: string): Promise<BundleFiles> {
  const facts = await lstat(path).catch((cause: unknown) => {
    throw new VoxgateError('bad-model', `${path} cannot be read: ${sentenceOf(cause)}`, { cause });
  });
  if (facts.isDirectory()) return openFolder(path);
  if (!facts.isFile()) throw refused(path, '', 'is neither a folder nor a zip file');
  return openZip(path);
}

/** What the importer leaves closed: told at the end. */
export function unopened(files: BundleFiles): string[] {
  return files.names.filter((name) => PICKLES.test(name));
}

async function openFolder(path: string): Promise<BundleFiles> {
  const names: string[] = [];
  await walk(path, '', names);
  const top = onlyTop(names);
  return {
    name: basename(path),
    names: names.map((name) => name.slice(top.length)),
    async read(name, limit = BUNDLE_LIMITS.configBytes) {
      const full = join(path, top, name);
      if (!names.includes(top + name)) throw refused(basename(path), name, 'is not in the bundle');
      const facts = await lstat(full);
      if (!facts.isFile()) throw refused(basename(path), name, 'is no ordinary file');
      if (facts.size > limit) throw refused(basename(path), name, `has ${facts.size} bytes, more than ${limit}`);
      return readFile(full);
    },
    async close() {},
  };
}

async function walk(root: string, inside: string, names: string[]): Promise<void> {
  if (inside.split('/').length > BUNDLE_LIMITS.folderDepth) throw refused(basename(root), inside, 'lies too deep');
  for (const entry of await readdir(join(root, inside), { withFileTypes: true })) {
    const name = inside + entry.name;
    if (entry.isSymbolicLink()) throw refused(basename(root), name, 'is a symbolic link');
    if (entry.isDirectory()) await walk(root, `${name}/`, names);
    else names.push(name);
    if (names.length > BUNDLE_LIMITS.entries)
      throw refused(basename(root), '', `holds more than ${BUNDLE_LIMITS.entries} files`);
  }
}

async function openZip(path: string): Promise<BundleFiles> {
  const label = basename(path);
  const file: FileHandle = await open(path, 'r');
  try {
    const entries = await readZipDirectory(file, label);
    const top = onlyTop(entries.map(({ name }) => name));
    const byName = new Map(entries.map((entry) => [entry.name.slice(top.length), entry]));
    return {
      name: top === '' ? label.replace(/\.zip$/i, '') : top.slice(0, -1),
      names: [...byName.keys()],
      async read(name, limit = BUNDLE_LIMITS.configBytes) {
        const entry = byName.get(name);
        if (!entry) throw refused(label, name, 'is not in the bundle');
        return readZipEntry(file, label, entry, limit);
      },
      close: () => file.close(),
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** "spleen/" where every name begins with it and the bundle's own folders lie under it. */
function onlyTop(names: readonly string[]): string {
  const top = names[0]?.split('/')[0];
  if (top === undefined || top === 'configs' || !names.every((name) => name.startsWith(`${top}/`))) return '';
  return `${top}/`;
}
