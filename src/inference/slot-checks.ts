import type { InputSlot, ModelManifest } from './model-manifest.ts';

/** Whether the input slots of a manifest agree with each other; every fault begins with its JSON path. */
export function slotFaults({ inputs }: Pick<ModelManifest, 'inputs'>): string[] {
  const names = inputs.map(({ slot }) => slot);
  return inputs.flatMap((slot, i) => [
    ...(names.indexOf(slot.slot) === i ? [] : [`inputs[${i}].slot "${slot.slot}" is there twice`]),
    ...(i === 0 ? firstSlotFaults(slot) : []),
    ...kindFaults(slot, i, inputs[0]!),
  ]);
}

/** The others are resampled onto the grid of the first: it must be there, and now. */
function firstSlotFaults({ missing, prior }: InputSlot): string[] {
  return [
    ...(missing === 'refuse' ? [] : ['inputs[0].missing must be refuse: the grid is that of the first slot']),
    ...(prior ? ['inputs[0].prior: the first slot is of the study itself'] : []),
  ];
}

function kindFaults({ kind, units }: InputSlot, i: number, first: InputSlot): string[] {
  return [
    ...(kind === 'colour-image' && units !== 'any' ? [`inputs[${i}].units: colours are not ${units}`] : []),
    ...(i > 0 && (kind !== 'volume' || first.kind !== 'volume')
      ? [`inputs[${i}].kind: only volumes can be brought onto the grid of another`]
      : []),
  ];
}

/** Channels of the tensor, as the slots fill it: a colour image has three. */
export function channelsOf({ inputs }: Pick<ModelManifest, 'inputs'>): number {
  return inputs.reduce((count, { kind }) => count + (kind === 'colour-image' ? 3 : 1), 0);
}
