import { isIPv4 } from 'node:net';
import { parseNetwork } from './settings-reader.ts';

/** How the HTTP door stands open: to whom, and how much of what it takes from them. */
export interface HttpSettings {
  /** Host names it is reached by; undefined is any (also `*`). */
  readonly names: readonly string[] | undefined;
  /** Origins whose pages may ask it (CORS). */
  readonly corsOrigins: readonly string[];
  /** Networks of the proxies whose Forwarded headers are believed. */
  readonly proxies: readonly string[];
  /** Open at once; a browser opens six. Each may hold one object that is being received. */
  readonly connections: number;
  /** Of one address; 0 is any number. */
  readonly connectionsPerAddress: number;
  /** Request line and headers together: a viewer's longest query has some hundred bytes. */
  readonly headerBytes: number;
  readonly headerCount: number;
  /** A client that sends its headers slower than this is cut. */
  readonly headersMs: number;
  /** Without a byte moved in either direction. A large study may take longer than any fixed time: only standstill ends it. */
  readonly idleMs: number;
  /** Bytes a second that a body must come with, over `rateWindowMs`; 0 is any. */
  readonly uploadRate: number;
  readonly rateWindowMs: number;
  /** Of one request's body, inflated where it was compressed. */
  readonly bodyBytes: number;
  /** How many times its size a compressed body may become. */
  readonly inflateRatio: number;
}

/** Rows of the table of settings in config.ts. */
export const HTTP_SETTINGS = [
  {
    variable: 'VOXGATE_HTTP',
    key: 'http',
    byDefault: '127.0.0.1:8080',
    meaning:
      'HTTP listen address; one that is not loopback is refused unless VOXGATE_INSECURE=1, because this version has no authentication.',
  },
  {
    variable: 'VOXGATE_HTTP_NAMES',
    key: 'httpNames',
    byDefault: '',
    meaning:
      'Host names by which the HTTP door is reached, with commas between; another is refused (421), so that no foreign page gets in by a name of its own. Unset: on a loopback address localhost, addresses and names without a dot, elsewhere any; `*`: any.',
  },
  {
    variable: 'VOXGATE_CORS_ORIGINS',
    key: 'corsOrigins',
    byDefault: '',
    meaning:
      'Origins such as https://viewer.example.org, with commas between, whose pages may use `/dicom-web/` from a browser (CORS); unset: none.',
  },
  {
    variable: 'VOXGATE_TRUSTED_PROXIES',
    key: 'trustedProxies',
    byDefault: 'loopback,private',
    meaning:
      'Whose Forwarded and X-Forwarded-* headers are believed when addresses of this node are written: loopback, private, all, none, or networks such as 10.1.0.0/16, with commas between.',
  },
  {
    variable: 'VOXGATE_HTTP_CONNECTIONS',
    key: 'httpConnections',
    byDefault: '1000',
    meaning: 'HTTP connections open at once; further ones are closed.',
  },
  {
    variable: 'VOXGATE_HTTP_CONNECTIONS_PER_ADDRESS',
    key: 'httpConnectionsPerAddress',
    byDefault: '0',
    meaning: 'HTTP connections open at once from one address (0: any number; behind a proxy all come from one).',
  },
  {
    variable: 'VOXGATE_HTTP_HEADERS_SECONDS',
    key: 'httpHeadersSeconds',
    byDefault: '30',
    meaning: 'Time for a client to send the headers of a request (408).',
  },
  {
    variable: 'VOXGATE_HTTP_IDLE_SECONDS',
    key: 'httpIdleSeconds',
    byDefault: '120',
    meaning: 'An HTTP connection on which no byte moves in either direction for so long is closed.',
  },
  {
    variable: 'VOXGATE_HTTP_UPLOAD_RATE',
    key: 'httpUploadRate',
    byDefault: '1024',
    meaning: 'Bytes a second, over a minute, with which a body has to come; a slower one is cut off (0: any).',
  },
  {
    variable: 'VOXGATE_HTTP_BODY_BYTES',
    key: 'httpBodyBytes',
    byDefault: '17179869184',
    meaning: 'Most bytes of one request body, after its Content-Encoding is undone (413).',
  },
  {
    variable: 'VOXGATE_HTTP_INFLATE_RATIO',
    key: 'httpInflateRatio',
    byDefault: '200',
    meaning: 'How many times its size a body with Content-Encoding may become, once it is above 64 MiB (413).',
  },
] as const;

export type HttpVariable = Exclude<(typeof HTTP_SETTINGS)[number]['variable'], 'VOXGATE_HTTP'>;

/** `wrong` notes what is not as it should be, and gives undefined. */
type Check = <T>(variable: HttpVariable, parse: (text: string) => T | undefined, want: string) => T;

const HEADER_BYTES = 16 * 1024;
/** A browser sends some twenty; each proxy adds a few. */
const HEADER_COUNT = 100;
const RATE_WINDOW_MS = 60_000;

/** All but the address, which config.ts reads with those of the other doors. */
export function readHttpSettings(check: Check, loopback: boolean): HttpSettings {
  const count = (variable: HttpVariable, least: number, most: number): number =>
    check(variable, (text) => parseWhole(text, least, most), `a whole number from ${least} to ${most}`);
  const seconds = (variable: HttpVariable): number =>
    check(variable, parseDeadline, 'a number of seconds from 0.1 to 3600') * 1000;
  const names = check('VOXGATE_HTTP_NAMES', parseNames, 'host names without a port, with commas between, or *');
  return {
    names: names.includes('*') || (names.length === 0 && !loopback) ? undefined : names,
    corsOrigins: check(
      'VOXGATE_CORS_ORIGINS',
      parseOrigins,
      'a list of origins: scheme, host and port, without a path',
    ),
    proxies: check('VOXGATE_TRUSTED_PROXIES', parseProxies, 'loopback, private, all, none or networks'),
    connections: count('VOXGATE_HTTP_CONNECTIONS', 1, 65_535),
    connectionsPerAddress: count('VOXGATE_HTTP_CONNECTIONS_PER_ADDRESS', 0, 65_535),
    headerBytes: HEADER_BYTES,
    headerCount: HEADER_COUNT,
    headersMs: seconds('VOXGATE_HTTP_HEADERS_SECONDS'),
    idleMs: seconds('VOXGATE_HTTP_IDLE_SECONDS'),
    uploadRate: count('VOXGATE_HTTP_UPLOAD_RATE', 0, 1_000_000_000),
    rateWindowMs: RATE_WINDOW_MS,
    bodyBytes: count('VOXGATE_HTTP_BODY_BYTES', 1024, Number.MAX_SAFE_INTEGER),
    inflateRatio: count('VOXGATE_HTTP_INFLATE_RATIO', 1, 100_000),
  };
}

function listIn(text: string): string[] {
  return text
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
}

function parseWhole(text: string, least: number, most: number): number | undefined {
  const number = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  return number >= least && number <= most ? number : undefined;
}

function parseDeadline(text: string): number | undefined {
  const seconds = Number(text);
  return seconds >= 0.1 && seconds <= 3600 ? seconds : undefined;
}

function parseNames(text: string): string[] | undefined {
  const names = listIn(text).map((name) => name.toLowerCase());
  return names.every((name) => name === '*' || /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)$/.test(name)) ? names : undefined;
}

function parseOrigins(text: string): string[] | undefined {
  const origins = listIn(text);
  return origins.every((origin) => /^https?:/.test(origin) && URL.canParse(origin) && new URL(origin).origin === origin)
    ? origins
    : undefined;
}

/** RFC 1918, RFC 4193 and link-local; what a network of one's own is made of. */
const NETWORKS: Readonly<Record<string, readonly string[]>> = {
  loopback: ['127.0.0.0/8', '::1/128'],
  private: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '169.254.0.0/16', 'fc00::/7', 'fe80::/10'],
  all: ['0.0.0.0/0', '::/0'],
  none: [],
};

function parseProxies(text: string): string[] | undefined {
  const networks = listIn(text).map(
    (entry) => NETWORKS[entry] ?? (parseNetwork(entry) ? [withPrefix(entry)] : undefined),
  );
  const known = networks.filter((network) => network !== undefined);
  return known.length === networks.length ? known.flat() : undefined;
}

function withPrefix(network: string): string {
  if (network.includes('/')) return network;
  return `${network}/${isIPv4(network) ? 32 : 128}`;
}
