import { EXPLICIT_VR_LITTLE_ENDIAN, readableSyntax } from '../dicom/transfer-syntaxes.ts';
import { isDecodable } from '../imaging/decode.ts';
import { ENCODABLE } from '../imaging/encode.ts';
import type { Offer } from './accept.ts';

export interface FrameOffer extends Offer {
  readonly transferSyntaxUid: string;
}

const OCTETS = 'application/octet-stream';

/**
 * In what form frames of an object can be had (PS3.18 8.7.3.3), what is stored first. Uncompressed frames are octets in
 * little endian whatever the syntax around them. Octets without a transfer syntax mean uncompressed ones; other bytes in
 * their place would be shown as noise, and are given for what cannot be decoded and is lossy alone (8.7.3.5.2). What is
 * stored is never compressed with loss; what is lossy can be had without compression, and losslessly compressed.
 *
 * @param count how many frames are asked for; several are given as multipart alone
 */
export function frameOffers(stored: string, count: number): readonly FrameOffer[] {
  const key = `${stored} ${count === 1}`;
  const offers = known.get(key) ?? offersOf(stored, count === 1);
  // Private syntaxes are of the sender's making.
  if (known.size < MOST_KNOWN) known.set(key, offers);
  return offers;
}

const known = new Map<string, readonly FrameOffer[]>();
const MOST_KNOWN = 200;

function offersOf(stored: string, isOne: boolean): readonly FrameOffer[] {
  const { encapsulated, mediaType, lossy } = readableSyntax(stored);
  const decodable = isDecodable(stored);
  const offers: Omit<FrameOffer, 'multipart'>[] = [];
  const offer = (type: string, transferSyntaxUid: string, onlyByName: boolean): void => {
    if (!offers.some((known) => known.type === type && known.transferSyntaxUid === transferSyntaxUid))
      offers.push({ type, transferSyntaxUid, onlyByName });
  };
  if (encapsulated) {
    if (mediaType !== OCTETS) offer(mediaType, stored, false);
    offer(OCTETS, stored, decodable || !lossy);
  }
  if (!encapsulated || decodable) offer(OCTETS, EXPLICIT_VR_LITTLE_ENDIAN, false);
  for (const uid of decodable ? ENCODABLE : []) {
    if (uid === stored) continue;
    const { mediaType: type } = readableSyntax(uid);
    if (type !== OCTETS) offer(type, uid, type === mediaType || DEFAULTS.get(type) !== uid);
    offer(OCTETS, uid, true);
  }
  return [true, false].flatMap((multipart) => (multipart || isOne ? offers.map((one) => ({ ...one, multipart })) : []));
}

/** What a media type of frames means where it names no transfer syntax (PS3.18 Tables 8.7.3-4 and 8.7.3-5). */
const DEFAULTS: ReadonlyMap<string, string> = new Map([
  ['image/jpeg', '1.2.840.10008.1.2.4.70'],
  ['image/dicom-rle', '1.2.840.10008.1.2.5'],
  ['image/jls', '1.2.840.10008.1.2.4.80'],
  ['image/jp2', '1.2.840.10008.1.2.4.90'],
  ['image/jphc', '1.2.840.10008.1.2.4.201'],
]);
