import { VoxgateError } from '../errors.ts';

/**
 * Bytes out of an object that is held. One that was stored although it breaks off (warning B007H) may lack them: that
 * is nothing found, and no fault of who asks.
 * @throws VoxgateError not-found instead of not-dicom
 */
export async function asStored<T>(bytes: Promise<T>): Promise<T> {
  try {
    return await bytes;
  } catch (error) {
    if (error instanceof VoxgateError && error.code === 'not-dicom')
      throw new VoxgateError('not-found', `the object is held as it came, and it came broken: ${error.message}`, {
        cause: error,
      });
    throw error;
  }
}
