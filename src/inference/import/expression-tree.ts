/** An expression as a tree: what was written, not yet what is allowed. */
export type Tree =
  | { readonly kind: 'value'; readonly value: null | boolean | number | string }
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'reference'; readonly id: string }
  | { readonly kind: 'list' | 'tuple'; readonly items: readonly Tree[] }
  | { readonly kind: 'dict'; readonly entries: readonly (readonly [Tree, Tree])[] }
  | { readonly kind: 'unary'; readonly operator: '+' | '-' | 'not'; readonly of: Tree }
  | { readonly kind: 'binary'; readonly operator: string; readonly left: Tree; readonly right: Tree }
  | { readonly kind: 'and' | 'or'; readonly left: Tree; readonly right: Tree }
  /** a < b < c */
  | { readonly kind: 'compare'; readonly first: Tree; readonly rest: readonly (readonly [string, Tree])[] }
  | { readonly kind: 'choice'; readonly test: Tree; readonly yes: Tree; readonly no: Tree }
  | { readonly kind: 'index'; readonly of: Tree; readonly indices: readonly Tree[] }
  | { readonly kind: 'slice'; readonly from: Tree | undefined; readonly to: Tree | undefined }
  | { readonly kind: 'call'; readonly of: Tree; readonly args: readonly Tree[] }
  | { readonly kind: 'lambda'; readonly parameters: readonly string[]; readonly body: Tree };
