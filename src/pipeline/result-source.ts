import type { ResultSource } from './build-results.ts';
import type { GatheredSlot } from './gather-inputs.ts';

/** What the results are made of: of each slice its instance and frame, and where it lies. */
export function resultSourceOf({ studyInstanceUid, seriesInstanceUid, instances, stack }: GatheredSlot): ResultSource {
  const first = instances[stack.frames[0]!.instance]!;
  return {
    studyInstanceUid,
    seriesInstanceUid,
    attributes: first.dataset,
    grid: stack.grid,
    placed: stack.placed,
    calibrated: stack.calibration === 'patient' || stack.calibration === 'calibrated',
    units: stack.units,
    positions:
      stack.shear || stack.sliceTaps
        ? stack.frames.map(({ header }) => header.position ?? ([0, 0, 0] as const))
        : undefined,
    instances: stack.frames.map(({ instance, frame }) => {
      const { sopClassUid, sopInstanceUid, dataset } = instances[instance]!;
      const isMultiFrame = Number(dataset['00280008']?.Value?.[0] ?? 1) > 1;
      return { sopClassUid, sopInstanceUid, ...(isMultiFrame ? { frameNumber: frame } : {}) };
    }),
  };
}
