import { beforeAll, describe, expect, it } from 'vitest';
import { text } from '../../src/dicom/read-values.ts';
import { explained } from '../../src/pipeline/explain-routes.ts';
import { planAnalyses } from '../../src/pipeline/plan-analyses.ts';
import { hasSharedData } from '../support/shared-data.ts';
import { modelsOfAllKinds, sharedStudies } from './shared-studies.ts';

type Told = {
  readonly file: string;
  readonly facts: Readonly<Record<string, unknown>>;
  readonly reasons: Map<string, string>;
};

describe.skipIf(!hasSharedData)('every series of the shared data is told why each model does and does not run', () => {
  const told = new Map<string, Told>();
  const personal: string[] = [];

  beforeAll(async () => {
    const library = { models: await modelsOfAllKinds(), broken: [] };
    const { studies, files } = sharedStudies();
    for (const study of studies) {
      const plans = planAnalyses(study, { library, routes: [], peers: [] });
      for (const series of study.series) {
        const file = files.get(series.seriesInstanceUid)!;
        const { facts, plans: ofSeries } = explained(series, plans);
        told.set(file, { file, facts, reasons: new Map(ofSeries.map(({ model, reason }) => [model, reason])) });
        for (const keyword of ['PatientName', 'PatientID', 'PatientBirthDate'])
          personal.push(text(series.facts.datasets[0]!, keyword)?.trim() ?? '');
      }
    }
  });

  const of = (folder: string): Told => [...told.values()].find(({ file }) => file.startsWith(folder))!;

  it('in a sentence each, which names nobody', () => {
    expect(told.size).toBeGreaterThan(80);
    const names = [...new Set(personal)].filter((one) => one.length > 4);
    for (const { file, reasons } of told.values()) {
      expect(reasons.size, file).toBe(5);
      for (const reason of reasons.values()) {
        expect(reason, file).toMatch(/^(Not run: .+|Waiting for its turn)\.( .+\.)?$/s);
        expect(reason, file).not.toMatch(/undefined|NaN|null|\.\.|not known of this/);
        expect(names.filter((name) => reason.includes(name))).toEqual([]);
      }
    }
  });

  it.each([
    ['series-full/ct-chest', 'ct-lung-segmentation@1.0.0', 'Waiting for its turn.'],
    [
      'series/mr-t1',
      'ct-lung-segmentation@1.0.0',
      'Not run: Right and left lung on CT accepts Modality CT, and this series is MR.',
    ],
    [
      'series/ct-head-ge',
      'ct-lung-segmentation@1.0.0',
      'Not run: The slices are sheared: they step at 18.5 degrees to their normal; Gantry/Detector Tilt 18.5 degrees.',
    ],
    [
      'series/ct-slice-missing',
      'ct-lung-segmentation@1.0.0',
      /^Not run: 1 slice is missing: between 28\.11 mm and 38\.11 mm/,
    ],
    [
      'series/mr-ge-3plane',
      'brain-mr@1.0.0',
      'Not run: This model takes MR of the head, and this series is a localizer.',
    ],
    [
      'series/mr-prostate',
      'brain-mr@1.0.0',
      'Not run: It takes heads, and the body part is prostate, and its SeriesDescription is another, and BodyPartExamined has a value.',
    ],
    [
      'series/pt-head-neck',
      'pet-ct@1.0.0',
      'Not run: no series of the study fits ct (series 70: The second input is CT, and this series is SEG).',
    ],
    ['images/us/examples_ybr', 'ultrasound@1.0.0', 'Waiting for its turn.'],
    ['images/us/YBR_422', 'ultrasound@1.0.0', 'Not run: The object has one frame; a cine needs two or more.'],
    ['images/dx', 'chest-radiograph@1.0.0', 'Waiting for its turn.'],
    ['images/pdf', 'chest-radiograph@1.0.0', 'Not run: This model takes radiographs, and this series is DOC.'],
  ])('%s: %s', (folder, model, reason) => {
    expect(of(folder).reasons.get(model)).toEqual(typeof reason === 'string' ? reason : expect.stringMatching(reason));
  });

  it.each([
    [
      'series-full/ct-chest',
      {
        images: 275,
        slices: 275,
        'spacing.slice': 1,
        'fov.width': 400,
        orientation: 'axial',
        bodyPart: 'chest',
        vendor: 'philips',
      },
    ],
    ['series/ct-head-ge', { slices: 28, tilt: 18.5, gaps: 13, thickness: 7, localizer: false }],
    ['series/mr-ge-3plane', { stacks: 3, slices: 7, localizer: true, vendor: 'ge' }],
    ['series/mr-ge-fmri', { stacks: 10, slices: 15, images: 150 }],
    ['series/mr-enhanced-philips-anat', { frames: 8, slices: 8, orientation: 'sagittal', 'spacing.row': 0.9375 }],
    ['series/pt-head-neck', { slices: 100, 'spacing.slice': 3.375, contrast: false }],
    ['images/us/examples_ybr', { frames: 30, colour: true }],
    ['images/mg', { laterality: 'right', bodyPart: 'breast', burnedIn: false }],
  ])('%s has the facts that are true of it', (folder, facts) => {
    expect(of(folder).facts).toMatchObject(facts);
  });
});
