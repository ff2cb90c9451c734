import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { voxelMillilitres } from '../../src/imaging/grid.ts';
import { phantomGrid, phantomSlices, phantomTruth } from '../../src/imaging/phantom.ts';
import { PHANTOM_LABELS } from '../../src/imaging/phantom-anatomy.ts';
import { componentsOfRuns, forEachRun, runsOf } from '../../src/imaging/post/runs.ts';

const options = { slices: 100, rows: 200, columns: 200 };
const grid = phantomGrid(options);
const slices = [...phantomSlices(options)];
const truth = phantomTruth(options);
const labels = [...truth.labels];
const size = grid.rows * grid.columns;

function joined(each: (slice: number, pixel: number) => boolean): Uint8Array {
  return Uint8Array.from({ length: size * grid.slices }, (_, i) => (each(Math.floor(i / size), i % size) ? 1 : 0));
}

describe('The chest phantom', () => {
  it('is the same for the same seed and different for another', () => {
    const digest = (seed: number) => {
      const hash = createHash('sha256');
      for (const slice of phantomSlices({ slices: 3, rows: 64, columns: 64, seed })) hash.update(slice);
      return hash.digest('hex');
    };
    expect(digest(1)).toBe(digest(1));
    expect(digest(1)).not.toBe(digest(2));
  });

  it.each([1, 2, 7, 60])('has %i slices when asked for them, spread over the chest', (count) => {
    const made = [...phantomSlices({ slices: count, rows: 32, columns: 48 })];
    expect(made).toHaveLength(count);
    expect(made.every((slice) => slice.length === 32 * 48)).toBe(true);
    const { origin, sliceSpacing } = phantomGrid({ slices: count });
    expect(origin[2] + ((count - 1) / 2) * sliceSpacing).toBeCloseTo(0, 9);
  });

  it('has two lungs of 1 to 3 litres, the right the larger and at smaller x', () => {
    const { rightLung, leftLung } = truth.volumesMl;
    expect(leftLung).toBeGreaterThan(1000);
    expect(rightLung).toBeGreaterThan(leftLung * 1.1);
    expect(rightLung).toBeLessThan(3000);
    const middle = (label: number) => {
      let [sum, n] = [0, 0];
      for (const slice of labels)
        for (let i = 0; i < size; i++) if (slice[i] === label) [sum, n] = [sum + (i % grid.columns), n + 1];
      return sum / n;
    };
    expect(middle(PHANTOM_LABELS.rightLung)).toBeLessThan(grid.columns / 2);
    expect(middle(PHANTOM_LABELS.leftLung)).toBeGreaterThan(grid.columns / 2);
  });

  it('does not change its volumes with the grid by more than voxels can', () => {
    const fine = phantomTruth({ slices: 150, rows: 400, columns: 400 }).volumesMl;
    expect(Math.abs(fine.rightLung - truth.volumesMl.rightLung) / fine.rightLung).toBeLessThan(0.005);
    expect(Math.abs(fine.leftLung - truth.volumesMl.leftLung) / fine.leftLung).toBeLessThan(0.005);
  });

  it('has a nodule of 8 mm: 0.27 mL inside the left lung', () => {
    const fine = phantomTruth({ slices: 100, rows: 800, columns: 800, sliceSpacing: 0.5 }).volumesMl;
    expect(fine.nodule).toBeGreaterThan(0.25);
    expect(fine.nodule).toBeLessThan(0.29);
  });

  it('gives its lungs to a threshold and connected components: air that does not touch the edge of the image', () => {
    const air = joined((slice, pixel) => slices[slice]![pixel]! < -500);
    const runs = runsOf(air, [grid.slices, grid.rows, grid.columns], Uint8Array.of(0, 1));
    const { count, of } = componentsOfRuns(runs, 26);
    const sizes = new Float64Array(count);
    const atEdge = new Set<number>();
    forEachRun(runs, (run, plane) => {
      sizes[of[run]!]! += runs.end[run]! - runs.begin[run]!;
      if (plane === 0 && runs.begin[run] === 0) atEdge.add(of[run]!);
    });
    const inside = [...sizes]
      .map((voxels, id) => ({ id, ml: voxels * voxelMillilitres(grid) }))
      .filter(({ id }) => !atEdge.has(id));
    inside.sort((a, b) => b.ml - a.ml);
    expect(inside[0]!.ml).toBeCloseTo(truth.volumesMl.rightLung, 3);
    expect(inside[1]!.ml).toBeCloseTo(truth.volumesMl.leftLung, 3);
    expect(inside[2]!.ml).toBeCloseTo(truth.volumesMl.airway, 3);
    expect(inside).toHaveLength(3);
  });

  it('keeps at least 40 mm between the lungs at every level and 25 mm of wall around them', () => {
    const isLung = (label: number) => label === PHANTOM_LABELS.rightLung || label === PHANTOM_LABELS.leftLung;
    const [across, down] = [grid.columnSpacing, grid.rowSpacing];
    let [leastGap, leastWall] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
    for (const slice of labels) {
      let [rightEdge, leftEdge] = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
      for (let i = 0; i < size; i++) {
        const [column, row] = [i % grid.columns, Math.floor(i / grid.columns)];
        if (slice[i] === PHANTOM_LABELS.rightLung) rightEdge = Math.max(rightEdge, column);
        if (slice[i] === PHANTOM_LABELS.leftLung) leftEdge = Math.min(leftEdge, column);
        if (!isLung(slice[i]!)) continue;
        // Distance to the skin: the ellipse of 170 x 120 mm, walked around.
        const [x, y] = [grid.origin[0] + column * across, grid.origin[1] + row * down];
        if ((x / 145) ** 2 + (y / 95) ** 2 < 0.8) continue;
        for (let a = 0; a < 360; a++) {
          const angle = (a * Math.PI) / 180;
          leastWall = Math.min(leastWall, Math.hypot(170 * Math.cos(angle) - x, 120 * Math.sin(angle) - y));
        }
      }
      leastGap = Math.min(leastGap, (leftEdge - rightEdge) * across);
    }
    expect(leastGap).toBeGreaterThanOrEqual(40);
    expect(leastWall).toBeGreaterThanOrEqual(25);
  });

  it('has air around, fat under the skin, soft tissue, bone and lung at their HU', () => {
    const middle = slices[55]!;
    const at = (x: number, y: number) => {
      const [column, row] = [
        Math.round((x - grid.origin[0]) / grid.columnSpacing),
        Math.round((y - grid.origin[1]) / grid.rowSpacing),
      ];
      return middle[row * grid.columns + column]!;
    };
    for (const [x, y, hu] of [
      [-195, -195, -1000],
      [0, -114, -100],
      [0, -60, 40],
      [-100, 0, -850],
      [0, 72, 400],
    ] as const) {
      expect(Math.abs(at(x, y) - hu), `${x}, ${y}`).toBeLessThanOrEqual(60);
    }
  });
});
