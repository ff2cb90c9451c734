import { describe, expect, it } from 'vitest';
import { elements, farthest, parityCases } from '../../support/parity.ts';
import { prepared, type TransformCase, volumesOf } from './prepared.ts';

/** Of 32-bit floats the last bit of the largest value is no difference of meaning: HU beyond 1024 step by 1.2e-4. */
const ulpOf = (values: ArrayLike<number>): number => {
  let largest = 0;
  for (let i = 0; i < values.length; i++) largest = Math.max(largest, Math.abs(values[i]!));
  return 2 ** (Math.floor(Math.log2(largest || 1)) - 23);
};

/** Resampling is held to 1e-4; what only moves values, or picks them, to nothing. */
const resamples = ({ steps }: TransformCase): boolean =>
  steps.some((step) => (step.op === 'spacing' || step.op === 'resize') && step.mode !== 'nearest');

const computes = ({ steps }: TransformCase): boolean =>
  !steps.every(({ op }) => /^(orientation|transpose|spacing|resize|crop|pad|center)/.test(op));

describe.each([
  'transform-orientation.json',
  'transform-spacing.json',
  'transform-resize.json',
  'transform-intensity.json',
  'transform-crop-pad.json',
  'transform-nnunet.json',
])('%s', (file) => {
  it.each(parityCases<TransformCase>(file).map((one) => [one.name, one] as const))('%s', (_, one) => {
    const result = prepared(volumesOf(one), one.steps);
    const expected = elements(one.expected);
    expect([result.channels, ...result.shape]).toEqual(one.expected.shape);
    let tolerance = 0;
    if (computes(one)) tolerance = Math.max(1e-5, ulpOf(expected));
    if (resamples(one)) tolerance = Math.max(1e-4, ulpOf(expected));
    expect(farthest(result.tensor, expected)).toBeLessThanOrEqual(tolerance);
    // MONAI makes axes perpendicular that a header rounds to seven digits; ours stay as they are.
    if (one.affine) expect(farthest(result.affine.flat(), one.affine.flat())).toBeLessThan(1e-7);
  });
});
