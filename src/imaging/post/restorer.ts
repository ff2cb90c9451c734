import type { Measurement, Segment } from '../measure.ts';
import type { PackedFrames } from '../pack.ts';
import type { Preparation } from '../transforms/preparation.ts';
import type { PostStep } from '../transforms/steps.ts';
import type { Volume } from '../volume.ts';

/** What a model says of its scores, and what is wanted of them. */
export interface RestorerRequest {
  readonly postprocess: readonly PostStep[];
  /** Channels of the scores. */
  readonly classes: number;
  /** class-scores: class 0 is the background. region-scores: each channel on its own. */
  readonly kind: 'class-scores' | 'region-scores';
  /** `class` is a channel; after paint-regions the label that was painted. */
  readonly segments: readonly Segment[];
  readonly measurements: readonly ('volume' | 'axes' | 'surface' | 'statistics')[];
}

export interface Restored extends PackedFrames {
  readonly measurements: readonly Measurement[];
}

/**
 * Scores on the grid of the model, in slabs, to labels on the stored slices of `volume`, measured.
 *
 * Slabs ascend along the slab axis of the preparation: the array axis that runs along the slices of the source.
 */
export class Restorer {
  private readonly volume: Volume;
  private readonly preparation: Preparation;
  private readonly request: RestorerRequest;

  /** @throws VoxgateError bad-model where the steps make no sense */
  constructor(volume: Volume, preparation: Preparation, request: RestorerRequest) {
    this.volume = volume;
    this.preparation = preparation;
    this.request = request;
  }

  /**
   * Takes the next planes: float32 [plane][channel][u][v], u and v the two other array axes in order. The array may be
   * used again afterwards. Few planes at a time keep memory small: those of 100 classes take 30 MB each.
   *
   * @throws VoxgateError inference-failed where they are not the next, or not of the right length
   */
  addSlab(values: Float32Array, firstPlane: number, planes: number): void {
    throw new Error(
      `not there yet: ${values.length} ${firstPlane} ${planes} ${this.volume} ${this.preparation} ${this.request}`,
    );
  }

  /** @throws VoxgateError inference-failed where planes are missing, bad-result where the labels do not lie where the scores did */
  finish(): Restored {
    throw new Error('not there yet');
  }
}

/** The array axis (0 to 2) that runs along the slices of the source: scores come in slabs across it. */
export function slabAxisOf({ axes }: Preparation): 0 | 1 | 2 {
  const axis = axes.findIndex(({ source }) => source === 2);
  return axis === 0 || axis === 1 ? axis : 2;
}
