import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { openSlots } from '../../src/imaging/open-slots.ts';
import { phantomGrid, phantomSlices } from '../../src/imaging/phantom.ts';
import { phantomStudy } from '../../src/imaging/phantom-study.ts';
import { writeGridPlane } from '../../src/imaging/volume-planes.ts';
import { aRequest, onlyStack } from './assemble/headers.ts';
import { seriesOf } from './assemble/real-series.ts';

const folder = mkdtempSync(join(tmpdir(), 'voxgate-phantom-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('The phantom as a DICOM study', () => {
  it.each([7, 275])('is a stack on the grid of the phantom, with its HU: %i slices', async (slices) => {
    const options = { slices, rows: 48, columns: 64 };
    const paths = [...phantomStudy(options)].map(({ bytes }, i) => {
      const path = join(folder, `${slices}-${i}.dcm`);
      writeFileSync(path, bytes);
      return path;
    });
    const series = seriesOf(paths);
    const stack = onlyStack(series.headers, aRequest({}, { units: 'HU' }));
    const grid = phantomGrid(options);
    expect(stack.grid).toMatchObject({ columns: 64, rows: 48, slices, columnSpacing: grid.columnSpacing });
    expect(stack.grid.sliceSpacing).toBeCloseTo(grid.sliceSpacing, 6);
    for (const axis of [0, 1, 2] as const) expect(stack.grid.origin[axis]).toBeCloseTo(grid.origin[axis], 6);

    const [volume] = await openSlots([series.slotOf(stack)]);
    const hu = new Float32Array(48 * 64);
    for (const [slice, made] of [...phantomSlices(options)].entries()) {
      writeGridPlane(volume!, slice, hu);
      expect(Buffer.compare(Buffer.from(hu.buffer), Buffer.from(Float32Array.from(made).buffer))).toBe(0);
    }
  });
});
