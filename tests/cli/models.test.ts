import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { JsonDataset } from '../../src/dicom/dataset.ts';
import { text } from '../../src/dicom/read-values.ts';
import { anEcho, put } from '../inference/packages.ts';
import { sendPhantom } from '../pipeline/send-phantom.ts';
import { getJson } from '../support/node-process.ts';
import { aFolder, aNode } from '../support/test-node.ts';
import { run } from './run.ts';

const MODELS = { VOXGATE_MODELS: resolve('models') };

describe('voxgate models', () => {
  it('shows what a model takes, does and reports, in words and as its manifest', async () => {
    const words = await run(['models', 'show', 'ct-lung-segmentation'], MODELS);
    expect(words.code).toBe(0);
    for (const line of ['input ct', 'Modality = "CT"', 'orientation → spacing', 'class-scores: background, right lung'])
      expect(words.stdout).toContain(line);
    const { stdout } = await run(['models', 'show', 'ct-lung-segmentation@1.0.0', '--json'], MODELS);
    expect(JSON.parse(stdout)).toMatchObject({ schema: 2, digest: expect.stringMatching(/^[0-9a-f]{64}$/) });
    const absent = await run(['models', 'show', 'ct-lung-segmentation@9.9.9'], MODELS);
    expect(absent).toMatchObject({ code: 1, stderr: expect.stringContaining('there is no model') });
  });

  it('checks the package of this project: the golden pair, its time and its memory', async () => {
    const { code, stdout } = await run(['models', 'check', '--runs', '1'], MODELS);
    expect(stdout).toMatch(/ct-lung-segmentation@1\.0\.0: passed, the golden pair is reproduced on cpu/);
    expect(stdout).toMatch(/cpu: passed, largest difference [\d.e-]+, first run \d+ ms, warm \d+ ms, peak \d+ MiB/);
    expect(code).toBe(0);
  });

  it('fails with a reason where one does not pass, and tells it as JSON too', async () => {
    const library = aFolder();
    put(library, anEcho({ id: 'sound' }));
    put(library, anEcho({ id: 'untold', manifest: { golden: undefined } }));
    put(library, { id: 'broken', text: '{' });
    const { code, stdout, stderr } = await run(['models', 'check', '--json'], { VOXGATE_MODELS: library });
    const { models, broken } = JSON.parse(stdout);
    expect(models.map(({ model, ok }: { model: string; ok: boolean }) => [model, ok])).toEqual([
      ['sound@1.0.0', true],
      ['untold@1.0.0', false],
    ]);
    expect(broken).toHaveLength(1);
    expect(stderr).toContain('2 model package(s) did not pass');
    expect(code).toBe(1);
    expect((await run(['models', 'check', 'sound'], { VOXGATE_MODELS: library })).code).toBe(0);
  });

  it('runs one on a study that a node holds, beside that node, and leaves nothing with it', async () => {
    const node = await aNode({ models: [] });
    const series = await sendPhantom(node, { slices: 12, rows: 128, columns: 128, seed: 7 });
    const studies = await getJson<JsonDataset[]>(`${node.http}/dicom-web/studies`);
    const study = text(studies[0]!, 'StudyInstanceUID')!;
    const out = join(aFolder(), 'out');
    const environment = { ...MODELS, VOXGATE_DATA: node.settings.data, DATABASE_URL: node.settings.databaseUrl };
    const { code, stdout, stderr } = await run(
      ['models', 'run', 'ct-lung-segmentation', study, '--out', out],
      environment,
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain(`${series}: Found: Right lung`);
    expect(readdirSync(out)).toHaveLength(3);
    expect(await getJson<JsonDataset[]>(`${node.http}/dicom-web/series?Modality=SEG`)).toEqual([]);
    const nobody = await run(['models', 'run', 'ct-lung-segmentation', '2.25.404', '--out', out], environment);
    expect(nobody).toMatchObject({ code: 1, stderr: expect.stringContaining('nothing of that study is held here') });
  });

  it('runs one on files, says what became of each series, and writes results to a folder', async () => {
    const [images, out] = [aFolder(), join(aFolder(), 'out')];
    await run(['phantom', '--slices', '12', '--out', images]);
    const { code, stdout } = await run(['models', 'run', 'ct-lung-segmentation', images, '--out', out], MODELS);
    expect(stdout).toMatch(/^2\.25\.\d+: Found: Right lung \d+ mL, Left lung \d+ mL\./);
    expect(readdirSync(out).map((name) => name.replace(/^2\.25\.\d+\./, ''))).toEqual(['SEG.dcm', 'SR.dcm', 'json']);
    expect(
      readFileSync(join(out, readdirSync(out)[0]!))
        .subarray(128, 132)
        .toString(),
    ).toBe('DICM');
    expect(code).toBe(0);
    const segmentation = join(out, readdirSync(out)[0]!);
    const nothing = await run(
      ['models', 'run', 'ct-lung-segmentation', segmentation, '--out', join(out, 'none')],
      MODELS,
    );
    expect(nothing.stdout).toContain('Not run: ');
    expect(nothing).toMatchObject({ code: 1, stderr: expect.stringContaining('ran on none of 1 series') });
    expect(existsSync(join(out, 'none')) && readdirSync(join(out, 'none'))).toEqual([]);
  });
});
