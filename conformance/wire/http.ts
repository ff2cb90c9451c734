/** HTTP as any client speaks it, and multipart/related (RFC 2046 Section 5.1) read by hand. */
export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly headers: Headers;
  readonly body: Buffer;
}

/** One attribute of the DICOM JSON Model (PS3.18 Annex F.2). */
export interface JsonElement {
  readonly vr: string;
  readonly Value?: readonly unknown[];
  readonly BulkDataURI?: string;
}
export type Json = Readonly<Record<string, JsonElement>>;

export async function call(url: string, init: RequestInit = {}): Promise<Answer> {
  const response = await fetch(url, init);
  return {
    status: response.status,
    type: response.headers.get('content-type') ?? '',
    headers: response.headers,
    body: Buffer.from(await response.arrayBuffer()),
  };
}

export function get(url: string, accept: string): Promise<Answer> {
  return call(url, { headers: { accept } });
}

export async function getJson(url: string): Promise<Json[]> {
  const { status, body } = await get(url, 'application/dicom+json');
  if (status !== 200) throw new Error(`${url} was answered with HTTP ${status}: ${body.toString()}`);
  return JSON.parse(body.toString());
}

export function post(url: string, files: readonly Buffer[]): Promise<Answer> {
  const boundary = 'conformance-suite';
  const body = Buffer.concat([
    ...files.flatMap((file) => [
      Buffer.from(`--${boundary}\r\nContent-Type: application/dicom\r\n\r\n`),
      file,
      Buffer.from('\r\n'),
    ]),
    Buffer.from(`--${boundary}--\r\n`),
  ]);
  const contentType = `multipart/related; type="application/dicom"; boundary=${boundary}`;
  return call(url, {
    method: 'POST',
    body,
    headers: { 'content-type': contentType, accept: 'application/dicom+json' },
  });
}

/** Runs once, whoever asks first; a failure is told to each who asks, so that no test hangs on another. */
export function once<T>(work: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | undefined;
  return () => {
    running ??= work();
    return running;
  };
}

export const json = ({ body }: Answer): Json => JSON.parse(body.toString());

/** Items of a sequence. */
export const itemsOf = (dataset: Json, tag: string): Json[] => (dataset[tag]?.Value ?? []) as Json[];

export const first = (dataset: Json | undefined, tag: string): unknown => dataset?.[tag]?.Value?.[0];

export interface Part {
  readonly type: string;
  readonly location: string;
  readonly body: Buffer;
}

export function partsOf({ type, body }: Answer): Part[] {
  const boundary = /boundary="?([^";]+)"?/.exec(type)?.[1];
  if (!type.startsWith('multipart/related') || boundary === undefined) throw new Error(`${type} is no multipart`);
  const parts: Part[] = [];
  const delimiter = Buffer.from(`--${boundary}`);
  for (let at = body.indexOf(delimiter) + delimiter.length; body.toString('latin1', at, at + 2) !== '--'; ) {
    const headEnd = body.indexOf('\r\n\r\n', at);
    const end = body.indexOf(Buffer.from(`\r\n--${boundary}`), headEnd);
    if (headEnd === -1 || end === -1) throw new Error('the multipart answer breaks off');
    const head = body.toString('latin1', at, headEnd);
    const header = (name: string): string => new RegExp(`^${name}: (.*)$`, 'im').exec(head)?.[1]?.trim() ?? '';
    parts.push({
      type: header('content-type'),
      location: header('content-location'),
      body: body.subarray(headEnd + 4, end),
    });
    at = end + 2 + delimiter.length;
  }
  return parts;
}

/** One part of a body that is sent. */
export interface SentPart {
  readonly type: string;
  readonly location?: string;
  readonly body: Buffer | string;
}

/** Sends parts as multipart/related of a root type; more headers win. */
export function postParts(
  url: string,
  rootType: string,
  parts: readonly SentPart[],
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const boundary = 'conformance-suite-parts';
  const body = Buffer.concat([
    ...parts.flatMap(({ type, location, body: content }) => [
      Buffer.from(
        `--${boundary}\r\nContent-Type: ${type}\r\n${location ? `Content-Location: ${location}\r\n` : ''}\r\n`,
      ),
      Buffer.from(content),
      Buffer.from('\r\n'),
    ]),
    Buffer.from(`--${boundary}--\r\n`),
  ]);
  const contentType = `multipart/related; type="${rootType}"; boundary=${boundary}`;
  return call(url, {
    method: 'POST',
    body,
    headers: { 'content-type': contentType, accept: 'application/dicom+json', ...headers },
  });
}
