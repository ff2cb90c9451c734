import { describe, expect, it } from 'vitest';
import { dataset, type Fields } from '../../src/dicom/build.ts';
import { loadModels, type Model } from '../../src/inference/model-library.ts';
import type { InputSlot, ModelManifest } from '../../src/inference/model-manifest.ts';
import { planAnalyses, type Routing, unknownModels } from '../../src/pipeline/plan-analyses.ts';
import { type EarlierStudy, type StudySeries, type StudyView, seriesOf } from '../../src/pipeline/study-view.ts';
import { parseRoutes, type RouteSettings } from '../../src/route-settings.ts';

const [real] = (await loadModels(['models'])).models;

function aModel(id: string, version = '1.0.0', changes: Partial<ModelManifest> = {}): Model {
  return { ...real!, key: `${id} ${version}`, manifest: { ...real!.manifest, id, version, ...changes } };
}

const NOW = new Date('2026-01-01T12:00:00Z');

/** A series that came to rest at noon. */
function aSeries(number: number, fields: Fields, slices = 3, study = '1.2.3'): StudySeries {
  const instances = Array.from({ length: slices }, (_, i) => ({
    studyInstanceUid: study,
    seriesInstanceUid: `${study}.${number}`,
    sopInstanceUid: `${study}.${number}.${i}`,
    transferSyntaxUid: '1.2.840.10008.1.2.1',
    receivedAt: NOW,
    dataset: dataset({
      Modality: 'CT',
      Rows: 4,
      Columns: 4,
      BitsAllocated: 16,
      SamplesPerPixel: 1,
      PhotometricInterpretation: 'MONOCHROME2',
      RescaleSlope: '1',
      RescaleIntercept: '0',
      RescaleType: 'HU',
      PixelSpacing: ['1', '1'],
      SOPInstanceUID: `${study}.${number}.${i}`,
      SeriesNumber: number,
      FrameOfReferenceUID: '1.2.9',
      ImagePositionPatient: ['0', '0', String(i * 5)],
      ImageOrientationPatient: ['1', '0', '0', '0', '1', '0'],
      ...fields,
    }),
  }));
  return seriesOf(instances)!;
}

function aStudy(series: readonly StudySeries[], changes: Partial<StudyView> = {}): StudyView {
  const study = { studyInstanceUid: '1.2.3', priors: [], priorsSearched: false, priority: undefined, now: NOW };
  return { ...study, series, ...changes };
}

function routesOf(...routes: object[]): RouteSettings[] {
  const faults: string[] = [];
  const read = parseRoutes(routes, ['pacs', 'other', 'a', 'b', 'x'], faults);
  expect(faults).toEqual([]);
  return read;
}

function routing(models: readonly Model[], routes: readonly RouteSettings[] = [], peers: string[] = []): Routing {
  return { library: { models, broken: [] }, routes, peers };
}

const lungs = aModel('lungs');
const CHEST = aSeries(1, { BodyPartExamined: 'CHEST', InstitutionName: 'Somewhere' });

describe('planning the analyses of a study', () => {
  it('without routes asks the newest version of every model, and sends to every peer', () => {
    const plans = planAnalyses(aStudy([CHEST]), routing([lungs, aModel('lungs', '1.2.0')], [], ['a', 'b']));
    expect(plans).toMatchObject([
      {
        model: { manifest: { version: '1.2.0' } },
        decision: 'run',
        deliverTo: ['a', 'b'],
        route: null,
        reason: 'Waiting for its turn.',
        inputs: [
          { slot: 'ct', seriesInstanceUid: '1.2.3.1', sopInstanceUids: ['1.2.3.1.0', '1.2.3.1.1', '1.2.3.1.2'] },
        ],
      },
    ]);
  });

  it('says in the words of the model card why it does not run', () => {
    const [plan] = planAnalyses(aStudy([aSeries(1, { Modality: 'MR' })]), routing([lungs]));
    expect(plan).toMatchObject({
      decision: 'skip',
      inputs: [],
      reason: 'Not run: Right and left lung on CT accepts Modality CT, and this series is MR.',
    });
  });

  it.each([
    [{ Modality: 'CT' }, 'run', /Waiting/],
    ['BodyPartExamined = CHEST and slices >= 3', 'run', /Waiting/],
    [
      { BodyPartExamined: 'HEAD' },
      'skip',
      /route "chest" asks for BodyPartExamined HEAD, and this series has CHEST\.$/,
    ],
    [{ InstitutionName: 'Elsewhere' }, 'skip', /asks for InstitutionName Elsewhere, and this series has another\.$/],
    [{ ConvolutionKernel: 'B70' }, 'skip', /asks for ConvolutionKernel B70, and it is absent\.$/],
    ['spacing.slice <= 3', 'skip', /asks for a slice spacing of at most 3 mm, and it is 5 mm\.$/],
  ])('a route with when %j', (when, decision, reason) => {
    const routes = routesOf({ name: 'chest', model: 'lungs', when, deliverTo: ['pacs'] });
    const [plan] = planAnalyses(aStudy([CHEST]), routing([lungs], routes, ['pacs', 'other']));
    expect(plan).toMatchObject({
      decision,
      route: 'chest',
      deliverTo: ['pacs'],
      reason: expect.stringMatching(reason),
    });
  });

  it('two routes to one model make one analysis for the peers of both, and each says its own', () => {
    const routes = routesOf(
      { name: 'one', model: 'lungs', when: { Modality: 'MR' }, deliverTo: ['x'], priority: 'stat' },
      { name: 'two', model: 'lungs', deliverTo: ['a'] },
      { name: 'three', model: 'lungs@1.0.0', deliverTo: ['b', 'a'], priority: 7 },
    );
    const plans = planAnalyses(aStudy([CHEST]), routing([lungs], routes));
    expect(plans).toHaveLength(1);
    expect(plans[0]).toMatchObject({ decision: 'run', deliverTo: ['a', 'b'], priority: 7 });
    expect(plans[0]!.explanation.map(({ route, decision }) => [route, decision])).toEqual([
      ['one', 'skip'],
      ['two', 'run'],
      ['three', 'run'],
    ]);
  });

  it('names the routes whose model is not there', () => {
    const routes = routesOf(
      { name: 'gone', model: 'nowhere' },
      { name: 'fine', model: 'lungs', shadow: 'lungs@2.0.0' },
    );
    expect(unknownModels(routes, { models: [lungs], broken: [] })).toEqual([
      { route: 'gone', model: 'nowhere' },
      { route: 'fine', model: 'lungs@2.0.0' },
    ]);
  });

  it('leaves its own results alone when they come back', () => {
    const own = aSeries(4, { ManufacturerModelName: 'Voxgate' });
    const [plan] = planAnalyses(aStudy([own]), routing([lungs]));
    expect(plan?.reason).toBe('Not run: series 4 is a result of Voxgate, and results are not analysed again.');
  });

  it('runs a STAT order first, whatever the route says, and a route by the condition of its rules', () => {
    const rules = [{ when: 'study.series > 5', priority: 70 }, { priority: 'low' }];
    const routes = routesOf({ model: 'lungs', priority: rules });
    const priority = (changes: Partial<StudyView>) =>
      planAnalyses(aStudy([CHEST], changes), routing([lungs], routes))[0]!.priority;
    expect(priority({})).toBe(-50);
    expect(priority({ priority: 'stat' })).toBe(100);
    expect(planAnalyses(aStudy([CHEST], { priority: 'high' }), routing([lungs]))[0]!.priority).toBe(50);
  });

  it('runs shadows beside, and a canary always for the same studies', () => {
    const models = [lungs, aModel('lungs', '2.0.0')];
    const routes = routesOf({ model: 'lungs@1.0.0', shadow: 'lungs@2.0.0', deliverTo: ['pacs'] });
    expect(planAnalyses(aStudy([CHEST]), routing(models, routes))).toMatchObject([
      { mode: 'primary', deliverTo: ['pacs'], model: { manifest: { version: '1.0.0' } } },
      { mode: 'shadow', deliverTo: [], model: { manifest: { version: '2.0.0' } } },
    ]);
    const canary = routesOf({ name: 'c', model: 'lungs@1.0.0', canary: { model: 'lungs@2.0.0', percent: 30 } });
    const versions = Array.from({ length: 300 }, (_, i) => {
      const study = { ...aStudy([CHEST]), studyInstanceUid: `1.2.${i}` };
      return planAnalyses(study, routing(models, canary))[0]!.model.manifest.version;
    });
    expect(versions.filter((version) => version === '2.0.0').length).toBeGreaterThan(60);
    expect(versions.filter((version) => version === '2.0.0').length).toBeLessThan(120);
  });
});

const SLOT: InputSlot = { ...real!.manifest.inputs[0]!, gates: [] };

function petCt(pet: Partial<InputSlot>): Model {
  const gate = (modality: string) => [{ when: { Modality: modality }, otherwise: `This slot takes ${modality}.` }];
  return aModel('pet-ct', '1.0.0', {
    inputs: [
      { ...SLOT, slot: 'ct', gates: gate('CT') },
      { ...SLOT, units: 'any', slot: 'pet', gates: gate('PT'), ...pet },
    ],
  });
}

describe('input slots', () => {
  const ct = aSeries(2, {});
  const coarse = aSeries(3, { Modality: 'PT' }, 2);
  const fine = aSeries(4, { Modality: 'PT' }, 5);
  const elsewhere = aSeries(5, { Modality: 'PT', FrameOfReferenceUID: '1.2.10' }, 9);

  it('are filled by the best series that fits, in the same frame of reference, and the reason says which', () => {
    const plans = planAnalyses(aStudy([ct, coarse, fine, elsewhere]), routing([petCt({})]));
    expect(plans.map(({ decision }) => decision)).toEqual(['run', 'skip', 'skip', 'skip']);
    expect(plans[0]!.inputs.map(({ slot, seriesInstanceUid }) => [slot, seriesInstanceUid])).toEqual([
      ['ct', '1.2.3.2'],
      ['pet', '1.2.3.4'],
    ]);
    expect(plans[0]!.reason).toBe('Waiting for its turn. Of 2 that fit series 4 fills pet: it has the most slices.');
    expect(plans[0]!.explanation[0]!.slots[1]!.series).toEqual([
      expect.objectContaining({ series: 'series 3', fits: true }),
      expect.objectContaining({ series: 'series 4', fits: true }),
      {
        seriesInstanceUid: '1.2.3.5',
        series: 'series 5',
        fits: false,
        because: 'it lies in another frame of reference than series 2',
      },
    ]);
  });

  it('do not depend on the order in which series came', () => {
    const one = planAnalyses(aStudy([ct, coarse, fine]), routing([petCt({})]))[0]!;
    const other = planAnalyses(aStudy([fine, coarse, ct]), routing([petCt({})])).find(
      ({ decision }) => decision === 'run',
    )!;
    expect(other.inputs).toEqual(one.inputs);
    expect(other.reason).toBe(one.reason);
  });

  it('wait as long as the model says, and are then left empty or refused', () => {
    const later = new Date(NOW.getTime() + 61_000);
    const model = petCt({ waitSeconds: 60, missing: 'zero' });
    const [waiting] = planAnalyses(aStudy([ct]), routing([model]));
    expect(waiting).toMatchObject({
      decision: 'wait',
      reason: 'Waiting for pet: there is no other series of the study for pet.',
      waitUntil: new Date(NOW.getTime() + 60_000),
    });
    const [without] = planAnalyses(aStudy([ct], { now: later }), routing([model]));
    expect(without).toMatchObject({ decision: 'run', inputs: [{ slot: 'ct' }] });
    const [refused] = planAnalyses(aStudy([ct, elsewhere], { now: later }), routing([petCt({ waitSeconds: 60 })]));
    expect(refused?.reason).toBe(
      'Not run: no series of the study fits pet (series 5: it lies in another frame of reference than series 2).',
    );
  });

  it('of a series that comes later are planned anew with it', () => {
    const plans = planAnalyses(aStudy([ct, fine]), routing([petCt({})]), fine.seriesInstanceUid);
    expect(plans.map(({ seriesInstanceUid, decision }) => [seriesInstanceUid, decision])).toEqual([
      ['1.2.3.2', 'run'],
      ['1.2.3.4', 'skip'],
    ]);
  });

  it('take an earlier study of the same region, and wait for one only until peers have answered', () => {
    const model = petCt({ slot: 'prior', gates: [], prior: { withinDays: 700 }, waitSeconds: 60, missing: 'zero' });
    const present = aSeries(1, { BodyPartExamined: 'CHEST' });
    const earlier = (days: number, part: string): EarlierStudy => {
      const studyInstanceUid = `1.2.${days}`;
      return { studyInstanceUid, days, series: [aSeries(1, { BodyPartExamined: part }, 3, studyInstanceUid)] };
    };
    const plan = (changes: Partial<StudyView>) => planAnalyses(aStudy([present], changes), routing([model]))[0]!;
    expect(plan({})).toMatchObject({ decision: 'wait', priorWithinDays: 700 });
    expect(plan({ priorsSearched: true })).toMatchObject({ decision: 'run', inputs: [{ slot: 'ct' }] });
    const priors = [earlier(100, 'HEAD'), earlier(300, 'THORAX'), earlier(400, 'CHEST'), earlier(800, 'CHEST')];
    expect(plan({ priors }).inputs[1]).toMatchObject({ slot: 'prior', studyInstanceUid: '1.2.300' });
    expect(plan({ priors }).explanation[0]!.slots[1]!.series.map(({ fits }) => fits)).toEqual([false, true, true]);
  });

  it('of what was fetched as a prior are filled, but it is analysed on its own only where a route says so', () => {
    const fetched = { ...CHEST, fetched: true };
    expect(planAnalyses(aStudy([fetched]), routing([lungs]))[0]!.reason).toBe(
      'Not run: series 1 was fetched to be compared with another study, not to be analysed.',
    );
    const routes = routesOf({ model: 'lungs', priors: true });
    expect(planAnalyses(aStudy([fetched]), routing([lungs], routes))[0]!.decision).toBe('run');
  });
});
