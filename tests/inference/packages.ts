import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { ModelManifest } from '../../src/inference/model-manifest.ts';
import { echoModel } from './onnx-models.ts';

/** The manifest of the package of this project. */
export const SOUND: ModelManifest = JSON.parse(readFileSync('models/ct-lung-segmentation/1.0.0/model.json', 'utf8'));
export const ONNX = Buffer.from('not a graph, but it has a digest');

export interface Package {
  readonly id?: string;
  readonly version?: string;
  /** Names of the folders, where they are not those of the manifest. */
  readonly at?: string;
  readonly manifest?: Record<string, unknown>;
  readonly text?: string;
  /** The network at model.onnx; files of the manifest name its digest unless `manifest` says otherwise. */
  readonly onnx?: Buffer;
  /** Written beside it, whatever the manifest says. */
  readonly bytes?: Buffer;
  readonly files?: Readonly<Record<string, Buffer>>;
}

export const digestOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** Writes a package into a library, without a golden pair unless one is given; returns its folder. */
export function put(library: string, wanted: Package): string {
  const { id = 'a-model', version = '1.0.0', at, manifest = {}, text, onnx = ONNX, bytes = onnx, files = {} } = wanted;
  const folder = join(library, at ?? `${id}/${version}`);
  mkdirSync(folder, { recursive: true });
  const named = [{ path: 'model.onnx', digest: digestOf(onnx) }];
  writeFileSync(
    join(folder, 'model.json'),
    text ?? JSON.stringify({ ...SOUND, id, version, files: named, golden: undefined, ...manifest }),
  );
  for (const [path, content] of Object.entries({ 'model.onnx': bytes, ...files })) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
  return folder;
}

const floats = (values: Float32Array): Buffer => Buffer.from(values.buffer, values.byteOffset, values.byteLength);

/** What makes a package of the model that gives back what it gets: one region, above a half. */
export function anEcho(changes: Package = {}): Package {
  const onnx = changes.onnx ?? echoModel();
  const values = Float32Array.from({ length: 24 }, (_, i) => i / 24);
  const files = {
    'golden/input.f32': floats(values),
    'golden/output.f32.gz': gzipSync(floats(values)),
    ...changes.files,
  };
  const tensor = (path: keyof typeof files & string) => ({
    path,
    shape: [1, 1, 2, 3, 4],
    digest: digestOf(files[path]!),
  });
  return {
    ...changes,
    onnx,
    files,
    manifest: {
      tensors: { input: { name: 'x', type: 'float32' }, output: 'y' },
      output: { kind: 'region-scores', classes: ['bright'] },
      postprocess: [
        { op: 'invert', mode: 'linear' },
        { op: 'threshold', at: 0.5, strict: true },
      ],
      segments: [{ ...SOUND.segments[0], class: 0 }],
      golden: { input: tensor('golden/input.f32'), output: tensor('golden/output.f32.gz'), tolerance: 1e-6 },
      ...changes.manifest,
    },
  };
}
