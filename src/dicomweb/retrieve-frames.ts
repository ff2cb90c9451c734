import type { Request, Response } from 'express';
import { VoxgateError } from '../errors.ts';
import { placeOf } from './addresses.ts';
import { frameNumbers } from './frame-numbers.ts';
import type { DicomwebParts } from './router.ts';
import { sendFrames } from './send-frames.ts';

/** Frames as they are stored, decoded, or in a lossless transfer syntax (PS3.18 10.4.1.1.6). */
export async function retrieveFrames(parts: DicomwebParts, request: Request, response: Response): Promise<void> {
  const { archive } = parts;
  const numbers = frameNumbers(request.params['frames']);
  const [instance] = await archive.locate(placeOf(request));
  if (!instance) throw new VoxgateError('not-found', 'no such instance is held');
  const count = archive.frameCount(instance);
  const missing = numbers.find((number) => number > count);
  if (missing !== undefined)
    throw new VoxgateError('not-found', `there is no frame ${missing}: the object has ${count}`);
  await sendFrames(parts, request, response, { instance, numbers });
}
