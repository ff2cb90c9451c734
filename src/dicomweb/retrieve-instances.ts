import type { Request, Response } from 'express';
import type { LocatedInstance } from '../archive/archive.ts';
import { formatMediaType } from '../dicom/media-types.ts';
import { MultipartWriter } from '../dicom/multipart.ts';
import { VoxgateError } from '../errors.ts';
import { acceptStored, type Form } from './accept.ts';
import { placeOf, retrieveUrl, rootOf } from './addresses.ts';
import type { DicomwebParts } from './router.ts';
import { sendPiece, sendStream } from './send-body.ts';

const FORMS: readonly Form[] = [
  { multipart: true, type: 'application/dicom' },
  { multipart: false, type: 'application/dicom' },
];

/** Study, series or instance as PS3.10 files, byte for byte as stored (PS3.18 10.4.1.1.1). */
export async function retrieveInstances(
  { archive }: DicomwebParts,
  request: Request,
  response: Response,
): Promise<void> {
  const place = placeOf(request);
  const instances = await archive.locate(place);
  if (instances.length === 0) throw new VoxgateError('not-found', 'nothing is held under this address');
  const forms = instances.length === 1 ? FORMS : FORMS.slice(0, 1);
  const form = acceptStored(
    request,
    forms,
    instances.map(({ transferSyntaxUid }) => transferSyntaxUid),
  );
  const typeOf = ({ transferSyntaxUid }: LocatedInstance): string =>
    formatMediaType('application/dicom', { 'transfer-syntax': transferSyntaxUid });
  const isHead = request.method === 'HEAD';
  if (!form.multipart) {
    const instance = instances[0]!;
    response.setHeader('content-type', typeOf(instance));
    response.setHeader('content-length', instance.size);
    if (!isHead) await sendStream(response, archive.stream(instance));
    response.end();
    return;
  }
  const multipart = new MultipartWriter();
  const root = rootOf(request);
  response.setHeader('content-type', multipart.contentType('application/dicom'));
  for (const instance of isHead ? [] : instances) {
    const headers = {
      'Content-Type': typeOf(instance),
      'Content-Length': String(instance.size),
      'Content-Location': retrieveUrl(root, instance),
    };
    await sendPiece(response, multipart.head(headers));
    await sendStream(response, archive.stream(instance));
  }
  response.end(multipart.end());
}
