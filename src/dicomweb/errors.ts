import type { ErrorRequestHandler, Request, Response } from 'express';
import { type ErrorCode, VoxgateError } from '../errors.ts';
import type { Log } from '../log.ts';

/** HTTP status of each error (PS3.18 8.5). */
export const STATUS: Readonly<Record<ErrorCode, number>> = {
  'not-dicom': 400,
  unidentifiable: 409,
  mismatch: 409,
  'unsupported-object': 409,
  'bad-request': 400,
  'not-found': 404,
  'not-acceptable': 406,
  'unsupported-media-type': 415,
  'too-large': 413,
  'out-of-resources': 503,
  'not-a-volume': 500,
  undecodable: 406,
  'bad-model': 500,
  'inference-failed': 500,
  'bad-result': 500,
  'peer-failed': 502,
  'bad-setting': 500,
};

const UNTRUE_OF_ERRORS = [
  'content-type',
  'content-length',
  'content-encoding',
  'content-range',
  'content-disposition',
  'warning',
  'etag',
  'last-modified',
  'accept-ranges',
  'photometric-interpretation',
  'planar-configuration',
];

/** How long a client may wait before it tries again what failed for want of resources. */
export const RETRY_AFTER_SECONDS = '30';

interface Answer {
  readonly status: number;
  readonly sentence: string;
}

function answerTo(error: unknown): Answer | undefined {
  if (error instanceof VoxgateError) return { status: STATUS[error.code], sentence: error.message };
  // The router cannot read the path: "%" without two digits behind it.
  if (error instanceof URIError) return { status: 400, sentence: 'the address is not well-formed (RFC 3986 2.1)' };
  return undefined;
}

/** A status and a sentence; an answer that has begun is broken off, so that nobody takes it for whole. */
export function answerError(request: Request, response: Response, error: unknown, log: Log): void {
  const known = answerTo(error);
  if (!known)
    log.error(
      {
        error: error instanceof Error ? error.stack : String(error),
        method: request.method,
        requestId: response.getHeader('x-request-id'),
      },
      'a DICOMweb request failed',
    );
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const { status, sentence } = known ?? { status: 500, sentence: 'an internal error; see the log of this node' };
  // What was said of the answer that did not come about is not true of this one.
  for (const name of UNTRUE_OF_ERRORS) response.removeHeader(name);
  if (status === 503) response.setHeader('retry-after', RETRY_AFTER_SECONDS);
  response.status(status).json({ error: sentence });
}

/** Last in line: every error of a handler ends here. */
export function errorHandler(log: Log): ErrorRequestHandler {
  return (error, request, response, _next) => answerError(request, response, error, log);
}
