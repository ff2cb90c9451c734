import express, { type ErrorRequestHandler, type Request, type RequestHandler, type Response } from 'express';

export function refuse(response: Response, status: number, reason: string): void {
  response.status(status).json({ error: reason });
}

/**
 * What changes something is asked for by a program that says so: a form of another site's page, sent by the browser of
 * somebody who can reach this node, cannot say "application/json" (and no page of another site can send DELETE).
 */
const sentByProgram: RequestHandler = (request, response, next) => {
  if (request.method !== 'POST' || request.is('application/json')) return next();
  refuse(response, 415, 'send it as application/json; an empty object will do');
};

const MOST_BYTES = 16 * 1024;

const parse = express.json({ limit: MOST_BYTES });

/** The JSON body, where there is one; what is none is told with 400 (413 where it is too long). */
const readBody: RequestHandler = (request, response, next) => {
  const done: Parameters<ErrorRequestHandler>[3] = (error?: unknown) => {
    if (error === undefined) return next();
    const tooLarge = typeof error === 'object' && error !== null && 'status' in error && error.status === 413;
    refuse(response, tooLarge ? 413 : 400, tooLarge ? 'the body is too long' : 'the body is not JSON');
  };
  parse(request, response, done);
};

/** Before every handler that changes something. */
export const changes: RequestHandler[] = [sentByProgram, readBody];

const LONGEST_REASON = 500;

/** Why, as the caller says it; undefined where he does not, or not in 1 to 500 characters. */
export function reasonOf(request: Request<never> | Request): string | undefined {
  const body: unknown = request.body;
  const inBody = typeof body === 'object' && body !== null && 'reason' in body ? body.reason : undefined;
  const given = inBody ?? request.query['reason'];
  const reason = typeof given === 'string' ? given.replaceAll('\0', '').toWellFormed().trim() : '';
  return reason.length > 0 && reason.length <= LONGEST_REASON ? reason : undefined;
}

/** Nobody logs in yet: the address is what is known. */
export function whoAsks(request: Request<never> | Request): string {
  return `console, ${request.socket.remoteAddress ?? 'unknown address'}`;
}

export interface Page {
  readonly limit: number;
  readonly before: number | undefined;
}

const [NEWEST, MOST] = [50, 500];

/** "limit" and "before" of a list, newest first; undefined where they cannot be understood. */
export function pageOf(request: Request): Page | undefined {
  const limit = number(request.query['limit'], NEWEST);
  const before = number(request.query['before'], Number.MAX_SAFE_INTEGER);
  return limit === undefined || before === undefined || limit < 1 || limit > MOST ? undefined : { limit, before };
}

function number(text: unknown, byDefault: number): number | undefined {
  if (text === undefined) return byDefault;
  return typeof text === 'string' && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}
