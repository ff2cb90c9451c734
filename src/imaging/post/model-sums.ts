import type { Vec3 } from '../grid.ts';
import type { WayBack } from './way-back.ts';

/** Where a class lies in the array of the network: of the elements that the stored slices reach. */
export interface ModelSum {
  readonly elements: number;
  /** Array indexes. */
  readonly mean: Vec3;
  readonly variance: Vec3;
}

/** Sums up where the classes lie in the array, plane by plane, without regard to how they are brought back. */
export class ModelSums {
  private readonly way: WayBack;
  private readonly reach: readonly (Reach | undefined)[];
  private readonly sums: Float64Array;

  constructor(way: WayBack) {
    this.way = way;
    this.reach = reachOf(way);
    this.sums = new Float64Array(256 * 7);
  }

  /** Labels [u][v] of a plane; `only`: every label stands for this class instead. */
  addLabels(labels: Uint8Array, plane: number, only?: number): void {
    const reach = this.reach[plane];
    if (reach === undefined) return;
    const { sums } = this;
    for (let u = reach.u[0]; u <= reach.u[1]; u++) {
      for (let v = reach.v[0], i = u * this.way.v + v; v <= reach.v[1]; v++, i++) {
        const label = labels[i]!;
        if (label === 0) continue;
        const at = (only ?? label) * 7;
        sums[at]! += 1;
        sums[at + 1]! += u;
        sums[at + 2]! += v;
        sums[at + 3]! += plane;
        sums[at + 4]! += u * u;
        sums[at + 5]! += v * v;
        sums[at + 6]! += plane * plane;
      }
    }
  }

  of(c: number): ModelSum | undefined {
    const [elements, ...sums] = this.sums.subarray(c * 7, c * 7 + 7);
    if (elements === undefined || elements === 0) return undefined;
    const mean = inArrayOrder(this.way, (i) => sums[i]! / elements);
    const squares = inArrayOrder(this.way, (i) => sums[i + 3]! / elements);
    return {
      elements,
      mean,
      variance: [0, 1, 2].map((i) => Math.max(0, squares[i]! - mean[i]! ** 2)) as unknown as Vec3,
    };
  }
}

/** [u, v, plane] as [a, b, c]. */
function inArrayOrder({ slabAxis }: WayBack, value: (i: number) => number): Vec3 {
  if (slabAxis === 0) return [value(2), value(0), value(1)];
  return slabAxis === 1 ? [value(0), value(2), value(1)] : [value(0), value(1), value(2)];
}

interface Reach {
  readonly u: readonly [number, number];
  readonly v: readonly [number, number];
}

/** For each plane of the array, the elements that the stored slices around it lie on. */
function reachOf(way: WayBack): (Reach | undefined)[] {
  const { first, count } = way.linear;
  const sliceOf = new Int32Array(way.planes).fill(-1);
  let lowest = way.planes;
  let highest = -1;
  for (let slice = 0; slice < way.slices; slice++) {
    for (let t = 0; t < count[slice]!; t++) sliceOf[first[slice]! + t] = slice;
    if (count[slice]! === 0) continue;
    lowest = Math.min(lowest, first[slice]!);
    highest = Math.max(highest, first[slice]! + count[slice]! - 1);
  }
  const known = new Map<number, Reach | undefined>();
  return Array.from(sliceOf, (own, plane) => {
    if (plane < lowest || plane > highest) return undefined;
    // A plane between two slices that neither touches: as the one before it.
    let slice = own;
    for (let p = plane; slice < 0 && p >= lowest; p--) slice = sliceOf[p]!;
    if (!known.has(slice)) known.set(slice, reachIn(way, slice));
    return known.get(slice);
  });
}

function reachIn(way: WayBack, slice: number): Reach | undefined {
  const { across, down, acrossStride } = way.linearIn(slice);
  const ranges = [across, down].map(({ first, count, cells }): [number, number] => {
    let low = Number.MAX_SAFE_INTEGER;
    let high = -1;
    for (let cell = 0; cell < cells; cell++) {
      if (count[cell] === 0) continue;
      low = Math.min(low, first[cell]!);
      high = Math.max(high, first[cell]! + count[cell]! - 1);
    }
    return [low, high];
  });
  const [alongColumns, alongRows] = ranges as [[number, number], [number, number]];
  if (alongColumns[1] < 0 || alongRows[1] < 0) return undefined;
  return acrossStride === 1 ? { u: alongRows, v: alongColumns } : { u: alongColumns, v: alongRows };
}
