import type { Tree } from './expression-tree.ts';

/** What an item of a configuration is once its references and expressions are known. */
export type Content = null | boolean | number | string | readonly Content[] | Table | Component | DataType | Lambda;

/** A map whose values are looked at only when they are asked for. */
export interface Table {
  readonly kind: 'table';
  readonly keys: readonly string[];
  get(key: string): Content | undefined;
}

/** Something with a `_target_`: the name of a class, never the class; its arguments are looked at when asked for. */
export interface Component {
  readonly kind: 'component';
  /** "Spacingd" of "monai.transforms.Spacingd" */
  readonly target: string;
  /** Where it stands: "preprocessing::transforms::3" */
  readonly id: string;
  readonly args: Table;
}

/** torch.float32 and its like. */
export interface DataType {
  readonly kind: 'data-type';
  readonly name: string;
}

/** A lambda as written; it is compared with known patterns and never run. */
export interface Lambda {
  readonly kind: 'lambda';
  readonly parameters: readonly string[];
  readonly body: Tree;
}

export function isContentList(content: Content | undefined): content is readonly Content[] {
  return Array.isArray(content);
}

export function hasKind<K extends 'table' | 'component' | 'data-type' | 'lambda'>(
  content: Content | undefined,
  kind: K,
): content is Extract<Content, { readonly kind: K }> {
  return typeof content === 'object' && content !== null && 'kind' in content && content.kind === kind;
}

/** For a sentence: what kind of thing stands there. */
export function describeContent(content: Content | undefined): string {
  if (content === undefined) return 'nothing';
  if (content === null) return 'None';
  if (typeof content === 'string') return JSON.stringify(content.length > 60 ? `${content.slice(0, 60)}…` : content);
  if (typeof content !== 'object') return String(content);
  if (isContentList(content)) return `a list of ${content.length}`;
  if (content.kind === 'component') return content.target;
  return content.kind === 'data-type' ? content.name : `a ${content.kind}`;
}
