import type { Command } from 'commander';
import { loadSettings } from '../config.ts';
import { VoxgateError } from '../errors.ts';
import { findModel, loadModels, type Model, type ModelLibrary } from '../inference/model-library.ts';
import { checkModels } from './models-check.ts';
import { addModelsImport } from './models-import.ts';
import { runModelOnStudy } from './models-run.ts';
import { describeModel } from './models-show.ts';

export function addModels(program: Command): void {
  const models = program.command('models').description('the model library');
  addModelsImport(models);
  models
    .command('list')
    .description('every model package found, and every broken one with the reason')
    .action(async () => {
      const { library, folders } = await openLibrary();
      for (const { manifest } of library.models) {
        process.stdout.write(`${manifest.id}\t${manifest.version}\t${manifest.title}\n`);
      }
      for (const { folder, reason } of library.broken) process.stderr.write(`${folder}: ${reason}\n`);
      if (library.models.length === 0 && library.broken.length === 0)
        process.stdout.write(`no model packages in ${folders.join(', ')}\n`);
      if (library.broken.length > 0)
        throw new VoxgateError('bad-model', `${library.broken.length} model package(s) cannot be used`);
    });
  models
    .command('show')
    .description('what a model takes, does and reports')
    .argument('<model>', '"id" (its newest version) or "id@version"')
    .option('--json', 'its manifest, with its digest')
    .action(async (name: string, { json }: { json?: boolean }) => {
      const model = modelNamed((await openLibrary()).library, name);
      process.stdout.write(
        json === true
          ? `${JSON.stringify({ ...model.manifest, digest: model.key }, null, 2)}\n`
          : await describeModel(model),
      );
    });
  models
    .command('check')
    .description('holds networks against their manifests and runs golden pairs on every engine that is here')
    .argument('[model...]', '"id" or "id@version"; all where none is named')
    .option('--runs <number>', 'runs after the first, for the time of a warm one', '5')
    .option('--json', 'the whole report')
    .action(async (names: string[], { runs, json }: { runs: string; json?: boolean }) => {
      const { library } = await openLibrary();
      const models = names.length === 0 ? library.models : names.map((name) => modelNamed(library, name));
      // What is broken fails the check of all, not that of another by name.
      const broken = names.length === 0 ? library.broken : [];
      await checkModels(models, broken, { warmRuns: runsOf(runs), json: json === true });
    });
  models
    .command('run')
    .description('runs a model on files or a stored study and writes its results to a folder: nothing is delivered')
    .argument('<model>', '"id" or "id@version"')
    .argument('<study>', 'a file, a folder, or the Study Instance UID of a study that the node holds')
    .requiredOption('--out <folder>', 'where the results are written')
    .action(async (name: string, study: string, { out }: { out: string }) => {
      await runModelOnStudy(modelNamed((await openLibrary()).library, name), study, out);
    });
}

async function openLibrary(): Promise<{ library: ModelLibrary; folders: readonly string[] }> {
  const folders = loadSettings().models;
  return { library: await loadModels(folders), folders };
}

function modelNamed(library: ModelLibrary, name: string): Model {
  const model = findModel(library, name);
  if (model) return model;
  const [id, version] = name.split('@');
  const broken = library.broken.find(({ folder }) => folder.endsWith(version ? `/${id}/${version}` : `/${id}`));
  throw new VoxgateError('not-found', broken?.reason ?? `there is no model ${name} in the library`);
}

function runsOf(text: string): number {
  const runs = Number(text);
  if (Number.isInteger(runs) && runs >= 0 && runs <= 100) return runs;
  throw new VoxgateError('bad-setting', '--runs must be a whole number from 0 to 100');
}
