import { gzipSync } from 'node:zlib';
import { describe, expect, it, onTestFinished } from 'vitest';
import { migrate, openDatabase } from '../../src/catalog/database.ts';
import { Lanes } from '../../src/inference/lanes/lanes.ts';
import { createLog } from '../../src/log.ts';
import { type KeptModels, keepModels, type ModelParts } from '../../src/pipeline/keep-models.ts';
import { anEcho, put } from '../inference/packages.ts';
import { aDatabase, aFolder } from '../support/test-node.ts';

async function someParts(): Promise<ModelParts & { readonly folder: string }> {
  const database = openDatabase(await aDatabase());
  onTestFinished(() => database.destroy());
  await migrate(database);
  const engine = new Lanes({ cores: 1 });
  onTestFinished(() => engine.close());
  const [folder, data, workFolder] = [aFolder(), aFolder(), aFolder()];
  return {
    folder,
    folders: [folder],
    lookSeconds: 0,
    data,
    workFolder,
    database,
    engine,
    log: createLog('silent', false),
  };
}

async function keep(parts: ModelParts): Promise<KeptModels> {
  const models = await keepModels(parts);
  onTestFinished(() => models.close());
  return models;
}

const wrongGolden = { 'golden/output.f32.gz': gzipSync(Buffer.alloc(96)) };
const names = ({ library }: KeptModels): string[] => library.models.map(({ manifest }) => manifest.version);

describe('the models of a running node', () => {
  it('take in what reproduces its golden pair; what does not is left out, over a restart too', async () => {
    const parts = await someParts();
    const models = await keep(parts);
    put(parts.folder, anEcho({ version: '1.0.0' }));
    put(parts.folder, anEcho({ version: '1.1.0', files: wrongGolden }));
    expect(await models.library.reload()).toMatchObject({
      added: ['a-model@1.0.0'],
      broken: [{ reason: expect.stringContaining('its golden pair is not reproduced: cpu: value 23') }],
    });
    const restarted = await keep(parts);
    expect(names(restarted)).toEqual(['1.0.0']);
    expect(restarted.library.broken[0]!.reason).toContain('its golden pair is not reproduced');
  });

  it('remember what the check of one has said', async () => {
    const parts = await someParts();
    put(parts.folder, anEcho());
    const models = await keep(parts);
    expect(await models.check(models.library.models[0]!)).toMatchObject({ ok: true });
    const { rows } = await parts.database.raw('SELECT last_check FROM model_versions');
    expect(rows).toMatchObject([{ last_check: { ok: true, engines: [{ provider: 'cpu', state: 'passed' }] } }]);
  });

  it('are not watched where nobody wants that', async () => {
    const parts = await someParts();
    const models = await keep(parts);
    put(parts.folder, anEcho());
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(names(models)).toEqual([]);
  });
});
