import { describe, expect, it } from 'vitest';
import { placeBoxes } from '../../src/imaging/place-boxes.ts';
import type { OpenedSlots } from '../../src/imaging/volume-client.ts';
import type { OutputMeaning } from '../../src/inference/model-manifest.ts';
import { readBoxes } from '../../src/pipeline/read-boxes.ts';
import { aPreparation } from '../imaging/post/ways.ts';
import { aGrid, aVolume } from '../imaging/volumes.ts';

const finding = { value: '1', scheme: '99TEST', meaning: 'A nodule' };
const output: Extract<OutputMeaning, { kind: 'boxes' }> = {
  kind: 'boxes',
  overlap: 0.3,
  classes: [
    { label: 'nodule', finding, presentFrom: 0.5 },
    { label: 'cyst', finding, presentFrom: 0.9 },
  ],
};

describe('Boxes of a detector', () => {
  const grid = aGrid({ columns: 40, rows: 30, slices: 20 });
  const volume = aVolume(grid, () => 0);
  // [z][y][x], y and x backwards, two voxels of the source in one along y and x.
  const preparation = aPreparation(grid, [
    { source: 2, count: 20, start: 0, step: 1 },
    { source: 1, count: 15, start: 29, step: -2 },
    { source: 0, count: 20, start: 39, step: -2 },
  ]);
  const opened = { placeBoxes: async (boxes) => placeBoxes(volume, preparation, boxes) } as Pick<
    OpenedSlots,
    'placeBoxes'
  >;
  const read = (boxes: number[], scores: number[], labels: number[]) =>
    readBoxes(output, { boxes, scores, labels }, { shape: [1, 1, 20, 15, 20], slabAxis: 0 }, opened as OpenedSlots);

  it('are drawn on the source: those that count, most probable first', async () => {
    const one = [3, 2, 4, 9, 6, 10];
    const twice = [3, 2, 4, 9, 6, 11];
    const other = [12, 8, 1, 15, 12, 5];
    const found = await read([...twice, ...one, ...other, ...other], [0.7, 0.8, 0.6, 0.89], [0, 0, 0, 1]);
    expect(found).toMatchObject([
      { class: 0, label: 'nodule', probability: 0.8, slices: [3, 9] },
      { class: 0, probability: 0.6, slices: [12, 15] },
    ]);
    const rounded = found[0]!.points.map((point) => point.map((index) => Math.round(index * 1e6) / 1e6));
    // Columns 39 - 20 to 39 - 8, rows 29 - 12 to 29 - 4; from the corner of the first pixel.
    expect(rounded).toEqual([
      [19.5, 17.5],
      [31.5, 17.5],
      [31.5, 25.5],
      [19.5, 25.5],
      [19.5, 17.5],
    ]);
  });

  it('are none where nothing was found', async () => {
    expect(await read([], [], [])).toEqual([]);
  });

  it.each([
    ['of a class that is not named', [1, 1, 1, 2, 2, 2], [0.9], [2], 'bad-model'],
    ['more probable than certain', [1, 1, 1, 2, 2, 2], [1.2], [0], 'inference-failed'],
    ['of five numbers', [1, 1, 1, 2, 2], [0.9], [0], 'inference-failed'],
  ] as const)('are refused: %s', async (_, boxes, scores, labels, code) => {
    await expect(read([...boxes], [...scores], [...labels])).rejects.toMatchObject({ code });
  });
});
