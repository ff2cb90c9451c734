import type { ErrorCode } from '../errors.ts';

/** Bytes pass from thread to thread in slabs of this size, which are used again and again. */
export const SLAB_BYTES = 64 * 1024;

/** What a disk thread is told. Orders for one object are carried out in the order they are given. */
export type Order =
  | WriteOrder
  /** The object is whole; its file gets this name, and both become durable. */
  | { readonly kind: 'move'; readonly id: number; readonly key: string }
  /** It is given up: its file goes. */
  | { readonly kind: 'drop'; readonly id: number }
  /** More slabs, numbered on from those there are. */
  | { readonly kind: 'arena'; readonly memory: SharedArrayBuffer }
  /** Of the slabs, so many are left. */
  | { readonly kind: 'shrink'; readonly slabs: number };

export interface WriteOrder {
  readonly kind: 'write';
  readonly id: number;
  /** With the first order for an object. */
  readonly begin: Beginning | undefined;
  /** Where the bytes are: in the first of the slabs from `from` on, and in the others. */
  readonly slabs: readonly number[];
  readonly from: number;
  readonly bytes: number;
  /** Whether somebody waits until they are taken. */
  readonly tell: boolean;
  /** They are the last. Where its key is known then, the object is moved and made durable at once. */
  readonly end: Ending | undefined;
}

export interface Beginning {
  readonly arrivalName: string;
  /** Where the data set begins; undefined for a file that is to say it. */
  readonly dataSetOffset: number | undefined;
}

export interface Ending {
  /** The key of an object that was digested already, with its first and only order. */
  readonly key: string | undefined;
}

/** What a disk thread answers. */
export type Answer =
  | { readonly kind: 'taken'; readonly id: number }
  | { readonly kind: 'sealed'; readonly id: number; readonly content: Content | undefined }
  | { readonly kind: 'published'; readonly ids: readonly number[] }
  | { readonly kind: 'dropped'; readonly id: number; readonly failed: string | undefined }
  | { readonly kind: 'failed'; readonly id: number; readonly code: ErrorCode | undefined; readonly reason: string };

/**
 * What an object that has ended is known by: the digest of its data set, where that begins, and the key made of both.
 * There is none where the file meta information does not say where the data set begins.
 */
export interface Content {
  readonly dataSetOffset: number;
  /** Hexadecimal. */
  readonly digest: string;
  readonly key: string;
}

/** Either end of the way between the threads. */
export interface Port {
  postMessage(message: unknown): void;
}
