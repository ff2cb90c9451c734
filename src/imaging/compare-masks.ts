import type { KeptMasks, KeptSegment } from './mask-file.ts';

/** How far two models agree on one segment or class of one series. */
export type Agreement =
  | {
      readonly kind: 'segment';
      readonly label: string;
      /** Twice what both have, of what each has; 1 where neither found anything. */
      readonly dice: number;
      readonly primaryMl: number;
      readonly shadowMl: number;
    }
  | {
      readonly kind: 'class';
      readonly label: string;
      readonly primaryProbability: number;
      readonly shadowProbability: number;
    };

/**
 * Holds what two models found in the same slices against each other: segments by their codes, classes by their names; those
 * that only one of them looks for are left out.
 * @throws Error where the frames are not of one size
 */
export function compareMasks(primary: KeptMasks, shadow: KeptMasks): Agreement[] {
  if (primary.rows !== shadow.rows || primary.columns !== shadow.columns)
    throw new Error(
      `frames of ${primary.rows} × ${primary.columns} cannot be held against ${shadow.rows} × ${shadow.columns}`,
    );
  return [
    ...primary.segments.flatMap((one): Agreement[] => {
      const other = shadow.segments.find(({ meaning }) => meaning === one.meaning);
      return other ? [segmentAgreement(primary, one, shadow, other)] : [];
    }),
    ...primary.classes.flatMap(({ label, probability }): Agreement[] => {
      const other = shadow.classes.find((one) => one.label === label);
      return other
        ? [{ kind: 'class', label, primaryProbability: probability, shadowProbability: other.probability }]
        : [];
    }),
  ];
}

function segmentAgreement(
  primary: KeptMasks,
  one: KeptSegment,
  shadow: KeptMasks,
  other: KeptSegment,
): Extract<Agreement, { kind: 'segment' }> {
  const [ours, theirs] = [framesOf(primary, one.number), framesOf(shadow, other.number)];
  let both = 0;
  let each = 0;
  for (const [slice, frame] of ours) {
    const bits = frameBits(primary, frame);
    each += ones(bits);
    const match = theirs.get(slice);
    if (match === undefined) continue;
    const others = frameBits(shadow, match);
    for (let i = 0; i < bits.length; i++) both += ONES[bits[i]! & others[i]!]!;
  }
  for (const frame of theirs.values()) each += ones(frameBits(shadow, frame));
  return {
    kind: 'segment',
    label: one.label,
    dice: each === 0 ? 1 : (2 * both) / each,
    primaryMl: one.volumeMl,
    shadowMl: other.volumeMl,
  };
}

/** Index of the frame by slice. */
function framesOf({ frames }: KeptMasks, segment: number): Map<number, number> {
  return new Map(frames.flatMap((frame, i) => (frame.segment === segment ? [[frame.slice, i] as const] : [])));
}

/** The bits of one frame, beginning at a byte: frames run on without regard to bytes. */
function frameBits({ pixelData, rows, columns }: KeptMasks, frame: number): Uint8Array {
  const voxels = rows * columns;
  const start = frame * voxels;
  const at = Math.floor(start / 8);
  const shift = start % 8;
  const bits = new Uint8Array(Math.ceil(voxels / 8));
  for (let i = 0; i < bits.length; i++)
    bits[i] =
      shift === 0 ? pixelData[at + i]! : (pixelData[at + i]! >> shift) | ((pixelData[at + i + 1] ?? 0) << (8 - shift));
  const last = voxels % 8;
  if (last > 0) bits[bits.length - 1]! &= 2 ** last - 1;
  return bits;
}

/** How many bits of a byte are set. */
const ONES = Uint8Array.from({ length: 256 }, (_, byte) => byte.toString(2).replaceAll('0', '').length);

function ones(bits: Uint8Array): number {
  let count = 0;
  for (const byte of bits) count += ONES[byte]!;
  return count;
}
