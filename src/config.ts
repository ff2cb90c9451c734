import { existsSync, readFileSync } from 'node:fs';
import { isIPv4 } from 'node:net';
import { resolve } from 'node:path';
import { COMPLETENESS_SETTINGS, type CompletenessSettings, readCompletenessSettings } from './completeness-settings.ts';
import { VoxgateError } from './errors.ts';
import { HTTP_SETTINGS, type HttpSettings, readHttpSettings } from './http-settings.ts';
import { type IdentitySettings, parseTokens, parseUsers } from './identity-settings.ts';
import { JOB_SETTINGS, type JobSettings, readJobSettings } from './job-settings.ts';
import { MODEL_SETTINGS } from './model-settings.ts';
import {
  type CallerPolicy,
  isReachable,
  type PeerSettings,
  parsePeers,
  parseUnknownPeers,
  withOwnTls,
} from './peer-settings.ts';
import { parseRetention, type RetentionRules } from './retention-settings.ts';
import { parseRoutes, type RouteSettings } from './route-settings.ts';
import { isRecord, parseAeTitle } from './settings-reader.ts';

export type { CallerPolicy, PeerSettings } from './peer-settings.ts';
export type { RouteSettings } from './route-settings.ts';

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** What the node shows of itself by TLS, and what it wants to see; PEM files. */
export interface TlsSettings {
  readonly cert: string | undefined;
  readonly key: string | undefined;
  /** Of the key. */
  readonly passphrase: string | undefined;
  /** Certificate authorities of those who call, and of those we call. */
  readonly ca: string | undefined;
  readonly clientCert: ClientCertificates;
}

const CLIENT_CERTIFICATES = ['required', 'optional', 'none'] as const;
type ClientCertificates = (typeof CLIENT_CERTIFICATES)[number];

export interface Settings extends CompletenessSettings, JobSettings {
  readonly aeTitle: string;
  /** The port without TLS; undefined where it is off. */
  readonly dimse: Address | undefined;
  readonly dimseTls: Address | undefined;
  readonly tls: TlsSettings;
  readonly http: Address;
  readonly httpDoor: HttpSettings;
  readonly data: string;
  /** Receiving stops when the disk has fewer bytes left. */
  readonly minFreeBytes: number;
  readonly databaseUrl: string | undefined;
  readonly models: readonly string[];
  /** How often the library is looked at where nothing tells of a change; 0 is never. */
  readonly modelsLookSeconds: number;
  /** The folder with the files of the viewer. */
  readonly viewer: string;
  readonly logLevel: string;
  readonly insecure: boolean;
  readonly maxAssociations: number;
  /** Bytes of DIMSE messages in memory at once. */
  readonly memoryBudget: number;
  /** Bytes of decoded frames that are kept. */
  readonly pixelCache: number;
  readonly dimseArtimSeconds: number;
  readonly dimseIdleSeconds: number;
  readonly dimseWriteSeconds: number;
  readonly peers: readonly PeerSettings[];
  readonly routes: readonly RouteSettings[];
  readonly acceptUnknownPeers: boolean;
  readonly unknownPeers: CallerPolicy;
  readonly identities: IdentitySettings;
  /** How long a deletion can be undone. */
  readonly undoDays: number;
  /** Whether DELETE is a transaction of the DICOMweb door. */
  readonly dicomwebDelete: boolean;
  /** How long the change feed remembers; 0 is for ever. */
  readonly changeDays: number;
  readonly retention: RetentionRules;
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
  {
    variable: 'VOXGATE_DIMSE',
    key: 'dimse',
    byDefault: '127.0.0.1:11112',
    meaning: 'DIMSE listen address without TLS; "off" for none.',
  },
  {
    variable: 'VOXGATE_DIMSE_TLS',
    key: 'dimseTls',
    byDefault: '',
    meaning: 'DIMSE listen address with TLS (2762 is the registered port); unset: none.',
  },
  {
    variable: 'VOXGATE_TLS_CERT',
    key: 'tlsCert',
    byDefault: '',
    meaning: 'PEM file of the certificate we show, and its chain; read again when it changes.',
  },
  { variable: 'VOXGATE_TLS_KEY', key: 'tlsKey', byDefault: '', meaning: 'PEM file of its private key.' },
  {
    variable: 'VOXGATE_TLS_PASSPHRASE',
    key: 'tlsPassphrase',
    byDefault: '',
    meaning: 'Passphrase of that key, where it has one.',
  },
  {
    variable: 'VOXGATE_TLS_CA',
    key: 'tlsCa',
    byDefault: '',
    meaning: 'PEM file of the certificate authorities by which the certificates of callers and peers are checked.',
  },
  {
    variable: 'VOXGATE_TLS_CLIENT_CERT',
    key: 'tlsClientCert',
    byDefault: 'required',
    meaning: 'Whether callers must show a certificate: required, optional (a wrong one is refused) or none.',
  },
  ...HTTP_SETTINGS,
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
    variable: 'VOXGATE_MIN_FREE_BYTES',
    key: 'minFreeBytes',
    byDefault: '1073741824',
    meaning:
      'Bytes that stay free on the disk of VOXGATE_DATA: with fewer left nothing is received (A700H, 503) until there is room again.',
  },
  {
    variable: 'VOXGATE_MODELS',
    key: 'models',
    byDefault: './models',
    meaning: 'Model library; more than one folder separated by ":".',
  },
  ...MODEL_SETTINGS,
  {
    variable: 'VOXGATE_VIEWER',
    key: 'viewer',
    byDefault: './viewer',
    meaning: 'Folder of the viewer served at /viewer/; "node scripts/viewer.mjs" fills it.',
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
  ...COMPLETENESS_SETTINGS,
  ...JOB_SETTINGS,
  {
    variable: 'VOXGATE_MAX_ASSOCIATIONS',
    key: 'maxAssociations',
    byDefault: '64',
    meaning: 'Associations open at once; further callers are told to try again later (A-ASSOCIATE-RJ 2/3/2).',
  },
  {
    variable: 'VOXGATE_MEMORY_BUDGET',
    key: 'memoryBudget',
    byDefault: '256',
    meaning:
      'MiB of DIMSE messages in memory at once; near it new callers are told to try again later, at it senders are slowed.',
  },
  {
    variable: 'VOXGATE_PIXEL_CACHE',
    key: 'pixelCache',
    byDefault: '256',
    meaning: 'MiB of decoded frames that are kept in memory for the next who asks for them.',
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
  {
    variable: 'VOXGATE_UNDO_DAYS',
    key: 'undoDays',
    byDefault: '7',
    meaning: 'Days in which a deletion can be undone; its files are removed after them (0: at once).',
  },
  {
    variable: 'VOXGATE_DICOMWEB_DELETE',
    key: 'dicomwebDelete',
    byDefault: '0',
    meaning:
      '1 lets whoever can reach `/dicom-web` delete studies, series and instances there (DELETE); else that is answered 403, and the admin API deletes.',
  },
  {
    variable: 'VOXGATE_CHANGE_DAYS',
    key: 'changeDays',
    byDefault: '90',
    meaning: 'Days for which the change feed remembers what was stored and deleted (0: for ever).',
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
  const dimse = check(
    'VOXGATE_DIMSE',
    (t) => (t === 'off' ? t : parseAddress(t)),
    'an address such as 127.0.0.1:11112, or off',
  );
  const dimseTls = check(
    'VOXGATE_DIMSE_TLS',
    (t) => (t === '' ? 'off' : parseAddress(t)),
    'an address such as 0.0.0.0:2762',
  );
  const clientCert = check(
    'VOXGATE_TLS_CLIENT_CERT',
    (t) => CLIENT_CERTIFICATES.find((name) => name === t),
    `one of ${CLIENT_CERTIFICATES.join(', ')}`,
  );
  const tls: TlsSettings = {
    cert: raw('VOXGATE_TLS_CERT') || undefined,
    key: raw('VOXGATE_TLS_KEY') || undefined,
    passphrase: raw('VOXGATE_TLS_PASSPHRASE') || undefined,
    ca: raw('VOXGATE_TLS_CA') || undefined,
    clientCert,
  };
  if (dimseTls !== undefined) checkTls(dimse === 'off', dimseTls === 'off', tls, faults);
  const memoryBudget = check('VOXGATE_MEMORY_BUDGET', parseMebibytes, 'a whole number of MiB from 16 to 65536');
  const pixelCache = check('VOXGATE_PIXEL_CACHE', parseMebibytes, 'a whole number of MiB from 16 to 65536');
  const http = check('VOXGATE_HTTP', parseAddress, 'an address such as 127.0.0.1:8080');
  const httpDoor = readHttpSettings(check, http === undefined || isLoopback(http.host));
  const insecure = check('VOXGATE_INSECURE', parseFlag, '0 or 1');
  const logLevel = check(
    'VOXGATE_LOG_LEVEL',
    (t) => (LOG_LEVELS.includes(t) ? t : undefined),
    `one of ${LOG_LEVELS.join(', ')}`,
  );
  const completeness = readCompletenessSettings((variable) =>
    check(variable, parseSeconds, 'a number of seconds from 0 to 3600'),
  );
  const jobs = readJobSettings(check);
  const maxAssociations = check('VOXGATE_MAX_ASSOCIATIONS', parseCount, 'a whole number from 1 to 10000');
  const seconds = (variable: Variable): number =>
    check(variable, parseDeadline, 'a number of seconds from 0.1 to 3600');
  const modelsLookSeconds = check('VOXGATE_MODELS_LOOK_SECONDS', parseSeconds, 'a number of seconds from 0 to 3600');
  const dimseArtimSeconds = seconds('VOXGATE_DIMSE_ARTIM_SECONDS');
  const dimseIdleSeconds = seconds('VOXGATE_DIMSE_IDLE_SECONDS');
  const dimseWriteSeconds = seconds('VOXGATE_DIMSE_WRITE_SECONDS');
  const minFreeBytes = check('VOXGATE_MIN_FREE_BYTES', parseBytes, 'a whole number of bytes');
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
  const callOnly = peers.filter((peer) => !isReachable(peer)).map(({ name }) => name);
  const named = Object.keys(isRecord(content['peers']) ? content['peers'] : {});
  const routes = parseRoutes(
    content['routes'],
    named.filter((name) => !callOnly.includes(name)),
    faults,
  );
  const unknownPeers = parseUnknownPeers(content['unknownPeers'], faults);
  const users = parseUsers(content['dimseUsers'], faults);
  const tokens = parseTokens(content['dimseTokens'], faults);
  const acceptUnknownPeers = content['acceptUnknownPeers'] ?? true;
  if (typeof acceptUnknownPeers !== 'boolean') faults.push('acceptUnknownPeers: must be true or false');
  const undoDays = check('VOXGATE_UNDO_DAYS', parseDays, 'a number of days from 0 to 3650');
  const dicomwebDelete = check('VOXGATE_DICOMWEB_DELETE', parseFlag, '0 or 1');
  const changeDays = check('VOXGATE_CHANGE_DAYS', parseDays, 'a number of days from 0 to 3650');
  const retention = parseRetention(content['retention'], faults);
  checkKeys(content, faults);

  if (faults.length > 0) throw new VoxgateError('bad-setting', `wrong settings:\n  ${faults.join('\n  ')}`);
  return {
    aeTitle,
    dimse: dimse === 'off' ? undefined : dimse,
    dimseTls: dimseTls === 'off' ? undefined : dimseTls,
    tls,
    memoryBudget,
    pixelCache,
    http,
    httpDoor,
    insecure,
    logLevel,
    ...completeness,
    ...jobs,
    maxAssociations,
    dimseArtimSeconds,
    dimseIdleSeconds,
    dimseWriteSeconds,
    minFreeBytes,
    databaseUrl: databaseUrl === '' ? undefined : databaseUrl,
    data: resolve(raw('VOXGATE_DATA')),
    models: raw('VOXGATE_MODELS')
      .split(':')
      .filter(Boolean)
      .map((folder) => resolve(folder)),
    modelsLookSeconds,
    viewer: resolve(raw('VOXGATE_VIEWER')),
    peers: peers.map((peer) => withOwnTls(peer, tls)),
    routes,
    acceptUnknownPeers: acceptUnknownPeers === true,
    unknownPeers,
    identities: { users, ...(tokens ? { tokens } : {}) },
    undoDays,
    dicomwebDelete,
    changeDays,
    retention,
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

const STRUCTURED_KEYS = [
  'peers',
  'routes',
  'acceptUnknownPeers',
  'unknownPeers',
  'dimseUsers',
  'dimseTokens',
  'retention',
  '$schema',
];

function checkKeys(content: FileContent, faults: string[]): void {
  const scalars: readonly string[] = SETTINGS.map((s) => s.key);
  const known = [...STRUCTURED_KEYS, ...scalars];
  for (const [key, value] of Object.entries(content)) {
    if (!known.includes(key)) faults.push(`${key}: no setting of that name (known: ${known.join(', ')})`);
    if (scalars.includes(key) && !isScalar(value)) faults.push(`${key}: must be text, a number, true or false`);
  }
}

/** What belongs together; the files themselves are read when the door opens. */
function checkTls(noPlainPort: boolean, noTlsPort: boolean, tls: TlsSettings, faults: string[]): void {
  if (noPlainPort && noTlsPort) faults.push('VOXGATE_DIMSE: is off, and VOXGATE_DIMSE_TLS names no address either');
  if ((tls.cert === undefined) !== (tls.key === undefined))
    faults.push(`${tls.cert === undefined ? 'VOXGATE_TLS_CERT' : 'VOXGATE_TLS_KEY'}: certificate and key go together`);
  if (noTlsPort) return;
  if (tls.cert === undefined && tls.key === undefined)
    faults.push('VOXGATE_TLS_CERT: VOXGATE_DIMSE_TLS needs a certificate and its key');
  if (tls.clientCert !== 'none' && tls.ca === undefined)
    faults.push(
      'VOXGATE_TLS_CA: is needed to check the certificates of callers; without it set VOXGATE_TLS_CLIENT_CERT=none',
    );
}

function isScalar(value: unknown): value is string | number | boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}

function parseAddress(text: string): Address | undefined {
  const match = /^(?<host>[^:]+|\[[0-9a-fA-F:]+\]):(?<port>\d{1,5})$/.exec(text);
  const port = Number(match?.groups?.['port']);
  const host = match?.groups?.['host']?.replace(/^\[|\]$/g, '');
  return host !== undefined && port < 65_536 ? { host, port } : undefined;
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

function parseDays(text: string): number | undefined {
  const days = Number(text);
  return text.trim() !== '' && days >= 0 && days <= 3650 ? days : undefined;
}

function parseBytes(text: string): number | undefined {
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

function parseCount(text: string): number | undefined {
  const count = Number(text);
  return Number.isInteger(count) && count >= 1 && count <= 10_000 ? count : undefined;
}

function parseMebibytes(text: string): number | undefined {
  const count = Number(text);
  return Number.isInteger(count) && count >= 16 && count <= 65_536 ? count * 1024 * 1024 : undefined;
}

function parseDatabaseUrl(text: string): string | undefined {
  return text === '' || /^postgres(ql)?:\/\//.test(text) ? text : undefined;
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'));
}
