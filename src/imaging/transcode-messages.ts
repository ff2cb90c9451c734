import type { ErrorCode } from '../errors.ts';

/** One object to be written without compression; between the main process and those that decode. */
export interface TranscodeRequest {
  readonly path: string;
  readonly size: number;
  readonly dataSetOffset: number;
  readonly transferSyntaxUid: string;
  readonly targetSyntaxUid: string;
  /** A file that is not there yet. */
  readonly output: string;
}

export type TranscodeReply =
  | { readonly ok: true; readonly size: number }
  | { readonly ok: false; readonly code: ErrorCode | undefined; readonly message: string };
