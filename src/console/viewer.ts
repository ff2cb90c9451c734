import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import express, { type Response, type Router } from 'express';
import sirv from 'sirv';
import { viewerSettings } from './viewer-settings.ts';

/** scripts/viewer.mjs moves the package's files under it. */
export const VIEWER_PATH = '/viewer/';
const DICOMWEB = '/dicom-web';

/**
 * The viewer: OHIF's published files, from the folder that scripts/viewer.mjs filled, at VIEWER_PATH. It talks to this
 * node alone, and its content security policy sees to that. Where the folder is empty the address says how to fill it.
 */
export function createViewer(folder: string): Router {
  const router = express.Router();
  const page = join(folder, 'index.html');
  if (!existsSync(page)) {
    router.use((_request, response: Response) => {
      response
        .status(404)
        .type('text/plain')
        .send(
          `The viewer is not installed: there is no ${page}. "node scripts/viewer.mjs" in the program's folder fetches it.\n`,
        );
    });
    return router;
  }
  const html = readFileSync(page, 'utf8');
  const policy = contentSecurityPolicy(html);
  router.use((_request, response, next) => {
    // On every file: a worker has the policy that its own script came with.
    response.setHeader('content-security-policy', policy);
    response.setHeader('x-content-type-options', 'nosniff');
    response.setHeader('referrer-policy', 'no-referrer');
    next();
  });
  router.get('/app-config.js', (_request, response) => {
    response.setHeader('cache-control', 'no-cache');
    response.type('application/javascript').send(viewerSettings(DICOMWEB, VIEWER_PATH));
  });
  router.use(sirv(folder, { gzip: true, etag: true, setHeaders: keepHashed }));
  // Its pages are addresses that only its script knows.
  router.get('/{*page}', (_request, response) => {
    response.setHeader('cache-control', 'no-cache');
    response.type('html').send(html);
  });
  return router;
}

/** A file with a digest in its name never changes; the others are asked for again. */
function keepHashed(response: { setHeader(name: string, value: string): unknown }, path: string): void {
  const hashed = /\.bundle\.[0-9a-f]{16,}\.js$|\/[0-9a-f]{16,}\.(wasm|woff2)$/.test(path);
  response.setHeader('cache-control', hashed ? 'public, max-age=31536000, immutable' : 'no-cache');
}

/**
 * No other host, and no script but the package's own: the page's two inline ones by their digests. Its array library and
 * its codecs build functions from text: without 'unsafe-eval' no segmentation opens and no JPEG is decoded. Styles are
 * written into elements by its script.
 */
function contentSecurityPolicy(html: string): string {
  const inline = [...html.matchAll(/<script>([\s\S]*?)<\/script>/g)].map(
    ([, script = '']) => `'sha256-${createHash('sha256').update(script).digest('base64')}'`,
  );
  return [
    "default-src 'self'",
    `script-src 'self' 'unsafe-eval' ${inline.join(' ')}`.trim(),
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data: blob:",
    "worker-src 'self' blob:",
    "connect-src 'self' blob: data:",
    "font-src 'self' data:",
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'self'",
  ].join('; ');
}
