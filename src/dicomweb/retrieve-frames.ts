import type { Request, Response } from 'express';
import { formatMediaType } from '../dicom/media-types.ts';
import { MultipartWriter } from '../dicom/multipart.ts';
import { EXPLICIT_VR_LITTLE_ENDIAN, transferSyntaxOf } from '../dicom/transfer-syntaxes.ts';
import { VoxgateError } from '../errors.ts';
import { acceptStored } from './accept.ts';
import { placeOf, retrieveUrl, rootOf } from './addresses.ts';
import type { DicomwebParts } from './router.ts';
import { sendPiece } from './send-body.ts';

const OCTETS = 'application/octet-stream';

/** Frames as they are stored (PS3.18 10.4.1.1.6); nothing is transcoded in this version. */
export async function retrieveFrames({ archive }: DicomwebParts, request: Request, response: Response): Promise<void> {
  const numbers = frameNumbers(request.params['frames']);
  const [instance] = await archive.locate(placeOf(request));
  if (!instance) throw new VoxgateError('not-found', 'no such instance is held');
  const count = archive.frameCount(instance);
  const missing = numbers.find((number) => number > count);
  if (missing !== undefined)
    throw new VoxgateError('not-found', `there is no frame ${missing}: the object has ${count}`);

  const { form, transferSyntaxUid } = chooseForm(request.headers.accept, instance.transferSyntaxUid, numbers.length);
  const partType = formatMediaType(form.type, { 'transfer-syntax': transferSyntaxUid });
  if (!form.multipart) {
    response.setHeader('content-type', partType);
    response.end(await archive.readFrame(instance, numbers[0]!));
    return;
  }
  const multipart = new MultipartWriter();
  const url = `${retrieveUrl(rootOf(request), instance)}/frames`;
  // The first frame is read before the answer begins: a broken object gets a status, not half an answer.
  let frame = await archive.readFrame(instance, numbers[0]!);
  response.setHeader('content-type', multipart.contentType(form.type));
  for (const [at, number] of numbers.entries()) {
    if (at > 0) frame = await archive.readFrame(instance, number);
    await sendPiece(
      response,
      multipart.head({
        'Content-Type': partType,
        'Content-Length': String(frame.length),
        'Content-Location': `${url}/${number}`,
      }),
    );
    await sendPiece(response, frame);
  }
  response.end(multipart.end());
}

const MOST_FRAMES = 10_000;

function frameNumbers(list: string | string[] | undefined): number[] {
  const numbers = typeof list === 'string' ? list.split(',').map(Number) : [];
  if (
    numbers.length === 0 ||
    numbers.length > MOST_FRAMES ||
    !numbers.every((number) => Number.isInteger(number) && number >= 1)
  ) {
    throw new VoxgateError('bad-request', 'frames must be a list of numbers from 1, separated by commas');
  }
  return numbers;
}

/**
 * Uncompressed frames are octets in little endian whatever the syntax around them; compressed ones are of their own
 * media type, or octets for clients that ask for any syntax that way.
 */
function chooseForm(accept: string | undefined, stored: string, frames: number) {
  const syntax = transferSyntaxOf(stored);
  const compressed = syntax?.encapsulated === true;
  const transferSyntaxUid = compressed ? stored : EXPLICIT_VR_LITTLE_ENDIAN;
  const types = compressed ? [syntax.mediaType, OCTETS] : [OCTETS];
  const forms = types.flatMap((type) => [
    { multipart: true, type },
    ...(frames === 1 ? [{ multipart: false, type }] : []),
  ]);
  return { form: acceptStored(accept, forms, [transferSyntaxUid]), transferSyntaxUid };
}
