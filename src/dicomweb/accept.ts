import type { Request } from 'express';
import { type MediaType, parseAccept } from '../dicom/media-types.ts';
import { VoxgateError } from '../errors.ts';
import { parametersOf } from './addresses.ts';
import { mostWanted, type Offer, offerText } from './negotiate.ts';

export type { Offer } from './negotiate.ts';

/**
 * What each kind of resource can be had as, the form that is given where anything is accepted first (PS3.18 8.7.3).
 * Objects, frames and bulk data have their transfer syntaxes and further types from the object.
 */
export const REPRESENTATIONS = {
  /** Study, series, instance (10.4.1.1.1); one part alone is one instance. */
  objects: [
    { type: 'application/dicom', multipart: true },
    { type: 'application/dicom', multipart: false },
    { type: 'application/zip', multipart: false },
  ],
  /** Metadata and answers to searches (10.4.1.1.2, 10.6.3.3.1): any number of data sets. */
  models: [
    { type: 'application/dicom+json', multipart: false },
    { type: 'application/json', multipart: false },
    { type: 'application/dicom+xml', multipart: true, alias: 'application/dicom+xml' },
  ],
  /** One data set, as a store answers it (10.5.3.2). */
  model: [
    { type: 'application/dicom+json', multipart: false },
    { type: 'application/json', multipart: false },
    { type: 'application/dicom+xml', multipart: false },
  ],
  /** A value that the metadata name by a BulkDataURI (10.4.1.1.5); what is a document or a film is that, too. */
  bulkData: [
    { type: 'application/octet-stream', multipart: false },
    { type: 'application/octet-stream', multipart: true },
  ],
} as const satisfies Readonly<Record<string, readonly Offer[]>>;

/**
 * What this client takes: the Accept header, or the parameter of that name, with which a link says it (PS3.18 8.3.3.1).
 * The "+" of "application/dicom+json" is a space there unless it was escaped. Ranges with q=0 say what it does not take.
 */
export function acceptedBy(request: Request): readonly MediaType[] {
  const parameter = parametersOf(request)
    .getAll('accept')
    .join(',')
    .replace(/\/dicom (?=json|xml)/g, '/dicom+');
  return parseAccept(parameter || request.headers.accept).map(underPresentName);
}

/** Names that media types had before they were registered, as clients still write them. */
const FORMER_NAMES: ReadonlyMap<string, string> = new Map([
  ['image/x-jls', 'image/jls'],
  ['image/x-dicom-rle', 'image/dicom-rle'],
  ['image/dicom+rle', 'image/dicom-rle'],
  ['image/dicom+jpeg', 'image/jpeg'],
  ['image/dicom+jp2', 'image/jp2'],
  ['image/dicom+jpx', 'image/jpx'],
  ['video/mpeg2', 'video/mpeg'],
]);

function underPresentName(range: MediaType): MediaType {
  const root = FORMER_NAMES.get(range.parameters['type']?.toLowerCase() ?? '');
  const type = FORMER_NAMES.get(range.type) ?? range.type;
  return { ...range, type, parameters: root === undefined ? range.parameters : { ...range.parameters, type: root } };
}

/**
 * The form of an answer: the most wanted of the offers.
 * @throws VoxgateError not-acceptable naming them all
 */
export function choose<O extends Offer>(request: Request, offers: readonly O[]): O {
  const chosen = mostWanted(acceptedBy(request), offers);
  if (chosen === undefined) throw notAcceptable(offers);
  return chosen.offer;
}

export function notAcceptable(offers: readonly Offer[]): VoxgateError {
  const texts = [...new Set(offers.map(offerText))];
  return new VoxgateError(
    'not-acceptable',
    `the Accept header takes none of the forms that there are: ${texts.join(', or ')}`,
  );
}

/**
 * The media type of an answer that is JSON only: application/dicom+json unless application/json is wanted more.
 * @throws VoxgateError not-acceptable
 */
export function acceptJson(request: Request): string {
  return choose(request, REPRESENTATIONS.model.slice(0, 2)).type;
}

/** One of the forms in which DICOM objects or their parts can be had. */
export interface Form {
  readonly multipart: boolean;
  /** "application/dicom", or the media type of frames or bulk data. */
  readonly type: string;
  /** What a range that names this type and no transfer syntax asks for; any where this is absent. */
  readonly defaultTransferSyntaxUid?: string;
}

/**
 * The most wanted form for what is held in one transfer syntax.
 * @throws VoxgateError not-acceptable naming the forms there are
 */
export function acceptStored<F extends Form>(request: Request, forms: readonly F[], transferSyntaxUid: string): F {
  const offers = forms.map((form) => ({
    type: form.type,
    multipart: form.multipart,
    transferSyntaxUid,
    onlyByName: form.defaultTransferSyntaxUid !== undefined && form.defaultTransferSyntaxUid !== transferSyntaxUid,
    form,
  }));
  return choose(request, offers).form;
}
