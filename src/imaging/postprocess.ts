import { componentsOf, type Shape } from './components.ts';

/** Clean-up a model asks for, done on its own grid to each class that becomes a segment. */
export type PostprocessOperation =
  /** Only the largest connected component of the class stays (of equals the one met first). */
  | { readonly op: 'keep-largest-component' }
  /** A class that fills less than this in all was not found. */
  | { readonly op: 'minimum-volume'; readonly millilitres: number };

/** What `restoreLabels` has to do to the scores so that what was removed stays removed on the finer grid. */
export interface ScoreEdits {
  /** For each voxel the class that was taken from it, 0 where none was. */
  readonly removed: Uint8Array;
  /** For each class worked on, 1 where its score may stand: kept voxels and all that touch them. */
  readonly allowed: ReadonlyMap<number, Uint8Array>;
}

/**
 * Applies the operations in order to the label map of the model, in place: removed voxels become background.
 *
 * Labels alone are not enough. Scores are interpolated to the source grid, and the scores of a removed island would bring it
 * back there, or a rim of it. So, for the scores:
 * - in a removed voxel the background takes over the score of the class, which makes it background there and leaves
 *   the border to other classes where it was;
 * - the class loses its score everywhere but in kept voxels and their 26 neighbours.
 * An interpolation cell with a kept voxel in it then has the scores of the class untouched (all corners are neighbours),
 * and no cell has both kept and removed voxels (components are 26-connected): kept parts keep their exact surface,
 * removed ones leave nothing.
 */
export function postprocess(
  labels: Uint8Array,
  shape: Shape,
  voxelMillilitres: number,
  request: { readonly operations: readonly PostprocessOperation[]; readonly classes: readonly number[] },
): ScoreEdits {
  const removed = new Uint8Array(labels.length);
  for (const operation of request.operations) {
    for (const label of request.classes) {
      const isRemoved = removalOf(operation, labels, shape, label, voxelMillilitres);
      for (let voxel = 0; voxel < labels.length; voxel++) {
        if (labels[voxel] !== label || !isRemoved(voxel)) continue;
        labels[voxel] = 0;
        removed[voxel] = label;
      }
    }
  }
  return { removed, allowed: new Map(request.classes.map((label) => [label, withNeighbours(labels, shape, label)])) };
}

/** Which voxels of the class the operation takes away. */
function removalOf(
  operation: PostprocessOperation,
  labels: Uint8Array,
  shape: Shape,
  label: number,
  voxelMillilitres: number,
): (voxel: number) => boolean {
  switch (operation.op) {
    case 'keep-largest-component': {
      const { ids, sizes } = componentsOf(labels, shape, label);
      const largest = sizes.reduce((best, size, id) => (size > sizes[best]! ? id : best), 0);
      return (voxel) => ids[voxel] !== largest;
    }
    case 'minimum-volume': {
      const voxels = labels.reduce((count, value) => count + (value === label ? 1 : 0), 0);
      const tooSmall = voxels * voxelMillilitres < operation.millilitres;
      return () => tooSmall;
    }
  }
}

/** 1 in the voxels that carry `label` and in all that touch one by face, edge or corner. */
function withNeighbours(labels: Uint8Array, [depth, height, width]: Shape, label: number): Uint8Array {
  const mask = new Uint8Array(labels.length);
  for (let z = 0, voxel = 0; z < depth; z++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++, voxel++) {
        if (labels[voxel] !== label) continue;
        for (let nz = Math.max(z - 1, 0); nz <= Math.min(z + 1, depth - 1); nz++) {
          for (let ny = Math.max(y - 1, 0); ny <= Math.min(y + 1, height - 1); ny++) {
            const row = (nz * height + ny) * width;
            mask.fill(1, row + Math.max(x - 1, 0), row + Math.min(x + 1, width - 1) + 1);
          }
        }
      }
    }
  }
  return mask;
}
