import { describe, expect, it } from 'vitest';
import { frameIndex, readFrame } from '../../src/dicom/frames.ts';
import { bufferSource, parsePart10 } from '../../src/dicom/parse.ts';
import { phantomGrid, phantomSlices } from '../../src/imaging/phantom.ts';
import { phantomStudy } from '../../src/imaging/phantom-study.ts';
import { sliceHeaderOf } from '../../src/imaging/slice-header.ts';
import { assembleStack } from '../../src/imaging/stack.ts';
import { volumeSlice, writeRescaled } from '../../src/imaging/volume.ts';

describe('The phantom as a DICOM study', () => {
  it.each([7, 275])('is a stack on the grid of the phantom, with its HU: %i slices', async (slices) => {
    const options = { slices, rows: 48, columns: 64 };
    const files = [...phantomStudy(options)].map(({ bytes }) => bufferSource(bytes));
    const parsed = files.map((source) => parsePart10(source));
    const headers = parsed.map(({ dataset, transferSyntaxUid }) => sliceHeaderOf(dataset, transferSyntaxUid));
    const stack = assembleStack(headers);
    if (!stack.ok) throw new Error(stack.reason);
    const grid = phantomGrid(options);
    expect(stack.grid).toMatchObject({ columns: 64, rows: 48, slices, columnSpacing: grid.columnSpacing });
    expect(stack.grid.sliceSpacing).toBeCloseTo(grid.sliceSpacing, 6);
    for (const axis of [0, 1, 2] as const) expect(stack.grid.origin[axis]).toBeCloseTo(grid.origin[axis], 6);

    const [made] = phantomSlices(options);
    const index = stack.order[0]!;
    const frame = readFrame(frameIndex(parsed[index]!, files[index]!)!, 1, files[index]!);
    const hu = new Float32Array(48 * 64);
    writeRescaled(await volumeSlice(frame, headers[index]!), hu);
    expect([...hu]).toEqual([...made!]);
  });
});
