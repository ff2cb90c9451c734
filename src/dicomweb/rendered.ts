import type { Request, Response } from 'express';
import type { LocatedInstance } from '../archive/archive.ts';
import { VoxgateError } from '../errors.ts';
import { type Look, PICTURE_TYPES, type PictureType } from '../imaging/render-request.ts';
import { acceptedBy, choose, notAcceptable, type Offer } from './accept.ts';
import { parametersOf, placeOf } from './addresses.ts';
import { frameNumbers } from './frame-numbers.ts';
import { mostWanted } from './negotiate.ts';
import { sendDocument } from './rendered-documents.ts';
import { type AskedLook, renderedParameters, thumbnailParameters } from './rendered-parameters.ts';
import { categoryOf, isAboutOthers, type PictureSource, picturesOf } from './rendered-pictures.ts';
import { sendPicture, sendPictures } from './rendered-send.ts';
import type { DicomwebParts } from './router.ts';

/** One picture of its type, or many as parts. JPEG where anything is taken (PS3.18 8.7.4). */
interface PictureOffer extends Offer {
  readonly type: PictureType;
}

const SINGLE: readonly PictureOffer[] = PICTURE_TYPES.map((type) => ({ type, multipart: false }));
const PARTS: readonly PictureOffer[] = PICTURE_TYPES.map((type) => ({ type, multipart: true }));

/** Study, series, instance or frames as they are to be seen (PS3.18 10.4.1.1.3). */
export async function retrieveRendered(parts: DicomwebParts, request: Request, response: Response): Promise<void> {
  const look = renderedParameters(parametersOf(request));
  const { frames: list } = request.params;
  const frames = list === undefined ? undefined : frameNumbers(list);
  const held = await parts.archive.locate(placeOf(request));
  const [instance] = held;
  if (!instance) throw new VoxgateError('not-found', 'nothing is held under this address');
  const isInstance = request.params['instance'] !== undefined;
  if (isInstance && frames === undefined && categoryOf(instance) !== 'image')
    return sendDocument(parts, { request, response, instance });
  if (isInstance) return renderInstance(parts, request, response, { instance, frames, look });
  return renderMany(parts, request, response, { held, look });
}

/** A small picture that stands for a study, series, instance or frame (PS3.18 10.4.1.1.4). */
export async function retrieveThumbnail(parts: DicomwebParts, request: Request, response: Response): Promise<void> {
  const asked = thumbnailParameters(parametersOf(request));
  const { frames: list } = request.params;
  const frames = list === undefined ? undefined : frameNumbers(list);
  if (frames && frames.length > 1) throw new VoxgateError('bad-request', 'a thumbnail is of one frame');
  const { type } = choose(request, SINGLE);
  const held = await parts.archive.locate(placeOf(request));
  if (held.length === 0) throw new VoxgateError('not-found', 'nothing is held under this address');
  const instance = representative(held);
  const source = await representativePicture(parts, instance, frames);
  await sendPicture(parts, { request, response, sources: [source], look: { ...asked, type } });
}

interface OfInstance {
  readonly instance: LocatedInstance;
  readonly frames: readonly number[] | undefined;
  readonly look: AskedLook;
}

async function renderInstance(
  parts: DicomwebParts,
  request: Request,
  response: Response,
  { instance, frames, look }: OfInstance,
): Promise<void> {
  refuseOtherwise(instance, look);
  if (categoryOf(instance) !== 'image') throw new VoxgateError('not-found', 'the object has no frames to be shown');
  const sources = await picturesOf(parts.archive, instance, frames);
  const isPlain = sources.every((source) => source.instance === instance);
  const isOne = sources.length === 1;
  // One picture for all frames only where an instance was asked for: who names frames wants each of them.
  const single = SINGLE.filter(({ type }) => isOne || frames === undefined || (type === 'image/gif' && isPlain));
  const { type, multipart } = choose(request, [...single, ...PARTS]);
  const asked: Look = { ...look, type };
  if (multipart) return sendPictures(parts, { request, response, sources, look: asked }, { leaveOut: false });
  if (isOne || (type === 'image/gif' && isPlain))
    return sendPicture(parts, { request, response, sources, look: asked });
  const source = isPlain ? { instance, frame: undefined } : sources[Math.floor((sources.length - 1) / 2)]!;
  return sendPicture(parts, { request, response, sources: [source], look: asked });
}

/** Presentation states say themselves how an image is to be seen (PS3.18 8.3.5.1). */
function refuseOtherwise(instance: LocatedInstance, look: AskedLook): void {
  if (look.window && instance.sopClassUid.startsWith('1.2.840.10008.5.1.4.1.1.11.'))
    throw new VoxgateError('bad-request', 'the parameter window cannot be used with a presentation state');
}

/**
 * All images of a study or series, each frame a part; or, to who takes a picture alone, the one that stands for them. Its
 * Content-Location says which it is.
 */
async function renderMany(
  parts: DicomwebParts,
  request: Request,
  response: Response,
  { held, look }: { readonly held: readonly LocatedInstance[]; readonly look: AskedLook },
): Promise<void> {
  const offers = [...PARTS, ...SINGLE];
  const chosen = mostWanted(acceptedBy(request), offers);
  if (!chosen) throw notAcceptable(offers);
  const { type, multipart } = chosen.offer;
  const asked: Look = { ...look, type };
  if (!multipart) {
    const source = await representativePicture(parts, representative(held), undefined);
    return sendPicture(parts, { request, response, sources: [source], look: asked });
  }
  const sources: PictureSource[] = [];
  let without = 0;
  for (const instance of held) {
    if (categoryOf(instance) !== 'image' || isAboutOthers(instance)) without += 1;
    else sources.push(...(await picturesOf(parts.archive, instance, undefined)));
  }
  if (sources.length === 0) throw nothingToShow();
  // An answer in parts has one type; what has no picture of its own is asked for by its own address.
  if (without > 0)
    response.append('warning', `299 voxgate "${without} objects without images of their own are left out"`);
  return sendPictures(parts, { request, response, sources, look: asked }, { leaveOut: true });
}

/** The image in the middle of the first series that has images. @throws VoxgateError not-found */
function representative(held: readonly LocatedInstance[]): LocatedInstance {
  const images = held.filter((instance) => categoryOf(instance) === 'image');
  const own = images.filter((instance) => !isAboutOthers(instance));
  const candidates = own.length > 0 ? own : images;
  const series = candidates.filter(({ seriesInstanceUid }) => seriesInstanceUid === candidates[0]?.seriesInstanceUid);
  const middle = series[Math.floor((series.length - 1) / 2)];
  if (!middle) throw nothingToShow();
  return middle;
}

async function representativePicture(
  { archive }: DicomwebParts,
  instance: LocatedInstance,
  frames: readonly number[] | undefined,
): Promise<PictureSource> {
  if (!isAboutOthers(instance) && frames === undefined) return { instance, frame: undefined };
  const sources = await picturesOf(archive, instance, frames);
  return sources[Math.floor((sources.length - 1) / 2)]!;
}

function nothingToShow(): VoxgateError {
  return new VoxgateError(
    'not-found',
    'there is no image under this address: reports and documents are rendered by instance',
  );
}
