import { type ConfigMap, isList, isMap, refused } from './config-value.ts';

const FILE = 'dataset.json';

/** What is read of an nnU-Net v2 dataset.json. */
export interface Dataset {
  readonly name: string;
  readonly description: string;
  readonly licence: string;
  readonly authors: string;
  /** Name of each channel, in order. */
  readonly channels: readonly string[];
  /** What each output channel is: classes with the background first, or regions. */
  readonly heads: readonly string[];
  /** Where it has regions: the label that each one paints. */
  readonly regionsOrder: readonly number[] | undefined;
  /** The labels of the finished map, and what they are called. */
  readonly segments: readonly { readonly class: number; readonly name: string }[];
  /** There is an "ignore" label. */
  readonly ignored: boolean;
}

/** @throws VoxgateError bad-model naming the key: labels with a gap, regions without an order */
export function readDataset(root: ConfigMap): Dataset {
  const labels = root.get('labels');
  if (!isMap(labels)) throw refused(FILE, 'labels', 'is missing');
  if (labels.get('background') !== 0) throw refused(FILE, 'labels::background', 'must be 0');
  const regions = [...labels.values()].some((label) => isList(label) && label.length > 1);
  const read = regions ? readRegions(labels, root) : readLabels(labels);
  return {
    name: text(root, 'name'),
    description: text(root, 'description'),
    licence: text(root, 'licence') || text(root, 'license'),
    authors: text(root, 'reference') || text(root, 'authors'),
    channels: readChannels(root),
    ignored: labels.has('ignore'),
    ...read,
  };
}

type Labels = Pick<Dataset, 'heads' | 'regionsOrder' | 'segments'>;

/** Labels 0, 1, 2, … : channel n is label n. */
function readLabels(labels: ConfigMap): Labels {
  const byNumber = new Map<number, string>();
  for (const [name, label] of labels) {
    if (name === 'ignore') continue;
    const value = isList(label) && label.length === 1 ? label[0] : label;
    if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > 254)
      throw refused(FILE, `labels::${name}`, 'is no label from 0 to 254');
    if (byNumber.has(value)) throw refused(FILE, `labels::${name}`, `has the number of "${byNumber.get(value)}"`);
    byNumber.set(value, name);
  }
  const heads = Array.from({ length: byNumber.size }, (_, i) => {
    const name = byNumber.get(i);
    if (name === undefined) throw refused(FILE, 'labels', `have a gap: no label is ${i}`);
    return name;
  });
  const segments = heads.map((name, i) => ({ class: i, name })).slice(1);
  return { heads, regionsOrder: undefined, segments };
}

/** Channel i is the i-th region as written; where it is found it paints label regions_class_order[i]. */
function readRegions(labels: ConfigMap, root: ConfigMap): Labels {
  const order = root.get('regions_class_order');
  const heads = [...labels].flatMap(([name, label]) =>
    name === 'ignore' || label === 0 || (isList(label) && label.every((value) => value === 0)) ? [] : [name],
  );
  if (!isList(order) || order.length !== heads.length)
    throw refused(FILE, 'regions_class_order', `must have a label for each of ${heads.length} regions`);
  const regionsOrder = order.map((label, i) => {
    if (typeof label !== 'number' || !Number.isInteger(label) || label < 1 || label > 254)
      throw refused(FILE, `regions_class_order::${i}`, 'is no label from 1 to 254');
    return label;
  });
  const segments = regionsOrder
    .map((label, i) => ({ class: label, name: heads[i] ?? '' }))
    .filter(({ class: label }, i) => regionsOrder.lastIndexOf(label) === i)
    .sort((a, b) => a.class - b.class);
  return { heads, regionsOrder, segments };
}

function readChannels(root: ConfigMap): string[] {
  const given = root.get('channel_names') ?? root.get('modality');
  if (!isMap(given) || given.size === 0) throw refused(FILE, 'channel_names', 'is missing');
  return Array.from({ length: given.size }, (_, i) => {
    const name = given.get(String(i));
    if (typeof name !== 'string') throw refused(FILE, `channel_names::${i}`, 'has no name');
    return name;
  });
}

function text(map: ConfigMap, key: string): string {
  const value = map.get(key);
  return typeof value === 'string' ? value : '';
}
