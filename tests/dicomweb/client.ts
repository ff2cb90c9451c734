import { request } from 'node:http';
import type { JsonDataset } from '../../src/dicom/dataset.ts';

/**
 * A DICOMweb client that says exactly what a test wants said. It reads multipart with code of its own, so that it
 * judges the node's.
 */
export interface Ask {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer | string;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly type: string;
  readonly body: Buffer;
  readonly text: string;
}

export function ask(root: string, path: string, { method = 'GET', headers = {}, body }: Ask = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(root);
    const outgoing = request({ hostname, port, path, method, headers, agent: false }, (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('error', reject);
      incoming.on('end', () => {
        const whole = Buffer.concat(chunks);
        resolve({
          status: incoming.statusCode ?? 0,
          headers: incoming.headers,
          type: incoming.headers['content-type'] ?? '',
          body: whole,
          text: whole.toString('utf8'),
        });
      });
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

export async function askJson(root: string, path: string, headers: Readonly<Record<string, string>> = {}) {
  const answer = await ask(root, path, { headers: { accept: 'application/dicom+json', ...headers } });
  if (answer.status !== 200) throw new Error(`${path} was answered with ${answer.status}: ${answer.text}`);
  const datasets: JsonDataset[] = JSON.parse(answer.text);
  return datasets;
}

export interface ReceivedPart {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** The parts of a multipart answer (RFC 2046 5.1). */
export function partsOf({ type, body }: Pick<Answer, 'type' | 'body'>): ReceivedPart[] {
  const boundary = /boundary="?([^";]+)"?/.exec(type)?.[1];
  if (!type.startsWith('multipart/related') || boundary === undefined) throw new Error(`${type} is no multipart`);
  const delimiter = Buffer.from(`--${boundary}`);
  const parts: ReceivedPart[] = [];
  let at = body.indexOf(delimiter);
  for (;;) {
    at += delimiter.length;
    if (body.toString('latin1', at, at + 2) === '--') return parts;
    const headEnd = body.indexOf('\r\n\r\n', at);
    const headers = body
      .toString('latin1', at + 2, headEnd)
      .split('\r\n')
      .map((line) => line.split(/: (.*)/s) as [string, string]);
    const length = Number(headers.find(([name]) => name.toLowerCase() === 'content-length')?.[1]);
    const end = Number.isNaN(length) ? body.indexOf(Buffer.from(`\r\n--${boundary}`), headEnd) : headEnd + 4 + length;
    if (headEnd === -1 || end === -1) throw new Error('the multipart answer breaks off');
    parts.push({
      headers: Object.fromEntries(headers.map(([name, value]) => [name.toLowerCase(), value])),
      body: body.subarray(headEnd + 4, end),
    });
    if (body.toString('latin1', end, end + 2 + delimiter.length) !== `\r\n--${boundary}`)
      throw new Error('a part does not end where its Content-Length says');
    at = end + 2;
  }
}

/** A multipart/related body of files, as a viewer sends them. */
export function multipartOf(
  files: readonly Buffer[],
  { boundary = 'a-boundary', partType = 'application/dicom' }: { boundary?: string; partType?: string | null } = {},
): Buffer {
  const head = partType === null ? '\r\n' : `Content-Type: ${partType}\r\n\r\n`;
  return Buffer.concat([
    ...files.flatMap((file) => [Buffer.from(`--${boundary}\r\n${head}`), file, Buffer.from('\r\n')]),
    Buffer.from(`--${boundary}--\r\n`),
  ]);
}

export const STOW_TYPE = 'multipart/related; type="application/dicom"; boundary="a-boundary"';

export async function stow(root: string, files: readonly Buffer[], study?: string): Promise<Answer> {
  return ask(root, study === undefined ? '/dicom-web/studies' : `/dicom-web/studies/${study}`, {
    method: 'POST',
    headers: { 'content-type': STOW_TYPE, accept: 'application/dicom+json' },
    body: multipartOf(files),
  });
}

/** Stores the files, and says why not. */
export async function stored(root: string, files: readonly Buffer[]): Promise<JsonDataset> {
  const answer = await stow(root, files);
  if (answer.status !== 200) throw new Error(`STOW-RS was answered with ${answer.status}: ${answer.text}`);
  return JSON.parse(answer.text);
}
