import {
  type Fields,
  flag,
  given,
  isRecord,
  listOf,
  nonEmpty,
  parseAeTitle,
  parseFingerprint,
  parseHttpAddress,
  parseNetwork,
  Reader,
  textOf,
  wholeNumber,
} from './settings-reader.ts';

/** What a caller may be let use, in the words of the settings file. */
export const SERVICE_NAMES = ['verify', 'store', 'find', 'move', 'get', 'commitment', 'mpps', 'ian'] as const;
export type ServiceName = (typeof SERVICE_NAMES)[number];

/** What a caller may do, and how it is to be treated; what is not said is allowed. */
export interface CallerPolicy {
  /** Addresses and networks ("10.1.0.0/16") that it may call from. */
  readonly addresses?: readonly string[];
  /** SHA-256 of its certificate, lower case hex: it comes by TLS with this one only. */
  readonly fingerprint?: string;
  readonly services?: readonly ServiceName[];
  /** Storage SOP classes that it may send. */
  readonly sopClasses?: readonly string[];
  /** False refuses storage SOP classes that are not the standard's. */
  readonly privateSopClasses?: boolean;
  readonly quota?: Quota;
  /** Specific Character Set of its objects where they name none: defined terms of PS3.3 C.12.1.1.2. */
  readonly characterSet?: string;
  /** It has to say who uses it (PS3.7 D.3.3.7): any known user, or one of these. */
  readonly identity?: true | readonly string[];
  readonly quirks?: Quirks;
}

export interface Quota {
  /** Open at once. */
  readonly associations?: number;
  /** Of objects received and not yet committed, over all its associations. */
  readonly megabytes?: number;
}

/**
 * What some peers cannot bear. That no asynchronous operations window is offered, and that command and data set go in
 * separate PDUs, needs no quirk: it is so for everybody.
 */
export interface Quirks {
  /** False: role selection is not answered. */
  readonly roleSelection?: boolean;
  /** Longest PDU that is written to it and asked of it, in bytes. */
  readonly maxPduLength?: number;
}

/** How a peer is called by TLS; PEM files that are not said are the node's own. */
export interface PeerTlsSettings {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  /** Of the node's own key. */
  readonly passphrase?: string;
  /** SHA-256 of the peer's certificate: asked for in place of its name. */
  readonly fingerprint?: string;
  /** The name in the peer's certificate, where it is not its host. */
  readonly serverName?: string;
}

/**
 * Another node: one we send to by DIMSE (aeTitle, host, port) or DICOMweb (dicomweb), or one that only calls us (aeTitle
 * alone).
 */
export interface PeerSettings extends CallerPolicy {
  readonly name: string;
  readonly aeTitle?: string;
  readonly host?: string;
  readonly port?: number;
  readonly dicomweb?: string;
  readonly tls?: PeerTlsSettings;
  /** It answers Modality Worklist queries. */
  readonly worklist?: boolean;
  /** It is asked for earlier studies where a model compares with one. */
  readonly priors?: boolean;
  /** It is asked by C-FIND how many instances a series has that it sends: evidence for when the series is complete. */
  readonly instanceCounts?: boolean;
  /** It is asked to commit to the results that were delivered to it (PS3.4 Annex J). */
  readonly storageCommitment?: boolean;
  /** It is told when results are there (PS3.4 Annex R). */
  readonly availabilityNotification?: boolean;
  /** It takes results of models that are for research only. */
  readonly research?: boolean;
}

/** The peer with the node's own certificate, key and authorities where it is called by TLS and names none. */
export function withOwnTls(
  peer: PeerSettings,
  own: Pick<PeerTlsSettings, 'ca' | 'cert' | 'key' | 'passphrase'>,
): PeerSettings {
  if (peer.tls === undefined) return peer;
  const { ca, cert, key, passphrase } = own;
  const shown = peer.tls.key === undefined ? { cert, key, passphrase } : {};
  return { ...peer, tls: given({ ca, ...shown, ...peer.tls }) };
}

/** Whether it can be sent to. */
export function isReachable({ host, dicomweb }: PeerSettings): boolean {
  return host !== undefined || dicomweb !== undefined;
}

/** The peers of the settings file by name; one with a fault is left out, all of its faults are added. */
export function parsePeers(value: unknown, faults: string[]): PeerSettings[] {
  if (value === undefined) return [];
  if (!isRecord(value)) {
    faults.push('peers: must be an object of peers by name');
    return [];
  }
  return Object.entries(value).flatMap(([name, peer]) => parsePeer(name, peer, faults) ?? []);
}

const POLICY_KEYS = [
  'addresses',
  'fingerprint',
  'services',
  'sopClasses',
  'privateSopClasses',
  'quota',
  'characterSet',
  'identity',
  'quirks',
];
const PEER_FLAGS = [
  'worklist',
  'priors',
  'instanceCounts',
  'storageCommitment',
  'availabilityNotification',
  'research',
];
const DICOMWEB_KEYS = ['dicomweb', 'priors', 'research'];
const PEER_KEYS = ['aeTitle', 'host', 'port', 'dicomweb', 'tls', ...PEER_FLAGS, ...POLICY_KEYS];

function parsePeer(name: string, peer: unknown, faults: string[]): PeerSettings | undefined {
  const at = `peers.${name}`;
  if (!isRecord(peer)) {
    faults.push(`${at}: must be an object`);
    return undefined;
  }
  const reader = new Reader(at, peer, PEER_KEYS);
  const settings = reader.has('dicomweb') ? parseDicomweb(at, peer, reader) : parseDimse(reader);
  faults.push(...reader.faults);
  return reader.faults.length === 0 ? { name, ...settings } : undefined;
}

function parseDicomweb(at: string, peer: Fields, reader: Reader): Omit<PeerSettings, 'name'> {
  const others = Object.keys(peer).filter((key) => !DICOMWEB_KEYS.includes(key) && PEER_KEYS.includes(key));
  if (others.length > 0) reader.faults.push(`${at}: give either dicomweb, or aeTitle, host and port`);
  const want = 'an http(s) address without user and password (no peer is logged in to yet)';
  return {
    dicomweb: reader.require('dicomweb', textOf(parseHttpAddress), want),
    ...given({
      priors: reader.read('priors', flag, 'true or false'),
      research: reader.read('research', flag, 'true or false'),
    }),
  };
}

function parseDimse(reader: Reader): Omit<PeerSettings, 'name'> {
  const aeTitle = reader.require('aeTitle', textOf(parseAeTitle), 'an AE title (1 to 16 characters)');
  const calls = reader.has('host') || reader.has('port');
  const isName = (text: string): string | undefined => text || undefined;
  const host = calls ? reader.require('host', textOf(isName), 'a host name or address') : undefined;
  const port = calls ? reader.require('port', (v) => wholeNumber(v, 1, 65_535), 'a port number') : undefined;
  const tls = reader.read(
    'tls',
    (v) => (v === false || v === true || isRecord(v) ? v : undefined),
    'true or an object',
  );
  return {
    aeTitle,
    ...(calls ? { host, port } : {}),
    ...given({
      tls: isRecord(tls) ? reader.nested('tls', parsePeerTls) : tls === true ? {} : undefined,
      worklist: reader.read('worklist', flag, 'true or false'),
      priors: reader.read('priors', flag, 'true or false'),
      instanceCounts: reader.read('instanceCounts', flag, 'true or false'),
      storageCommitment: reader.read('storageCommitment', flag, 'true or false'),
      availabilityNotification: reader.read('availabilityNotification', flag, 'true or false'),
      research: reader.read('research', flag, 'true or false'),
    }),
    ...parsePolicyOf(reader),
  };
}

function parsePeerTls(at: string, fields: Fields, faults: string[]): PeerTlsSettings {
  const reader = new Reader(at, fields, ['ca', 'cert', 'key', 'fingerprint', 'serverName']);
  const path = (key: string): string | undefined => reader.read(key, textOf(nonEmpty), 'the path of a PEM file');
  const settings = given({
    ca: path('ca'),
    cert: path('cert'),
    key: path('key'),
    fingerprint: reader.read('fingerprint', textOf(parseFingerprint), FINGERPRINT),
    serverName: reader.read('serverName', textOf(nonEmpty), 'a host name'),
  });
  if (reader.has('cert') !== reader.has('key')) reader.faults.push(`${at}: cert and key go together`);
  faults.push(...reader.faults);
  return settings;
}

const FINGERPRINT = 'the SHA-256 fingerprint of a certificate (64 hex digits, colons allowed)';

/** The policy for callers that are not among the peers ("unknownPeers"). */
export function parseUnknownPeers(value: unknown, faults: string[]): CallerPolicy {
  if (value === undefined) return {};
  if (!isRecord(value)) {
    faults.push('unknownPeers: must be an object');
    return {};
  }
  const reader = new Reader('unknownPeers', value, POLICY_KEYS);
  const policy = parsePolicyOf(reader);
  faults.push(...reader.faults);
  return policy;
}

function parsePolicyOf(reader: Reader): CallerPolicy {
  return given({
    addresses: reader.read('addresses', listOf(parseNetwork), 'a list of addresses or networks such as 10.1.0.0/16'),
    fingerprint: reader.read('fingerprint', textOf(parseFingerprint), FINGERPRINT),
    services: reader.read('services', listOf(parseService), `a list of ${SERVICE_NAMES.join(', ')}`),
    sopClasses: reader.read('sopClasses', listOf(parseUid), 'a list of SOP Class UIDs'),
    privateSopClasses: reader.read('privateSopClasses', flag, 'true or false'),
    quota: reader.nested('quota', parseQuota),
    characterSet: reader.read('characterSet', textOf(parseCharacterSet), 'a Specific Character Set such as ISO_IR 100'),
    identity: reader.read('identity', parseIdentity, 'true or a list of user names'),
    quirks: reader.nested('quirks', parseQuirks),
  });
}

function parseQuota(at: string, fields: Fields, faults: string[]): Quota {
  const reader = new Reader(at, fields, ['associations', 'megabytes']);
  const quota = given({
    associations: reader.read('associations', (v) => wholeNumber(v, 1, 10_000), 'a whole number from 1 to 10000'),
    megabytes: reader.read('megabytes', (v) => wholeNumber(v, 1, 1_000_000), 'a whole number from 1 to 1000000'),
  });
  faults.push(...reader.faults);
  return quota;
}

/** Less than 4096 bytes a PDU is not to be had of every sender (PS3.8 D.1 names no lower bound). */
function parseQuirks(at: string, fields: Fields, faults: string[]): Quirks {
  const reader = new Reader(at, fields, ['roleSelection', 'maxPduLength']);
  const quirks = given({
    roleSelection: reader.read('roleSelection', flag, 'true or false'),
    maxPduLength: reader.read('maxPduLength', (v) => wholeNumber(v, 4096, 131_072), 'from 4096 to 131072 bytes'),
  });
  faults.push(...reader.faults);
  return quirks;
}

function parseService(text: string): ServiceName | undefined {
  return SERVICE_NAMES.find((name) => name === text);
}

function parseUid(text: string): string | undefined {
  return /^[0-9]+(\.[0-9]+)+$/.test(text) && text.length <= 64 ? text : undefined;
}

function parseCharacterSet(text: string): string | undefined {
  return /^[A-Z0-9_ ]{0,16}(\\[A-Z0-9_ ]{1,16})*$/.test(text) && text !== '' ? text : undefined;
}

function parseIdentity(value: unknown): true | readonly string[] | undefined {
  return value === true ? true : listOf(nonEmpty)(value);
}
