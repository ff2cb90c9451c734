import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { parseMediaType } from '../../src/dicom/media-types.ts';
import { boundaryOf, type MultipartLimits, MultipartWriter, readMultipart } from '../../src/dicom/multipart.ts';

interface Read {
  readonly headers: Record<string, string>;
  readonly body: string;
}

/** Hands the bytes out in chunks of a size, as a network might. */
async function* chunked(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function readAll(
  text: string,
  options: { chunk?: number; boundary?: string; limits?: MultipartLimits } = {},
): Promise<Read[]> {
  const bytes = Buffer.from(text, 'latin1');
  const parts: Read[] = [];
  for await (const part of readMultipart(
    chunked(bytes, options.chunk ?? 1000),
    options.boundary ?? 'b',
    options.limits,
  )) {
    const pieces: Buffer[] = [];
    for await (const piece of part.body) pieces.push(piece);
    parts.push({ headers: Object.fromEntries(part.headers), body: Buffer.concat(pieces).toString('latin1') });
  }
  return parts;
}

const TWO = '--b\r\nContent-Type: application/dicom\r\n\r\none\r\n--b\r\nA: 1\r\nB:2\r\n\r\ntwo\r\n--b--\r\n';
const READ_TWO: Read[] = [
  { headers: { 'content-type': 'application/dicom' }, body: 'one' },
  { headers: { a: '1', b: '2' }, body: 'two' },
];

describe('readMultipart (RFC 2046 Section 5.1)', () => {
  it.each([1, 2, 3, 5, 7, 11, 64, 1000])('reads parts from chunks of %i bytes', async (chunk) => {
    expect(await readAll(TWO, { chunk })).toEqual(READ_TWO);
  });

  it.each([
    ['a preamble and an epilogue', `this is\r\n--not\r\n--bit\r\n${TWO}--b\r\n\r\nepilogue`],
    ['a line end in front', `\r\n${TWO}`],
    ['white space behind the delimiters', TWO.replaceAll('--b\r\n', '--b \t \r\n')],
    ['nothing behind the closing delimiter', TWO.slice(0, -2)],
  ])('reads over %s', async (_name, text) => {
    for (const chunk of [1, 4, 1000]) expect(await readAll(text, { chunk })).toEqual(READ_TWO);
  });

  it('keeps in the body what only looks like a delimiter', async () => {
    const body = '\r\n-\r\n--\r\n--a\r\n--bb\r\n--b x\r\n--b-\r\n\r\n\r\n';
    for (const chunk of [1, 3, 1000])
      expect(await readAll(`--b\r\n\r\n${body}\r\n--b--`, { chunk })).toEqual([{ headers: {}, body }]);
  });

  it('reads empty parts, parts without headers, and none', async () => {
    expect(await readAll('--b\r\nA: 1\r\n\r\n\r\n--b\r\n\r\n\r\n--b--')).toEqual([
      { headers: { a: '1' }, body: '' },
      { headers: {}, body: '' },
    ]);
    expect(await readAll('--b--\r\n')).toEqual([]);
  });

  it('joins headers that go on in the next line', async () => {
    expect((await readAll('--b\r\nA: 1;\r\n  x=2\r\n\r\n\r\n--b--'))[0]?.headers).toEqual({ a: '1; x=2' });
  });

  it('keeps every byte of a body', async () => {
    const bytes = Buffer.from(Array.from({ length: 100_000 }, (_, i) => (i * 31) % 256));
    const text = `--b\r\n\r\n${bytes.toString('latin1')}\r\n--b--`;
    const [part] = await readAll(text, { chunk: 777 });
    expect(Buffer.from(part!.body, 'latin1').equals(bytes)).toBe(true);
  });

  it('skips what was not read of a part, and refuses to read it later', async () => {
    const seen: string[] = [];
    let first: AsyncIterable<Buffer> | undefined;
    for await (const part of readMultipart(chunked(Buffer.from(TWO), 5), 'b')) {
      seen.push([...part.headers.keys()].join());
      first ??= part.body;
    }
    expect(seen).toEqual(['content-type', 'a,b']);
    const late = first![Symbol.asyncIterator]();
    await expect(late.next()).rejects.toThrow(TypeError);
  });

  it('goes on with the next part where the consumer left one half way', async () => {
    const text = `--b\r\n\r\n${'x'.repeat(10_000)}\r\n--b\r\n\r\nsecond\r\n--b--`;
    const bodies: string[] = [];
    for await (const part of readMultipart(chunked(Buffer.from(text), 100), 'b')) {
      for await (const piece of part.body) {
        bodies.push(piece.toString().slice(0, 6));
        break;
      }
    }
    expect(bodies).toEqual(['xxxxxx', 'second']);
  });

  it('reads the source no faster than the consumer asks', async () => {
    let handedOut = 0;
    async function* endless(): AsyncGenerator<Buffer> {
      yield Buffer.from('--b\r\n\r\n');
      for (;;) {
        handedOut += 1;
        yield Buffer.alloc(1000, 1);
      }
    }
    for await (const part of readMultipart(endless(), 'b')) {
      const body = part.body[Symbol.asyncIterator]();
      await body.next();
      await new Promise((resolve) => setTimeout(resolve, 20));
      expect(handedOut).toBeLessThan(4);
      break;
    }
  });

  it('takes the rest of the source once the parts are over, so that a connection can be kept', async () => {
    const source = Readable.from([Buffer.from(TWO), Buffer.from('more'), Buffer.from('and more')]);
    for await (const _ of readMultipart(source, 'b'));
    expect(source.readableEnded).toBe(true);
  });

  it.each([
    ['no delimiter at all', 'hello'],
    ['nothing', ''],
    ['a part without end', '--b\r\nA: 1\r\n\r\nhello'],
    ['headers without end', '--b\r\nA: 1\r\n'],
    ['a delimiter cut in two', '--b\r\nA: 1\r\n\r\nhello\r\n--'],
    ['an undecided delimiter', '--b\r\nA: 1\r\n\r\nhello\r\n--b'],
    ['a header line without name', '--b\r\nA 1\r\n\r\nhello\r\n--b--'],
  ])('refuses %s as a bad request', async (_name, text) => {
    for (const chunk of [1, 1000]) {
      await expect(readAll(text, { chunk })).rejects.toMatchObject({ code: 'bad-request', name: 'VoxgateError' });
    }
  });

  it.each<[string, string, MultipartLimits]>([
    ['headers', `--b\r\nA: ${'x'.repeat(20_000)}\r\n\r\n\r\n--b--`, {}],
    ['headers without end', `--b\r\nA: ${'x'.repeat(20_000)}`, {}],
    ['parts', TWO, { maxParts: 1 }],
    ['a part', TWO, { maxPartBytes: 2 }],
  ])('refuses too much of %s', async (_name, text, limits) => {
    for (const chunk of [100, 100_000]) {
      await expect(readAll(text, { chunk, limits })).rejects.toMatchObject({ code: 'too-large', name: 'VoxgateError' });
    }
  });

  it('reads some hundred megabytes a second', async () => {
    const part = Buffer.concat([
      Buffer.from('--b\r\nContent-Type: application/dicom\r\n\r\n'),
      Buffer.alloc(525_000, 0x0d),
      Buffer.from('\r\n'),
    ]);
    async function* body(): AsyncGenerator<Buffer> {
      for (let i = 0; i < 100; i += 1) yield* chunked(part, 65_536);
      yield Buffer.from('--b--');
    }
    let bytes = 0;
    const started = performance.now();
    for await (const { body: pieces } of readMultipart(body(), 'b'))
      for await (const piece of pieces) bytes += piece.length;
    expect(bytes).toBe(52_500_000);
    expect(bytes / 1e6 / ((performance.now() - started) / 1000)).toBeGreaterThan(50);
  });
});

describe('boundaryOf', () => {
  it('takes it quoted or not', () => {
    expect(boundaryOf(parseMediaType('multipart/related; boundary="a b"'))).toBe('a b');
    expect(boundaryOf(parseMediaType('multipart/related; boundary=ab'))).toBe('ab');
  });

  it.each(['multipart/related', 'multipart/related; boundary=""', `multipart/related; boundary=${'x'.repeat(201)}`])(
    'refuses %s',
    (header) => {
      expect(() => boundaryOf(parseMediaType(header))).toThrow(expect.objectContaining({ code: 'bad-request' }));
    },
  );
});

describe('MultipartWriter', () => {
  it('writes what readMultipart reads', async () => {
    const writer = new MultipartWriter();
    const body = Buffer.concat([
      writer.head({ 'Content-Type': 'application/dicom; transfer-syntax=1.2' }),
      Buffer.from('one'),
      writer.head({}),
      Buffer.from('two'),
      writer.end(),
    ]);
    expect(body.toString().startsWith(`--${writer.boundary}\r\n`)).toBe(true);
    const contentType = parseMediaType(writer.contentType('application/dicom'));
    expect(contentType.parameters['type']).toBe('application/dicom');
    expect(await readAll(body.toString(), { boundary: boundaryOf(contentType) })).toEqual([
      { headers: { 'content-type': 'application/dicom; transfer-syntax=1.2' }, body: 'one' },
      { headers: {}, body: 'two' },
    ]);
  });

  it('writes an empty body that can be read, and no header that was forged', async () => {
    const writer = new MultipartWriter();
    expect(await readAll(writer.end().toString(), { boundary: writer.boundary })).toEqual([]);
    expect(() => writer.head({ 'Content-Location': 'a\r\nSet-Cookie: b' })).toThrow(TypeError);
  });
});
