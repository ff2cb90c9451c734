import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { BlockList, isIP } from 'node:net';
import type { HttpSettings } from './http-settings.ts';

/** Looks at a request before any room sees it: answers it, or hands it on. */
export type Guard = (request: IncomingMessage, response: ServerResponse, next: () => void) => void;

type Policy = Pick<HttpSettings, 'names' | 'corsOrigins' | 'proxies' | 'headerCount'>;

/** What every request passes. As one: a router asks each of its layers for each request, which costs more than they do. */
export function guard(policy: Policy): Guard {
  const inOrder = [
    name(),
    protect(policy.corsOrigins.length > 0),
    limitHeaders(policy.headerCount),
    refuseTrace,
    believeProxies(policy.proxies),
    checkHost(policy.names),
    allowOrigins(policy.corsOrigins),
    refuseForeignWrites(policy),
  ];
  return (request, response, next) => {
    const pass = (at: number): void => {
      const one = inOrder[at];
      if (one === undefined) next();
      else one(request, response, () => pass(at + 1));
    };
    pass(0);
  };
}

/** The number of a request in the log, told to the client, so that the two can be put together. */
export const REQUEST_ID = 'x-request-id';

function name(): Guard {
  const prefix = randomBytes(4).toString('hex');
  let count = 0;
  return (_request, response, next) => {
    count += 1;
    response.setHeader(REQUEST_ID, `${prefix}-${count.toString(36)}`);
    next();
  };
}

/**
 * What a browser must not do with our answers. A document that somebody stored may be a page with scripts: they do not
 * run. Patients' data stay in no cache unless the handler says how.
 */
function protect(othersMayShow: boolean): Guard {
  return (request, response, next) => {
    response.setHeader('x-content-type-options', 'nosniff');
    response.setHeader('referrer-policy', 'no-referrer');
    response.setHeader('cross-origin-resource-policy', othersMayShow ? 'cross-origin' : 'same-origin');
    const isDicomweb = isUnder(request, '/dicom-web');
    response.setHeader('content-security-policy', `${isDicomweb ? "script-src 'none'; " : ''}frame-ancestors 'self'`);
    if (isDicomweb || isUnder(request, '/api')) response.setHeader('cache-control', 'private, no-store');
    next();
  };
}

/** Node.js drops headers beyond its limit in silence, and with them what they say of the body. */
function limitHeaders(most: number): Guard {
  return (request, response, next) => {
    if (request.rawHeaders.length / 2 > most) refuse(response, 431, `a request has at most ${most} headers`);
    else next();
  };
}

/** RFC 9110 9.3.8: it would show a page's script the headers that its browser keeps from it. */
function refuseTrace(request: IncomingMessage, response: ServerResponse, next: () => void): void {
  if (request.method === 'TRACE') refuse(response, 405, 'TRACE is not answered here');
  else next();
}

const FORWARDED = ['forwarded', 'x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host', 'x-forwarded-port'];

/** What somebody else says of the client's request is as if it had not been said. */
function believeProxies(networks: readonly string[]): Guard {
  const trusted = networkList(networks);
  return (request, _response, next) => {
    const said = FORWARDED.filter((header) => request.headers[header] !== undefined);
    if (said.length > 0 && !holds(trusted, request.socket.remoteAddress))
      for (const header of said) delete request.headers[header];
    next();
  };
}

function networkList(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', prefix] = network.split('/');
    list.addSubnet(address, Number(prefix), isIP(address) === 6 ? 'ipv6' : 'ipv4');
  }
  return list;
}

/** An IPv4 address that came by an IPv6 socket is the IPv4 address. */
function holds(list: BlockList, address: string | undefined): boolean {
  const plain = address?.replace(/^::ffff:(?=\d+\.)/, '').replace(/%.*$/, '') ?? '';
  const family = isIP(plain);
  return family !== 0 && list.check(plain, family === 6 ? 'ipv6' : 'ipv4');
}

/**
 * A page of a foreign site can have its own name point to this machine (DNS rebinding) and then counts as ours. Its
 * requests name that site; addresses, and names that no foreign site can have, are taken.
 */
function checkHost(names: readonly string[] | undefined): Guard {
  return (request, response, next) => {
    const host = hostOf(request);
    if (names === undefined || isOwnName(host) || names.includes(host)) next();
    else refuse(response, 421, 'this node is not known by that host name (VOXGATE_HTTP_NAMES)');
  };
}

function hostOf(request: IncomingMessage): string {
  return (request.headers.host ?? '').replace(/:\d*$/, '').toLowerCase();
}

function isOwnName(host: string): boolean {
  return !host.includes('.') || host.startsWith('[') || isIP(host) !== 0 || host.endsWith('.localhost');
}

const METHODS = 'GET, HEAD, POST, PUT, DELETE, OPTIONS';
/** What clients of DICOMweb send; those that a browser always lets through need not be here. */
const REQUEST_HEADERS =
  'Accept, Accept-Charset, Authorization, Cache-Control, Content-Encoding, Content-Type, If-Match, If-Modified-Since, If-None-Match, If-Range, Pragma, Range, X-Requested-With';
const EXPOSED =
  'Accept-Ranges, Content-Encoding, Content-Length, Content-Location, Content-Range, ETag, Link, Location, Retry-After, Warning, X-Request-Id';
const PREFLIGHT_SECONDS = '600';

/** Cross-origin requests (the Fetch standard, 3.2) of the origins that were named, and to DICOMweb alone. */
function allowOrigins(origins: readonly string[]): Guard {
  return (request, response, next) => {
    if (origins.length === 0 || !isUnder(request, '/dicom-web')) {
      next();
      return;
    }
    response.setHeader('vary', 'Origin');
    const { origin } = request.headers;
    if (origin === undefined || !origins.includes(origin)) {
      next();
      return;
    }
    response.setHeader('access-control-allow-origin', origin);
    response.setHeader('access-control-expose-headers', EXPOSED);
    if (request.method !== 'OPTIONS' || request.headers['access-control-request-method'] === undefined) {
      next();
      return;
    }
    response.setHeader('access-control-allow-methods', METHODS);
    response.setHeader('access-control-allow-headers', REQUEST_HEADERS);
    response.setHeader('access-control-max-age', PREFLIGHT_SECONDS);
    response.statusCode = 204;
    response.end();
  };
}

const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS']);

/** A page of another site may have a browser send a form here; nothing is changed or stored for it. */
function refuseForeignWrites({ corsOrigins, names }: Policy): Guard {
  return (request, response, next) => {
    const { origin } = request.headers;
    const site = request.headers['sec-fetch-site'];
    const isOwn =
      SAFE_METHODS.has(request.method ?? '') ||
      origin === undefined ||
      site === 'same-origin' ||
      corsOrigins.includes(origin) ||
      isAddressOf(origin, request, names ?? []);
    if (isOwn) next();
    else refuse(response, 403, 'a page of that origin may not change anything here (VOXGATE_CORS_ORIGINS)');
  };
}

/** Whether the page came from here, under the name that its browser used or a proxy passes on. */
function isAddressOf(origin: string, request: IncomingMessage, names: readonly string[]): boolean {
  if (!URL.canParse(origin)) return false;
  const { host, hostname } = new URL(origin);
  const said = `${request.headers.host},${request.headers['x-forwarded-host'] ?? ''},${request.headers['forwarded'] ?? ''}`;
  const hosts = said
    .toLowerCase()
    .split(/[,;]/)
    .map((part) =>
      part
        .trim()
        .replace(/^host=/, '')
        .replaceAll('"', ''),
    );
  return hosts.includes(host) || names.includes(hostname);
}

/** The router takes no notice of capitals. */
function isUnder(request: IncomingMessage, root: string): boolean {
  const path = (request.url ?? '').toLowerCase();
  return path.startsWith(root) && (path.length === root.length || '/?'.includes(path.charAt(root.length)));
}

function refuse(response: ServerResponse, status: number, sentence: string): void {
  response.statusCode = status;
  response.setHeader('content-type', 'application/json; charset=utf-8');
  response.end(JSON.stringify({ error: sentence }));
}
