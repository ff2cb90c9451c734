import { type ConfigMap, type ConfigValue, isList, isMap, refused } from './config-value.ts';

const FILE = 'configs/metadata.json';

/** One tensor of network_data_format (MONAI bundle specification). */
export interface TensorFormat {
  readonly key: string;
  readonly type: string;
  readonly format: string;
  readonly modality: string;
  readonly channels: number | undefined;
  /** Name of each channel, by number. */
  readonly channelNames: ReadonlyMap<number, string>;
  /** A length, what it must be a multiple of, or undefined where anything goes. */
  readonly shape: readonly (Axis | undefined)[];
  readonly valueRange: readonly number[];
}

export type Axis = { readonly length: number } | { readonly multipleOf: number };

/** What is read of metadata.json. */
export interface BundleMetadata {
  readonly name: string;
  readonly version: string;
  readonly monaiVersion: readonly [number, number];
  readonly description: string;
  readonly intendedUse: string;
  readonly authors: readonly string[];
  readonly copyright: string;
  readonly input: TensorFormat;
  readonly output: TensorFormat;
}

/** @throws VoxgateError bad-model naming the key; a network with several inputs or outputs is refused */
export function readMetadata(root: ConfigMap): BundleMetadata {
  const format = root.get('network_data_format');
  if (!isMap(format)) throw refused(FILE, 'network_data_format', 'is missing');
  const [major = 0, minor = 0] = text(root, 'monai_version', '0.0').split('.').map(Number);
  const authors = root.get('authors');
  return {
    name: text(root, 'name', ''),
    version: text(root, 'version', ''),
    monaiVersion: [Number.isFinite(major) ? major : 0, Number.isFinite(minor) ? minor : 0],
    description: text(root, 'description', ''),
    intendedUse: text(root, 'intended_use', ''),
    authors: isList(authors) ? authors.map(String) : [text(root, 'authors', 'not stated')],
    copyright: text(root, 'copyright', ''),
    input: oneTensor(format.get('inputs'), 'network_data_format::inputs', 'takes'),
    output: oneTensor(format.get('outputs'), 'network_data_format::outputs', 'gives'),
  };
}

function oneTensor(tensors: ConfigValue | undefined, place: string, verb: string): TensorFormat {
  const entries = isMap(tensors) ? [...tensors] : [];
  const [first] = entries;
  if (entries.length !== 1 || first === undefined)
    throw refused(
      FILE,
      place,
      `the network ${verb} ${entries.length} tensors, not one: ${entries.map(([k]) => k).join(', ')}`,
    );
  const [key, value] = first;
  const at = `${place}::${key}`;
  if (!isMap(value)) throw refused(FILE, at, 'is no description of a tensor');
  const channels = value.get('num_channels');
  const range = value.get('value_range');
  return {
    key,
    type: text(value, 'type', ''),
    format: text(value, 'format', ''),
    modality: text(value, 'modality', ''),
    channels: typeof channels === 'number' && Number.isInteger(channels) && channels > 0 ? channels : undefined,
    channelNames: channelNames(value.get('channel_def') ?? value.get('label_def'), `${at}::channel_def`),
    shape: shapeOf(value.get('spatial_shape'), `${at}::spatial_shape`),
    valueRange: isList(range) ? range.filter((item) => typeof item === 'number') : [],
  };
}

function channelNames(given: ConfigValue | undefined, place: string): ReadonlyMap<number, string> {
  if (!isMap(given)) return new Map();
  return new Map(
    [...given].map(([key, name]): readonly [number, string] => {
      if (!/^\d{1,5}$/.test(key) || typeof name !== 'string')
        throw refused(FILE, `${place}::${key}`, 'is no channel number with a name');
      return [Number(key), name];
    }),
  );
}

/**
 * Lengths ("96"), free axes ("*", "n"), and multiples: "16*n", "2**p*n" (p and n are free, so anything from 1 on goes),
 * "2**4*n".
 */
function shapeOf(given: ConfigValue | undefined, place: string): readonly (Axis | undefined)[] {
  if (!isList(given)) return [];
  if (given.length > 6) throw refused(FILE, place, `has ${given.length} axes`);
  return given.map((axis, i) => {
    if (typeof axis === 'number') return lengthOf(axis, `${place}::${i}`);
    if (typeof axis !== 'string' || axis.length > 64) throw refused(FILE, `${place}::${i}`, 'is no length');
    return axisOf(axis.replace(/\s+/g, ''), `${place}::${i}`);
  });
}

function axisOf(text: string, place: string): Axis | undefined {
  if (text === '*' || text === 'n' || text === 'p') return undefined;
  if (/^\d+$/.test(text)) return lengthOf(Number(text), place);
  let multiple = 1;
  for (const factor of text.split(/(?<!\*)\*(?!\*)/)) {
    const [, base = '', exponent] = /^(\d+|[np])(?:\*\*(\d+|[np]))?$/.exec(factor) ?? [];
    if (base === '') throw refused(FILE, place, `"${text}" is no length that can be understood`);
    if (/^\d+$/.test(base) && !/^[np]$/.test(exponent ?? '')) multiple *= Number(base) ** Number(exponent ?? 1);
  }
  if (!(multiple >= 1 && multiple <= 4096)) throw refused(FILE, place, `"${text}" asks for multiples of ${multiple}`);
  return multiple === 1 ? undefined : { multipleOf: multiple };
}

function lengthOf(length: number, place: string): Axis {
  if (!Number.isInteger(length) || length < 1 || length > 4096)
    throw refused(FILE, place, `${length} is no length from 1 to 4096`);
  return { length };
}

function text(map: ConfigMap, key: string, otherwise: string): string {
  const value = map.get(key);
  return typeof value === 'string' || typeof value === 'number' ? String(value) : otherwise;
}
