/** Voxel counts of an array of labels, slowest first. Rows are runs of the last axis. */
export type FieldShape = readonly [planes: number, rows: number, columns: number];

/** What was decided of every voxel of a grid: one class each, or several masks that may overlap. */
export interface LabelField {
  readonly shape: FieldShape;
  readonly kind: 'labels' | 'masks';
  /** labels: one layer, the class of each voxel. masks: class c is bit c mod 8 of layer c / 8. */
  readonly layers: readonly Uint8Array[];
}

export function emptyField(shape: FieldShape, kind: LabelField['kind'], classes: number): LabelField {
  const voxels = shape[0] * shape[1] * shape[2];
  const layers = kind === 'labels' ? 1 : Math.ceil(classes / 8);
  return { shape, kind, layers: Array.from({ length: layers }, () => new Uint8Array(voxels)) };
}

/** Part of a field in which each voxel has one value: the value that stands for each class in it. */
export interface LabelMap {
  readonly bytes: Uint8Array;
  readonly valueOf: ReadonlyMap<number, number>;
  /** Writes changed bytes back into the field. */
  store(): void;
}

/** The classes of a field as maps of one value a voxel: all at once, or masks one after the other, in the same memory. */
export function* labelMaps({ shape, kind, layers }: LabelField, classes: readonly number[]): Generator<LabelMap> {
  if (kind === 'labels') {
    yield { bytes: layers[0]!, valueOf: new Map(classes.map((c) => [c, c])), store: () => undefined };
    return;
  }
  const bytes = new Uint8Array(shape[0] * shape[1] * shape[2]);
  for (const c of classes) {
    const layer = layers[c >> 3];
    if (layer === undefined) continue;
    const shift = c & 7;
    for (let i = 0; i < bytes.length; i++) bytes[i] = (layer[i]! >> shift) & 1;
    yield {
      bytes,
      valueOf: new Map([[c, 1]]),
      store() {
        const others = 0xff ^ (1 << shift);
        for (let i = 0; i < bytes.length; i++) layer[i] = (layer[i]! & others) | (bytes[i]! << shift);
      },
    };
  }
}

/** Puts the mask of one class, 0 and 1, into a plane of a field of masks. */
export function storeMask({ layers }: LabelField, c: number, mask: Uint8Array, plane: number): void {
  const layer = layers[c >> 3]!;
  const shift = c & 7;
  for (let i = 0, to = plane * mask.length; i < mask.length; i++, to++) layer[to]! |= mask[i]! << shift;
}
