import { describe, expect, it } from 'vitest';
import { type Agreement, compareMasks } from '../../src/imaging/compare-masks.ts';
import { compareMaskFiles } from '../../src/imaging/compare-masks-client.ts';
import type { Grid } from '../../src/imaging/grid.ts';
import { type KeptMasks, readMasks, writeMasks } from '../../src/imaging/mask-file.ts';
import { aFolder } from '../support/test-node.ts';
import { packer } from './packer.ts';

/** 5 × 7 = 35 voxels a frame: no frame but the first begins at a byte. */
const GRID = { rows: 5, columns: 7, slices: 9 } as Grid;

/** A pseudo-random stream, the same every time. */
function stream(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Label maps of classes 1 and 2, and what the model's masks of them are, numbered `numbers`. */
function someMasks(seed: number, numbers: readonly [number, number]): { labels: Uint8Array[]; masks: KeptMasks } {
  const next = stream(seed);
  const labels = Array.from({ length: GRID.slices }, (_, slice) =>
    Uint8Array.from({ length: GRID.rows * GRID.columns }, () => (slice % 4 === 3 ? 0 : Math.floor(next() * 3))),
  );
  const segments = [
    { number: numbers[0], class: 1 },
    { number: numbers[1], class: 2 },
  ];
  const pack = packer(GRID, segments);
  for (const [i, slice] of labels.entries()) pack.add(slice, i);
  const described = segments.map(({ number, class: index }) => ({
    number,
    meaning: `code ${index}`,
    label: `organ ${index}`,
    volumeMl: number,
  }));
  return { labels, masks: { ...pack.finish(), rows: 5, columns: 7, segments: described, classes: [] } };
}

function diceOf(one: readonly Uint8Array[], other: readonly Uint8Array[], label: number): number {
  let both = 0;
  let each = 0;
  for (const [i, slice] of one.entries()) {
    for (const [voxel, value] of slice.entries()) {
      const [a, b] = [value === label, other[i]![voxel] === label];
      both += a && b ? 1 : 0;
      each += (a ? 1 : 0) + (b ? 1 : 0);
    }
  }
  return (2 * both) / each;
}

const dices = (agreements: readonly Agreement[]): number[] =>
  agreements.map((one) => (one.kind === 'segment' ? one.dice : Number.NaN));

describe('two models held against each other', () => {
  it('agree as far as their voxels do, whatever their segments are numbered and wherever frames begin', () => {
    const [one, other] = [someMasks(1, [1, 2]), someMasks(2, [2, 1])];
    const found = compareMasks(one.masks, other.masks);
    const wanted = [1, 2].map((label) => diceOf(one.labels, other.labels, label));
    expect(dices(found).map((dice, i) => Math.abs(dice - wanted[i]!) < 1e-12)).toEqual([true, true]);
    expect(found[0]).toMatchObject({ label: 'organ 1', primaryMl: 1, shadowMl: 2 });
    expect(dices(compareMasks(one.masks, one.masks))).toEqual([1, 1]);
  });

  it('agree where neither finds anything, and not at all where only one does', () => {
    const { masks } = someMasks(3, [1, 2]);
    const empty = { ...masks, frames: [], pixelData: new Uint8Array(0) };
    expect(dices(compareMasks(empty, empty))).toEqual([1, 1]);
    expect(dices(compareMasks(masks, empty))).toEqual([0, 0]);
    expect(dices(compareMasks(empty, masks))).toEqual([0, 0]);
  });

  it('are held against each other by what both look for: codes of segments, names of classes', () => {
    const { masks } = someMasks(4, [1, 2]);
    const classes = [{ label: 'Pneumonia', probability: 0.25 }];
    const other = {
      ...masks,
      segments: masks.segments.slice(1),
      classes: [
        { label: 'Pneumonia', probability: 0.75 },
        { label: 'Oedema', probability: 1 },
      ],
    };
    expect(compareMasks({ ...masks, classes }, other)).toEqual([
      { kind: 'segment', label: 'organ 2', dice: 1, primaryMl: 2, shadowMl: 2 },
      { kind: 'class', label: 'Pneumonia', primaryProbability: 0.25, shadowProbability: 0.75 },
    ]);
  });

  it('come back from their files as they were, and are compared apart; a file that is cut off is refused', async () => {
    const folder = aFolder();
    const [one, other] = [someMasks(5, [1, 2]), someMasks(6, [1, 2])];
    await writeMasks(`${folder}/one`, one.masks);
    await writeMasks(`${folder}/other`, other.masks);
    expect({ ...(await readMasks(`${folder}/one`)), pixelData: undefined }).toEqual({
      ...one.masks,
      pixelData: undefined,
    });
    expect(await compareMaskFiles(`${folder}/one`, `${folder}/other`)).toEqual(compareMasks(one.masks, other.masks));
    await writeMasks(`${folder}/cut`, { ...one.masks, pixelData: one.masks.pixelData.subarray(1) });
    await expect(compareMaskFiles(`${folder}/one`, `${folder}/cut`)).rejects.toThrow(/the masks have \d+ bytes of \d+/);
    await expect(compareMaskFiles(`${folder}/one`, `${folder}/none`)).rejects.toThrow(/no such file/);
  });
});
