import { describe, expect, it } from 'vitest';
import type { ModelManifest } from '../../src/inference/model-manifest.ts';
import { conclude, implausibilities } from '../../src/pipeline/conclude.ts';
import { type Outcome, outcomeOf, readClasses } from '../../src/pipeline/outcome.ts';

const code = { value: '1', scheme: 'SCT', meaning: 'x' };
const classes = [
  { label: 'Effusion', finding: code, presentFrom: 0.7, absentBelow: 0.3 },
  { label: 'Pneumothorax', finding: code, presentFrom: 0.5 },
];
const run = { provider: 'cpu', milliseconds: 1, windows: 1, skipped: 0 };

describe('what a classifier says', () => {
  const output = (activation: 'softmax' | 'sigmoid' | 'none') => ({
    kind: 'classification' as const,
    activation,
    classes,
  });

  it('is called present, absent or undetermined at the operating points of the manifest', () => {
    expect([0.7, 0.69, 0.3, 0.29].map((p) => outcomeOf(classes[0]!, p))).toEqual([
      'present',
      'undetermined',
      'undetermined',
      'absent',
    ]);
    expect([0.5, 0.49].map((p) => outcomeOf(classes[1]!, p))).toEqual(['present', 'absent']);
  });

  it('goes through the activation once, without overflowing', () => {
    const softmax = readClasses(output('softmax'), Float32Array.of(1000, 1000));
    expect(softmax.map(({ probability }) => probability)).toEqual([0.5, 0.5]);
    const sigmoid = readClasses(output('sigmoid'), Float32Array.of(0, -1000));
    expect(sigmoid.map(({ probability }) => probability)).toEqual([0.5, 0]);
    expect(readClasses(output('none'), Float32Array.of(0.25, 1))[0]!.probability).toBe(0.25);
  });

  it('is refused where it is no probability, or not one for each class', () => {
    expect(() => readClasses(output('none'), Float32Array.of(1.5, 0))).toThrow(
      /gave 1.5 as the probability of Effusion/,
    );
    expect(() => readClasses(output('sigmoid'), Float32Array.of(Number.NaN, 0))).toThrow(/gave NaN/);
    expect(() => readClasses(output('none'), Float32Array.of(1))).toThrow(/1 numbers for the 2 classes/);
  });
});

describe('the conclusion', () => {
  const manifest = {
    output: { kind: 'class-scores', classes: ['background', 'Nodule'] },
    segments: [
      { class: 1, number: 1, label: 'Nodule', category: code, type: code, color: [0, 0, 0] },
      { class: 2, number: 2, label: 'Mass', category: code, type: code, color: [0, 0, 0] },
    ],
    plausibility: [{ segment: 1, measure: 'volumeMl', from: 0.05, to: 20, withhold: true }],
    nothingFound: 'No nodule was found.',
  } as unknown as ModelManifest;
  const found = (volumeMl: number): Outcome => ({
    segments: { frames: [], pixelData: new Uint8Array(), measurements: [{ segment: 1, volumeMl }] } as never,
    classes: [],
    boxes: [],
    run,
  });

  it('does not round a small finding to nothing, and names what was looked for and not found', () => {
    expect(conclude(manifest, found(0.268), ['A note.'])).toBe('Found: Nodule 0.27 mL. Not found: Mass. A note.');
    expect(conclude(manifest, { classes: [], boxes: [], run }, [])).toBe('No nodule was found.');
  });

  it('tells a result that cannot be, and that it is withheld', () => {
    expect(implausibilities(manifest, found(5))).toEqual([]);
    const [one] = implausibilities(manifest, found(2412.34));
    expect(one).toEqual({
      sentence: 'Implausible: Nodule has 2412.3 mL, and a sound result lies from 0.05 to 20 mL.',
      withhold: true,
    });
    expect(conclude(manifest, found(2412.34), [])).toContain('Implausible: Nodule has 2412.3 mL');
  });

  it('of classes names the present and the undetermined with their probability', () => {
    const classified = {
      ...manifest,
      output: { kind: 'classification', activation: 'none', classes },
      nothingFound: 'Nothing.',
    };
    const outcome: Outcome = {
      classes: readClasses(classified.output as never, Float32Array.of(0.5, 0.934)),
      boxes: [],
      run,
    };
    expect(conclude(classified as never, outcome, [])).toBe(
      'Present: Pneumothorax (93 %). Undetermined: Effusion (50 %).',
    );
  });
});
