import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** A checkout of Project-MONAI/model-zoo; its configurations are read there and not copied. */
export const ZOO = process.env['VOXGATE_MODEL_ZOO'] ?? '';

export const hasModelZoo = ZOO !== '' && existsSync(join(ZOO, 'models'));
if (!hasModelZoo)
  process.stderr.write('VOXGATE_MODEL_ZOO names no checkout of the MONAI model zoo: its bundles are not imported\n');
