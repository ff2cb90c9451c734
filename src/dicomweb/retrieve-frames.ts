import type { Request, Response } from 'express';
import { VoxgateError } from '../errors.ts';
import { placeOf } from './addresses.ts';
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
