import { type Command, InvalidArgumentError } from 'commander';
import { describeModel } from '../inference/import/describe-import.ts';
import { importModel } from '../inference/import/import-model.ts';

interface Options {
  readonly onnx?: readonly string[];
  readonly goldenInput?: string;
  readonly goldenOutput?: string;
  readonly tolerance: number;
  readonly codes?: string;
  readonly id?: string;
  readonly version?: string;
  readonly config?: string;
  readonly axcodes?: string;
  readonly mirrorAxes?: readonly number[];
  readonly to: string;
}

/** `voxgate models import`: a MONAI bundle or an nnU-Net v2 folder becomes a model package. */
export function addModelsImport(models: Command): void {
  models
    .command('import <bundle>')
    .description('make a model package of a MONAI bundle or an nnU-Net v2 folder (a folder or a zip); runs no Python')
    .option('--onnx <file...>', 'the exported network; several are an ensemble (folds)')
    .option('--golden-input <file.npy>', 'what went into the network where it was exported')
    .option('--golden-output <file.npy>', 'what came out')
    .option('--tolerance <number>', 'largest difference from the golden output', numberOf, 1e-3)
    .option('--codes <file.json>', 'codes of classes, and which series fill which input')
    .option('--id <id>', 'name of the package')
    .option('--version <version>', 'its version, as 1.0.0')
    .option('--config <name>', 'nnU-Net: which configuration, as 3d_fullres')
    .option('--axcodes <codes>', 'towards which sides the axes of the training images ascend (RAS), or "stored"')
    .option('--mirror-axes <axes>', 'nnU-Net: axes mirrored at inference, as 0,1,2', axesOf)
    .option('--to <folder>', 'the model library', './models')
    .action(async (bundle: string, options: Options) => {
      const { goldenInput, goldenOutput, tolerance, config, axcodes, onnx = [], ...rest } = options;
      if ((goldenInput === undefined) !== (goldenOutput === undefined))
        throw new InvalidArgumentError('--golden-input and --golden-output go together');
      const { model, notes } = await importModel({
        ...rest,
        bundle,
        onnx,
        ...(config === undefined ? {} : { configuration: config }),
        ...(axcodes === undefined ? {} : { axcodes: axcodes.toLowerCase() === 'stored' ? 'stored' : axcodes }),
        ...(goldenInput !== undefined && goldenOutput !== undefined
          ? { golden: { input: goldenInput, output: goldenOutput, tolerance } }
          : {}),
      });
      const { manifest, folder } = model;
      const told = [
        `${manifest.id} ${manifest.version} is in ${folder}`,
        ...describeModel(manifest),
        ...notes.map((note) => `note: ${note}`),
        'its results are for research only, until you have checked it and say otherwise in model.json',
      ];
      process.stdout.write(`${told.join('\n')}\n`);
    });
}

function numberOf(text: string): number {
  const value = Number(text);
  if (!(value >= 0)) throw new InvalidArgumentError('is no number from 0 on');
  return value;
}

function axesOf(text: string): number[] {
  const axes = text.split(',').map((part) => Number(part.trim()));
  if (axes.some((axis) => ![0, 1, 2].includes(axis)) || new Set(axes).size !== axes.length)
    throw new InvalidArgumentError('are axes from 0 to 2, as in 0,1,2');
  return axes;
}
