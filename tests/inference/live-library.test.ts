import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { type LibraryParts, LiveLibrary, type RecordedVersion } from '../../src/inference/live-library.ts';
import { PackageStore } from '../../src/inference/package-store.ts';
import { watchLibrary } from '../../src/inference/watch-library.ts';
import { createLog } from '../../src/log.ts';
import { aFolder } from '../support/test-node.ts';
import { echoModel, externalModel, strangeModel } from './onnx-models.ts';
import { anEcho, digestOf, type Package, put } from './packages.ts';

const log = createLog('silent', false);

interface Room {
  readonly folder: string;
  readonly parts: LibraryParts;
  readonly versions: Map<string, RecordedVersion>;
}

/** A library folder, a store, and a memory of versions. */
function aRoom(changes: Partial<LibraryParts> = {}): Room {
  const folder = aFolder();
  const versions = new Map<string, RecordedVersion>();
  const parts: LibraryParts = {
    folders: [folder],
    store: new PackageStore(join(aFolder(), 'models')),
    recorded: async (id, version) => versions.get(`${id}@${version}`),
    record: async ({ manifest, key }) => {
      const name = `${manifest.id}@${manifest.version}`;
      versions.set(name, { digest: key, hasResults: versions.get(name)?.hasResults ?? false });
    },
    trial: async () => undefined,
    log,
    ...changes,
  };
  return { folder, parts, versions };
}

/** A package of a little network; `title` tells one from another. */
function drop(folder: string, version: string, title = 'One', changes: Package = {}): string {
  return put(folder, anEcho({ version, ...changes, manifest: { title, ...changes.manifest } }));
}

const titles = (library: LiveLibrary): string[] =>
  library.models.map(({ manifest }) => `${manifest.id} ${manifest.version} ${manifest.title}`);

describe('the library of a running node', () => {
  it('takes up what is added, leaves what is removed, and runs its own copy', async () => {
    const { folder, parts } = aRoom();
    const first = drop(folder, '1.0.0');
    const library = await LiveLibrary.open(parts);
    const [held] = library.models;
    drop(folder, '1.1.0', 'Two');
    expect(await library.reload()).toEqual({ added: ['a-model@1.1.0'], changed: [], removed: [], broken: [] });
    expect(titles(library)).toEqual(['a-model 1.0.0 One', 'a-model 1.1.0 Two']);
    rmSync(first, { recursive: true });
    expect(await library.reload()).toMatchObject({ removed: ['a-model@1.0.0'] });
    expect(titles(library)).toEqual(['a-model 1.1.0 Two']);
    expect(digestOf(readFileSync(held!.files[0]!))).toBe(digestOf(echoModel()));
  });

  it('looks at nothing that is as it was, but when it is asked to try again', async () => {
    const trial = vi.fn(async (): Promise<string | undefined> => 'the engine is away');
    const { folder, parts } = aRoom({ trial });
    const library = await LiveLibrary.open(parts);
    drop(folder, '1.0.0');
    expect((await library.reload()).broken[0]!.reason).toContain('the engine is away');
    await library.reload();
    expect(trial).toHaveBeenCalledTimes(1);
    trial.mockResolvedValue(undefined);
    expect(await library.reload({ retry: true })).toMatchObject({ added: ['a-model@1.0.0'], broken: [] });
  });

  it.each<[string, Package]>([
    ['is no JSON', { text: '{' }],
    ['has other bytes than its digest', { bytes: Buffer.from('cut off') }],
    ['has no such output', { manifest: { tensors: { input: { name: 'x', type: 'float32' }, output: 'scores' } } }],
  ])('keeps the one before in place when what comes over it %s', async (_, wrong) => {
    const { folder, parts } = aRoom();
    drop(folder, '1.0.0');
    const library = await LiveLibrary.open(parts);
    drop(folder, '1.0.0', 'Two', wrong);
    const { broken, changed } = await library.reload();
    expect(changed).toEqual([]);
    expect(broken[0]!.reason).toContain('the one that was there before stays in use');
    expect(titles(library)).toEqual(['a-model 1.0.0 One']);
    expect(digestOf(readFileSync(library.models[0]!.files[0]!))).toBe(digestOf(echoModel()));
    const restarted = await LiveLibrary.open(parts);
    expect(titles(restarted)).toEqual(['a-model 1.0.0 One']);
    expect(restarted.broken).toHaveLength(1);
  });

  it('refuses to change a version that has made results, also after a restart; one that has not may change', async () => {
    const { folder, parts, versions } = aRoom();
    drop(folder, '1.0.0');
    const library = await LiveLibrary.open(parts);
    drop(folder, '1.0.0', 'Two');
    expect(await library.reload()).toMatchObject({ changed: ['a-model@1.0.0'] });
    versions.set('a-model@1.0.0', { digest: library.models[0]!.key, hasResults: true });
    drop(folder, '1.0.0', 'Three');
    expect((await library.reload()).broken[0]!.reason).toMatch(
      /a-model 1\.0\.0 has made results with the digest .*: what has changed needs a new version/,
    );
    for (const one of [library, await LiveLibrary.open(parts)]) expect(titles(one)).toEqual(['a-model 1.0.0 Two']);
  });

  it.each<[string, Package, string]>([
    ['operators of its own', { onnx: strangeModel() }, 'somebody.example:Anything'],
    ['weights that are not named', { onnx: externalModel('weights.bin') }, 'lie in weights.bin, which is not named'],
    ['weights elsewhere', { onnx: externalModel('../../weights.bin') }, 'lie outside the package'],
    ['bytes that are no network', { onnx: Buffer.from('PK\u0003\u0004 a pickle in a zip') }, 'no protocol buffer'],
    [
      'another number type',
      { manifest: { tensors: { input: { name: 'x', type: 'float16' }, output: 'y' } } },
      'its input is float32, not float16',
    ],
    [
      'an output that is no scores',
      { manifest: { tensors: { input: { name: 'x', type: 'float32' }, output: 'z' } } },
      'it is int64, no scores',
    ],
    ['no such inner tensor', { manifest: { explain: { featureTensor: 'layer4' } } }, 'nothing computes "layer4"'],
  ])('leaves out a network with %s', async (_, wrong, reason) => {
    const { folder, parts } = aRoom();
    drop(folder, '1.0.0', 'One', wrong);
    const { models, broken } = await LiveLibrary.open(parts);
    expect(models).toEqual([]);
    expect(broken[0]!.reason).toContain(reason);
  });

  it('notices by itself what is put into its folder', async () => {
    const { folder, parts } = aRoom();
    const library = await LiveLibrary.open(parts);
    onTestFinished(watchLibrary(library, { folders: [folder], pollSeconds: 0.5, quietMs: 50, log }));
    const at = drop(folder, '1.0.0');
    await vi.waitFor(() => expect(titles(library)).toEqual(['a-model 1.0.0 One']), { timeout: 10_000 });
    writeFileSync(join(at, 'model.json'), '{');
    await vi.waitFor(() => expect(library.broken).toHaveLength(1), { timeout: 10_000 });
  });
});
