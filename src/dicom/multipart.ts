import { randomUUID } from 'node:crypto';
import { VoxgateError } from '../errors.ts';
import { formatMediaType, type MediaType } from './media-types.ts';

/** One part of a multipart body (RFC 2046 Section 5.1). */
export interface Part {
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  /** To be read once, before the next part is asked for; what is left unread then is skipped. */
  readonly body: AsyncIterable<Buffer>;
}

export interface MultipartLimits {
  /** 100,000 unless given. */
  readonly maxParts?: number;
  /** Bytes of the headers of one part; 16 KiB unless given. */
  readonly maxHeaderBytes?: number;
  /** Bytes of the body of one part; unlimited unless given. */
  readonly maxPartBytes?: number;
}

const MAX_PARTS = 100_000;
const MAX_HEADER_BYTES = 16 * 1024;
/** RFC 2046 Section 5.1.1 says 70; longer ones are seen and harmless. */
const MAX_BOUNDARY = 200;
/** White space that a transport may add behind a delimiter (RFC 2046 Section 5.1.1). */
const MAX_TRANSPORT_PADDING = 256;
const CRLF = '\r\n';

/**
 * The boundary of a multipart Content-Type.
 *
 * @throws VoxgateError bad-request where there is none that can be used
 */
export function boundaryOf(contentType: MediaType): string {
  const boundary = contentType.parameters['boundary'] ?? '';
  if (boundary === '' || boundary.length > MAX_BOUNDARY || /[\r\n]/.test(boundary)) {
    throw new VoxgateError('bad-request', `the Content-Type has no boundary of 1 to ${MAX_BOUNDARY} characters`);
  }
  return boundary;
}

/**
 * Reads a multipart body part by part as it arrives, holding no more than a chunk of it: the source is read only when
 * the consumer asks for more. Preamble and epilogue are passed over. When the reading ends early, by an error or by the
 * consumer, the source is left as it is: ending an HTTP request would take the connection from its answer.
 *
 * @throws VoxgateError bad-request where the body is malformed or ends before its closing delimiter, too-large where
 *   it exceeds a limit; both also out of the body of a part
 */
export async function* readMultipart(
  source: AsyncIterable<Uint8Array>,
  boundary: string,
  limits: MultipartLimits = {},
): AsyncGenerator<Part, void, undefined> {
  const bytes = new DelimitedBytes(source, boundary);
  await skipToDelimiter(bytes);
  for (let count = 1; !(await bytes.closes()); count += 1) {
    if (count > (limits.maxParts ?? MAX_PARTS)) throw tooLarge(`more than ${count - 1} parts`);
    const headers = await bytes.headers(limits.maxHeaderBytes ?? MAX_HEADER_BYTES);
    yield { headers, body: bodyOf(bytes, count, limits.maxPartBytes ?? Number.POSITIVE_INFINITY) };
    await skipToDelimiter(bytes);
  }
  await bytes.drain();
}

async function skipToDelimiter(bytes: DelimitedBytes): Promise<void> {
  while ((await bytes.beforeDelimiter()) !== undefined);
}

async function* bodyOf(bytes: DelimitedBytes, part: number, limit: number): AsyncGenerator<Buffer, void, undefined> {
  let size = 0;
  for (;;) {
    if (bytes.part !== part) throw new TypeError('the body of a part must be read before the next part is asked for');
    const piece = await bytes.beforeDelimiter();
    if (piece === undefined) return;
    size += piece.length;
    if (size > limit) throw tooLarge(`a part of more than ${limit} bytes`);
    if (piece.length > 0) yield piece;
  }
}

function tooLarge(what: string): VoxgateError {
  return new VoxgateError('too-large', `the multipart body has ${what}`);
}

function malformed(what: string): VoxgateError {
  return new VoxgateError('bad-request', `the multipart body ${what}`);
}

/** The bytes of the body, with one delimiter after the other in between. */
class DelimitedBytes {
  /** Counts the parts; changes when one has been left. */
  part = 0;

  readonly #chunks: AsyncIterator<Uint8Array>;
  readonly #delimiter: Buffer;
  /** What was read and not yet given out; a line end in front makes the first delimiter like the others. */
  #held: Buffer = Buffer.from(CRLF);
  #ended = false;
  #atDelimiter = false;

  constructor(source: AsyncIterable<Uint8Array>, boundary: string) {
    this.#chunks = source[Symbol.asyncIterator]();
    this.#delimiter = Buffer.from(`${CRLF}--${boundary}`, 'latin1');
  }

  /** The next piece in front of the next delimiter; undefined once that is reached, until `headers` goes past it. */
  async beforeDelimiter(): Promise<Buffer | undefined> {
    if (this.#atDelimiter) return undefined;
    for (;;) {
      const at = this.#held.indexOf(this.#delimiter);
      if (at === -1) {
        const certain = this.#held.length - this.#delimiter.length + 1;
        if (certain > 0) return this.#take(certain);
        if (!(await this.#more())) throw malformed('ends before its closing delimiter');
      } else if (at > 0) {
        return this.#take(at);
      } else if (await this.#isDelimiter()) {
        this.#atDelimiter = true;
        this.#take(this.#delimiter.length);
        return undefined;
      } else {
        return this.#take(this.#delimiter.length);
      }
    }
  }

  /** Whether the delimiter just reached is the closing one. */
  async closes(): Promise<boolean> {
    await this.#hold(2);
    return this.#held.toString('latin1', 0, 2) === '--';
  }

  /** Goes past the line of the delimiter and reads the headers behind it up to the empty line. */
  async headers(limit: number): Promise<Map<string, string>> {
    this.#take((await this.#find(CRLF, MAX_TRANSPORT_PADDING)) + CRLF.length);
    this.#atDelimiter = false;
    this.part += 1;
    await this.#hold(2);
    if (this.#held.toString('latin1', 0, 2) === CRLF) {
      this.#take(2);
      return new Map();
    }
    const end = await this.#find(CRLF + CRLF, limit);
    const lines = this.#take(end + 2 * CRLF.length).toString('utf8', 0, end);
    return parseHeaders(lines);
  }

  /** Reads to the end, so that the connection can serve the next request. */
  async drain(): Promise<void> {
    do this.#held = Buffer.alloc(0);
    while (await this.#more());
  }

  /** The boundary may begin a longer line of the body: a delimiter has "--" or white space and a line end behind it. */
  async #isDelimiter(): Promise<boolean> {
    for (;;) {
      const behind = this.#held.toString(
        'latin1',
        this.#delimiter.length,
        this.#delimiter.length + MAX_TRANSPORT_PADDING,
      );
      if (behind.startsWith('--') || /^[ \t]*\r\n/.test(behind)) return true;
      const undecided = behind === '-' || /^[ \t]*\r?$/.test(behind);
      if (!undecided || behind.length >= MAX_TRANSPORT_PADDING) return false;
      if (!(await this.#more())) throw malformed('ends before its closing delimiter');
    }
  }

  async #find(text: string, limit: number): Promise<number> {
    for (;;) {
      const at = this.#held.indexOf(text, 0, 'latin1');
      if (at !== -1 && at <= limit) return at;
      if (at !== -1 || this.#held.length > limit + text.length) throw tooLarge(`headers of more than ${limit} bytes`);
      if (!(await this.#more())) throw malformed('ends within the headers of a part');
    }
  }

  async #hold(length: number): Promise<void> {
    while (this.#held.length < length) {
      if (!(await this.#more())) throw malformed('ends before its closing delimiter');
    }
  }

  #take(length: number): Buffer {
    const taken = this.#held.subarray(0, length);
    this.#held = this.#held.subarray(length);
    return taken;
  }

  async #more(): Promise<boolean> {
    if (this.#ended) return false;
    const next = await this.#chunks.next();
    if (next.done === true) {
      this.#ended = true;
      return false;
    }
    const chunk = Buffer.from(next.value.buffer, next.value.byteOffset, next.value.length);
    this.#held = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    return true;
  }
}

/** Lines "Name: value" (RFC 2045 Section 3); a line that begins with white space goes on with the one before. */
function parseHeaders(lines: string): Map<string, string> {
  const headers = new Map<string, string>();
  for (const line of lines.replace(/\r\n[ \t]+/g, ' ').split(CRLF)) {
    const colon = line.indexOf(':');
    if (colon < 1) throw malformed('has a part with a header line without a name');
    headers.set(line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim());
  }
  return headers;
}

/** Writes the lines around the parts of a multipart/related body; the parts themselves go between them as they are. */
export class MultipartWriter {
  readonly boundary: string;
  #first = true;

  /** @param name letters, digits, "-" and "_" that nobody can foresee; where it is the same, so are the lines */
  constructor(name: string = randomUUID()) {
    this.boundary = `voxgate-${name}`;
  }

  /** The Content-Type of the whole, with the type of its root part (RFC 2387, PS3.18 Section 8.6.1.2.1). */
  contentType(rootType: string): string {
    return formatMediaType('multipart/related', { type: rootType, boundary: this.boundary });
  }

  /** What stands in front of the next part. A value with a line end would forge headers and is refused. */
  head(headers: Readonly<Record<string, string>>): Buffer {
    const lines = Object.entries(headers).map(([name, value]) => {
      if (/[\r\n]/.test(value)) throw new TypeError(`the header ${name} of a part has a line end in it`);
      return `${name}: ${value}${CRLF}`;
    });
    const before = this.#first ? '' : CRLF;
    this.#first = false;
    return Buffer.from(`${before}--${this.boundary}${CRLF}${lines.join('')}${CRLF}`);
  }

  /** What stands behind the last part. */
  end(): Buffer {
    return Buffer.from(`${this.#first ? '' : CRLF}--${this.boundary}--${CRLF}`);
  }
}
