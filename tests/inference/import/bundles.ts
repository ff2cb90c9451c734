import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { crc32, deflateRawSync } from 'node:zlib';
import type { OnnxFacts } from '../../../src/inference/onnx/onnx-facts.ts';

/** A network of this project: float32 [1][1][a][b][c] in, three classes out. */
export const NETWORK = resolve('models/ct-lung-segmentation/1.0.0/model.onnx');

/** What a network would say of itself that takes and gives so many channels. */
export function network(
  channels: number,
  classes: number,
  dimensions: 2 | 3 = 3,
  length: number | string = 'n',
): OnnxFacts {
  const axes = Array.from({ length: dimensions }, () => length);
  return {
    irVersion: 8,
    producer: '',
    opsets: { '': 17 },
    inputs: [{ name: 'image', type: 'float32', shape: ['n', channels, ...axes] }],
    outputs: [{ name: 'scores', type: 'float32', shape: ['n', classes, ...axes] }],
    operators: {},
    external: [],
    computed: [],
  };
}

/** A bundle in MONAI's language that uses what the public ones use: references both ways, a choice, an expression. */
export const INFERENCE = {
  imports: ['$import glob', '$import os'],
  bundle_root: '.',
  image_key: 'image',
  options: { fine: false, overlap: 0.25, batch: 2 },
  device: "$torch.device('cuda:0' if torch.cuda.is_available() else 'cpu')",
  datalist: "$list(sorted(glob.glob(@bundle_root + '/images/*.nii.gz')))",
  spacing: '$[1.5] * 3 if @options#fine else [3.0, 3.0, 2 * 1.5]',
  network_def: { _target_: 'UNet', spatial_dims: 3, in_channels: 1, out_channels: 3 },
  first_transforms: [
    { _target_: 'LoadImaged', keys: '@image_key', reader: 'ITKReader' },
    { _target_: 'EnsureChannelFirstd', keys: '@image_key' },
    { _target_: 'Orientationd', keys: '@image_key', axcodes: 'RAS' },
    { _target_: 'Spacingd', keys: ['@image_key', 'label'], pixdim: '@spacing', mode: ['bilinear', 'nearest'] },
    { _target_: 'RandFlipd', keys: '@image_key', prob: 0.5 },
    { _target_: 'ScaleIntensityd', keys: '@image_key', _disabled_: '$not @options::fine' },
  ],
  preprocessing: {
    _target_: 'Compose',
    transforms: '$@first_transforms + [@window_transform] if len(@first_transforms) > 2 else @first_transforms',
  },
  window_transform: {
    _target_: 'monai.transforms.ScaleIntensityRanged',
    keys: '@image_key',
    a_min: -1000,
    a_max: '$-1 * @#a_min // 2',
    b_min: 0.0,
    b_max: 1.0,
    clip: true,
    _desc_: 'lung window',
  },
  inferer: {
    _target_: 'SlidingWindowInferer',
    roi_size: '$[32, 32] + [@options::batch * 16]',
    sw_batch_size: '@options#batch',
    overlap: '%options::overlap',
    mode: 'gaussian',
    padding_mode: 'replicate',
    device: '@device',
  },
  postprocessing: {
    _target_: 'Compose',
    transforms: [
      { _target_: 'Activationsd', keys: 'pred', softmax: true },
      {
        _target_: 'Invertd',
        keys: 'pred',
        transform: '@preprocessing',
        orig_keys: '@image_key',
        nearest_interp: false,
        to_tensor: true,
      },
      { _target_: 'AsDiscreted', keys: ['pred', 'label'], argmax: [true, false] },
      { _target_: 'KeepLargestConnectedComponentd', keys: 'pred', applied_labels: [1, 2] },
      { _target_: 'SaveImaged', keys: 'pred', output_dir: "$os.path.join(@bundle_root, 'eval')" },
    ],
  },
  evaluator: { _target_: 'SupervisedEvaluator', network: '$@network_def.to(@device)' },
  run: ['$@evaluator.run()'],
};

export const METADATA = {
  version: '0.3.1',
  monai_version: '1.4.0',
  name: 'Two lungs',
  description: 'Right and left lung',
  authors: 'nobody',
  copyright: 'none',
  network_data_format: {
    inputs: {
      image: {
        type: 'image',
        format: 'hounsfield',
        modality: 'CT',
        num_channels: 1,
        spatial_shape: ['16*n', '16*n', '2**p*n'],
        dtype: 'float32',
        value_range: [0, 1],
        is_patch_data: true,
        channel_def: { '0': 'image' },
      },
    },
    outputs: {
      pred: {
        type: 'image',
        format: 'segmentation',
        num_channels: 3,
        spatial_shape: ['16*n', '16*n', '16*n'],
        channel_def: { '0': 'background', '1': 'lung_right', '2': 'lung_left' },
      },
    },
  },
};

/** Writes files into a folder; values that are no text are written as JSON. */
export function write(folder: string, files: Readonly<Record<string, unknown>>): string {
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), typeof content === 'string' ? content : JSON.stringify(content));
  }
  return folder;
}

export function bundleIn(folder: string, inference: unknown = INFERENCE, metadata: unknown = METADATA): string {
  return write(folder, { 'configs/inference.json': inference, 'configs/metadata.json': metadata });
}

export interface Entry {
  readonly name: string;
  readonly bytes: Buffer;
  /** What the directory says instead of the truth. */
  readonly size?: number;
  readonly mode?: number;
  readonly flags?: number;
}

/** A zip, honest or not (APPNOTE.TXT 4.3). */
export function zip(entries: readonly Entry[]): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const { name, bytes, size = bytes.length, mode = 0o100644, flags = 0 } of entries) {
    const packed = deflateRawSync(bytes);
    const label = Buffer.from(name, 'utf8');
    const local = Buffer.alloc(30);
    local.writeUInt32LE(0x04034b50, 0);
    local.writeUInt16LE(flags, 6);
    local.writeUInt16LE(8, 8);
    local.writeUInt32LE(crc32(bytes), 14);
    local.writeUInt32LE(packed.length, 18);
    local.writeUInt32LE(size, 22);
    local.writeUInt16LE(label.length, 26);
    const central = Buffer.alloc(46);
    central.writeUInt32LE(0x02014b50, 0);
    central.writeUInt16LE((3 << 8) | 20, 4);
    central.writeUInt16LE(flags, 8);
    central.writeUInt16LE(8, 10);
    central.writeUInt32LE(crc32(bytes), 16);
    central.writeUInt32LE(packed.length, 20);
    central.writeUInt32LE(size, 24);
    central.writeUInt16LE(label.length, 28);
    central.writeUInt32LE((mode << 16) >>> 0, 38);
    central.writeUInt32LE(offset, 42);
    parts.push(local, label, packed);
    directory.push(central, label);
    offset += 30 + label.length + packed.length;
  }
  const listing = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(entries.length, 8);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(listing.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...parts, listing, end]);
}
