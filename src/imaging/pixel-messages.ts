import type { ErrorCode } from '../errors.ts';
import type { PixelTasks } from './pixel-tasks.ts';

/** One task; between the main process and a thread of the pixel pool. */
export interface PixelRequest {
  readonly task: keyof PixelTasks;
  readonly input: unknown;
}

export type PixelReply =
  | { readonly ok: true; readonly output: unknown }
  | { readonly ok: false; readonly code: ErrorCode | undefined; readonly message: string };
