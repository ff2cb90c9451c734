import { describe, expect, it } from 'vitest';
import { lintReport } from '../../src/results/lint.ts';
import { buildMeasurementReport } from '../../src/results/measurement-report.ts';
import { outlineSegments } from '../../src/results/outline.ts';
import { buildSegmentation } from '../../src/results/segmentation.ts';
import { read } from './read.ts';
import { aGrid, aResult, aSource, packed } from './samples.ts';

/** A frame drawn with "#" for a voxel. */
function drawn(...lines: readonly string[]) {
  const grid = aGrid({ columns: lines[0]!.length, rows: lines.length, slices: 1 });
  const mask = Uint8Array.from(lines.join(''), (sign) => (sign === '#' ? 1 : 0));
  return { ...packed(grid, new Map([[1, mask]])), rows: grid.rows, columns: grid.columns };
}

describe('outlineSegments', () => {
  it('goes along pixel edges, from the outer corner of the first pixel and back to it (PS3.3 C.18.6)', () => {
    expect(outlineSegments(drawn('....', '.##.', '.#..', '....'))).toEqual([
      {
        segment: 1,
        slice: 0,
        points: [
          [1, 1],
          [3, 1],
          [3, 2],
          [2, 2],
          [2, 3],
          [1, 3],
          [1, 1],
        ],
        areaPixels: 3,
      },
    ]);
  });

  it('holds a single pixel, and one at each border of the image', () => {
    const [corner] = outlineSegments(drawn('#'));
    expect(corner?.areaPixels).toBe(1);
    expect(outlineSegments(drawn('###', '###'))[0]?.points).toEqual([
      [0, 0],
      [3, 0],
      [3, 2],
      [0, 2],
      [0, 0],
    ]);
  });

  it('takes the largest part, does not pass over a corner where two parts touch, and counts holes in', () => {
    expect(outlineSegments(drawn('#....', '.###.', '.#.#.', '.###.', '....#'))).toMatchObject([{ areaPixels: 9 }]);
  });

  it('does not run on over the edge of a row', () => {
    expect(outlineSegments(drawn('..#', '#..'))).toMatchObject([{ areaPixels: 1 }]);
  });

  it('draws each segment on the slice where it has most voxels', () => {
    const { masks, segmentation } = aResult();
    const { rows, columns, slices } = segmentation.source.grid;
    const outlines = outlineSegments({ ...segmentation, rows, columns });
    expect(outlines.map(({ segment }) => segment)).toEqual([1, 2]);
    for (const { segment, slice, areaPixels } of outlines) {
      const counts = Array.from({ length: slices }, (_, k) =>
        masks
          .get(segment)!
          .subarray(k * rows * columns, (k + 1) * rows * columns)
          .reduce((sum, one) => sum + one, 0),
      );
      expect(areaPixels).toBe(Math.max(...counts));
      expect(slice).toBe(counts.indexOf(Math.max(...counts)));
    }
  });
});

describe('the outline in a report (TID 1410)', () => {
  const { segmentation, report } = aResult({ source: aSource({ grid: aGrid({ columns: 17, rows: 13 }) }) });
  const seg = buildSegmentation(segmentation);

  it('is a POLYLINE selected from the source image of its slice, with its area in mm2', () => {
    const json = JSON.stringify(read(buildMeasurementReport(report)).dataset);
    const { slice, points, areaPixels } = report.outlines[0]!;
    expect(json).toContain(JSON.stringify({ vr: 'CS', Value: ['POLYLINE'] }));
    expect(json).toContain(JSON.stringify(points.flat()));
    expect(json).toContain('SELECTED FROM');
    expect(json).toContain(segmentation.source.instances[slice]!.sopInstanceUid);
    expect(json).toContain(String(areaPixels * 4));
  });

  it('passes the linter with the SEG at hand', () => {
    lintReport(buildMeasurementReport(report), report, seg);
  });

  it('is refused by the linter when it is mirrored, shifted or on another slice', () => {
    const width = segmentation.source.grid.columns;
    const [first, ...others] = report.outlines;
    for (const points of [
      first!.points.map(([x, y]) => [width - x, y] as const).reverse(),
      first!.points.map(([x, y]) => [x + 1, y] as const),
    ]) {
      const wrong = { ...report, outlines: [{ ...first!, points }, ...others] };
      expect(() => lintReport(buildMeasurementReport(wrong), wrong, seg)).toThrow(/not where its voxels are/);
    }
    const elsewhere = { ...report, outlines: [{ ...first!, slice: first!.slice + 1 }, ...others] };
    expect(() => lintReport(buildMeasurementReport(elsewhere), elsewhere, seg)).toThrow(/not where its voxels are/);
    expect(() => lintReport(buildMeasurementReport(elsewhere), report, seg)).toThrow(/on another image/);
  });
});
