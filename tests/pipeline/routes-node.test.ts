import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Fields } from '../../src/dicom/build.ts';
import type { InputSlot } from '../../src/inference/model-manifest.ts';
import { parseRoutes } from '../../src/route-settings.ts';
import { run } from '../cli/run.ts';
import { ask, stored } from '../dicomweb/client.ts';
import { anEcho, put, SOUND } from '../inference/packages.ts';
import { eventually } from '../peers/delivered.ts';
import { asFile } from '../support/instances.ts';
import { getJson } from '../support/node-process.ts';
import { aFolder, aNode, type TestNode } from '../support/test-node.ts';

const CT_SLOT = SOUND.inputs[0]!;
const PACKAGE = 'models/ct-lung-segmentation/1.0.0';

/** The lung model under other ids. */
function aLibrary(...ids: readonly string[]): string {
  const folder = aFolder();
  for (const id of ids) {
    const place = join(folder, id, '1.0.0');
    mkdirSync(place, { recursive: true });
    cpSync(PACKAGE, place, { recursive: true });
    writeFileSync(join(place, 'model.json'), JSON.stringify({ ...SOUND, id }));
  }
  return folder;
}

/** A model of two inputs; it gives back what it gets. */
function aModelOfTwo(id: string, second: InputSlot): string {
  const folder = aFolder();
  const output = { kind: 'region-scores', classes: ['bright', 'also'] };
  put(folder, anEcho({ id, manifest: { inputs: [CT_SLOT, second], output, golden: undefined } }));
  return folder;
}

/** A CT of eight small slices. */
function aCt(study: string, fields: Fields = {}): Buffer[] {
  return Array.from({ length: 8 }, (_, i) =>
    asFile({
      ...{ SOPClassUID: '1.2.840.10008.5.1.4.1.1.2', SOPInstanceUID: `${study}.1.${i + 1}`, Modality: 'CT' },
      ...{ StudyInstanceUID: study, SeriesInstanceUID: `${study}.1`, SeriesNumber: 1, InstanceNumber: i + 1 },
      ...{ RescaleSlope: '1', RescaleIntercept: '0', RescaleType: 'HU', PixelSpacing: ['1', '1'] },
      ...{ FrameOfReferenceUID: '1.2.3.9', ImageOrientationPatient: ['1', '0', '0', '0', '1', '0'] },
      ...{ ImagePositionPatient: ['0', '0', String(3 * i)], BodyPartExamined: 'CHEST', ...fields },
    }),
  );
}

interface Row {
  readonly state: string;
  readonly reason: string;
  readonly wait_until: Date | null;
  readonly inputs: readonly { readonly slot: string; readonly studyInstanceUid: string }[] | null;
}

const analysis = (node: TestNode, study: string, model: string, where: string) =>
  eventually<Row>(
    node,
    `SELECT state, reason, wait_until, inputs FROM analyses WHERE study_instance_uid = ? AND model_id = ? AND (${where})`,
    [study, model],
    30,
  );

const priorSlot: InputSlot = {
  ...CT_SLOT,
  slot: 'prior',
  waitSeconds: 60,
  missing: 'refuse',
  prior: { withinDays: 800 },
};

describe('routes of a running node', () => {
  it('are explained, and others tried, without anything being run', async () => {
    const faults: string[] = [];
    const routes = parseRoutes(
      [{ name: 'thick', model: 'ct-lung-segmentation', when: 'spacing.slice >= 4' }],
      [],
      faults,
    );
    const node = await aNode({ routes, settleSeconds: 0.1 });
    await stored(node.http, aCt('1.2.3.50'));
    await analysis(node, '1.2.3.50', 'ct-lung-segmentation', "state = 'skipped'");
    const { series } = await getJson<{ series: readonly object[] }>(`${node.http}/api/studies/1.2.3.50/routes`);
    const reason = 'Not run: route "thick" asks for a slice spacing of at least 4 mm, and it is 3 mm.';
    expect(series).toMatchObject([
      {
        seriesInstanceUid: '1.2.3.50.1',
        facts: { slices: 8, 'spacing.slice': 3, bodyPart: 'chest', orientation: 'axial' },
        plans: [{ model: 'ct-lung-segmentation@1.0.0', decision: 'skip', reason, considered: [{ route: 'thick' }] }],
      },
    ]);
    expect(JSON.stringify(series)).not.toMatch(/TEST|T1/);
    expect((await ask(node.http, '/api/studies/1.2.3.51/routes')).status).toBe(404);

    const told = await run(['routes', 'explain', '1.2.3.50'], { VOXGATE_HTTP: node.http.slice('http://'.length) });
    expect(told.stderr).toBe('');
    expect(told.stdout).toContain(`  ct-lung-segmentation@1.0.0: ${reason}\n`);

    const dryRun = (body: object) =>
      fetch(`${node.http}/api/routes/dry-run`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
    const thin = { name: 'thin', model: 'ct-lung-segmentation', when: 'spacing.slice < 4' };
    expect(await (await dryRun({ routes: [thin] })).json()).toMatchObject({
      ...{ studies: 1, series: 1, wouldRun: 1, runNow: 0, routes: [{ route: 'thin', runs: 1 }] },
      changes: [{ seriesInstanceUid: '1.2.3.50.1', before: 'skip', after: 'run' }],
    });
    const refused = await dryRun({ routes: [{ model: 'nowhere' }, { model: 'x', when: 'Modalty = CT' }] });
    expect(refused.status).toBe(400);
    expect(await refused.json()).toEqual({
      error:
        'routes[1].when: at character 1: "Modalty" is no attribute of the standard and no fact; did you mean Modality?; route "routes[0]" names nowhere, which is not in the library',
    });
    const { analyses } = await getJson<{ analyses: object[] }>(`${node.http}/api/series/1.2.3.50.1/analyses`);
    expect(analyses).toHaveLength(1);
  });

  it('let an analysis wait for a further input, and plan it without when its time is over', async () => {
    const pet: InputSlot = {
      ...CT_SLOT,
      slot: 'pet',
      gates: [{ when: { Modality: 'PT' }, otherwise: 'PET' }],
      waitSeconds: 3,
    };
    const models = aModelOfTwo('pet-ct', pet);
    const node = await aNode({ models: [models], settleSeconds: 0.1 });
    await stored(node.http, aCt('1.2.3.60'));
    const waiting = await analysis(node, '1.2.3.60', 'pet-ct', 'wait_until IS NOT NULL');
    expect(waiting).toMatchObject({
      state: 'waiting',
      reason: 'Waiting for pet: there is no other series of the study for pet.',
    });
    const left = await analysis(node, '1.2.3.60', 'pet-ct', 'wait_until IS NULL');
    expect(left).toMatchObject({ state: 'skipped', reason: 'Not run: there is no other series of the study for pet.' });
  });

  it.each(['DICOMweb', 'DIMSE'])('fetch the prior that a model compares with from a peer by %s', async (way) => {
    const archive = await aNode({ models: [], settleSeconds: 0.1 });
    await stored(archive.http, [
      ...aCt('1.2.3.70', { StudyDate: '20250101' }),
      ...aCt('1.2.3.71', { StudyDate: '20250301', PatientID: 'T2' }),
      ...aCt('1.2.3.72', { StudyDate: '20200101' }),
      ...aCt('1.2.3.73', { StudyDate: '20250401', BodyPartExamined: 'HEAD' }),
    ]);
    const peer =
      way === 'DICOMweb'
        ? { name: 'pacs', dicomweb: `${archive.http}/dicom-web`, priors: true }
        : { name: 'pacs', aeTitle: 'VOXGATE', host: '127.0.0.1', port: archive.dimsePort, priors: true };
    const models = aModelOfTwo('growth', priorSlot);
    const node = await aNode({ models: [models], settleSeconds: 0.1, peers: [peer] });
    await stored(node.http, aCt('1.2.3.80', { StudyDate: '20260101' }));
    const run = await analysis(node, '1.2.3.80', 'growth', 'inputs IS NOT NULL');
    expect(run.inputs!.map(({ slot, studyInstanceUid }) => [slot, studyInstanceUid])).toEqual([
      ['ct', '1.2.3.80'],
      ['prior', '1.2.3.70'],
    ]);
    expect((await analysis(node, '1.2.3.70', 'growth', "state = 'skipped'")).reason).toBe(
      'Not run: series 1 was fetched to be compared with another study, not to be analysed.',
    );
    const search = await eventually<{ reason: string }>(
      node,
      `SELECT reason FROM prior_searches WHERE study_instance_uid = ? AND state = 'done'`,
      ['1.2.3.80'],
    );
    expect(search.reason).toBe('pacs has 2 earlier series, of which 1 were fetched.');
  });

  it('go on without a prior that nobody has', async () => {
    const archive = await aNode({ models: [], settleSeconds: 0.1 });
    const models = aModelOfTwo('growth', priorSlot);
    const peers = [{ name: 'pacs', dicomweb: `${archive.http}/dicom-web`, priors: true }];
    const node = await aNode({ models: [models], settleSeconds: 0.1, peers });
    await stored(node.http, aCt('1.2.3.90', { StudyDate: '20260101' }));
    const { reason } = await analysis(node, '1.2.3.90', 'growth', "state = 'skipped'");
    expect(reason).toBe('Not run: there is no earlier study for prior.');
  });
});

describe('findings', () => {
  it('lead to a further model on the same series, or tell it why not', async () => {
    const models = aLibrary('lungs', 'more', 'less');
    const chain = JSON.parse(
      '[{"when": "not segments[\\"Right lung\\"].found", "model": "more"}, {"when": "segments[\\"Right lung\\"].volumeMl > 1", "model": "less"}]',
    );
    const route = Object.fromEntries([
      ['name', 'chest'],
      ['model', 'lungs'],
      ['then', chain],
    ]);
    const faults: string[] = [];
    const routes = parseRoutes([route], [], faults);
    expect(faults).toEqual([]);
    const node = await aNode({ models: [models], settleSeconds: 0.1, routes });
    await stored(node.http, aCt('1.2.3.95'));
    await analysis(node, '1.2.3.95', 'lungs', "state = 'delivered'");
    expect((await analysis(node, '1.2.3.95', 'less', 'true')).reason).toBe(
      'Not run: route "chest" asks for segments["Right lung"].volumeMl of more than 1, and nothing of that name was measured.',
    );
    await analysis(node, '1.2.3.95', 'more', "state = 'delivered'");
    const { parent } = await eventually<{ parent: string }>(
      node,
      `SELECT p.model_id AS parent FROM analyses a JOIN analyses p ON p.id = a.parent_id WHERE a.model_id = ?`,
      ['more'],
    );
    expect(parent).toBe('lungs');
  });
});
