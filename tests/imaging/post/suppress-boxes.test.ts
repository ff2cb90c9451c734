import { describe, expect, it } from 'vitest';
import { suppressBoxes } from '../../../src/imaging/post/suppress-boxes.ts';

/** Sixty boxes of two classes in 42 voxels cubed, by a linear congruence that the reference repeats. */
function someBoxes(): { boxes: number[]; scores: number[]; labels: number[] } {
  let state = 12345;
  const random = (): number => {
    state = (state * 1664525 + 1013904223) % 2 ** 32;
    return state / 2 ** 32;
  };
  const [boxes, scores, labels]: [number[], number[], number[]] = [[], [], []];
  for (let i = 0; i < 60; i++) {
    const low = [random() * 30, random() * 30, random() * 30];
    const size = [4 + random() * 12, 4 + random() * 12, 4 + random() * 12];
    boxes.push(...low, ...low.map((value, axis) => value + size[axis]!));
    scores.push(random());
    labels.push(Math.floor(random() * 2));
  }
  return { boxes, scores, labels };
}

describe('Non-maximum suppression', () => {
  const detections = someBoxes();
  const kept = (overlap: number): number[] =>
    suppressBoxes(detections, [50, 50, 50], overlap, () => 0).map(({ score }) => detections.scores.indexOf(score));

  /* MONAI 1.5.0 (d388d1c), monai.data.box_utils.batched_nms in double precision. */
  it('keeps what batched_nms of MONAI keeps, in its order', () => {
    expect(kept(0.1)).toEqual([
      58, 24, 16, 57, 28, 41, 5, 47, 48, 11, 12, 49, 45, 51, 46, 36, 44, 21, 37, 7, 56, 1, 27, 29, 43, 0, 53, 59, 2, 40,
      26, 54, 55, 23, 20, 52, 8, 22,
    ]);
    expect(kept(0.3)).toEqual([
      58, 24, 16, 57, 28, 17, 41, 5, 47, 48, 11, 12, 49, 45, 9, 33, 51, 46, 36, 44, 21, 37, 7, 56, 1, 27, 14, 42, 19,
      29, 43, 0, 53, 38, 59, 35, 2, 39, 40, 26, 10, 50, 15, 32, 3, 4, 31, 54, 55, 23, 20, 52, 13, 30, 34, 18, 8, 22,
    ]);
  });

  it('cuts boxes to the tensor, and leaves out empty and improbable ones', () => {
    const boxes = [-5, -5, 10, 10, 40, 40, 60, 60, 51, 0, 60, 9, 10, 10, 20, 20];
    const result = suppressBoxes(
      { boxes, scores: [0.9, 0.8, 0.7, 0.2], labels: [0, 0, 0, 0] },
      [50, 50],
      0.5,
      () => 0.5,
    );
    expect(result.map(({ box }) => box)).toEqual([
      [0, 0, 10, 10],
      [40, 40, 50, 50],
    ]);
  });

  it.each<[string, number[], number[]]>([
    ['boxes without scores', [0, 0, 1, 1], []],
    ['a box that is no number', [0, 0, Number.NaN, 1], [0.5]],
  ])('refuses %s', (_, boxes, scores) => {
    const detections = { boxes, scores, labels: scores.map(() => 0) };
    expect(() => suppressBoxes(detections, [5, 5], 0.5, () => 0)).toThrow(
      expect.objectContaining({ code: 'inference-failed' }),
    );
  });
});
