import { VoxgateError } from '../errors.ts';
import { type Detections, type KeptBox, suppressBoxes } from '../imaging/post/suppress-boxes.ts';
import type { OpenedSlots } from '../imaging/volume-client.ts';
import type { OutputMeaning } from '../inference/model-manifest.ts';
import type { BoxOutcome } from './outcome.ts';

type Boxes = Extract<OutputMeaning, { kind: 'boxes' }>;

/**
 * Which boxes of a detector count, and where they lie on the source: of those that reach the operating point of their class
 * and overlap, the most probable. Most probable first.
 *
 * @param shape of the input tensor, [1, channels, a, b, c]
 * @throws VoxgateError inference-failed for what are no boxes; bad-model for a class that the manifest does not name
 */
export async function readBoxes(
  { classes, overlap }: Boxes,
  detections: Detections,
  { shape, slabAxis }: { readonly shape: readonly number[]; readonly slabAxis: 0 | 1 | 2 },
  opened: OpenedSlots,
): Promise<BoxOutcome[]> {
  const spatial = shape.slice(2);
  const flat = detections.scores.length > 0 && detections.boxes.length === 4 * detections.scores.length;
  const kept = suppressBoxes(
    detections,
    flat ? spatial.filter((_, axis) => axis !== slabAxis) : spatial,
    overlap,
    (label) => classOf(classes, label).presentFrom,
  );
  const placed = await opened.placeBoxes(kept.map(({ box }) => box));
  return kept.map(({ score, label }: KeptBox, i): BoxOutcome => {
    if (score > 1) throw new VoxgateError('inference-failed', `the model gave ${score} as the probability of a box.`);
    const { from, to } = placed[i]!;
    // Indexes name the centres of pixels, points on an image count from the outer corner of the first.
    const [left, top, right, bottom] = [from[0] + 0.5, from[1] + 0.5, to[0] + 0.5, to[1] + 0.5];
    return {
      class: label,
      label: classOf(classes, label).label,
      probability: score,
      slices: [from[2], to[2]],
      points: [
        [left, top],
        [right, top],
        [right, bottom],
        [left, bottom],
        [left, top],
      ],
    };
  });
}

function classOf(classes: Boxes['classes'], label: number): Boxes['classes'][number] {
  const found = classes[label];
  if (found === undefined) {
    throw new VoxgateError(
      'bad-model',
      `the model calls a box class ${label}, its manifest names ${classes.length} classes.`,
    );
  }
  return found;
}
