/** The part of js-yaml 4 that is used here; its own package brings no types. */
declare module 'js-yaml' {
  export interface Schema {
    readonly name?: string;
  }
  export const CORE_SCHEMA: Schema;
  export function load(text: string, options?: { readonly schema?: Schema }): unknown;
}
