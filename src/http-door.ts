import { createServer } from 'node:http';
import express, { type Router } from 'express';
import { VoxgateError } from './errors.ts';
import type { Log } from './log.ts';

export interface HttpDoor {
  readonly port: number;
  close(graceMs: number): Promise<void>;
}

export interface HttpDoorOptions {
  readonly host: string;
  readonly port: number;
  readonly log: Log;
  readonly dicomweb: Router;
  readonly console: Router;
}

/** A client that sends its headers slower than this is cut. */
const HEADERS_MS = 30_000;
/** Without a byte moved in either direction. */
const IDLE_MS = 120_000;

/** Opens the HTTP door: DICOMweb and the console on one port. */
export async function openHttpDoor({ host, port, log, dicomweb, console }: HttpDoorOptions): Promise<HttpDoor> {
  const app = express();
  app.disable('x-powered-by');
  app.set('etag', false);
  app.use('/dicom-web', dicomweb);
  app.use(console);
  // A large study may take longer than any fixed time; what is bounded is standstill.
  const server = createServer({ headersTimeout: HEADERS_MS, requestTimeout: 0 }, app);
  server.setTimeout(IDLE_MS);
  await new Promise<void>((resolve, reject) => {
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
  server.on('error', (error) => log.error({ reason: error.message }, 'the HTTP door reported an error'));
  const address = server.address();
  return {
    port: typeof address === 'object' && address ? address.port : port,
    async close(graceMs) {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeIdleConnections();
      const cut = setTimeout(() => server.closeAllConnections(), graceMs);
      await closed;
      clearTimeout(cut);
    },
  };
}
