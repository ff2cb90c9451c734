import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ModelManifest } from '../../src/inference/manifest.ts';
import { findModel, loadModels, newestModels } from '../../src/inference/model-library.ts';
import { aFolder } from '../support/test-node.ts';

const SOUND: ModelManifest = JSON.parse(readFileSync('models/ct-lung-segmentation/1.0.0/model.json', 'utf8'));
const ONNX = Buffer.from('not a graph, but it has a digest');

interface Package {
  readonly id?: string;
  readonly version?: string;
  /** Names of the folders, where they are not those of the manifest. */
  readonly at?: string;
  readonly manifest?: Record<string, unknown>;
  readonly text?: string;
  readonly onnx?: Buffer;
}

/** Writes a package into a library; returns its folder. */
function put(
  library: string,
  { id = 'a-model', version = '1.0.0', at, manifest = {}, text, onnx = ONNX }: Package,
): string {
  const folder = join(library, at ?? `${id}/${version}`);
  const digest = createHash('sha256').update(ONNX).digest('hex');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'model.json'), text ?? JSON.stringify({ ...SOUND, id, version, digest, ...manifest }));
  writeFileSync(join(folder, 'model.onnx'), onnx);
  return folder;
}

describe('the model library', () => {
  it('holds the package of this project, its bytes those of its digest', async () => {
    const { models, broken } = await loadModels([resolve('models')]);
    expect(broken).toEqual([]);
    expect(models.map(({ manifest }) => `${manifest.id} ${manifest.version}`)).toContain('ct-lung-segmentation 1.0.0');
  });

  it('sorts by id, then by version as numbers, and finds the newest or the one that is named', async () => {
    const [one, two] = [aFolder(), aFolder()];
    for (const version of ['1.10.0', '1.9.0', '2.0.0']) put(one, { id: 'b-model', version });
    put(two, { id: 'a-model', version: '0.1.0' });
    writeFileSync(join(one, 'README.md'), 'no package');
    const library = await loadModels([one, two, join(one, 'absent')]);
    expect(library.broken).toEqual([]);
    expect(library.models.map(({ manifest }) => `${manifest.id} ${manifest.version}`)).toEqual([
      'a-model 0.1.0',
      'b-model 1.9.0',
      'b-model 1.10.0',
      'b-model 2.0.0',
    ]);
    expect(findModel(library, 'b-model')?.manifest.version).toBe('2.0.0');
    expect(findModel(library, 'b-model@1.9.0')?.folder).toBe(join(one, 'b-model', '1.9.0'));
    expect(findModel(library, 'b-model@3.0.0')).toBeUndefined();
    expect(newestModels(library).map(({ manifest }) => `${manifest.id} ${manifest.version}`)).toEqual([
      'a-model 0.1.0',
      'b-model 2.0.0',
    ]);
  });

  it.each<[string, Package, string]>([
    ['whose bytes are not those of its digest', { onnx: Buffer.from('other bytes') }, 'model.onnx: its SHA-256 is'],
    ['in a folder of another name', { at: 'a-model/1.0.1' }, 'its folders say a-model 1.0.1'],
    ['that is no JSON', { text: '{ "id": ' }, 'model.json: '],
    ['without what the schema asks for', { manifest: { segments: undefined } }, "'segments'"],
    ['with what the schema does not know', { manifest: { script: 'run.py' } }, 'must NOT have additional properties'],
    [
      'with a value of a wrong kind',
      { manifest: { accepts: { ...SOUND.accepts, minimumSlices: 'two' } } },
      '/accepts/minimumSlices',
    ],
    ['on another device', { manifest: { engine: { ...SOUND.engine, provider: 'cuda' } } }, '/engine/provider'],
    [
      'that names a class it has not',
      { manifest: { segments: [{ ...SOUND.segments[0], class: 9 }] } },
      'names class 9 of 3',
    ],
    [
      'whose segments are not numbered in order',
      { manifest: { segments: [{ ...SOUND.segments[0], number: 2 }] } },
      'numbered 1, 2',
    ],
    [
      'that names a class twice',
      { manifest: { segments: [SOUND.segments[0], { ...SOUND.segments[0], number: 2 }] } },
      'two segments name the same class',
    ],
  ])('leaves a package out %s, says why, and keeps the sound one beside it', async (_, wrong, reason) => {
    const library = aFolder();
    const folder = put(library, wrong);
    put(library, { id: 'sound' });
    const { models, broken } = await loadModels([library]);
    expect(models.map(({ manifest }) => manifest.id)).toEqual(['sound']);
    expect(broken).toEqual([{ folder, reason: expect.stringContaining(reason) }]);
    expect(broken[0]!.reason).toContain(folder);
  });

  it('takes the first of two packages of the same name and says that there is another', async () => {
    const [one, two] = [aFolder(), aFolder()];
    const first = put(one, {});
    const second = put(two, { manifest: { title: 'Another one' } });
    const { models, broken } = await loadModels([one, two]);
    expect(models.map(({ folder }) => folder)).toEqual([first]);
    expect(broken).toEqual([{ folder: second, reason: `a-model 1.0.0 is already in the library, from ${first}` }]);
  });

  it('follows links to packages that lie elsewhere', async () => {
    const [library, elsewhere] = [aFolder(), aFolder()];
    put(elsewhere, {});
    symlinkSync(join(elsewhere, 'a-model'), join(library, 'a-model'));
    expect((await loadModels([library])).models.map(({ manifest }) => manifest.id)).toEqual(['a-model']);
  });
});
