import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { inspectOnnx } from '../check-client.ts';
import type { Model } from '../model-package.ts';
import type { OnnxFacts } from '../onnx/onnx-facts.ts';
import { type BundleFiles, openBundle, unopened } from './bundle-files.ts';
import { readCodes } from './codes-file.ts';
import { refused } from './config-value.ts';
import type { ImportAnswers } from './draft.ts';
import { importMonai, isMonaiBundle } from './import-monai.ts';
import { importNnunet, isNnunet } from './import-nnunet.ts';
import { writePackage } from './write-package.ts';

export interface ImportRequest extends ImportAnswers {
  /** A folder or a zip. */
  readonly bundle: string;
  /** The exported networks; none: the one in the bundle. */
  readonly onnx: readonly string[];
  readonly golden?: { readonly input: string; readonly output: string; readonly tolerance: number };
  readonly codes?: string;
  /** The library it is written into. */
  readonly to: string;
}

export interface Imported {
  readonly model: Model;
  readonly notes: readonly string[];
}

/** A network that lies in the bundle itself is unpacked up to this size. */
const LARGEST_INSIDE = 1 << 30;

/**
 * Makes a package of a MONAI bundle or an nnU-Net v2 folder, an ONNX export and a golden pair. No Python, no code of the
 * bundle: data is read, everything else is refused or told.
 * @throws VoxgateError bad-model naming the file, the key and the reason
 */
export async function importModel(request: ImportRequest): Promise<Imported> {
  const workplace = await mkdtemp(join(tmpdir(), 'voxgate-import-'));
  const files = await openBundle(request.bundle);
  try {
    const read = isMonaiBundle(files) ? importMonai : isNnunet(files) ? importNnunet : undefined;
    if (!read)
      throw refused(files.name, '', 'is neither a MONAI bundle (configs/metadata.json) nor of nnU-Net v2 (plans.json)');
    const onnx = request.onnx.length > 0 ? request.onnx : [await networkInside(files, workplace)];
    const networks = await factsOf(onnx);
    const [first] = networks;
    if (!first) throw refused(files.name, '', 'no network is given');
    const { manifest, notes } = await read(files, first.facts, await readCodes(request.codes), request);
    const closed = unopened(files);
    const told = [
      ...notes,
      ...(closed.length > 0 ? [`never opened, because opening them can run code: ${closed.join(', ')}`] : []),
      ...(request.golden ? [] : ['there is no golden pair: nothing shows yet that engines reproduce the network']),
    ];
    const { model, warnings } = await writePackage(request.to, {
      manifest,
      networks,
      ...(request.golden ? { golden: request.golden } : {}),
    });
    return { model, notes: [...told, ...warnings] };
  } finally {
    await files.close();
    await rm(workplace, { recursive: true, force: true });
  }
}

/** What each network says of itself, read in a process of its own; all must take and give the same. */
async function factsOf(paths: readonly string[]): Promise<{ path: string; facts: OnnxFacts }[]> {
  const answers = await inspectOnnx(paths.map((path) => ({ path, wanted: [] })));
  const networks = paths.map((path, i) => {
    const answer = answers[i];
    if (!answer?.ok) throw refused(basename(path), '', answer?.reason ?? 'cannot be read');
    return { path, facts: answer.facts };
  });
  const face = ({ facts }: { facts: OnnxFacts }): string => JSON.stringify([facts.inputs, facts.outputs]);
  const other = networks.find((network) => networks[0] && face(network) !== face(networks[0]));
  if (other) throw refused(basename(other.path), '', 'takes or gives something else than the first network');
  return networks;
}

async function networkInside(files: BundleFiles, workplace: string): Promise<string> {
  const inside = files.names.filter((name) => /\.onnx$/i.test(name));
  const [only] = inside;
  if (only === undefined)
    throw refused(
      files.name,
      '',
      'holds no ONNX file, and weights of PyTorch are never opened. Export the network where PyTorch is ' +
        '(python -m monai.bundle onnx_export, or torch.onnx.export) and give it with --onnx',
    );
  if (inside.length > 1) throw refused(files.name, '', `holds ${inside.join(', ')}: choose with --onnx`);
  const path = join(workplace, 'model.onnx');
  await writeFile(path, await files.read(only, LARGEST_INSIDE));
  return path;
}
