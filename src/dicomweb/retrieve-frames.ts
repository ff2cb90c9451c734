import type { Request, Response } from 'express';
import { formatMediaType } from '../dicom/media-types.ts';
import { MultipartWriter } from '../dicom/multipart.ts';
import { EXPLICIT_VR_LITTLE_ENDIAN, readableSyntax } from '../dicom/transfer-syntaxes.ts';
import { VoxgateError } from '../errors.ts';
import { acceptStored, type Form } from './accept.ts';
import { placeOf, retrieveUrl, rootOf } from './addresses.ts';
import { asStored } from './as-stored.ts';
import type { DicomwebParts } from './router.ts';
import { sendPiece } from './send-body.ts';

const OCTETS = 'application/octet-stream';

/** Frames as they are stored (PS3.18 10.4); nothing is transcoded in this version. */
export async function retrieveFrames({ archive }: DicomwebParts, request: Request, response: Response): Promise<void> {
  const numbers = frameNumbers(request.params['frames']);
  const [instance] = await archive.locate(placeOf(request));
  if (!instance) throw new VoxgateError('not-found', 'no such instance is held');
  const count = archive.frameCount(instance);
  const missing = numbers.find((number) => number > count);
  if (missing !== undefined)
    throw new VoxgateError('not-found', `there is no frame ${missing}: the object has ${count}`);

  const { form, transferSyntaxUid } = chooseForm(request, instance.transferSyntaxUid, numbers.length);
  const partType = formatMediaType(form.type, { 'transfer-syntax': transferSyntaxUid });
  const read = (number: number): Promise<Buffer> => asStored(archive.readFrame(instance, number));
  // The first frame is read before the answer begins: a broken object gets a status, not half an answer.
  let frame = await read(numbers[0]!);
  if (!form.multipart) {
    response.setHeader('content-type', partType);
    response.setHeader('content-length', frame.length);
    response.end(frame);
    return;
  }
  const multipart = new MultipartWriter();
  const url = `${retrieveUrl(rootOf(request), instance)}/frames`;
  response.setHeader('content-type', multipart.contentType(form.type));
  if (request.method === 'HEAD') {
    response.end();
    return;
  }
  for (const [at, number] of numbers.entries()) {
    if (at > 0) frame = await read(number);
    const headers = {
      'Content-Type': partType,
      'Content-Length': String(frame.length),
      'Content-Location': `${url}/${number}`,
    };
    await sendPiece(response, multipart.head(headers));
    await sendPiece(response, frame);
  }
  response.end(multipart.end());
}

const MOST_FRAMES = 10_000;

function frameNumbers(list: string | string[] | undefined): number[] {
  const numbers = typeof list === 'string' ? list.split(',').map(frameNumber) : [];
  if (numbers.length === 0 || numbers.length > MOST_FRAMES || !numbers.every((number) => number >= 1)) {
    throw new VoxgateError('bad-request', 'frames must be a list of numbers from 1, separated by commas');
  }
  return numbers;
}

/** Number() would take "1e1", "0x1" and blanks. */
function frameNumber(text: string): number {
  return /^\d{1,9}$/.test(text) ? Number(text) : 0;
}

/**
 * Uncompressed frames are octets in little endian whatever the syntax around them; compressed ones are of their own
 * media type, or octets for clients that ask for the syntax that way. Octets without a transfer syntax mean
 * uncompressed ones, unless all there is is lossy (PS3.18 8.7.3.3): other bytes in their place would be shown as noise.
 */
function chooseForm(request: Request, stored: string, frames: number): { form: Form; transferSyntaxUid: string } {
  const { encapsulated, mediaType, lossy } = readableSyntax(stored);
  const transferSyntaxUid = encapsulated ? stored : EXPLICIT_VR_LITTLE_ENDIAN;
  const octets = { type: OCTETS, ...(lossy ? {} : { defaultTransferSyntaxUid: EXPLICIT_VR_LITTLE_ENDIAN }) };
  const types = mediaType === OCTETS ? [octets] : [{ type: mediaType }, octets];
  const forms = types.flatMap((type) => [
    { multipart: true, ...type },
    ...(frames === 1 ? [{ multipart: false, ...type }] : []),
  ]);
  return { form: acceptStored(request, forms, transferSyntaxUid), transferSyntaxUid };
}
