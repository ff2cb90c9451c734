/** Voxel counts of a label map or tensor, in its order [z][y][x]. */
export type Shape = readonly [z: number, y: number, x: number];

export interface Components {
  /** 0 outside; 1, 2, … for each component, in the order of their first voxels. */
  readonly ids: Int32Array;
  /** Voxels of component i at [i]; [0] is 0. */
  readonly sizes: readonly number[];
}

/**
 * The connected components of the voxels that carry `label`. Voxels touch by face, edge or corner (26 neighbours), so that
 * voxels of two components never share a cell of trilinear interpolation; `restoreLabels` builds on that.
 */
export function componentsOf(labels: Uint8Array, shape: Shape, label: number): Components {
  const ids = new Int32Array(labels.length);
  const sizes = [0];
  const [depth, height, width] = shape;
  // Every voxel of the label waits in here once, in turn.
  const queue = new Int32Array(labels.reduce((count, value) => count + (value === label ? 1 : 0), 0));
  let queued = 0;
  let done = 0;

  for (let seed = 0; seed < labels.length; seed++) {
    if (labels[seed] !== label || ids[seed] !== 0) continue;
    const id = sizes.length;
    const before = queued;
    ids[seed] = id;
    queue[queued++] = seed;
    while (done < queued) {
      const voxel = queue[done++]!;
      const x = voxel % width;
      const y = Math.floor(voxel / width) % height;
      const z = Math.floor(voxel / (width * height));
      for (let nz = Math.max(z - 1, 0); nz <= Math.min(z + 1, depth - 1); nz++) {
        for (let ny = Math.max(y - 1, 0); ny <= Math.min(y + 1, height - 1); ny++) {
          const row = (nz * height + ny) * width;
          for (let at = row + Math.max(x - 1, 0); at <= row + Math.min(x + 1, width - 1); at++) {
            if (labels[at] !== label || ids[at] !== 0) continue;
            ids[at] = id;
            queue[queued++] = at;
          }
        }
      }
    }
    sizes.push(queued - before);
  }
  return { ids, sizes };
}
