import { existsSync, readFileSync } from 'node:fs';
import { isIPv4 } from 'node:net';
import { resolve } from 'node:path';
import { VoxgateError } from './errors.ts';

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** Another node we send results to: DIMSE (C-STORE) or DICOMweb (STOW-RS). */
export interface PeerSettings {
  readonly name: string;
  readonly aeTitle?: string;
  readonly host?: string;
  readonly port?: number;
  readonly dicomweb?: string;
}

export interface RouteSettings {
  readonly name: string;
  /** Model id, "ct-lung-segmentation"; the newest version, or "id@version". */
  readonly model: string;
  /** Attribute equality by keyword; without it, what the model's manifest accepts. */
  readonly when?: Readonly<Record<string, string | number>>;
  /** Names of peers. */
  readonly deliverTo: readonly string[];
}

export interface Settings {
  readonly aeTitle: string;
  readonly dimse: Address;
  readonly http: Address;
  readonly data: string;
  readonly databaseUrl: string | undefined;
  readonly models: readonly string[];
  readonly logLevel: string;
  readonly insecure: boolean;
  readonly settleSeconds: number;
  readonly idleSettleSeconds: number;
  readonly maxAssociations: number;
  readonly dimseArtimSeconds: number;
  readonly dimseIdleSeconds: number;
  readonly dimseWriteSeconds: number;
  readonly peers: readonly PeerSettings[];
  readonly routes: readonly RouteSettings[];
  readonly acceptUnknownPeers: boolean;
  /** Where the settings file was read from, if one was. */
  readonly file: string | undefined;
}

interface Setting {
  readonly variable: string;
  /** The same setting in the JSON file. */
  readonly key: string;
  readonly byDefault: string;
  /** One sentence for the operator; README's table is generated from it. */
  readonly meaning: string;
}

/** Every scalar setting: name, default, one sentence. Environment first, then the JSON file, then the default. */
export const SETTINGS = [
  {
    variable: 'VOXGATE_AE_TITLE',
    key: 'aeTitle',
    byDefault: 'VOXGATE',
    meaning: 'Called AE title, 1 to 16 characters.',
  },
  { variable: 'VOXGATE_DIMSE', key: 'dimse', byDefault: '127.0.0.1:11112', meaning: 'DIMSE listen address.' },
  {
    variable: 'VOXGATE_HTTP',
    key: 'http',
    byDefault: '127.0.0.1:8080',
    meaning:
      'HTTP listen address; one that is not loopback is refused unless VOXGATE_INSECURE=1, because this version has no authentication.',
  },
  {
    variable: 'VOXGATE_DATA',
    key: 'data',
    byDefault: './data',
    meaning: 'Folder of the objects, the embedded database and the working files.',
  },
  {
    variable: 'DATABASE_URL',
    key: 'databaseUrl',
    byDefault: '',
    meaning: 'Any PostgreSQL 14 or newer; unset: an embedded PostgreSQL under VOXGATE_DATA.',
  },
  {
    variable: 'VOXGATE_STORAGE',
    key: 'storage',
    byDefault: 'file:',
    meaning: 'Where objects lie; this version keeps them as files under VOXGATE_DATA and refuses anything else.',
  },
  {
    variable: 'VOXGATE_MODELS',
    key: 'models',
    byDefault: './models',
    meaning: 'Model library; more than one folder separated by ":".',
  },
  {
    variable: 'VOXGATE_LOG_LEVEL',
    key: 'logLevel',
    byDefault: 'info',
    meaning: 'trace, debug, info, warn, error or fatal; JSON lines on stdout when not a terminal.',
  },
  {
    variable: 'VOXGATE_INSECURE',
    key: 'insecure',
    byDefault: '0',
    meaning: '1 allows an HTTP address that is not loopback without authentication.',
  },
  {
    variable: 'VOXGATE_SETTLE_SECONDS',
    key: 'settleSeconds',
    byDefault: '2',
    meaning:
      'Quiet time after the sender has released its association (or ended its STOW request) before a series is analysed.',
  },
  {
    variable: 'VOXGATE_IDLE_SETTLE_SECONDS',
    key: 'idleSettleSeconds',
    byDefault: '60',
    meaning: 'Quiet time after which a series is analysed although its sender has not released the association.',
  },
  {
    variable: 'VOXGATE_MAX_ASSOCIATIONS',
    key: 'maxAssociations',
    byDefault: '64',
    meaning: 'Associations open at once; further callers are told to try again later (A-ASSOCIATE-RJ 2/3/2).',
  },
  {
    variable: 'VOXGATE_DIMSE_ARTIM_SECONDS',
    key: 'dimseArtimSeconds',
    byDefault: '30',
    meaning:
      'Time for a caller to request its association after it has connected, and to hang up after the end (ARTIM).',
  },
  {
    variable: 'VOXGATE_DIMSE_IDLE_SECONDS',
    key: 'dimseIdleSeconds',
    byDefault: '120',
    meaning: 'An association on which nothing moves for so long is aborted, unless we are the ones who take our time.',
  },
  {
    variable: 'VOXGATE_DIMSE_WRITE_SECONDS',
    key: 'dimseWriteSeconds',
    byDefault: '60',
    meaning: 'A peer that takes nothing of what is sent to it for so long is cut off.',
  },
] as const satisfies readonly Setting[];

type Variable = (typeof SETTINGS)[number]['variable'];

const FILE_VARIABLE = 'VOXGATE_CONFIG';
const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];

/**
 * All settings from environment, file and defaults.
 * @throws VoxgateError 'bad-setting' naming every wrong value at once, by variable or key.
 */
export function loadSettings(environment: NodeJS.ProcessEnv = process.env): Settings {
  const faults: string[] = [];
  const { file, content } = readSettingsFile(environment, faults);
  const raw = (variable: Variable): string => {
    const setting = SETTINGS.find((s) => s.variable === variable)!;
    const fromFile = content[setting.key];
    return environment[variable] || (isScalar(fromFile) ? String(fromFile) : setting.byDefault);
  };

  const check = <T>(variable: Variable, parse: (text: string) => T | undefined, want: string): T => {
    const text = raw(variable);
    const value = parse(text);
    // A database address may hold a password.
    const shown = variable === 'DATABASE_URL' ? 'its value' : `"${text}"`;
    if (value === undefined) faults.push(`${variable}: ${shown} is not ${want}`);
    return value!;
  };

  const aeTitle = check('VOXGATE_AE_TITLE', parseAeTitle, 'an AE title (1 to 16 printable characters, no backslash)');
  const dimse = check('VOXGATE_DIMSE', parseAddress, 'an address such as 127.0.0.1:11112');
  const http = check('VOXGATE_HTTP', parseAddress, 'an address such as 127.0.0.1:8080');
  const insecure = check('VOXGATE_INSECURE', parseFlag, '0 or 1');
  const logLevel = check(
    'VOXGATE_LOG_LEVEL',
    (t) => (LOG_LEVELS.includes(t) ? t : undefined),
    `one of ${LOG_LEVELS.join(', ')}`,
  );
  const settleSeconds = check('VOXGATE_SETTLE_SECONDS', parseSeconds, 'a number of seconds from 0 to 3600');
  const idleSettleSeconds = check('VOXGATE_IDLE_SETTLE_SECONDS', parseSeconds, 'a number of seconds from 0 to 3600');
  const maxAssociations = check('VOXGATE_MAX_ASSOCIATIONS', parseCount, 'a whole number from 1 to 10000');
  const seconds = (variable: Variable): number =>
    check(variable, parseDeadline, 'a number of seconds from 0.1 to 3600');
  const dimseArtimSeconds = seconds('VOXGATE_DIMSE_ARTIM_SECONDS');
  const dimseIdleSeconds = seconds('VOXGATE_DIMSE_IDLE_SECONDS');
  const dimseWriteSeconds = seconds('VOXGATE_DIMSE_WRITE_SECONDS');
  const databaseUrl = check('DATABASE_URL', parseDatabaseUrl, 'a postgresql:// address');
  check(
    'VOXGATE_STORAGE',
    (t) => (t === 'file:' ? t : undefined),
    'supported yet: this version keeps objects under VOXGATE_DATA ("file:")',
  );
  if (http && insecure === false && !isLoopback(http.host)) {
    faults.push(
      `VOXGATE_HTTP: ${http.host} is not a loopback address and this version has no authentication; set VOXGATE_INSECURE=1 to open it all the same`,
    );
  }

  const peers = parsePeers(content['peers'], faults);
  const routes = parseRoutes(
    content['routes'],
    Object.keys(isRecord(content['peers']) ? content['peers'] : {}),
    faults,
  );
  const acceptUnknownPeers = content['acceptUnknownPeers'] ?? true;
  if (typeof acceptUnknownPeers !== 'boolean') faults.push('acceptUnknownPeers: must be true or false');
  checkKeys(content, faults);

  if (faults.length > 0) throw new VoxgateError('bad-setting', `wrong settings:\n  ${faults.join('\n  ')}`);
  return {
    aeTitle,
    dimse,
    http,
    insecure,
    logLevel,
    settleSeconds,
    idleSettleSeconds,
    maxAssociations,
    dimseArtimSeconds,
    dimseIdleSeconds,
    dimseWriteSeconds,
    databaseUrl: databaseUrl === '' ? undefined : databaseUrl,
    data: resolve(raw('VOXGATE_DATA')),
    models: raw('VOXGATE_MODELS')
      .split(':')
      .filter(Boolean)
      .map((folder) => resolve(folder)),
    peers,
    routes,
    acceptUnknownPeers: acceptUnknownPeers === true,
    file,
  };
}

type FileContent = Readonly<Record<string, unknown>>;

function readSettingsFile(
  environment: NodeJS.ProcessEnv,
  faults: string[],
): { file: string | undefined; content: FileContent } {
  const named = environment[FILE_VARIABLE];
  const file = resolve(named || './voxgate.config.json');
  if (!named && !existsSync(file)) return { file: undefined, content: {} };
  try {
    const content: unknown = JSON.parse(readFileSync(file, 'utf8'));
    if (isRecord(content)) return { file, content };
    faults.push(`${FILE_VARIABLE}: ${file} must hold a JSON object`);
  } catch (error) {
    faults.push(`${FILE_VARIABLE}: ${file} cannot be read: ${error instanceof Error ? error.message : error}`);
  }
  return { file, content: {} };
}

const STRUCTURED_KEYS = ['peers', 'routes', 'acceptUnknownPeers', '$schema'];

function checkKeys(content: FileContent, faults: string[]): void {
  const scalars: readonly string[] = SETTINGS.map((s) => s.key);
  const known = [...STRUCTURED_KEYS, ...scalars];
  for (const [key, value] of Object.entries(content)) {
    if (!known.includes(key)) faults.push(`${key}: no setting of that name (known: ${known.join(', ')})`);
    if (scalars.includes(key) && !isScalar(value)) faults.push(`${key}: must be text, a number, true or false`);
  }
}

function parsePeers(value: unknown, faults: string[]): PeerSettings[] {
  if (value === undefined) return [];
  if (!isRecord(value)) {
    faults.push('peers: must be an object of peers by name');
    return [];
  }
  return Object.entries(value).flatMap(([name, peer]) => parsePeer(name, peer, faults) ?? []);
}

/** Undefined when anything about the peer is wrong; all of it is added to the faults. */
function parsePeer(name: string, peer: unknown, faults: string[]): PeerSettings | undefined {
  const at = `peers.${name}`;
  if (!isRecord(peer)) {
    faults.push(`${at}: must be an object`);
    return undefined;
  }
  const { aeTitle, host, port, dicomweb, ...others } = peer;
  const wrong = Object.keys(others).map((key) => `${at}: unknown key ${key}`);
  if (dicomweb !== undefined) {
    if (aeTitle !== undefined || host !== undefined || port !== undefined)
      wrong.push(`${at}: give either dicomweb, or aeTitle, host and port`);
    const root = typeof dicomweb === 'string' ? parseHttpAddress(dicomweb) : undefined;
    if (root === undefined)
      wrong.push(`${at}.dicomweb: must be an http(s) address without user and password (no peer is logged in to yet)`);
    faults.push(...wrong);
    return wrong.length === 0 && root !== undefined ? { name, dicomweb: root } : undefined;
  }
  const title = typeof aeTitle === 'string' ? parseAeTitle(aeTitle) : undefined;
  if (title === undefined) wrong.push(`${at}.aeTitle: must be an AE title (1 to 16 characters)`);
  if (typeof host !== 'string' || host === '') wrong.push(`${at}.host: must be a host name or address`);
  if (!isPort(port)) wrong.push(`${at}.port: must be a port number`);
  faults.push(...wrong);
  return wrong.length === 0 && title !== undefined && typeof host === 'string' && isPort(port)
    ? { name, aeTitle: title, host, port }
    : undefined;
}

function parseRoutes(value: unknown, peers: readonly string[], faults: string[]): RouteSettings[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) {
    faults.push('routes: must be a list');
    return [];
  }
  return value.flatMap((route: unknown, index) => parseRoute(`routes[${index}]`, route, peers, faults) ?? []);
}

/** Undefined when anything about the route is wrong; all of it is added to the faults. */
function parseRoute(at: string, route: unknown, peers: readonly string[], faults: string[]): RouteSettings | undefined {
  if (!isRecord(route)) {
    faults.push(`${at}: must be an object`);
    return undefined;
  }
  const { name = at, model, when, deliverTo = [], ...others } = route;
  const wrong = Object.keys(others).map((key) => `${at}: unknown key ${key}`);
  if (typeof name !== 'string') wrong.push(`${at}.name: must be text`);
  if (typeof model !== 'string' || model === '') wrong.push(`${at}.model: must name a model`);
  const receivers = isTexts(deliverTo) ? deliverTo : undefined;
  if (receivers === undefined) wrong.push(`${at}.deliverTo: must be a list of peer names`);
  const strangers = receivers?.filter((peer) => !peers.includes(peer)) ?? [];
  if (strangers.length > 0) wrong.push(`${at}.deliverTo: no peer named ${strangers.join(', ')}`);
  if (when !== undefined && !isEqualities(when))
    wrong.push(`${at}.when: must be an object of attribute keywords and their values`);
  faults.push(...wrong);
  if (wrong.length > 0 || typeof name !== 'string' || typeof model !== 'string' || receivers === undefined)
    return undefined;
  return { name, model, deliverTo: receivers, ...(isEqualities(when) ? { when } : {}) };
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((entry) => typeof entry === 'string');
}

function isEqualities(value: unknown): value is Record<string, string | number> {
  return isRecord(value) && Object.values(value).every((v) => typeof v === 'string' || typeof v === 'number');
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isScalar(value: unknown): value is string | number | boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}

function isPort(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) > 0 && Number(value) < 65_536;
}

function parseAeTitle(text: string): string | undefined {
  const title = text.trim();
  return /^[\x20-\x5B\x5D-\x7E]{1,16}$/.test(title) ? title : undefined;
}

function parseAddress(text: string): Address | undefined {
  const match = /^(?<host>[^:]+|\[[0-9a-fA-F:]+\]):(?<port>\d{1,5})$/.exec(text);
  const port = Number(match?.groups?.['port']);
  const host = match?.groups?.['host']?.replace(/^\[|\]$/g, '');
  return host !== undefined && port < 65_536 ? { host, port } : undefined;
}

/** Without a slash at the end. */
function parseHttpAddress(text: string): string | undefined {
  if (!/^https?:\/\//.test(text) || !URL.canParse(text)) return undefined;
  const { username, password } = new URL(text);
  return username === '' && password === '' ? text.replace(/\/+$/, '') : undefined;
}

function parseFlag(text: string): boolean | undefined {
  return text === '1' || text === 'true' ? true : text === '0' || text === 'false' ? false : undefined;
}

function parseSeconds(text: string): number | undefined {
  const seconds = Number(text);
  return text.trim() !== '' && seconds >= 0 && seconds <= 3600 ? seconds : undefined;
}

function parseDeadline(text: string): number | undefined {
  const seconds = Number(text);
  return seconds >= 0.1 && seconds <= 3600 ? seconds : undefined;
}

function parseCount(text: string): number | undefined {
  const count = Number(text);
  return Number.isInteger(count) && count >= 1 && count <= 10_000 ? count : undefined;
}

function parseDatabaseUrl(text: string): string | undefined {
  return text === '' || /^postgres(ql)?:\/\//.test(text) ? text : undefined;
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'));
}
