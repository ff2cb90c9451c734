import type { Request, Response } from 'express';
import { MultipartWriter } from '../dicom/multipart.ts';
import { type ErrorCode, VoxgateError } from '../errors.ts';
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

/**
 * Each source as a part (PS3.18 8.7.4). The first is made before the answer begins: what cannot be shown gets a status.
 *
 * @param leaveOut whether one that cannot be shown is left out, and noted in the log: of a study or series the others are
 *   wanted all the same. Who names frames wants each of them: there the answer is broken off.
 */
export async function sendPictures(
  parts: DicomwebParts,
  answer: PictureAnswer,
  { leaveOut }: { readonly leaveOut: boolean },
): Promise<void> {
  const { request, response, look } = answer;
  const root = rootOf(request);
  response.vary('Accept');
  // The parts name their addresses, in which the host is as the client knows it.
  const validators = validatorsOf(answer, 'parts', root);
  if (isAnswered(request, response, validators)) return;
  const pictures = madeInTurn(parts, answer, leaveOut);
  let next = await pictures.next();
  // The same tag is the same bytes, the boundary included.
  const multipart = new MultipartWriter(validators.etag.replaceAll('"', ''));
  response.setHeader('content-type', multipart.contentType(look.type));
  if (request.method === 'HEAD') {
    response.end();
    return;
  }
  for (; !next.done; next = await pictures.next()) {
    const { source, picture } = next.value;
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

/** What is wrong with one image and says nothing of the others. */
const OF_THE_IMAGE: ReadonlySet<ErrorCode> = new Set([
  'undecodable',
  'not-dicom',
  'not-found',
  'too-large',
  'not-acceptable',
  'bad-request',
]);

interface Made {
  readonly source: PictureSource;
  readonly picture: Rendered;
}

/** @throws VoxgateError why the first that may not be left out cannot be shown, or why none can */
async function* madeInTurn(
  parts: DicomwebParts,
  { response, sources, look }: PictureAnswer,
  leaveOut: boolean,
): AsyncGenerator<Made, void> {
  const signal = leaving(response);
  const make = (source: PictureSource): Promise<Rendered> => {
    const picture = makePicture(parts, [source], look, signal);
    // One that fails is told of in its turn.
    picture.catch(() => undefined);
    return picture;
  };
  const making: Promise<Rendered>[] = [];
  let refusal: VoxgateError | undefined;
  let shown = 0;
  for (const [at, source] of sources.entries()) {
    making.push(...sources.slice(at + making.length, at + 1 + AHEAD).map(make));
    try {
      yield { source, picture: await making.shift()! };
      shown += 1;
    } catch (error) {
      if (!leaveOut || !(error instanceof VoxgateError) || !OF_THE_IMAGE.has(error.code)) throw error;
      refusal ??= error;
      const { sopInstanceUid } = source.instance;
      parts.log.info(
        { sopInstanceUid, frame: source.frame, reason: error.message },
        'a picture of a series was left out',
      );
    }
  }
  if (shown === 0 && refusal) throw refusal;
}

/** Where this very picture is had: of what is shown by showing another, at the other's address. */
function locationOf(root: string, { instance, segmentation, presentation }: PictureSource, frame: number): string {
  if (presentation) return `${retrieveUrl(root, presentation)}/rendered`;
  if (segmentation)
    return `${retrieveUrl(root, segmentation.instance)}/frames/${segmentation.frames.join(',')}/rendered`;
  return `${retrieveUrl(root, instance)}/frames/${frame}/rendered`;
}
