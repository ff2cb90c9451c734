import { VoxgateError } from '../../errors.ts';

/** Boxes of a detector in voxels of its input tensor: [n][4 or 6] (least…, greatest…), and what each is said to be. */
export interface Detections {
  readonly boxes: ArrayLike<number>;
  readonly scores: ArrayLike<number>;
  readonly labels: ArrayLike<number>;
}

export interface KeptBox {
  readonly box: readonly number[];
  readonly score: number;
  readonly label: number;
}

/** What a detector may give before suppression. */
const MOST_BOXES = 20_000;

/**
 * Non-maximum suppression, each class by itself (batched_nms of torchvision and of MONAI): from the highest score down,
 * a box goes where it overlaps one that stays by more than `overlap` (intersection over union). Boxes are cut to the
 * tensor first; what is empty then, or scored below `least` of its class, goes. Of equal scores the first comes first.
 *
 * @param shape of the tensor, along the axes of the boxes
 * @throws VoxgateError inference-failed where the three do not belong together, or are no numbers
 */
export function suppressBoxes(
  detections: Detections,
  shape: readonly number[],
  overlap: number,
  least: (label: number) => number,
): KeptBox[] {
  const candidates = readBoxes(detections, shape).filter(
    ({ box, score, label }) => score >= least(label) && volumeOf(box) > 0,
  );
  candidates.sort((a, b) => b.score - a.score);
  const kept: KeptBox[] = [];
  for (const candidate of candidates) {
    const covered = kept.some(
      ({ box, label }) => label === candidate.label && intersectionOverUnion(box, candidate.box) > overlap,
    );
    if (!covered) kept.push(candidate);
  }
  return kept;
}

function readBoxes({ boxes, scores, labels }: Detections, shape: readonly number[]): KeptBox[] {
  const axes = shape.length;
  const count = scores.length;
  if (boxes.length !== count * 2 * axes || labels.length !== count || count > MOST_BOXES) {
    throw new VoxgateError(
      'inference-failed',
      `The model gave ${boxes.length} numbers for boxes, ${count} scores and ${labels.length} labels: they are not of one list of at most ${MOST_BOXES} boxes.`,
    );
  }
  return Array.from({ length: count }, (_, i) => {
    const raw = Array.from({ length: 2 * axes }, (_unused, j) => boxes[i * 2 * axes + j]!);
    const [score, label] = [scores[i]!, labels[i]!];
    if (!raw.every(Number.isFinite) || !Number.isFinite(score) || !Number.isInteger(label)) {
      throw new VoxgateError('inference-failed', `Box ${i + 1} of the model is made of what is no number.`);
    }
    const box = raw.map((value, j) => Math.min(Math.max(value, 0), shape[j % axes]!));
    return { box, score, label };
  });
}

function volumeOf(box: readonly number[]): number {
  const axes = box.length / 2;
  let volume = 1;
  for (let axis = 0; axis < axes; axis++) volume *= Math.max(0, box[axis + axes]! - box[axis]!);
  return volume;
}

export function intersectionOverUnion(a: readonly number[], b: readonly number[]): number {
  const axes = a.length / 2;
  let common = 1;
  for (let axis = 0; axis < axes; axis++) {
    common *= Math.max(0, Math.min(a[axis + axes]!, b[axis + axes]!) - Math.max(a[axis]!, b[axis]!));
  }
  return common / (volumeOf(a) + volumeOf(b) - common);
}
