import { describe, expect, it } from 'vitest';
import { measuresOf } from '../../src/pipeline/chain-analyses.ts';
import { judge } from '../../src/routing/judge.ts';
import { parseCondition } from '../../src/routing/parse-condition.ts';

describe('what an analysis found, for the conditions that follow on it', () => {
  const findings = measuresOf([
    { segment: 1, label: 'Right lung', volumeMl: 3100, voxels: 9, statistics: { mean: -820, unit: 'HU' } },
    { class: 'pneumothorax', probability: 0.9, outcome: 'present' },
    { class: 'effusion', probability: 0.4, outcome: 'undetermined' },
    { box: 1, label: 'nodule', probability: 0.6, slices: [1, 2] },
    { box: 2, label: 'nodule', probability: 0.8, slices: [4, 5] },
  ]);
  const judged = (text: string) =>
    judge(parseCondition(text, 'then', { scope: 'result' }), { subject: 'result', datasets: [], values: {}, findings });

  it.each([
    ['segments["Right lung"].volumeMl > 3000 and segments["right lung"].mean < -800', true],
    ['segments.spleen.found', false],
    ['not segments.spleen.found', true],
    ['classes.pneumothorax.probability >= 0.8 and classes.pneumothorax.presence = present', true],
    ['classes.effusion.found', false],
    ['classes.nodule.count >= 2 and classes.nodule.probability between 0.75 and 0.85', true],
    ['segments.spleen.volumeMl < 100', false],
  ])('%s: %s', (text, holds) => {
    expect(judged(text).holds).toBe(holds);
  });

  it('says what was measured, or that it was not', () => {
    expect(judged('segments["Right lung"].volumeMl > 3500').because).toBe(
      'it asks for segments["Right lung"].volumeMl of more than 3500, and it is 3100',
    );
    expect(judged('segments.spleen.volumeMl < 100').because).toBe(
      'it asks for segments["spleen"].volumeMl of less than 100, and nothing of that name was measured',
    );
  });
});
