import { agreement, fillCells, forVoxels, type MixedCells, mixedCells, type SlicePlan } from './cells.ts';
import { type Activation, activated, fillLogSums, limitFor, type ScorePlane } from './score-plane.ts';

/** The planes a source slice is made of, and their weights. */
export interface SliceWindow {
  readonly planes: readonly ScorePlane[];
  readonly weights: readonly number[];
}

/**
 * Labels of one source slice: the scores of all classes interpolated at each sample, then the class of the highest, the
 * lower one where equal.
 *
 * With a hundred classes that is not affordable as it reads, and need not be done: interpolation weights are not negative,
 * so a class that is the best in every voxel around a cell is the best everywhere in it. Where the voxels disagree, the
 * classes that are best in one of them are interpolated; let B be the best of these, at the sample where it is worst. A class
 * whose score reaches B in no voxel around the cell cannot win in it; few others remain. What comes out is the same.
 */
export class ArgmaxSlices {
  private readonly channels: number;
  private readonly activation: Activation;
  /** Elements of a plane. */
  private readonly size: number;
  private readonly state: Uint8Array;
  private readonly voxels: Int32Array;
  private best = new Float64Array(0);
  private seen = new Uint8Array(0);
  /** What a class must come up to around each mixed cell: after the activation, and as a score for a first look. */
  private limit = new Float64Array(0);
  private bound = new Float64Array(0);
  private base = new Int32Array(0);
  private corners = new Float64Array(64);
  private mixed: { plan: SlicePlan; cells: MixedCells } | undefined;

  constructor(channels: number, size: number, activation: Activation) {
    this.channels = channels;
    this.activation = activation;
    this.size = size;
    this.state = new Uint8Array(size);
    this.voxels = new Int32Array(size);
  }

  restore(window: SliceWindow, plan: SlicePlan, out: Uint8Array): void {
    const cells = this.mixedOf(plan);
    fillCells(
      agreement(
        window.planes.map(({ states }) => states),
        this.state,
      ),
      plan,
      false,
      out,
      cells,
    );
    if (cells.length === 0) return;
    if (this.best.length < out.length) this.best = new Float64Array(out.length);
    if (this.seen.length < this.channels * cells.length) this.seen = new Uint8Array(this.channels * cells.length);
    this.seen.fill(0, 0, this.channels * cells.length);
    this.best.fill(Number.NEGATIVE_INFINITY);
    this.locate(plan, cells);
    if (this.activation === 'softmax') this.prepareSums(window, plan, cells);
    this.leaders(window, plan, cells, out);
    for (let c = 0; c < this.channels; c++) this.challenge(c, window, plan, cells, out);
  }

  private mixedOf(plan: SlicePlan): MixedCells {
    if (this.mixed?.plan !== plan) {
      this.mixed = { plan, cells: mixedCells(plan) };
      const cells = plan.across.cells * plan.down.cells;
      this.limit = new Float64Array(cells);
      this.bound = new Float64Array(cells);
      this.base = new Int32Array(cells);
    }
    return this.mixed.cells;
  }

  private locate(plan: SlicePlan, cells: MixedCells): void {
    for (let m = 0; m < cells.length; m++) {
      const down = plan.down.first[cells.down[m]!]! * plan.downStride;
      this.base[m] = down + plan.across.first[cells.across[m]!]! * plan.acrossStride;
    }
  }

  private prepareSums({ planes }: SliceWindow, plan: SlicePlan, cells: MixedCells): void {
    const marked = this.state.fill(0);
    const { voxels } = this;
    let count = 0;
    for (let m = 0; m < cells.length; m++) {
      forVoxels(plan, cells, m, this.base[m]!, (voxel) => {
        if (marked[voxel] !== 0) return;
        marked[voxel] = 1;
        voxels[count++] = voxel;
      });
    }
    const known = voxels.slice(0, count);
    for (const plane of planes) {
      voxels.set(known);
      fillLogSums(plane, this.channels, voxels, count);
    }
  }

  /** Interpolates the classes that are best in some voxel around each mixed cell, and finds the bound. */
  private leaders(window: SliceWindow, plan: SlicePlan, cells: MixedCells, out: Uint8Array): void {
    const { seen, best } = this;
    // Beside what the network did not see a score may come out greater than all around it, for 0 is mixed in.
    const beside = window.weights.reduce((sum, weight) => sum + weight, 0) < 1 - 1e-9;
    const columns = plan.across.from[plan.across.cells]!;
    for (let m = 0; m < cells.length; m++) {
      const a = cells.across[m]!;
      const d = cells.down[m]!;
      for (const { states } of window.planes) {
        for (let i = 0, row = this.base[m]!; i < plan.down.count[d]!; i++, row += plan.downStride) {
          for (let j = 0, at = row; j < plan.across.count[a]!; j++, at += plan.acrossStride) {
            const c = states[at]!;
            if (seen[c * cells.length + m] !== 0) continue;
            seen[c * cells.length + m] = 1;
            this.contest(c, m, window, plan, cells, out);
          }
        }
      }
      let least = Number.POSITIVE_INFINITY;
      for (let row = plan.down.from[d]!; row < plan.down.from[d + 1]!; row++) {
        for (let column = plan.across.from[a]!; column < plan.across.from[a + 1]!; column++) {
          const value = best[row * columns + column]!;
          if (value < least) least = value;
        }
      }
      const partial = beside || plan.across.partial[a] === 1 || plan.down.partial[d] === 1;
      this.limit[m] = partial ? Number.NEGATIVE_INFINITY : limitFor(this.activation, least);
      this.bound[m] = this.limit[m]! + (this.activation === 'softmax' ? this.leastSum(m, window, plan, cells) : 0);
    }
  }

  private leastSum(m: number, { planes }: SliceWindow, plan: SlicePlan, cells: MixedCells): number {
    let least = Number.POSITIVE_INFINITY;
    for (const { logSum } of planes) {
      forVoxels(plan, cells, m, this.base[m]!, (voxel) => {
        if (logSum[voxel]! < least) least = logSum[voxel]!;
      });
    }
    return least;
  }

  private challenge(c: number, window: SliceWindow, plan: SlicePlan, cells: MixedCells, out: Uint8Array): void {
    const { seen, bound, base, size } = this;
    const { planes, weights } = window;
    const simple = planes.length <= 2;
    const low = planes[0]!.scores;
    const high = (planes[1] ?? planes[0]!).scores;
    // Scores as they are can be interpolated between the planes at once, which makes the test sharper.
    const between = this.activation === 'none';
    const [lowWeight, highWeight] = planes.length === 2 ? [weights[0]!, weights[1]!] : [weights[0]!, 0];
    const start = c * size;
    const flags = c * cells.length;
    for (let m = 0; m < cells.length; m++) {
      if (seen[flags + m] !== 0) continue;
      const downCount = plan.down.count[cells.down[m]!]!;
      const acrossCount = plan.across.count[cells.across[m]!]!;
      if (simple && downCount <= 2 && acrossCount <= 2) {
        const over = acrossCount === 2 ? plan.acrossStride : 0;
        const i = start + base[m]!;
        const j = i + (downCount === 2 ? plan.downStride : 0);
        const b = bound[m]!;
        if (between) {
          if (
            low[i]! * lowWeight + high[i]! * highWeight < b &&
            low[i + over]! * lowWeight + high[i + over]! * highWeight < b &&
            low[j]! * lowWeight + high[j]! * highWeight < b &&
            low[j + over]! * lowWeight + high[j + over]! * highWeight < b
          ) {
            continue;
          }
        } else if (low[i]! < b && low[i + over]! < b && low[j]! < b && low[j + over]! < b) {
          if (high[i]! < b && high[i + over]! < b && high[j]! < b && high[j + over]! < b) continue;
        }
        if (!between && !this.reaches(c, m, window, plan, cells)) continue;
      } else if (!this.reaches(c, m, window, plan, cells)) continue;
      this.contest(c, m, window, plan, cells, out);
    }
  }

  /** Whether the class comes up to the bound in any voxel around the cell. */
  private reaches(c: number, m: number, { planes }: SliceWindow, plan: SlicePlan, cells: MixedCells): boolean {
    const limit = this.limit[m]!;
    const softmax = this.activation === 'softmax';
    const start = c * this.size;
    for (const { scores, logSum } of planes) {
      for (let i = 0, row = this.base[m]!; i < plan.down.count[cells.down[m]!]!; i++, row += plan.downStride) {
        for (let j = 0, at = row; j < plan.across.count[cells.across[m]!]!; j++, at += plan.acrossStride) {
          if ((softmax ? scores[start + at]! - logSum[at]! : scores[start + at]!) >= limit) return true;
        }
      }
    }
    return false;
  }

  /** Interpolates one class at the samples of a cell, which it takes where it is better than what was there. */
  private contest(
    c: number,
    m: number,
    { planes, weights }: SliceWindow,
    plan: SlicePlan,
    cells: MixedCells,
    out: Uint8Array,
  ): void {
    const { across, down, acrossStride, downStride } = plan;
    const { best, activation, size } = this;
    const a = cells.across[m]!;
    const d = cells.down[m]!;
    const acrossCount = across.count[a]!;
    const downCount = down.count[d]!;
    if (this.corners.length < acrossCount * (downCount + 1))
      this.corners = new Float64Array(acrossCount * (downCount + 1));
    const { corners } = this;
    const line = acrossCount * downCount;
    for (let i = 0, k = 0, row = this.base[m]!; i < downCount; i++, row += downStride) {
      for (let j = 0, at = row; j < acrossCount; j++, at += acrossStride, k++) {
        let sum = 0;
        for (let p = 0; p < planes.length; p++) sum += weights[p]! * activated(planes[p]!, activation, c, at, size);
        corners[k] = sum;
      }
    }
    const columns = across.from[across.cells]!;
    for (let row = down.from[d]!; row < down.from[d + 1]!; row++) {
      const downWeights = down.taps.offset[row]!;
      for (let j = 0; j < acrossCount; j++) {
        let sum = 0;
        for (let i = 0; i < downCount; i++) sum += down.taps.weights[downWeights + i]! * corners[i * acrossCount + j]!;
        corners[line + j] = sum;
      }
      for (let column = across.from[a]!; column < across.from[a + 1]!; column++) {
        const acrossWeights = across.taps.offset[column]!;
        let value = 0;
        for (let j = 0; j < acrossCount; j++) value += across.taps.weights[acrossWeights + j]! * corners[line + j]!;
        const at = row * columns + column;
        if (value > best[at]! || (value === best[at]! && c < out[at]!)) {
          best[at] = value;
          out[at] = c;
        }
      }
    }
  }
}
