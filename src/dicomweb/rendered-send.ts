import type { Request, Response } from 'express';
import { MultipartWriter } from '../dicom/multipart.ts';
import type { Look, Rendered } from '../imaging/render-request.ts';
import { VERSION } from '../version.ts';
import { retrieveUrl, rootOf } from './addresses.ts';
import { entityTag, isAnswered, type Validators } from './conditional.ts';
import { keyOf, makePicture } from './rendered-picture.ts';
import type { PictureSource } from './rendered-pictures.ts';
import type { DicomwebParts } from './router.ts';
import { leaving, sendPiece } from './send-body.ts';

export interface PictureAnswer {
  readonly request: Request;
  readonly response: Response;
  readonly sources: readonly PictureSource[];
  readonly look: Look;
}

/** The same object is drawn the same way by one version of this program. */
function validatorsOf({ sources, look }: PictureAnswer, ...more: string[]): Validators {
  const dates = sources.flatMap(({ instance, presentation, segmentation }) =>
    [instance, presentation, segmentation?.instance].flatMap((one) => one?.receivedAt.getTime() ?? []),
  );
  return {
    etag: entityTag([VERSION, keyOf(sources, look), ...more]),
    lastModified: new Date(Math.max(...dates)),
    dateDecides: false,
  };
}

/** One picture: of one source, or an animation of several. */
export async function sendPicture(parts: DicomwebParts, answer: PictureAnswer): Promise<void> {
  const { request, response, sources, look } = answer;
  response.vary('Accept');
  if (isAnswered(request, response, validatorsOf(answer))) return;
  const { bytes, frame } = await makePicture(parts, sources, look, leaving(response));
  response.setHeader('content-type', look.type);
  response.setHeader('content-length', bytes.length);
  if (sources.length === 1) response.setHeader('content-location', locationOf(rootOf(request), sources[0]!, frame));
  response.end(request.method === 'HEAD' ? undefined : bytes);
}

/** Pictures that are made while those before them are sent. */
const AHEAD = 2;

/** Each source as a part (PS3.18 8.7.4). The first is made before the answer begins: what cannot be shown gets a status. */
export async function sendPictures(parts: DicomwebParts, answer: PictureAnswer): Promise<void> {
  const { request, response, sources, look } = answer;
  const root = rootOf(request);
  response.vary('Accept');
  // The parts name their addresses, in which the host is as the client knows it.
  const validators = validatorsOf(answer, 'parts', root);
  if (isAnswered(request, response, validators)) return;
  const signal = leaving(response);
  const make = (source: PictureSource): Promise<Rendered> => {
    const picture = makePicture(parts, [source], look, signal);
    // One that fails is told of in its turn.
    picture.catch(() => undefined);
    return picture;
  };
  const first = make(sources[0]!);
  await first;
  // The same tag is the same bytes, the boundary included.
  const multipart = new MultipartWriter(validators.etag.replaceAll('"', ''));
  response.setHeader('content-type', multipart.contentType(look.type));
  if (request.method === 'HEAD') {
    response.end();
    return;
  }
  const making = [first];
  for (const [at, source] of sources.entries()) {
    making.push(...sources.slice(at + making.length, at + 1 + AHEAD).map(make));
    const picture = await making.shift()!;
    const headers = {
      'Content-Type': look.type,
      'Content-Length': String(picture.bytes.length),
      'Content-Location': locationOf(root, source, picture.frame),
    };
    await sendPiece(response, multipart.head(headers));
    await sendPiece(response, picture.bytes);
  }
  response.end(multipart.end());
}

/** Where this very picture is had: of what is shown by showing another, at the other's address. */
function locationOf(root: string, { instance, segmentation, presentation }: PictureSource, frame: number): string {
  if (presentation) return `${retrieveUrl(root, presentation)}/rendered`;
  if (segmentation)
    return `${retrieveUrl(root, segmentation.instance)}/frames/${segmentation.frames.join(',')}/rendered`;
  return `${retrieveUrl(root, instance)}/frames/${frame}/rendered`;
}
