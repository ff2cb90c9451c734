import type { ErrorCode } from '../../errors.ts';
import type { NetworkCall, NetworkRef, NetworkShape, OutputTensor } from './network.ts';

/** The lane's loop → a thread that runs networks. */
export type ToThread =
  | { readonly kind: 'describe'; readonly id: number; readonly network: NetworkRef }
  | { readonly kind: 'run'; readonly id: number; readonly call: NetworkCall };

export type FromThread =
  | { readonly kind: 'ready' }
  | { readonly kind: 'shape'; readonly id: number; readonly shape: NetworkShape }
  | { readonly kind: 'outputs'; readonly id: number; readonly outputs: readonly OutputTensor[] }
  | { readonly kind: 'failed'; readonly id: number; readonly code: ErrorCode; readonly reason: string };
