import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import type { JsonDataset } from '../../src/dicom/dataset.ts';
import type { AgreementVerdict } from '../../src/pipeline/judge-agreement.ts';
import { getJson } from '../support/node-process.ts';
import { aFolder, aNode } from '../support/test-node.ts';
import { ended, sendPhantom } from './send-phantom.ts';

const PACKAGE = 'models/ct-lung-segmentation/1.0.0';

/** The model of this project under another version, changed. */
function dropVersion(library: string, version: string, changes: object = {}): void {
  const folder = join(library, 'ct-lung-segmentation', version);
  cpSync(PACKAGE, folder, { recursive: true });
  const manifest = JSON.parse(readFileSync(join(PACKAGE, 'model.json'), 'utf8'));
  writeFileSync(join(folder, 'model.json'), JSON.stringify({ ...manifest, version, ...changes }));
}

interface Listed {
  readonly models: readonly { readonly version: string; readonly hasResults: boolean; readonly lastCheck: unknown }[];
  readonly broken: readonly { readonly reason: string }[];
}

it('a version dropped into a running node runs in the shadow of the other: compared, and sent to nobody', async () => {
  const library = aFolder();
  dropVersion(library, '1.0.0');
  const pacs = await aNode({ models: [], aeTitle: 'PACS' });
  const data = aFolder();
  const agreement = { cases: 1, dice: 0.9, worstDice: 0.7, volumePercent: 5, oneSidedPercent: 5, probability: 0.1 };
  const route = { name: 'chest', model: 'ct-lung-segmentation@1.0.0', deliverTo: ['pacs'], agreement };
  const node = await aNode({
    data,
    models: [library],
    modelsLookSeconds: 1,
    peers: [{ name: 'pacs', aeTitle: 'PACS', host: '127.0.0.1', port: pacs.dimsePort }],
    routes: [{ ...route, shadow: ['ct-lung-segmentation@1.1.0'] }],
  });
  // No left lung has a hundred litres: this one never finds any.
  const postprocess = [
    { op: 'invert', mode: 'linear' },
    { op: 'argmax' },
    { op: 'remove-small', connectivity: 26, millilitres: 1e5, whole: true, classes: [2] },
  ];
  dropVersion(library, '1.1.0', { postprocess });
  await vi.waitFor(async () => expect((await getJson<Listed>(`${node.http}/api/models`)).models).toHaveLength(2), {
    timeout: 20_000,
  });

  const series = await sendPhantom(node, { slices: 24, rows: 128, columns: 128, seed: 7 });
  const { analyses } = await ended(node, series, 2);
  const [shadow, primary] = [...analyses].sort((a, b) => b.version.localeCompare(a.version));
  expect(primary).toMatchObject({ mode: 'primary', reason: expect.stringMatching(/Delivered to pacs/) });
  expect(shadow).toMatchObject({ mode: 'shadow', state: 'delivered', results: [], deliveries: [] });
  expect(shadow!.reason).toMatch(/Ran in the shadow of another model/);
  for (const where of [node, pacs])
    expect(await getJson<JsonDataset[]>(`${where.http}/dicom-web/series?Modality=SEG`)).toHaveLength(1);

  const { agreements } = await getJson<{ agreements: AgreementVerdict[] }>(
    `${node.http}/api/models/ct-lung-segmentation/agreement`,
  );
  expect(agreements).toMatchObject([
    {
      route: 'chest',
      primaryModel: 'ct-lung-segmentation@1.0.0',
      shadowModel: 'ct-lung-segmentation@1.1.0',
      verdict: 'hold',
      statistics: [
        { label: 'Left lung', dice: { mean: 0 }, oneSided: 1 },
        { label: 'Right lung', dice: { mean: 1 }, oneSided: 0 },
      ],
    },
  ]);
  expect(readdirSync(join(data, 'shadow'))).toEqual([]);

  // The version has made results: it stays what it is.
  dropVersion(library, '1.0.0', { title: 'Changed' });
  const changed = await fetch(`${node.http}/api/models/reload`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{}',
  });
  expect(await changed.json()).toMatchObject({
    changed: [],
    broken: [{ reason: expect.stringContaining('new version') }],
  });
  const listed = await getJson<Listed>(`${node.http}/api/models`);
  expect(listed.models.map(({ hasResults }) => hasResults)).toEqual([true, true]);
}, 120_000);
