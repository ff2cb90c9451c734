import type { Command } from 'commander';
import { loadSettings } from '../config.ts';
import { VoxgateError } from '../errors.ts';
import { loadModels } from '../inference/model-library.ts';
import { addModelsImport } from './models-import.ts';

export function addModels(program: Command): void {
  const models = program.command('models').description('the model library');
  addModelsImport(models);
  models
    .command('list')
    .description('every model package found, and every broken one with the reason')
    .action(async () => {
      const settings = loadSettings();
      const library = await loadModels(settings.models);
      for (const { manifest } of library.models) {
        process.stdout.write(`${manifest.id}\t${manifest.version}\t${manifest.title}\n`);
      }
      for (const { folder, reason } of library.broken) process.stderr.write(`${folder}: ${reason}\n`);
      if (library.models.length === 0 && library.broken.length === 0)
        process.stdout.write(`no model packages in ${settings.models.join(', ')}\n`);
      if (library.broken.length > 0)
        throw new VoxgateError('bad-model', `${library.broken.length} model package(s) cannot be used`);
    });
}
