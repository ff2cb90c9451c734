import { createServer, type Server } from 'node:http';
import { Server as NetServer, type Socket } from 'node:net';
import express, { type ErrorRequestHandler, type RequestHandler, type Router } from 'express';
import { VoxgateError } from './errors.ts';
import { guard, REQUEST_ID } from './http-guards.ts';
import { continueWhenRead, cutSlowBodies, limitPerAddress } from './http-pace.ts';
import type { HttpSettings } from './http-settings.ts';
import type { Log } from './log.ts';

export interface HttpDoor {
  readonly port: number;
  /** Takes no more callers, lets requests under way end, and cuts what is left after the grace time. */
  close(graceMs: number): Promise<void>;
}

export interface HttpDoorOptions {
  readonly host: string;
  readonly port: number;
  readonly log: Log;
  readonly dicomweb: Router;
  readonly console: Router;
  readonly settings: HttpSettings;
}

/** How often Node.js looks for connections that are late with their headers. */
const LATENESS_CHECK_MS = 1000;

/**
 * Opens the HTTP door: DICOMweb and the console on one port.
 * @throws VoxgateError bad-setting when the address cannot be had
 */
export async function openHttpDoor({
  host,
  port,
  log,
  dicomweb,
  console,
  settings,
}: HttpDoorOptions): Promise<HttpDoor> {
  const { headersMs, idleMs, headerBytes, headerCount, connections } = settings;
  const app = express();
  app.disable('x-powered-by');
  app.set('etag', false);
  app.use(noteRequest(log));
  app.use(guard(settings));
  app.use('/dicom-web', dicomweb);
  app.use(console);
  app.use(lastResort(log));
  const server = createServer(
    {
      headersTimeout: headersMs,
      connectionsCheckingInterval: Math.min(LATENESS_CHECK_MS, headersMs),
      requestTimeout: 0,
      maxHeaderSize: headerBytes,
    },
    app,
  );
  // The guard counts them and says so; Node.js would drop what is beyond.
  server.maxHeadersCount = headerCount + 1;
  server.setTimeout(idleMs);
  server.maxConnections = connections;
  server.on('drop', () => log.warn({ limit: connections }, 'an HTTP connection was refused: too many are open'));
  cutSlowBodies(server, settings, log);
  continueWhenRead(server);
  limitPerAddress(server, settings.connectionsPerAddress, log);
  const close = drainable(server);
  await listen(server, host, port);
  server.on('error', (error) => log.error({ reason: error.message }, 'the HTTP door reported an error'));
  const address = server.address();
  return { port: typeof address === 'object' && address ? address.port : port, close };
}

/**
 * How to close the server when what is under way has ended. Node.js counts a connection as idle as soon as its answer
 * has been handed over, and cuts off what is not on the wire yet; here it is idle when the answer has left.
 */
function drainable(server: Server): HttpDoor['close'] {
  const underWay = new Map<Socket, number>();
  let closing = false;
  server.on('connection', (socket) => {
    underWay.set(socket, 0);
    socket.once('close', () => underWay.delete(socket));
  });
  server.prependListener('request', ({ socket }, response) => {
    underWay.set(socket, (underWay.get(socket) ?? 0) + 1);
    response.once('close', () => {
      const left = (underWay.get(socket) ?? 1) - 1;
      underWay.set(socket, left);
      if (closing && left === 0) socket.destroySoon();
    });
  });
  return async (graceMs) => {
    closing = true;
    // http.Server's own close would cut those connections first.
    const closed = new Promise<void>((resolve) => NetServer.prototype.close.call(server, () => resolve()));
    for (const [socket, requests] of underWay) if (requests === 0) socket.destroy();
    const cut = setTimeout(() => server.closeAllConnections(), graceMs);
    await closed;
    clearTimeout(cut);
  };
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) =>
      reject(
        new VoxgateError(
          'bad-setting',
          `VOXGATE_HTTP: ${host}:${port} cannot be opened: ${cause.code ?? cause.message}`,
          { cause },
        ),
      ),
    );
    server.listen(port, host, resolve);
  });
}

/** One line a request for who looks for it: the route and not the address, in which a patient may be named. */
function noteRequest(log: Log): RequestHandler {
  return (request, response, next) => {
    if (log.isLevelEnabled('debug')) {
      const began = performance.now();
      response.once('close', () => {
        const route: unknown = request.route?.path;
        log.debug(
          {
            requestId: response.getHeader(REQUEST_ID),
            method: request.method,
            route: typeof route === 'string' ? `${request.baseUrl}${route}` : undefined,
            status: response.statusCode,
            whole: response.writableFinished,
            milliseconds: Math.round(performance.now() - began),
          },
          'an HTTP request was answered',
        );
      });
    }
    next();
  };
}

/** What no route has answered: the operator reads the whole story, the client that there is one. */
function lastResort(log: Log): ErrorRequestHandler {
  return (error: unknown, request, response, _next) => {
    if (error instanceof URIError) {
      response.status(400).json({ error: 'the address is not well-formed (RFC 3986 2.1)' });
      return;
    }
    log.error(
      {
        error: error instanceof Error ? error.stack : String(error),
        method: request.method,
        requestId: response.getHeader(REQUEST_ID),
      },
      'an HTTP request failed',
    );
    if (response.headersSent) response.destroy();
    else response.status(500).json({ error: 'an internal error; see the log of this node' });
  };
}
