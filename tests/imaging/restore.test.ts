import { describe, expect, it } from 'vitest';
import { componentsOf, type Shape } from '../../src/imaging/components.ts';
import { type Grid, voxelMillilitres } from '../../src/imaging/grid.ts';
import { type ModelGrid, modelGridOf } from '../../src/imaging/model-grid.ts';
import { type PostprocessOperation, postprocess, type ScoreEdits } from '../../src/imaging/postprocess.ts';
import { restoreLabels } from '../../src/imaging/restore.ts';
import { labelsOnModel, type Scores } from '../../src/imaging/scores.ts';
import { axisAlignedOrientations, randomNumbers } from './slices.ts';
import { aGrid } from './volumes.ts';

const shapeOf = ({ x, y, z }: ModelGrid): Shape => [z.count, y.count, x.count];

function scoresOf(model: ModelGrid, values: readonly ((x: number, y: number, z: number) => number)[]): Scores {
  const shape = shapeOf(model);
  const [depth, height, width] = shape;
  const voxels = depth * height * width;
  const all = Float32Array.from({ length: voxels * values.length }, (_, i) => {
    const voxel = i % voxels;
    const z = Math.floor(voxel / (width * height));
    return values[Math.floor(i / voxels)]!(voxel % width, Math.floor(voxel / width) % height, z);
  });
  return { classes: values.length, shape, read: (place, out) => out.set(all.subarray(place, place + out.length)) };
}

function restored(scores: Scores, model: ModelGrid, source: Grid, edits?: ScoreEdits): Uint8Array {
  const labels = new Uint8Array(source.rows * source.columns * source.slices).fill(255);
  restoreLabels(scores, model, edits, (slice, index) => labels.set(slice, index * slice.length));
  return labels;
}

const count = (labels: Uint8Array, label: number): number =>
  labels.reduce((sum, value) => sum + (value === label ? 1 : 0), 0);

describe('Class scores on the model grid become a label map on the source grid', () => {
  /*
   * Independent numbers: scipy 1.10 ndimage.map_coordinates(order=1, mode='nearest') of each class at the source voxel
   * centres, then numpy argmax, in double precision; the closest race is decided by 9e-5.
   */
  it('agrees with scipy: trilinear, then the highest class', () => {
    const source = aGrid({ columns: 11, rows: 7, slices: 9 });
    const model = modelGridOf(source, [2, 2, 2]);
    const scores = scoresOf(model, [
      (x, y, z) => ((z * 13 + y * 7 + x * 5) % 17) / 17,
      (x, y, z) => ((z * 5 + y * 11 + x * 3) % 19) / 19 + 0.0037,
      (x, y, z) => ((z * 3 + y * 2 + x * 17) % 23) / 23 + 0.0071,
    ]);
    const labels = restored(scores, model, source);
    expect([0, 1, 2].map((label) => count(labels, label))).toEqual([206, 217, 270]);
    expect(labels.reduce((sum, label, i) => sum + label * ((i % 7) + 1), 0)).toBe(3057);
    expect(labels.subarray(4 * 77, 5 * 77).join('')).toBe(
      '22220000000222001110222211111112200021111122222111000022211100000122221111111',
    );
  });

  it('gives a tie to the lower class', () => {
    const source = aGrid({ columns: 3, rows: 3, slices: 3 });
    const model = modelGridOf(source, [1, 1, 1]);
    const flat = () => 0.25;
    expect(count(restored(scoresOf(model, [flat, flat, flat]), model, source), 0)).toBe(27);
  });

  it('brings every orientation back to its own slices: each source voxel gets the class of its place', () => {
    for (const orientation of axisAlignedOrientations()) {
      const source = aGrid({ columns: 5, rows: 4, slices: 3 }, orientation);
      const model = modelGridOf(source);
      const code = (x: number, y: number, z: number) => ((z * 4 + y) * 5 + x) % 7;
      const scores = scoresOf(
        model,
        [0, 1, 2, 3, 4, 5, 6].map((c) => (x: number, y: number, z: number) => (code(x, y, z) === c ? 1 : 0)),
      );
      const labels = restored(scores, model, source);
      for (let s = 0, voxel = 0; s < 3; s++) {
        for (let r = 0; r < 4; r++) {
          for (let c = 0; c < 5; c++, voxel++) {
            const [x, y, z] = [model.x, model.y, model.z].map((axis) => {
              const at = [c, r, s][axis.source]!;
              return axis.flipped ? axis.count - 1 - at : at;
            });
            expect(labels[voxel]).toBe(code(x!, y!, z!));
          }
        }
      }
    }
  });

  it('works for a coarser source and for a single model voxel', () => {
    const source = aGrid({ columns: 6, rows: 5, slices: 4 });
    for (const spacing of [
      [0.3, 0.4, 0.5],
      [50, 50, 50],
    ] as const) {
      const model = modelGridOf(source, spacing);
      const half = model.x.count / 2;
      const labels = restored(scoresOf(model, [() => 0.5, (x) => (x >= half ? 1 : 0)]), model, source);
      expect([...labels.subarray(0, 6)]).toEqual(
        spacing[0] === 50 ? [1, 1, 1, 1, 1, 1].map(() => (half <= 0 ? 1 : 0)) : [0, 0, 0, 1, 1, 1],
      );
    }
  });
});

describe('Connected components', () => {
  it('touch by face, edge and corner', () => {
    const labels = new Uint8Array(27);
    labels[0] = 1; // 0,0,0
    labels[13] = 1; // 1,1,1
    labels[2] = 1; // 2,0,0
    const { ids, sizes } = componentsOf(labels, [3, 3, 3], 1);
    expect(sizes).toEqual([0, 3]);
    expect([ids[0], ids[13], ids[2]]).toEqual([1, 1, 1]);
  });

  it('do not reach around the ends of rows and slices', () => {
    const labels = new Uint8Array(2 * 3 * 4);
    labels[3] = 1; // last of the first row
    labels[8] = 1; // first of the third row
    labels[23] = 1; // last of all
    expect(componentsOf(labels, [2, 3, 4], 1).sizes).toEqual([0, 1, 1, 1]);
  });

  it('fill a hundred thousand voxels without recursion', () => {
    expect(componentsOf(new Uint8Array(200_000).fill(1), [2, 100, 1000], 1).sizes).toEqual([0, 200_000]);
  });
});

describe('Post-processing on the model grid holds on the source grid', () => {
  const source = aGrid({ columns: 60, rows: 34, slices: 20 });
  const model = modelGridOf(source, [2, 2, 2]);
  const ball = (cx: number, cy: number, cz: number, radius: number) => (x: number, y: number, z: number) =>
    radius - Math.hypot(x - cx, y - cy, z - cz);
  const best =
    (...balls: ((x: number, y: number, z: number) => number)[]) =>
    (x: number, y: number, z: number) =>
      Math.max(...balls.map((one) => one(x, y, z)));

  function edited(scores: Scores, operations: readonly PostprocessOperation[], classes: readonly number[]) {
    const labels = labelsOnModel(scores);
    const edits = postprocess(labels, scores.shape, voxelMillilitres(model.grid), { operations, classes });
    return { onModel: labels, onSource: restored(scores, model, source, edits) };
  }

  it('keep-largest-component leaves nothing of the island and all of the rest', () => {
    const large = ball(6, 8, 8, 4.2);
    const small = ball(16, 15, 14, 3.1);
    const both = scoresOf(model, [() => 0, best(large, small)]);
    const { onModel, onSource } = edited(both, [{ op: 'keep-largest-component' }], [1]);
    expect(componentsOf(onModel, shapeOf(model), 1).sizes).toHaveLength(2);
    expect(onSource).toEqual(restored(scoresOf(model, [() => 0, large]), model, source));
    expect(count(onSource, 1)).toBeGreaterThan(100);
  });

  it('an island one background voxel away from the largest neither returns nor bites into it', () => {
    const inBox = (x: number, from: number, to: number) => x >= from && x <= to;
    const kept = (x: number, y: number, z: number) => inBox(x, 2, 7) && inBox(y, 4, 9) && inBox(z, 4, 9);
    const island = (x: number, y: number, z: number) => inBox(x, 9, 10) && inBox(y, 4, 9) && inBox(z, 4, 9);
    const scores = scoresOf(model, [() => 0.5, (x, y, z) => (kept(x, y, z) || island(x, y, z) ? 1 : 0)]);
    const alone = scoresOf(model, [() => 0.5, (x, y, z) => (kept(x, y, z) ? 1 : 0)]);
    const { onSource } = edited(scores, [{ op: 'keep-largest-component' }], [1]);
    expect(onSource).toEqual(restored(alone, model, source));
  });

  it('a removed island becomes background, not the class that came second', () => {
    const lung = ball(10, 10, 10, 7);
    const island = (x: number, y: number, z: number) =>
      x === 10 && y === 10 && z === 10 ? 99 : ball(2, 2, 2, 1.6)(x, y, z);
    const scores = scoresOf(model, [() => 0, lung, island]);
    const { onModel, onSource } = edited(scores, [{ op: 'minimum-volume', millilitres: 1000 }], [2]);
    expect(count(onModel, 2)).toBe(0);
    expect(count(onSource, 2)).toBe(0);
    const at = (x: number, y: number, z: number) => onSource[(z * 34 + y) * 60 + x];
    // Model voxel 10, 10, 10 lies at 20 mm: source column 29, row 15.65, slice 10.
    expect(at(29, 16, 10)).toBe(0);
    expect(at(20, 12, 10)).toBe(1);
  });

  it('a class that is second everywhere does not win between two others, away from what was kept of it', () => {
    const isKept = (x: number) => x <= 3;
    const scores = scoresOf(model, [
      (x) => (isKept(x) ? 0 : (x + 1) % 2),
      (x) => (isKept(x) ? 1 : 0.9),
      (x) => (isKept(x) ? 0 : x % 2),
    ]);
    const plain = restored(scores, model, source);
    const { onModel, onSource } = edited(scores, [{ op: 'keep-largest-component' }], [1]);
    expect(count(onModel, 1)).toBe(4 * 23 * 20);
    // Model voxel 3 has its centre at 7 mm, voxel 4 at 9 mm: source column 12.4.
    const beyond = (labels: Uint8Array) =>
      labels.reduce((sum, label, i) => sum + (label === 1 && i % 60 > 12 ? 1 : 0), 0);
    expect(beyond(plain)).toBeGreaterThan(5000);
    expect(beyond(onSource)).toBe(0);
    expect(count(onSource, 1)).toBe(plain.reduce((sum, label, i) => sum + (label === 1 && i % 60 <= 12 ? 1 : 0), 0));
  });

  it('minimum-volume counts the whole class and compares millilitres on the model grid', () => {
    const scores = scoresOf(model, [() => 0, best(ball(6, 8, 8, 3.5), ball(16, 15, 14, 3.5))]);
    const voxels = count(labelsOnModel(scores), 1);
    const millilitres = voxels * 0.008;
    const keep = edited(scores, [{ op: 'minimum-volume', millilitres: millilitres - 0.001 }], [1]);
    const drop = edited(scores, [{ op: 'minimum-volume', millilitres: millilitres + 0.001 }], [1]);
    expect(count(keep.onModel, 1)).toBe(voxels);
    expect(keep.onSource).toEqual(restored(scores, model, source));
    expect(count(drop.onSource, 1)).toBe(0);
  });

  it('operations run in order, on each class by itself', () => {
    const scores = scoresOf(model, [
      () => 0,
      best(ball(5, 5, 5, 3), ball(5, 16, 14, 2)),
      best(ball(15, 5, 5, 2), ball(15, 16, 14, 3)),
    ]);
    const { onModel } = edited(
      scores,
      [{ op: 'keep-largest-component' }, { op: 'minimum-volume', millilitres: 0.5 }],
      [1, 2],
    );
    expect([1, 2].map((c) => componentsOf(onModel, shapeOf(model), c).sizes.length - 1)).toEqual([1, 1]);
  });

  it('in random scores of two classes: exactly what touches a kept voxel of the model stays', () => {
    const random = randomNumbers(11);
    for (let round = 0; round < 12; round++) {
      const [, height, width] = shapeOf(model);
      // Smooth noise, so that there are blobs of all sizes.
      const waves = Array.from(
        { length: 6 },
        () => [random() * 1.5, random() * 1.5, random() * 1.5, random() * 6.3] as const,
      );
      const noise = (x: number, y: number, z: number) =>
        waves.reduce((sum, [a, b, c, d]) => sum + Math.sin(a * x + b * y + c * z + d), 0) + random() * 0.6 - 1.5;
      const scores = scoresOf(model, [() => 0, noise]);
      const plain = restored(scores, model, source);
      const { onModel, onSource } = edited(scores, [{ op: 'keep-largest-component' }], [1]);
      const before = labelsOnModel(scores);
      if (count(before, 1) === 0) continue;

      const cellOf = (axis: ModelGrid['x'], index: number) => {
        const at = Math.min(Math.max(((index + 0.5) * axis.sourceSpacing) / axis.spacing - 0.5, 0), axis.count - 1);
        return at === Math.floor(at) ? [at] : [Math.floor(at), Math.floor(at) + 1];
      };
      let wrong = 0;
      for (let s = 0, voxel = 0; s < source.slices; s++) {
        for (let r = 0; r < source.rows; r++) {
          for (let c = 0; c < source.columns; c++, voxel++) {
            let touches = false;
            for (const z of cellOf(model.z, s))
              for (const y of cellOf(model.y, r))
                for (const x of cellOf(model.x, c)) touches ||= onModel[(z * height + y) * width + x] === 1;
            if (onSource[voxel] !== (touches ? plain[voxel] : 0)) wrong += 1;
          }
        }
      }
      expect(wrong).toBe(0);
    }
  });
});
