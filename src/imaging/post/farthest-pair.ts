import type { Vec3 } from '../grid.ts';

/** Points in a box of their own: two boxes tell at once how far their points can be apart. */
interface Chunk {
  readonly from: number;
  readonly to: number;
  readonly low: Vec3;
  readonly high: Vec3;
}

const CHUNK = 24;

/** The greatest distance between any two points; neighbours in the list should be neighbours in space. */
export function farthestDistance(points: readonly Vec3[]): number {
  if (points.length < 2) return 0;
  const chunks: Chunk[] = [];
  for (let from = 0; from < points.length; from += CHUNK) chunks.push(chunkOf(points, from));
  // A good first answer lets nearly all pairs of boxes be passed over.
  let best = 0;
  for (let at = 0, tries = 0; tries < 4; tries++) {
    const [index, distance] = farthestFrom(points, points[at]!);
    best = Math.max(best, distance);
    at = index;
  }
  for (const [i, a] of chunks.entries()) {
    for (let j = i; j < chunks.length; j++) {
      const b = chunks[j]!;
      if (reach(a, b) <= best) continue;
      for (let p = a.from; p < a.to; p++) {
        for (let q = b.from; q < b.to; q++) best = Math.max(best, squared(points[p]!, points[q]!));
      }
    }
  }
  return Math.sqrt(best);
}

function chunkOf(points: readonly Vec3[], from: number): Chunk {
  const to = Math.min(from + CHUNK, points.length);
  const low: [number, number, number] = [...points[from]!];
  const high: [number, number, number] = [...points[from]!];
  for (let i = from + 1; i < to; i++) {
    for (const axis of [0, 1, 2] as const) {
      low[axis] = Math.min(low[axis], points[i]![axis]);
      high[axis] = Math.max(high[axis], points[i]![axis]);
    }
  }
  return { from, to, low, high };
}

/** Squared: the greatest distance that points of the two boxes could have. */
function reach(a: Chunk, b: Chunk): number {
  let sum = 0;
  for (let axis = 0; axis < 3; axis++) {
    const span = Math.max(a.high[axis]! - b.low[axis]!, b.high[axis]! - a.low[axis]!);
    sum += span * span;
  }
  return sum;
}

function farthestFrom(points: readonly Vec3[], from: Vec3): [index: number, squared: number] {
  let index = 0;
  let most = 0;
  for (let i = 0; i < points.length; i++) {
    const distance = squared(points[i]!, from);
    if (distance <= most) continue;
    most = distance;
    index = i;
  }
  return [index, most];
}

const squared = (a: Vec3, b: Vec3): number => (a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2 + (a[2] - b[2]) ** 2;
