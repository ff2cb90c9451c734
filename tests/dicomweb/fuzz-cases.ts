import { deflateSync, gzipSync } from 'node:zlib';
import { dataset } from '../../src/dicom/build.ts';
import type { JsonDataset } from '../../src/dicom/dataset.ts';
import { nativeXml } from '../../src/dicom/native-xml.ts';
import { anInstance, asFile } from '../support/instances.ts';
import { multipartOf } from './client.ts';

/** Chance that is the same every time: a case is its seed and its number. */
export class Chance {
  #state: number;

  constructor(seed: number, number: number) {
    this.#state = (Math.imul(seed, 0x9e3779b1) ^ Math.imul(number + 1, 0x85ebca6b)) >>> 0;
  }

  /** From 0 to less than 1 (mulberry32). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  one<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }

  some<T>(list: readonly T[], most: number): T[] {
    return Array.from({ length: this.below(most + 1) }, () => this.one(list));
  }

  /** Whether, this many times out of a hundred. */
  percent(times: number): boolean {
    return this.next() * 100 < times;
  }
}

export interface FuzzRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Buffer;
  /** Bytes that are sent as they are, in place of all this. */
  readonly raw?: Buffer;
}

const STUDY = '1.2.3.160';
/** What lies in the node, to be asked for. */
export const INSTANCE = `/dicom-web/studies/${STUDY}/series/${STUDY}.1/instances/${STUDY}.1.1`;
export const STORED = asFile(
  { StudyInstanceUID: STUDY, SeriesInstanceUID: `${STUDY}.1`, SOPInstanceUID: `${STUDY}.1.1`, Rows: 64, Columns: 64 },
  Buffer.alloc(64 * 64, 5),
);

/** Pieces of what the parsers look for, and what they stumble over. */
const TOKENS = [
  ...['', ' ', ',', ';', '=', '"', '\\', '/', '*', '+', '-', '--', '.', '..', '%', '%00', '%zz', '%2e%2e%2f', '^', '?'],
  ...['0', '1', '-1', '00', '1e9', '9'.repeat(15), '9'.repeat(40), 'NaN', 'Infinity', 'null', 'true', '0x10', '1.5'],
  ...['\u00e9', '\ud83d\ude00', '\u0000', '\t', '\u202e', 'a'.repeat(300), '<', '>', '&', '&amp;', '<!--', ']]>', '{', '['],
  ...['application/dicom', 'application/dicom+json', 'application/dicom+xml', 'application/json', 'multipart/related'],
  ...['image/jpeg', 'image/png', 'video/mp4', 'application/zip', 'text/html', '*/*', 'image/*', 'application/octet-stream'],
  ...['type=', 'q=', 'q=0', 'q=0.5', 'q=2', 'transfer-syntax=', 'transfer-syntax=*', '1.2.840.10008.1.2.4.50', 'boundary='],
  ...['1.2.840.10008.1.2', 'charset=utf-8', 'bytes', 'bytes=', 'PatientID', 'PatientName', 'StudyDate', '00100010'],
  ...['includefield', 'all', 'limit', 'offset', 'fuzzymatching', '20200101-20210101', 'DOE^*', '0020000D', 'Rows'],
  ...['viewport', 'window', 'quality', 'annotation', 'iccprofile', '64,64', '1,1,linear', 'patient', 'constructor', '__proto__'],
]; // biome-ignore format: a list

const HEADERS = [
  'Accept',
  'Range',
  'If-None-Match',
  'If-Modified-Since',
  'If-Range',
  'Accept-Encoding',
  'Accept-Charset',
];
const ENDS = [
  '',
  '/metadata',
  '/frames/1',
  '/frames/1,2',
  '/bulkdata/7FE00010',
  '/rendered',
  '/thumbnail',
  '/frames/1/rendered',
];
const KEYS = [
  ...['PatientID', 'PatientName', 'StudyDate', 'StudyTime', 'StudyInstanceUID', 'ModalitiesInStudy', 'AccessionNumber'],
  ...['includefield', 'limit', 'offset', 'fuzzymatching', 'emptyvaluematching', 'accept', 'charset', '00100010', 'Rows'],
  ...['RequestAttributesSequence.ScheduledProcedureStepID', '00400275.00400009', '00091001', 'nothing', 'viewport', 'window'],
]; // biome-ignore format: a list

type Maker = (chance: Chance) => FuzzRequest;

/** A kind of request with something wrong in it, most of the time. */
export const KINDS: Readonly<Record<string, Maker>> = {
  'multipart of files': (chance) => stow(chance, 'dicom', multipartOf([anObject(chance), anObject(chance)])),
  'metadata in JSON': (chance) => stow(chance, 'dicom+json', metadata(chance, 'json')),
  'metadata in XML': (chance) => stow(chance, 'dicom+xml', metadata(chance, 'xml')),
  'one file': (chance) => ({
    ...post('/dicom-web/studies', chance.one(['application/dicom', 'application/dicom+json', 'application/dicom+xml'])),
    body: mutated(chance, chance.one([anObject(chance), Buffer.from(json(chance)), Buffer.from(nativeXml(anImage(chance)))])),
  }), // biome-ignore format: as short as it is
  'compressed body': compressed,
  Accept: (chance) => get(`${INSTANCE}${chance.one(ENDS)}`, { Accept: headerValue(chance) }),
  Range: (chance) =>
    get(`${INSTANCE}${chance.one(['', '/bulkdata/7FE00010', '/frames/1'])}`, {
      Accept: '*/*',
      Range: chance.percent(50) ? headerValue(chance) : `bytes=${range(chance)}`,
      ...(chance.percent(30) ? { 'If-Range': headerValue(chance) } : {}),
    }),
  'query string': (chance) => get(`${searched(chance)}?${query(chance)}`, { Accept: '*/*' }),
  'rendering parameters': (chance) =>
    get(`${INSTANCE}${chance.one(['/rendered', '/thumbnail', '/frames/1/rendered'])}?${query(chance)}`, {
      Accept: '*/*',
    }),
  'WADO-URI': (chance) =>
    get(
      `/dicom-web/wado?requestType=${chance.one(['WADO', 'x', ''])}&studyUID=${STUDY}&seriesUID=${STUDY}.1&objectUID=${STUDY}.1.1&${query(chance)}`,
      {},
    ),
  path: (chance) => get(`/dicom-web/${path(chance)}`, { Accept: '*/*' }),
  'change feed': (chance) => get(`/dicom-web/changes${chance.one(['', '/latest'])}?${query(chance)}`, {}),
  'admin API': (chance) => {
    const resource = chance.one(['deletions', 'studies/1.2/hold', 'conflicts', 'series/1.2/analyses', 'warnings', 'x']);
    const method = chance.one(['GET', 'POST', 'PUT', 'HEAD', 'OPTIONS']);
    // Node.js sends the body of others without saying how long it is.
    const hasBody = method === 'POST' || method === 'PUT';
    const body = hasBody ? { body: mutated(chance, Buffer.from(json(chance))) } : {};
    return { ...post(`/api/${resource}?${query(chance)}`, 'application/json'), method, ...body };
  },
  commitment: (chance) => ({
    ...post(`/dicom-web/commitment-requests/${chance.percent(70) ? '1.2.3' : encodeURIComponent(text(chance))}`, 'application/dicom+json'),
    body: mutated(chance, Buffer.from(commitmentRequest(chance))),
  }), // biome-ignore format: as short as it is
  headers: (chance) => {
    const named = chance.some(HEADERS, 5).map((name): [string, string] => [name, headerValue(chance)]);
    return get(`${INSTANCE}${chance.one(ENDS)}`, Object.fromEntries(named), chance.one(['GET', 'HEAD', 'OPTIONS', 'PUT', 'PATCH']));
  }, // biome-ignore format: as short as it is
  'HTTP itself': (chance) => ({ method: '', path: '', headers: {}, raw: mutated(chance, rawRequest(chance)) }),
};

function get(path: string, headers: Record<string, string>, method = 'GET'): FuzzRequest {
  return { method, path, headers };
}

function post(path: string, type: string): FuzzRequest {
  return { method: 'POST', path, headers: { 'Content-Type': type } };
}

function stow(chance: Chance, root: string, body: Buffer): FuzzRequest {
  const type = chance.percent(80)
    ? `multipart/related; type="application/${root}"; boundary=a-boundary`
    : `multipart/related; type="application/${root}"; ${asHeader(text(chance))}; boundary=${asHeader(text(chance))}`;
  const path = chance.percent(85) ? '/dicom-web/studies' : `/dicom-web/studies/${STUDY}`;
  // What is broken at its first bytes never comes to what lies behind them.
  return { ...post(path, type), body: chance.percent(50) ? body : mutated(chance, body) };
}

function compressed(chance: Chance): FuzzRequest {
  const body = (chance.percent(50) ? gzipSync : deflateSync)(multipartOf([anObject(chance)]));
  const { path, headers } = stow(chance, 'dicom', Buffer.alloc(0));
  const coding = chance.one(['gzip', 'deflate', 'br', 'identity', 'zstd', 'gzip, gzip', 'GZIP']);
  return { method: 'POST', path, headers: { ...headers, 'Content-Encoding': coding }, body: mutated(chance, body) };
}

/** Few names, so that the archive does not grow with the cases. */
function anObject(chance: Chance): Buffer {
  const study = `1.2.3.161.${chance.below(3)}`;
  return asFile({
    StudyInstanceUID: study,
    SeriesInstanceUID: `${study}.1`,
    SOPInstanceUID: `${study}.1.${chance.below(3)}`,
    InstanceNumber: 1,
  });
}

function anImage(chance: Chance): JsonDataset {
  const study = `1.2.3.162.${chance.below(3)}`;
  return {
    ...dataset(
      anInstance({
        StudyInstanceUID: study,
        SeriesInstanceUID: `${study}.1`,
        SOPInstanceUID: `${study}.1.${chance.below(3)}`,
        ReferencedStudySequence: [{ ReferencedSOPClassUID: '1.2', ReferencedSOPInstanceUID: '1.3' }],
        ...(chance.percent(20) ? { NumberOfFrames: chance.below(4) } : {}),
      }),
    ),
    '7FE00010': { vr: 'OW', BulkDataURI: chance.percent(70) ? 'pixels' : chance.one(['http://[', 'a b', '']) },
  };
}

function json(chance: Chance): string {
  let written = JSON.stringify(chance.percent(80) ? [anImage(chance)] : anImage(chance));
  for (const token of chance.percent(30) ? [] : chance.some(TOKENS, 2)) {
    const places = [...written.matchAll(/"[^"]*"/g)];
    const place = chance.one(places);
    const value = chance.one([
      JSON.stringify(token),
      '{}',
      '[]',
      'null',
      '1e400',
      '-0',
      '[[[]]]',
      '{"vr":"SQ","Value":[{}]}',
    ]);
    written = `${written.slice(0, place.index)}${value}${written.slice(place.index + place[0].length)}`;
  }
  return written;
}

function metadata(chance: Chance, model: 'json' | 'xml'): Buffer {
  const first = model === 'json' ? json(chance) : nativeXml(anImage(chance));
  const octets = 'Content-Type: application/octet-stream\r\nContent-Location: pixels\r\n\r\n0123456789abcdef';
  const parts = [
    `Content-Type: application/dicom+${model}\r\n\r\n${first}`,
    ...(chance.percent(60) ? [octets] : []),
    ...chance.some(
      [
        octets,
        'Content-Type: image/jpeg\r\nContent-Location: pixels\r\n\r\n\u00ff\u00d8\u00ff\u00c0\0\x0b\x08\0\x04\0\x04\x01\x01\x11\0\u00ff\u00da\0\x08\x01\x01\0\0\x3f\0ab\u00ff\u00d9',
        'Content-Type: video/mp4; transfer-syntax=1.2.840.10008.1.2.4.102\r\nContent-Location: pixels\r\n\r\nftyp',
        `Content-Type: ${asHeader(text(chance))}\r\nContent-Location: ${asHeader(text(chance))}\r\n\r\nx`,
        'Content-Location: pixels\r\n\r\n',
      ],
      3,
    ),
  ];
  return Buffer.from(`${parts.map((part) => `--a-boundary\r\n${part}\r\n`).join('')}--a-boundary--\r\n`, 'latin1');
}

function commitmentRequest(chance: Chance): string {
  const item = { '00081150': { vr: 'UI', Value: ['1.2'] }, '00081155': { vr: 'UI', Value: [chance.one(TOKENS)] } };
  return JSON.stringify({ '00081199': { vr: 'SQ', Value: Array.from({ length: chance.below(4) }, () => item) } });
}

function searched(chance: Chance): string {
  return `/dicom-web${chance.one(['/studies', '/series', '/instances', `/studies/${STUDY}/series`, '/patients', `/studies/${STUDY}/instances`])}`;
}

function query(chance: Chance): string {
  return Array.from({ length: 1 + chance.below(4) }, () => {
    const key = chance.percent(80) ? chance.one(KEYS) : text(chance);
    const value = text(chance);
    return chance.percent(80) ? `${encodeURIComponent(key)}=${safely(value)}` : `${asTarget(key)}=${asTarget(value)}`;
  }).join('&');
}

function range(chance: Chance): string {
  const end = (): string => (chance.percent(70) ? String(chance.below(9000)) : asHeader(chance.one(TOKENS)));
  return Array.from({ length: 1 + chance.below(chance.percent(70) ? 1 : 3) }, () => `${end()}-${end()}`).join(',');
}

function path(chance: Chance): string {
  const parts =
    `studies/${STUDY}/series/${STUDY}.1/instances/${STUDY}.1.1/${chance.one(['frames/1', 'bulkdata/7FE00010', 'metadata', 'rendered'])}`.split(
      '/',
    );
  for (let i = 1 + chance.below(2); i > 0; i -= 1) {
    const token = text(chance);
    parts[chance.below(parts.length)] = chance.percent(50) ? safely(token) : asTarget(token);
  }
  return parts.slice(0, 1 + chance.below(parts.length)).join('/');
}

function text(chance: Chance): string {
  return chance.some(TOKENS, 4).join('');
}

function headerValue(chance: Chance): string {
  return asHeader(
    Array.from({ length: 1 + chance.below(6) }, () => chance.one(TOKENS)).join(chance.one(['', ';', ',', '; ', ', '])),
  );
}

function safely(token: string): string {
  return encodeURIComponent(token.replace(/[\ud800-\udfff]/g, ''));
}

/** What a client of HTTP can send in a header at all. */
function asHeader(token: string): string {
  return token.replace(/[^\x20-\x7e\t]/g, '').trim();
}

/** What it can send as a target; raw requests have the rest. */
function asTarget(token: string): string {
  return token.replace(/[^\x21-\x7e]/g, '').replaceAll('#', '');
}

function rawRequest(chance: Chance): Buffer {
  const lines = [
    `${chance.one(['GET', 'POST', 'TRACE', 'CONNECT', 'get', 'G T'])} ${chance.one(['/healthz', INSTANCE, '*', 'http://x/', '//', ''])} HTTP/1.${chance.below(3)}`,
    chance.one(['Host: 127.0.0.1', 'Host: x', 'Host:', 'Host: a.example.org']),
    ...chance.some(
      [
        ...['Content-Length: 5', 'Content-Length: -1', 'Content-Length: 99999999999999999999', 'Transfer-Encoding: chunked'],
        ...['Expect: 100-continue', 'Expect: x', 'Connection: close', 'Upgrade: h2c', 'Content-Type: application/dicom'],
        ...['Content-Encoding: gzip', `Cookie: ${'c'.repeat(20_000)}`, ' folded: x', 'no colon', ': no name', 'Origin: null'],
      ],
      4,
    ),
  ];
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n${chance.one(['', 'hello', '5\r\nhello\r\n0\r\n\r\n', 'ffffffff\r\n'])}`, 'latin1');
} // biome-ignore format: a list

/** A few bytes changed, left out, doubled or cut off; sometimes none. */
export function mutated(chance: Chance, bytes: Buffer): Buffer {
  let result = Buffer.from(bytes);
  for (let i = chance.below(5); i > 0 && result.length > 0; i -= 1) {
    const at = chance.below(result.length);
    const length = 1 + chance.below(chance.percent(80) ? 8 : result.length - at);
    switch (chance.below(6)) {
      case 0:
        result[at] = chance.below(256);
        break;
      case 1:
        result[at] = (result[at] ?? 0) ^ (1 << chance.below(8));
        break;
      case 2:
        result = Buffer.concat([result.subarray(0, at), result.subarray(at + length)]);
        break;
      case 3:
        result = Buffer.concat([result.subarray(0, at + length), result.subarray(at)]);
        break;
      case 4:
        result = Buffer.concat([result.subarray(0, at), Buffer.from(chance.one(TOKENS)), result.subarray(at)]);
        break;
      default:
        if (chance.percent(30)) result = result.subarray(0, at);
    }
  }
  return result;
}
