import type { Request, Response } from 'express';
import { MultipartWriter } from '../dicom/multipart.ts';
import { EXPLICIT_VR_LITTLE_ENDIAN, readableSyntax } from '../dicom/transfer-syntaxes.ts';
import { VoxgateError } from '../errors.ts';
import { acceptStored } from './accept.ts';
import { placeOf } from './addresses.ts';
import { asStored } from './as-stored.ts';
import type { DicomwebParts } from './router.ts';

const OCTETS = 'application/octet-stream';
const FORMS = [
  { multipart: true, type: OCTETS },
  { multipart: false, type: OCTETS },
] as const;

/** A value that the metadata name by a BulkDataURI (PS3.18 10.4.1.1.5). */
export async function retrieveBulkData(
  { archive }: DicomwebParts,
  request: Request,
  response: Response,
): Promise<void> {
  const { path } = request.params;
  const [instance] = await archive.locate(placeOf(request));
  if (!instance) throw new VoxgateError('not-found', 'no such instance is held');
  // Values are little endian whatever the file is; only fragments are of the syntax that they are stored in.
  const { encapsulated } = readableSyntax(instance.transferSyntaxUid);
  const form = acceptStored(request, FORMS, encapsulated ? instance.transferSyntaxUid : EXPLICIT_VR_LITTLE_ENDIAN);
  const value = await asStored(archive.readBulk(instance, Array.isArray(path) ? path.join('/') : (path ?? '')));
  if (!form.multipart) {
    response.setHeader('content-type', OCTETS);
    response.setHeader('content-length', value.length);
    response.end(value);
    return;
  }
  const multipart = new MultipartWriter();
  response.setHeader('content-type', multipart.contentType(OCTETS));
  response.write(multipart.head({ 'Content-Type': OCTETS, 'Content-Length': String(value.length) }));
  response.write(value);
  response.end(multipart.end());
}
