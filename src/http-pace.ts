import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { HttpSettings } from './http-settings.ts';
import type { Log } from './log.ts';

/**
 * Cuts off bodies that come slower than they may: a thousand clients that send a byte a minute would else hold all
 * connections. Time in which we are the slow ones, because what has come is not taken from the socket, does not count.
 */
export function cutSlowBodies(server: Server, pace: Pick<HttpSettings, 'uploadRate' | 'rateWindowMs'>, log: Log): void {
  const { uploadRate, rateWindowMs } = pace;
  if (uploadRate === 0) return;
  const least = (uploadRate * rateWindowMs) / 1000;
  server.prependListener('request', (request: IncomingMessage, response: ServerResponse) => {
    if (!hasBody(request)) return;
    const { socket } = request;
    let seen = socket.bytesRead;
    const timer = setInterval(() => {
      const moved = socket.bytesRead - seen;
      seen = socket.bytesRead;
      // Nobody has begun to read it, or not all that came is read.
      const waitsForUs = request.readableFlowing === null || request.readableLength > 0;
      if (request.complete) clearInterval(timer);
      else if (!waitsForUs && moved < least) {
        log.warn(
          { bytes: moved, seconds: rateWindowMs / 1000 },
          'an HTTP request was cut off: its body came too slowly',
        );
        socket.destroy();
      }
    }, rateWindowMs).unref();
    response.once('close', () => clearInterval(timer));
  });
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

/**
 * `Expect: 100-continue` (RFC 9110 10.1.1): the client is told to go on when somebody begins to read its body, so what is
 * refused for its headers is never sent. Where nobody did, the connection ends with the answer: its body may come yet.
 */
export function continueWhenRead(server: Server): void {
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    const { shouldKeepAlive } = response;
    response.shouldKeepAlive = false;
    const begin = (event: string | symbol): void => {
      if (event !== 'data' && event !== 'readable') return;
      request.off('newListener', begin);
      if (response.headersSent) return;
      response.shouldKeepAlive = shouldKeepAlive;
      response.writeContinue();
    };
    request.on('newListener', begin);
    server.emit('request', request, response);
  });
}

/** Closes connections beyond those that one address may have open. */
export function limitPerAddress(server: Server, most: number, log: Log): void {
  if (most === 0) return;
  const open = new Map<string, number>();
  server.prependListener('connection', (socket: Socket) => {
    const address = socket.remoteAddress ?? '';
    const count = open.get(address) ?? 0;
    if (count >= most) {
      log.warn({ limit: most }, 'an HTTP connection was refused: its address has too many open');
      socket.destroy();
      return;
    }
    open.set(address, count + 1);
    socket.once('close', () => {
      const left = (open.get(address) ?? 1) - 1;
      if (left === 0) open.delete(address);
      else open.set(address, left);
    });
  });
}
