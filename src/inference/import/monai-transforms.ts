import { type Component, type Content, hasKind, isContentList } from './config-content.ts';
import type { ConfigGraph } from './config-graph.ts';

/** What a list of transforms is read with. */
export interface TransformReading {
  readonly graph: ConfigGraph;
  /** Of the image: 2 or 3. */
  readonly dimensions: number;
  /** As MONAI numbers it; defaults changed in 1.5. */
  readonly monaiVersion: readonly [number, number];
  /** What was left out or is done otherwise: told to who imports. */
  readonly notes: string[];
}

/**
 * The transforms of a Compose (or of a plain list), nested ones laid out, disabled ones left out.
 * @param id "preprocessing"
 * @throws VoxgateError bad-model where something else than a list of components stands there
 */
export function transformsOf(graph: ConfigGraph, id: string): Component[] {
  if (!graph.has(id)) return [];
  return flatten(graph.get(id), graph, id, 0);
}

function flatten(value: Content, graph: ConfigGraph, id: string, depth: number): Component[] {
  if (depth > 8) throw graph.refused(id, 'Compose within Compose, too deep');
  if (value === null) return [];
  if (isContentList(value)) return value.flatMap((item, i) => flatten(item, graph, `${id}::${i}`, depth + 1));
  if (!hasKind(value, 'component')) throw graph.refused(id, 'is no transform with a _target_');
  if (className(value.target) !== 'Compose') return [value];
  return flatten(value.args.get('transforms') ?? null, graph, `${value.id}::transforms`, depth + 1);
}

const MONAI_MODULE = /^monai(?:\.\w+)*\./;

/** "Spacingd" of "monai.transforms.Spacingd" or "Spacingd"; undefined for code that is not MONAI's. */
export function className(target: string): string | undefined {
  const name = target.replace(MONAI_MODULE, '');
  return /^\w+$/.test(name) ? name : undefined;
}

/**
 * The row of a table for a class: by its name, or without the ending of the dictionary form ("d", "D", "Dict").
 */
export function rowFor<T>(table: Readonly<Record<string, T>>, name: string): { row: T; byKey: boolean } | undefined {
  const own = Object.hasOwn(table, name) ? table[name] : undefined;
  if (own !== undefined) return { row: own, byKey: false };
  const base = name.replace(/(?:Dict|[dD])$/, '');
  const row = Object.hasOwn(table, base) ? table[base] : undefined;
  return row === undefined ? undefined : { row, byKey: true };
}

/** @throws VoxgateError bad-model: the sentence for a class nobody here knows */
export function refuseClass(graph: ConfigGraph, component: Component, what: string): never {
  throw graph.refused(
    component.id,
    className(component.target) === undefined
      ? `${component.target} is Python code of the bundle, and no code is ever run`
      : `${component.target} is no ${what} that can be imported`,
  );
}

/** Which keys a dictionary transform works on, and where ours is among them. */
export function keyPlace(
  component: Component,
  graph: ConfigGraph,
  key: string,
): { readonly index: number; readonly count: number } {
  const keys = component.args.get('keys');
  const list = isContentList(keys) ? keys : [keys];
  if (list.some((item) => typeof item !== 'string'))
    throw graph.refused(`${component.id}::keys`, 'names no key of the data');
  return { index: list.indexOf(key), count: list.length };
}

/** The key of the image (or of the prediction) among those that the first transform works on. */
export function keyOf(graph: ConfigGraph, id: string, usual: string): string {
  const keys = transformsOf(graph, id)[0]?.args.get('keys');
  const list = Array.isArray(keys) ? keys : [keys];
  const [first] = list;
  return list.includes(usual) || typeof first !== 'string' ? usual : first;
}
