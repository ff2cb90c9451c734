import { type ErrorCode, VoxgateError } from '../errors.ts';

/**
 * What kind of thing failed, and so whether another try may help: the moment (transient), our own means (resource) or
 * the other side (destination) may be better later; the data and the model are the same tomorrow.
 */
export type ErrorClass = 'transient' | 'data' | 'model' | 'resource' | 'destination';

const CLASS_OF: Readonly<Record<ErrorCode, ErrorClass>> = {
  'not-dicom': 'data',
  unidentifiable: 'data',
  mismatch: 'data',
  'unsupported-object': 'data',
  'bad-request': 'data',
  'not-found': 'data',
  'not-acceptable': 'data',
  'unsupported-media-type': 'data',
  'too-large': 'data',
  'not-a-volume': 'data',
  undecodable: 'data',
  'bad-model': 'model',
  'bad-result': 'model',
  'out-of-resources': 'resource',
  'inference-failed': 'resource',
  'peer-failed': 'destination',
  // A peer that is no longer among the settings: it may be again after the next start.
  'bad-setting': 'destination',
};

const TRIED_AGAIN: ReadonlySet<ErrorClass> = new Set(['transient', 'resource', 'destination']);

export interface Classified {
  readonly class: ErrorClass;
  /** Of VoxgateError, or what the system says ("ECONNREFUSED", an SQLSTATE), or `internal`. */
  readonly code: string;
  readonly tryAgain: boolean;
}

/** What is not ours to name is taken for passing: a database that is away, a bug that the next version has not. */
export function classify(error: unknown): Classified {
  const code = error instanceof VoxgateError ? error.code : undefined;
  const kind = code === undefined ? 'transient' : CLASS_OF[code];
  return { class: kind, code: code ?? systemCode(error), tryAgain: TRIED_AGAIN.has(kind) };
}

function systemCode(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && /^[A-Za-z0-9_-]{1,40}$/.test(code) ? code : 'internal';
}
