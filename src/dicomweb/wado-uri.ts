import type { Request, Response } from 'express';
import type { LocatedInstance, Place } from '../archive/archive.ts';
import { formatMediaType, parseAccept } from '../dicom/media-types.ts';
import { ENCAPSULATED_PDF_STORAGE } from '../dicom/sop-classes.ts';
import { isUsableAsUid } from '../dicom/uid.ts';
import { VoxgateError } from '../errors.ts';
import { type Look, PICTURE_TYPES, type Viewport, type Window } from '../imaging/render-request.ts';
import { acceptedBy, notAcceptable, type Offer } from './accept.ts';
import { parametersOf } from './addresses.ts';
import { entityTag } from './conditional.ts';
import { frameNumber } from './frame-numbers.ts';
import { mostWanted } from './negotiate.ts';
import { sendDocument } from './rendered-documents.ts';
import { type AskedLook, annotationsOf, decimal, qualityOf, side, windowFrom, wrong } from './rendered-parameters.ts';
import { categoryOf, isAboutOthers, type PictureSource, picturesOf } from './rendered-pictures.ts';
import { sendPicture } from './rendered-send.ts';
import type { DicomwebParts } from './router.ts';
import { leaving, sendSized, sendStream } from './send-body.ts';

const DICOM: Offer = { type: 'application/dicom', multipart: false };
const PICTURES: readonly Offer[] = PICTURE_TYPES.map((type) => ({ type, multipart: false }));

/**
 * One object by its three UIDs, as a DICOM file or as it is to be seen (PS3.18 9): the older way, by parameters alone,
 * which reports, links and viewers still use.
 */
export async function wadoUri(parts: DicomwebParts, request: Request, response: Response): Promise<void> {
  const query = parametersOf(request);
  if (query.get('requestType') !== 'WADO') throw wrong('requestType', 'must be WADO (PS3.18 9.1.2.1.1)');
  const place = {
    studyInstanceUid: uid(query, 'studyUID'),
    seriesInstanceUid: uid(query, 'seriesUID'),
    sopInstanceUid: uid(query, 'objectUID'),
  };
  if ((query.get('anonymize') ?? 'no') !== 'no')
    throw new VoxgateError('not-acceptable', 'the parameter anonymize asks for what is not offered here');
  const instance = await theOne(parts, place, 'object');
  const offers = offersFor(instance, query);
  const type = typeWanted(request, query, offers);
  if (type === DICOM.type) return sendFile(parts, request, response, { instance, query });
  if (query.has('transferSyntax')) throw wrong('transferSyntax', 'is of application/dicom alone');
  checkCharset(query, type);
  const look = PICTURE_TYPES.find((picture) => picture === type);
  if (!look) return sendDocument(parts, { request, response, instance, type });
  const asked: Look = { ...lookOf(query), type: look };
  const source = await sourceOf(parts, { instance, place, query });
  return sendPicture(parts, { request, response, sources: [source], look: asked });
}

function uid(query: URLSearchParams, name: string): string {
  const text = query.get(name);
  if (text === null || !isUsableAsUid(text)) throw wrong(name, 'must be there, and a UID (PS3.5 9.1)');
  return text;
}

async function theOne({ archive }: DicomwebParts, place: Place, what: string): Promise<LocatedInstance> {
  const [instance] = await archive.locate(place);
  if (!instance) throw new VoxgateError('not-found', `no such ${what} is held`);
  return instance;
}

/** What there is, that which is given where nothing is asked for first (PS3.18 8.7.4): many frames are a DICOM file. */
function offersFor(instance: LocatedInstance, query: URLSearchParams): readonly Offer[] {
  const documents = (...types: string[]): Offer[] => [...types.map((type) => ({ type, multipart: false })), DICOM];
  switch (categoryOf(instance)) {
    case 'image':
      return instance.frameCount > 1 && !query.has('frameNumber') && !isAboutOthers(instance)
        ? [DICOM, ...PICTURES]
        : [...PICTURES, DICOM];
    case 'report':
      return documents('text/html', 'text/plain');
    case 'document':
      return documents(instance.sopClassUid === ENCAPSULATED_PDF_STORAGE ? 'application/pdf' : 'text/xml');
    case 'video':
      return [DICOM, { type: 'video/mp4', multipart: false }, { type: 'video/mpeg', multipart: false }];
    default:
      return [DICOM];
  }
}

/**
 * contentType is what is wanted, as far as the Accept header takes it; without it the default is taken, unless the header
 * wants another (PS3.18 9.1.2.1.5, 8.7.6).
 */
function typeWanted(request: Request, query: URLSearchParams, offers: readonly Offer[]): string {
  const wanted = query.get('contentType');
  const named = wanted ? offers.filter((offer) => mostWanted(parseAccept(wanted), [offer])) : offers;
  if (named.length === 0) throw notAcceptable(offers);
  // A "+" of a media type arrives as a space; no type here has one.
  const ranges = wanted ? parseAccept(wanted) : acceptedBy(request);
  const chosen = mostWanted(ranges, named)?.offer;
  if (!chosen || !mostWanted(acceptedBy(request), [chosen])) throw notAcceptable(named);
  return chosen.type;
}

/** Texts are UTF-8, which every character fits into. */
function checkCharset(query: URLSearchParams, type: string): void {
  const asked = query.get('charset');
  if (!asked || !type.startsWith('text/')) return;
  const names = asked.split(',').map((name) => name.split(';')[0]!.trim().toLowerCase());
  if (!names.some((name) => name === 'utf-8' || name === '*'))
    throw new VoxgateError('not-acceptable', 'the parameter charset names no set that texts are given in here: UTF-8');
}

/** PS3.18 9.1.2.2. */
function lookOf(query: URLSearchParams): AskedLook {
  return {
    annotations: annotationsOf(query.get('annotation')),
    quality: qualityOf('imageQuality', query.get('imageQuality')),
    window: windowOf(query),
    viewport: viewportOf(query),
  };
}

function windowOf(query: URLSearchParams): Window | undefined {
  const center = query.get('windowCenter');
  const width = query.get('windowWidth');
  if (center === null && width === null) return undefined;
  if (center === null) throw wrong('windowCenter', 'must be there where windowWidth is');
  if (width === null) throw wrong('windowWidth', 'must be there where windowCenter is');
  if (query.has('presentationUID')) throw wrong('windowCenter', 'cannot be used with presentationUID');
  const window = {
    center: decimal('windowCenter', center),
    width: decimal('windowWidth', width),
    shape: 'linear',
  } as const;
  return windowFrom('windowWidth', window);
}

function viewportOf(query: URLSearchParams): Viewport | undefined {
  const [rows, columns, region] = [query.get('rows'), query.get('columns'), query.get('region')];
  if (rows === null && columns === null && region === null) return undefined;
  return {
    width: columns === null ? undefined : side('columns', columns),
    height: rows === null ? undefined : side('rows', rows),
    ...(region === null ? {} : { relative: true, region: regionOf(region) }),
  };
}

/** "xmin,ymin,xmax,ymax" in fractions of the image. */
function regionOf(text: string) {
  const [left = -1, top = -1, right = -1, bottom = -1, ...more] = text
    .split(',')
    .map((part) => decimal('region', part));
  const isInside = left >= 0 && top >= 0 && right <= 1 && bottom <= 1 && left < right && top < bottom;
  if (!isInside || more.length > 0) throw wrong('region', 'must be xmin,ymin,xmax,ymax between 0.0 and 1.0');
  return { x: left, y: top, width: right - left, height: bottom - top };
}

interface Asked {
  readonly instance: LocatedInstance;
  readonly place: Place;
  readonly query: URLSearchParams;
}

async function sourceOf(parts: DicomwebParts, { instance, place, query }: Asked): Promise<PictureSource> {
  const number = query.get('frameNumber');
  const frame = number === null ? undefined : frameNumber(number);
  if (frame === 0) throw wrong('frameNumber', 'must be a whole number from 1');
  const presentationUid = query.get('presentationUID');
  if (presentationUid === null) {
    if (frame === undefined && !isAboutOthers(instance)) return { instance, frame };
    const sources = await picturesOf(parts.archive, instance, frame === undefined ? undefined : [frame]);
    return sources[Math.floor((sources.length - 1) / 2)]!;
  }
  const presentation = await theOne(
    parts,
    {
      ...place,
      seriesInstanceUid: uid(query, 'presentationSeriesUID'),
      sopInstanceUid: uid(query, 'presentationUID'),
    },
    'presentation state',
  );
  const shown = (await picturesOf(parts.archive, presentation, undefined)).filter(
    (source) => source.instance.sopInstanceUid === instance.sopInstanceUid,
  );
  const source = frame === undefined ? shown[0] : shown.find((one) => one.frame === frame);
  if (!source) throw wrong('presentationUID', 'names a presentation state that is not about this image');
  return source;
}

/** As it is stored, unless a transfer syntax is asked for (PS3.18 9.1.2.2.9). */
async function sendFile(
  { archive, transcoder }: DicomwebParts,
  request: Request,
  response: Response,
  { instance, query }: Pick<Asked, 'instance' | 'query'>,
): Promise<void> {
  for (const name of [
    'frameNumber',
    'windowCenter',
    'windowWidth',
    'rows',
    'columns',
    'region',
    'annotation',
    'imageQuality',
  ])
    if (query.has(name)) throw wrong(name, 'is not of application/dicom');
  const stored = instance.transferSyntaxUid;
  const wanted = query.get('transferSyntax') || stored;
  const contentType = formatMediaType(DICOM.type, { 'transfer-syntax': wanted });
  if (wanted === stored) {
    const validators = {
      etag: entityTag(['single', instance.storageKey, stored]),
      lastModified: instance.receivedAt,
      dateDecides: true,
    };
    const read = (start: number, end: number) => archive.stream(instance, start, end);
    return sendSized(request, response, { contentType, size: instance.size, validators, read });
  }
  if (!transcoder?.targetsOf(stored).includes(wanted))
    throw new VoxgateError(
      'not-acceptable',
      `the parameter transferSyntax names one in which this object, held in ${stored}, is not given`,
    );
  const made = await transcoder.transcode(instance, wanted, leaving(response));
  try {
    response.setHeader('content-type', contentType).setHeader('content-length', made.size);
    if (request.method !== 'HEAD') await sendStream(response, made.stream(), made.size);
    response.end();
  } finally {
    await made.dispose();
  }
}
