import { describe, expect, it } from 'vitest';
import { applyComponentStep } from '../../../src/imaging/post/component-steps.ts';
import type { FieldShape, LabelField } from '../../../src/imaging/post/label-field.ts';
import type { ComponentStep } from '../../../src/imaging/post/step-plan.ts';
import { elements, type FixtureTensor, parityCases } from '../../support/parity.ts';

interface ComponentCase {
  readonly name: string;
  readonly labels: FixtureTensor;
  readonly step: ComponentStep;
  readonly expected: FixtureTensor;
}

const cases = parityCases<ComponentCase>('components-monai.json');

const described = ({ name, step }: ComponentCase): string =>
  `${name}: ${Object.entries(step)
    .map(([key, value]) => `${key} ${value}`)
    .join(', ')}`;

function classesOf(labels: Uint8Array): number[] {
  return [...new Set(labels)].filter((label) => label !== 0).sort((a, b) => a - b);
}

/** Cases in which several components are the largest: which of them MONAI keeps is up to an unstable sort. */
const TIED = 9;

describe('Clean-up of labels, against MONAI', () => {
  const differing = new Set<string>();
  it.each(cases.map((one) => [described(one), one] as const))('%s', (name, { labels, step, expected }) => {
    const bytes = elements(labels) as Uint8Array;
    const shape = labels.shape as unknown as FieldShape;
    const field: LabelField = { shape, kind: 'labels', layers: [bytes.slice()] };
    applyComponentStep(field, step, { classes: classesOf(bytes), millilitres: () => 1 });
    const [mine, theirs] = [field.layers[0]!, elements(expected) as Uint8Array];
    if (step.op !== 'keep-largest-component') expect(mine).toEqual(theirs);
    else if (Buffer.compare(mine, theirs) !== 0) differing.add(name);
    const voxels = (of: Uint8Array): number => of.reduce((sum, label) => sum + Number(label > 0), 0);
    expect(voxels(mine)).toBe(voxels(theirs));
  });

  it('are equal wherever one component is the largest', () => {
    expect(differing.size).toBeLessThanOrEqual(TIED);
  });
});

describe('Clean-up of masks that overlap', () => {
  const shape: FieldShape = [1, 3, 8];
  const fieldOf = (...masks: readonly (readonly number[])[]): LabelField => ({
    shape,
    kind: 'masks',
    layers: [Uint8Array.from({ length: 24 }, (_, i) => masks.reduce((bits, mask, c) => bits | (mask[i]! << c), 0))],
  });
  const one = [1, 1, 0, 0, 0, 0, 1, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
  const two = [0, 0, 0, 0, 1, 1, 1, 1, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 1, 1, 1, 1];
  const maskOf = (field: LabelField, c: number): number[] => Array.from(field.layers[0]!, (bits) => (bits >> c) & 1);
  const facts = { classes: [0, 1], millilitres: () => 0.5 };

  it('works on each apart, and leaves the others as they are', () => {
    const field = fieldOf(one, two);
    applyComponentStep(field, { op: 'fill-holes', connectivity: 6, classes: [1] }, facts);
    expect(maskOf(field, 0)).toEqual(one);
    expect(maskOf(field, 1)).toEqual(two.map((v, i) => (i === 13 || i === 14 ? 1 : v)));
    applyComponentStep(field, { op: 'remove-small', connectivity: 26, millilitres: 1, whole: false }, facts);
    expect(maskOf(field, 0)).toEqual(one.map((v, i) => (i === 6 ? 0 : v)));
    expect(maskOf(field, 1)[9]).toBe(0);
  });

  it('keeps of their union the largest component', () => {
    const field = fieldOf(one, two);
    applyComponentStep(field, { op: 'keep-largest-component', connectivity: 6, independent: false }, facts);
    expect(maskOf(field, 0)).toEqual(one.map((v, i) => (i === 6 ? v : 0)));
    expect(maskOf(field, 1)[9]).toBe(0);
    expect(maskOf(field, 1)[4]).toBe(1);
  });
});
