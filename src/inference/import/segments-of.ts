import type { ManifestSegment } from '../model-manifest.ts';
import type { GivenCodes } from './codes-file.ts';
import { fitted } from './draft.ts';
import { segmentColor } from './segment-colors.ts';

/**
 * A segment for each class but the background, numbered in their order.
 * @throws VoxgateError bad-model for a class without a code, showing how to give one
 */
export function segmentsOf(
  classes: readonly { readonly class: number; readonly name: string }[],
  codes: GivenCodes,
): ManifestSegment[] {
  return classes.map(({ class: index, name }, i) => {
    const { color, ...properties } = codes.segment(index, name);
    return {
      class: index,
      number: i + 1,
      label: fitted(name.replaceAll('_', ' '), 64, `class ${index}`),
      ...properties,
      color: color ?? segmentColor(i + 1),
    };
  });
}
