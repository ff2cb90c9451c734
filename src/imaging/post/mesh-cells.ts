import type { Vec3 } from '../grid.ts';
import { addScaled, cross, dot, length, subtract } from '../vector.ts';

/**
 * Marching cubes on masks (IBSI: the mesh at level 0.5 of 0 and 1): eight voxel centres make a cell, and the mesh in it
 * depends on which of them are inside. Corner i lies at (i & 1, i >> 1 & 1, i >> 2) of the cell; bit i of a
 * configuration says that it is inside. Mesh vertices lie midway on the edges between inside and outside.
 *
 * The polygons of each configuration are traced here and not taken from a table: on every face of the cell each run of
 * inside corners is cut off by a line, whatever lies on the other side of the face; so neighbouring cells agree, and meshes
 * are closed.
 */
export interface MeshCell {
  /** Corners of triangles, three by three, normals outwards. */
  readonly triangles: readonly Vec3[];
  /** The part of a cell that is inside. */
  readonly fraction: number;
}

const FACES = [
  [0, 4, 6, 2],
  [1, 3, 7, 5],
  [0, 1, 5, 4],
  [2, 6, 7, 3],
  [0, 2, 3, 1],
  [4, 5, 7, 6],
] as const;

function cornerOf(corner: number): Vec3 {
  return [corner & 1, (corner >> 1) & 1, corner >> 2];
}

function meshOf(configuration: number): MeshCell {
  const inside = (corner: number): boolean => ((configuration >> corner) & 1) === 1;
  /** From where the line on a face begins to where it ends, each named by its edge: two corners. */
  const next = new Map<string, string>();
  const places = new Map<string, Vec3>();
  const caps: Vec3[][] = [];
  for (const face of FACES) {
    if (face.every(inside)) caps.push(face.map(cornerOf));
    for (let i = 0; i < 4; i++) {
      const [before, first] = [face[i]!, face[(i + 1) % 4]!];
      if (inside(before) || !inside(first)) continue;
      // A run of inside corners begins here: up to where it ends it is cut off.
      let j = i + 1;
      const cap = [midway(before, first)];
      while (inside(face[j % 4]!)) cap.push(cornerOf(face[j++ % 4]!));
      const [last, after] = [face[(j - 1) % 4]!, face[j % 4]!];
      cap.push(midway(last, after));
      caps.push(cap);
      // The face is walked anticlockwise seen from outside; the mesh has the inside on its other side.
      next.set(edgeName(before, first), edgeName(last, after));
      places.set(edgeName(before, first), midway(before, first));
    }
  }
  const triangles: Vec3[] = [];
  while (next.size > 0) {
    const loop: Vec3[] = [];
    let at = next.keys().next().value!;
    while (next.has(at)) {
      loop.push(places.get(at)!);
      const to = next.get(at)!;
      next.delete(at);
      at = to;
    }
    triangles.push(...widestFan(loop));
  }
  const closed = [...triangles, ...caps.flatMap((cap) => fan(cap))];
  return { triangles, fraction: volumeOf(closed) };
}

function edgeName(a: number, b: number): string {
  return a < b ? `${a}-${b}` : `${b}-${a}`;
}

function midway(a: number, b: number): Vec3 {
  return addScaled(cornerOf(a), subtract(cornerOf(b), cornerOf(a)), 0.5);
}

function fan(polygon: readonly Vec3[]): Vec3[] {
  return polygon.slice(2).flatMap((corner, i) => [polygon[0]!, polygon[i + 1]!, corner]);
}

/** Polygons of five and more corners are not flat: of the ways to cut one the one of the greatest area, as is usual. */
function widestFan(polygon: readonly Vec3[]): Vec3[] {
  const fans = polygon.map((_, i) => fan([...polygon.slice(i), ...polygon.slice(0, i)]));
  return fans.reduce((best, one) => (areaOf(one) > areaOf(best) + 1e-9 ? one : best));
}

function areaOf(triangles: readonly Vec3[]): number {
  let area = 0;
  for (let i = 0; i < triangles.length; i += 3) {
    area += length(cross(subtract(triangles[i + 1]!, triangles[i]!), subtract(triangles[i + 2]!, triangles[i]!))) / 2;
  }
  return area;
}

/** By the divergence theorem. */
function volumeOf(triangles: readonly Vec3[]): number {
  let sum = 0;
  for (let i = 0; i < triangles.length; i += 3)
    sum += dot(triangles[i]!, cross(triangles[i + 1]!, triangles[i + 2]!)) / 6;
  return sum;
}

/** By configuration. */
export const MESH_CELLS: readonly MeshCell[] = Array.from({ length: 256 }, (_, configuration) => meshOf(configuration));

/** The area of the mesh in a cell of each configuration, for a cell with these edges (mm). */
export function meshAreas(edges: readonly [Vec3, Vec3, Vec3]): Float64Array {
  const placed = ([x, y, z]: Vec3): Vec3 =>
    addScaled(addScaled(addScaled([0, 0, 0], edges[0], x), edges[1], y), edges[2], z);
  return Float64Array.from(MESH_CELLS, ({ triangles }) => areaOf(triangles.map(placed)));
}
