import { describe, expect, it } from 'vitest';
import { parseAccept } from '../../src/dicom/media-types.ts';
import { REPRESENTATIONS } from '../../src/dicomweb/accept.ts';
import { mostWanted, type Offer, offerText } from '../../src/dicomweb/negotiate.ts';

const chosen = (accept: string, offers: readonly Offer[]): string | undefined => {
  const best = mostWanted(parseAccept(accept), offers);
  return best && offerText(best.offer);
};

const JSON_MODEL = 'application/dicom+json';
const XML_MODEL = 'multipart/related; type="application/dicom+xml"';

describe('what a client wants most of JSON and XML models (RFC 9110 12.5.1)', () => {
  it.each([
    ['', JSON_MODEL],
    ['*/*', JSON_MODEL],
    ['application/dicom+json', JSON_MODEL],
    ['application/json', 'application/json'],
    ['application/*', JSON_MODEL],
    ['Application/DICOM+JSON; charset=utf-8', JSON_MODEL],
    ['application/dicom+json; charset="UTF-8"; q=0.9', JSON_MODEL],
    // OHIF (1.5): a list with multipart in it
    ['application/dicom+json, multipart/related; type=application/octet-stream; transfer-syntax=*', JSON_MODEL],
    // dicomweb-client for Python, and axios
    ['application/dicom+json, application/json', JSON_MODEL],
    ['application/json, text/plain, */*', 'application/json'],
    // browsers
    ['text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8', JSON_MODEL],
    ['multipart/related; type="application/dicom+xml"', XML_MODEL],
    ['multipart/related; type=application/dicom+xml', XML_MODEL],
    ['application/dicom+xml', XML_MODEL],
    ['application/dicom+json;q=0.1, application/dicom+xml', XML_MODEL],
    ['application/dicom+xml;q=0.2, */*;q=0.5', JSON_MODEL],
    ['*/*, application/dicom+json;q=0, application/json;q=0', XML_MODEL],
    ['*/*, application/dicom+json;q=0', 'application/json'],
    ['*/*;q=0.1, application/json;q=0.2', 'application/json'],
    ['*; q=.2', JSON_MODEL],
    ['application/dicom+json; q=0', undefined],
    ['application/dicom+json; q=0.000, application/json; q=0.0', undefined],
    ['*/*; q=0', undefined],
    ['text/html', undefined],
    ['multipart/related; type="application/dicom"', undefined],
    ['application', undefined],
    [';;,,"', undefined],
  ])('Accept: %s means %s', (accept, expected) => {
    expect(chosen(accept, REPRESENTATIONS.models)).toBe(expected);
  });
});

describe('what a client wants most of objects in transfer syntaxes (PS3.18 8.7.3.5)', () => {
  const RLE = '1.2.840.10008.1.2.5';
  const EXPLICIT = '1.2.840.10008.1.2.1';
  const offers: readonly Offer[] = [
    { type: 'application/dicom', multipart: true, transferSyntaxUid: RLE, onlyByName: true },
    { type: 'application/dicom', multipart: true, transferSyntaxUid: EXPLICIT },
    { type: 'application/dicom', multipart: false, transferSyntaxUid: RLE, onlyByName: true },
    { type: 'application/dicom', multipart: false, transferSyntaxUid: EXPLICIT },
  ];
  const [RLE_PARTS, EXPLICIT_PARTS, RLE_ALONE, EXPLICIT_ALONE] = offers.map(offerText);

  it.each([
    ['*/*', RLE_PARTS],
    ['multipart/related', RLE_PARTS],
    ['multipart/*', RLE_PARTS],
    ['multipart/related; type="*/*"', RLE_PARTS],
    // OHIF, and dicomweb-client for JavaScript: no transfer syntax is the default one
    ['multipart/related; type="application/dicom"', EXPLICIT_PARTS],
    ['multipart/related; type=application/dicom', EXPLICIT_PARTS],
    // dicomweb-client for Python
    ['multipart/related; type="application/dicom"; transfer-syntax=*', RLE_PARTS],
    ['multipart/related; type="application/dicom"; transfer-syntax="*"', RLE_PARTS],
    ['multipart/related; type=application/dicom; transfer-syntax=*', RLE_PARTS],
    [`multipart/related; type="application/dicom"; transfer-syntax=${RLE}`, RLE_PARTS],
    [`multipart/related; type="application/dicom"; transfer-syntax="${EXPLICIT}"`, EXPLICIT_PARTS],
    [
      `multipart/related; type="application/dicom"; transfer-syntax=1.2.840.10008.1.2.4.70, multipart/related; type="application/dicom"; transfer-syntax=${RLE}`,
      RLE_PARTS,
    ],
    ['application/dicom', EXPLICIT_ALONE],
    ['application/dicom; transfer-syntax=*', RLE_ALONE],
    [`application/dicom; transfer-syntax=${RLE}; q=0.5, application/dicom; q=0.4`, RLE_ALONE],
    [`application/dicom; transfer-syntax=${RLE};q=0, application/dicom; transfer-syntax=*`, EXPLICIT_ALONE],
    [`*/*, multipart/related; type="application/dicom"; transfer-syntax=${RLE}; q=0`, EXPLICIT_PARTS],
    ['application/dicom; q=0.5, multipart/related; type="application/dicom"; q=0.5', EXPLICIT_ALONE],
    // Orthanc's client
    ['multipart/related; type="application/dicom"; q=0.9, */*; q=0.1', EXPLICIT_PARTS],
    ['multipart/related; type="application/dicom"; transfer-syntax=1.2.840.10008.1.2.4.70', undefined],
    ['multipart/related; type="image/jpeg"', undefined],
    ['multipart/form-data; type="application/dicom"', undefined],
  ])('Accept: %s means %s', (accept, expected) => {
    expect(chosen(accept, offers)).toBe(expected);
  });
});
