import type { Request, Response } from 'express';
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
    request.headers.accept,
    forms,
    instances.map(({ transferSyntaxUid }) => transferSyntaxUid),
  );
  if (!form.multipart) {
    const [instance] = instances;
    response.setHeader(
      'content-type',
      formatMediaType('application/dicom', { 'transfer-syntax': instance!.transferSyntaxUid }),
    );
    response.setHeader('content-length', instance!.size);
    await sendStream(response, archive.stream(instance!));
    response.end();
    return;
  }
  const multipart = new MultipartWriter();
  const root = rootOf(request);
  response.setHeader('content-type', multipart.contentType('application/dicom'));
  for (const instance of instances) {
    const type = formatMediaType('application/dicom', { 'transfer-syntax': instance.transferSyntaxUid });
    await sendPiece(
      response,
      multipart.head({
        'Content-Type': type,
        'Content-Length': String(instance.size),
        'Content-Location': retrieveUrl(root, instance),
      }),
    );
    await sendStream(response, archive.stream(instance));
  }
  response.end(multipart.end());
}
