import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Model } from '../model-package.ts';
import { type BundleFiles, openBundle, unopened } from './bundle-files.ts';
import { readCodes } from './codes-file.ts';
import { refused } from './config-value.ts';
import type { ImportAnswers } from './draft.ts';
import { importMonai, isMonaiBundle } from './import-monai.ts';
import { importNnunet, isNnunet } from './import-nnunet.ts';
import { readOnnxHeader } from './onnx-header.ts';
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
    const [first = ''] = onnx;
    const { manifest, notes } = await read(files, await readOnnxHeader(first), await readCodes(request.codes), request);
    const closed = unopened(files);
    const told = [
      ...notes,
      ...(closed.length > 0 ? [`never opened, because opening them can run code: ${closed.join(', ')}`] : []),
      ...(request.golden ? [] : ['there is no golden pair: nothing shows yet that engines reproduce the network']),
    ];
    const model = await writePackage(request.to, {
      manifest,
      onnx,
      ...(request.golden ? { golden: request.golden } : {}),
    });
    return { model, notes: told };
  } finally {
    await files.close();
    await rm(workplace, { recursive: true, force: true });
  }
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
