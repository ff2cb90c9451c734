export type Point2 = readonly [x: number, y: number];

/** The convex hull, anticlockwise where y is up, of points in the order of their y (Andrew's monotone chain). */
export function hullOf(points: readonly Point2[]): Point2[] {
  if (points.length < 3) return [...points];
  const chain = (ordered: Iterable<Point2>): Point2[] => {
    const kept: Point2[] = [];
    for (const point of ordered) {
      while (kept.length >= 2 && turn(kept[kept.length - 2]!, kept[kept.length - 1]!, point) <= 0) kept.pop();
      kept.push(point);
    }
    return kept.slice(0, -1);
  };
  const ordered = [...points].sort((a, b) => a[1] - b[1] || a[0] - b[0]);
  const hull = [...chain(ordered), ...chain(ordered.reverse())];
  return hull.length > 0 ? hull : [points[0]!];
}

function turn(a: Point2, b: Point2, c: Point2): number {
  return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);
}

/** For each half row, the leftmost and rightmost point of a shape: all that its hull can be made of. */
export class Extremes {
  private readonly left = new Map<number, number>();
  private readonly right = new Map<number, number>();

  add(x: number, y: number): void {
    const left = this.left.get(y);
    if (left === undefined || x < left) this.left.set(y, x);
    const right = this.right.get(y);
    if (right === undefined || x > right) this.right.set(y, x);
  }

  hull(): Point2[] {
    return hullOf(
      [...this.left].flatMap(([y, x]): Point2[] => {
        const other = this.right.get(y)!;
        return other === x
          ? [[x, y]]
          : [
              [x, y],
              [other, y],
            ];
      }),
    );
  }
}
