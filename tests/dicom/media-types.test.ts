import { describe, expect, it } from 'vitest';
import { formatMediaType, includesType, parseAccept, parseMediaType } from '../../src/dicom/media-types.ts';

describe('a Content-Type (RFC 9110 Section 8.3)', () => {
  it.each([
    ['multipart/related; type="application/dicom"; boundary="a b;c"', { type: 'application/dicom', boundary: 'a b;c' }],
    ['multipart/related; type=application/dicom; boundary=abc', { type: 'application/dicom', boundary: 'abc' }],
    ['Multipart/Related;TYPE=application/dicom;Boundary=a=b', { type: 'application/dicom', boundary: 'a=b' }],
    ['multipart/related ; type = "application/dicom" ; ; nonsense', { type: 'application/dicom' }],
    ['multipart/related; boundary="quote\\"d"', { boundary: 'quote"d' }],
  ])('%s', (header, parameters) => {
    expect(parseMediaType(header)).toEqual({ type: 'multipart/related', parameters, q: 1 });
  });

  it.each(['', 'dicom', '/', 'a/', 'multipart related/x', 'a/b/c'])('%j is refused', (header) => {
    expect(() => parseMediaType(header)).toThrow(expect.objectContaining({ code: 'bad-request' }));
  });

  it('cannot reach the prototype of its parameters', () => {
    const { parameters } = parseMediaType('a/b; __proto__=x; constructor=y');
    expect(Object.getPrototypeOf(parameters)).toBe(Object.prototype);
  });
});

describe('an Accept header (RFC 9110 Section 12.5.1)', () => {
  const types = (header: string | undefined) => parseAccept(header).map((one) => one.type);

  it('is a list by preference, equals in their order', () => {
    expect(types('text/html;q=0.5, application/dicom+json, */*;q=0.1, application/json')).toEqual([
      'application/dicom+json',
      'application/json',
      'text/html',
      '*/*',
    ]);
  });

  it.each([
    [
      'OHIF frames',
      'multipart/related; type=application/octet-stream; transfer-syntax=*',
      { type: 'application/octet-stream', 'transfer-syntax': '*' },
    ],
    ['OHIF instances', 'multipart/related; type="application/dicom"', { type: 'application/dicom' }],
    ['dicomweb-client', 'multipart/related; type="*/*"', { type: '*/*' }],
    [
      'dicomweb-client by syntax',
      'multipart/related; type="application/octet-stream"; transfer-syntax=1.2.840.10008.1.2.1',
      { type: 'application/octet-stream', 'transfer-syntax': '1.2.840.10008.1.2.1' },
    ],
  ])('of %s is understood', (_name, header, parameters) => {
    expect(parseAccept(header)).toEqual([{ type: 'multipart/related', parameters, q: 1 }]);
  });

  it('keeps commas and semicolons in quotes together', () => {
    expect(parseAccept('multipart/related; type="a/b, c/d; e=f", x/y')).toMatchObject([
      { parameters: { type: 'a/b, c/d; e=f' } },
      { type: 'x/y' },
    ]);
  });

  it('accepts anything when there is none, and nothing when it makes no sense', () => {
    expect(types(undefined)).toEqual(['*/*']);
    expect(types('')).toEqual(['*/*']);
    expect(types('*; q=.2')).toEqual(['*/*']);
    expect(types('nonsense')).toEqual([]);
  });

  it('keeps what is not acceptable, and takes a broken preference for none', () => {
    expect(parseAccept('a/b;q=0, c/d;q=x')).toEqual([
      { type: 'c/d', parameters: {}, q: 1 },
      { type: 'a/b', parameters: {}, q: 0 },
    ]);
  });
});

describe('media ranges', () => {
  it.each([
    ['*/*', 'image/jpeg', true],
    ['image/*', 'image/jpeg', true],
    ['image/*', 'imagery/jpeg', false],
    ['image/jpeg', 'image/jpeg', true],
    ['image/png', 'image/jpeg', false],
  ])('%s takes in %s: %s', (range, type, expected) => {
    expect(includesType(range, type)).toBe(expected);
  });
});

describe('writing a media type', () => {
  it('quotes values that are no token', () => {
    expect(formatMediaType('multipart/related', { type: 'application/dicom', boundary: 'a-b' })).toBe(
      'multipart/related; type="application/dicom"; boundary=a-b',
    );
    expect(parseMediaType(formatMediaType('a/b', { c: 'd"\\;,' })).parameters).toEqual({ c: 'd"\\;,' });
  });
});
