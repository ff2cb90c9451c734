import { VoxgateError } from '../errors.ts';

/** What documents are written in: as a rule UTF-8. */
const ENCODINGS: ReadonlySet<string> = new Set(['utf-8', 'utf-16', 'us-ascii', 'iso-8859-1']);

/**
 * The text of an XML document, by its byte order mark or its declaration, else as UTF-8 (XML 1.0 Appendix F).
 *
 * @throws VoxgateError bad-request for another encoding, and for bytes that are not of the one it says
 */
export function xmlText(bytes: Uint8Array): string {
  const encoding = byteOrderMark(bytes) ?? declaredEncoding(bytes);
  if (!ENCODINGS.has(encoding)) throw new VoxgateError('bad-request', 'the XML is in an encoding other than UTF-8');
  const bigEndian = bytes[0] === 0xfe || bytes[0] === 0;
  try {
    const label = encoding === 'utf-16' ? `utf-16${bigEndian ? 'be' : 'le'}` : encoding;
    return new TextDecoder(label, { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new VoxgateError('bad-request', `the XML has bytes that are not ${encoding}`, { cause });
  }
}

function byteOrderMark(bytes: Uint8Array): string | undefined {
  const [first, second] = bytes;
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)) return 'utf-16';
  if ((first === 0x3c && second === 0) || (first === 0 && second === 0x3c)) return 'utf-16'; // "<" without a mark
  return first === 0xef && second === 0xbb ? 'utf-8' : undefined;
}

function declaredEncoding(bytes: Uint8Array): string {
  const start = Buffer.from(bytes.subarray(0, 200)).toString('latin1');
  const declared = /^<\?xml[^>]*?\bencoding\s*=\s*["']([A-Za-z0-9._-]+)["']/.exec(start)?.[1]?.toLowerCase();
  return declared === undefined || declared === 'utf8' ? 'utf-8' : declared;
}
