import type { Triple } from '../../imaging/transforms/steps.ts';
import { BUNDLE_LIMITS } from './bundle-limits.ts';
import { type Component, type Content, describeContent, hasKind, isContentList } from './config-content.ts';
import type { ConfigGraph } from './config-graph.ts';

/**
 * The arguments of one component, read by type. Each one that was written must be asked for or be named as one that
 * changes nothing here: an argument nobody understood is a refusal, never a guess.
 */
export class TransformArgs {
  readonly component: Component;
  private readonly graph: ConfigGraph;
  /** Which of several keys the arguments are read for, where they are lists with one entry a key. */
  private readonly keyIndex: number;
  private readonly keyCount: number;
  private readonly asked = new Set<string>();

  constructor(component: Component, graph: ConfigGraph, keyIndex = 0, keyCount = 1) {
    this.component = component;
    this.graph = graph;
    this.keyIndex = keyIndex;
    this.keyCount = keyCount;
  }

  refused(name: string | undefined, reason: string) {
    const place = name === undefined ? this.component.id : `${this.component.id}::${name}`;
    return this.graph.refused(place, `${this.component.target}: ${reason}`);
  }

  has(name: string): boolean {
    return this.component.args.keys.includes(name);
  }

  raw(name: string): Content | undefined {
    this.asked.add(name);
    return this.component.args.get(name);
  }

  /** Of a list with one entry a key, the entry of our key. */
  private one(name: string): Content | undefined {
    const value = this.raw(name);
    return isContentList(value) && value.length === this.keyCount ? value[this.keyIndex] : value;
  }

  /** These change nothing here: not even looked at. */
  ignore(...names: readonly string[]): void {
    for (const name of names) this.asked.add(name);
  }

  /** @throws VoxgateError bad-model where an argument was written that nobody asked for */
  finish(): void {
    const left = this.component.args.keys.filter((key) => !this.asked.has(key));
    if (left[0] !== undefined) throw this.refused(left[0], 'this argument is not supported');
  }

  number(name: string): number;
  number(name: string, otherwise: number): number;
  number(name: string, otherwise: undefined): number | undefined;
  number(name: string, ...otherwise: readonly (number | undefined)[]): number | undefined {
    const value = this.one(name);
    if ((value === undefined || value === null) && otherwise.length > 0) return otherwise[0];
    if (typeof value !== 'number') throw this.refused(name, `${describeContent(value)} is no number`);
    return value;
  }

  boolean(name: string, otherwise: boolean): boolean {
    const value = this.one(name);
    if (value === undefined || value === null) return otherwise;
    if (typeof value === 'boolean') return value;
    // Python takes any text for true; a bundle of the zoo writes "True".
    if (value === 'True' || value === 'true') return true;
    throw this.refused(name, `${describeContent(value)} is neither true nor false`);
  }

  text(name: string, otherwise: string): string {
    const value = this.one(name);
    if (value === undefined || value === null) return otherwise;
    if (typeof value !== 'string') throw this.refused(name, `${describeContent(value)} is no text`);
    return value.toLowerCase();
  }

  /** Refused unless it is one of these (in lower case). */
  choice<T extends string>(name: string, otherwise: T, allowed: readonly T[]): T {
    const value = this.text(name, otherwise);
    const found = allowed.find((choice) => choice === value);
    if (found === undefined) throw this.refused(name, `"${value}" is not supported, only ${allowed.join(', ')}`);
    return found;
  }

  /** Must be what it is by default, where it is given at all. */
  only(name: string, ...allowed: readonly Content[]): void {
    const value = this.one(name);
    if (value === undefined || value === null || allowed.includes(value)) return;
    throw this.refused(name, `${describeContent(value)} is not supported`);
  }

  numbers(name: string): readonly number[] | undefined {
    const value = this.raw(name);
    if (value === undefined || value === null) return undefined;
    const list = isContentList(value) ? value : [value];
    return list.map((item) => {
      if (typeof item !== 'number') throw this.refused(name, `${describeContent(item)} is no number`);
      return item;
    });
  }

  /** A single number, or one a channel. */
  perChannel(name: string): number | readonly number[] | undefined {
    const value = this.raw(name);
    if (typeof value === 'number') return value;
    return this.numbers(name);
  }

  /**
   * One number an axis; a single one is repeated. 2D gets `flat` along the third axis.
   * @throws VoxgateError bad-model: other than `dimensions` of them, or a size beyond the limit
   */
  triple(name: string, dimensions: number, flat: number): Triple {
    const list = this.numbers(name);
    if (list === undefined) throw this.refused(name, 'is missing');
    const [first] = list;
    const full = list.length === 1 && first !== undefined ? Array.from({ length: dimensions }, () => first) : list;
    if (full.length !== dimensions) throw this.refused(name, `has ${list.length} numbers for ${dimensions} axes`);
    const tooLarge = full.find((value) => Math.abs(value) > BUNDLE_LIMITS.edge);
    if (tooLarge !== undefined) throw this.refused(name, `${tooLarge} is beyond ${BUNDLE_LIMITS.edge}`);
    const [a, b, c = flat] = full;
    if (a === undefined || b === undefined) throw this.refused(name, 'needs a number for each axis');
    return [a, b, c];
  }

  /** @throws VoxgateError bad-model where a size is no whole number */
  size(name: string, dimensions: number, flat: number): Triple {
    const size = this.triple(name, dimensions, flat);
    const broken = size.find((value) => !Number.isInteger(value));
    if (broken !== undefined) throw this.refused(name, `${broken} is no whole number of voxels`);
    return size;
  }

  /** float32 and the like; anything that loses digits is refused. */
  dataType(name: string, allowed: readonly string[]): void {
    const value = this.one(name);
    if (value === undefined || value === null) return;
    const type = hasKind(value, 'data-type') ? value.name : value;
    if (typeof type !== 'string' || !allowed.includes(type))
      throw this.refused(name, `values of type ${describeContent(value)} are not supported`);
  }
}
