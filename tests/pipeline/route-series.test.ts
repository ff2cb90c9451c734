import { describe, expect, it } from 'vitest';
import { dataset } from '../../src/dicom/build.ts';
import type { Model } from '../../src/inference/model-library.ts';
import { loadModels } from '../../src/inference/model-library.ts';
import { routeSeries, unknownModels } from '../../src/pipeline/route-series.ts';

const [real] = (await loadModels(['models'])).models;

function aModel(id: string, version: string): Model {
  return { ...real!, manifest: { ...real!.manifest, id, version } };
}

const lungs = aModel('lungs', '1.0.0');
const CT = dataset({ Modality: 'CT', BodyPartExamined: 'CHEST', InstitutionName: 'Somewhere' });

describe('routing of a settled series', () => {
  it('without routes asks the newest version of every model, and sends to every peer', () => {
    const library = { models: [lungs, aModel('lungs', '1.2.0')], broken: [] };
    const decisions = routeSeries(CT, { library, routes: [], peers: ['a', 'b'] });
    expect(decisions).toMatchObject([
      { model: { manifest: { version: '1.2.0' } }, run: true, deliverTo: ['a', 'b'], route: null },
    ]);
  });

  it('says what the model accepts when the series is something else', () => {
    const [decision] = routeSeries(dataset({ Modality: 'MR' }), {
      library: { models: [lungs], broken: [] },
      routes: [],
      peers: [],
    });
    expect(decision).toMatchObject({
      run: false,
      reason: 'Not run: Right and left lung on CT accepts Modality CT, and this series is MR.',
    });
  });

  it.each([
    [{ Modality: 'CT' }, true, /Waiting/],
    [{ Modality: 'CT', BodyPartExamined: 'CHEST' }, true, /Waiting/],
    [{ BodyPartExamined: 'HEAD' }, false, /asks for BodyPartExamined HEAD, and this series has CHEST/],
    [{ InstitutionName: 'Elsewhere' }, false, /asks for InstitutionName Elsewhere, and this series has another/],
    [{ ConvolutionKernel: 'B70' }, false, /asks for ConvolutionKernel B70, and this series has none/],
    [{ Nonsense: 'x' }, false, /Nonsense, which is no attribute of the standard/],
  ])('a route with when %j', (when, run, reason) => {
    const routes = [{ name: 'chest', model: 'lungs', when, deliverTo: ['pacs'] }];
    const [decision] = routeSeries(CT, { library: { models: [lungs], broken: [] }, routes, peers: ['pacs', 'other'] });
    expect(decision).toMatchObject({ run, route: 'chest', deliverTo: ['pacs'], reason: expect.stringMatching(reason) });
  });

  it('two routes to one model make one analysis for the peers of both', () => {
    const routes = [
      { name: 'one', model: 'lungs', when: { Modality: 'MR' }, deliverTo: ['x'] },
      { name: 'two', model: 'lungs', deliverTo: ['a'] },
      { name: 'three', model: 'lungs@1.0.0', deliverTo: ['b', 'a'] },
    ];
    const decisions = routeSeries(CT, { library: { models: [lungs], broken: [] }, routes, peers: [] });
    expect(decisions).toHaveLength(1);
    expect(decisions[0]).toMatchObject({ run: true, deliverTo: ['a', 'b'] });
  });

  it('names routes whose model is not there', () => {
    const library = { models: [lungs], broken: [] };
    expect(unknownModels([{ name: 'r', model: 'brain', deliverTo: [] }], library)).toEqual([
      { route: 'r', model: 'brain' },
    ]);
    expect(routeSeries(CT, { library, routes: [{ name: 'r', model: 'brain', deliverTo: [] }], peers: [] })).toEqual([]);
  });
});
