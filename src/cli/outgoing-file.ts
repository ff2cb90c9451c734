import { closeSync, openSync, statSync } from 'node:fs';
import { fileSource, parsePart10 } from '../dicom/parse.ts';
import { text } from '../dicom/read-values.ts';
import { VoxgateError } from '../errors.ts';
import type { OutgoingObject } from '../peers/peer.ts';

/**
 * A file as it is sent: its header is read now, its bytes when their turn comes.
 * @throws VoxgateError not-dicom, unidentifiable
 */
export function outgoingFile(path: string): OutgoingObject {
  const fd = openSync(path, 'r');
  try {
    const { size } = statSync(path);
    const { dataset, meta, transferSyntaxUid, dataSetOffset } = parsePart10(fileSource(fd, size));
    const sopClassUid = text(dataset, 'SOPClassUID') ?? text(meta, 'MediaStorageSOPClassUID');
    const sopInstanceUid = text(dataset, 'SOPInstanceUID') ?? text(meta, 'MediaStorageSOPInstanceUID');
    if (!sopClassUid || !sopInstanceUid)
      throw new VoxgateError('unidentifiable', 'no SOP Class UID or SOP Instance UID');
    return { sopClassUid, sopInstanceUid, transferSyntaxUid, dataSetOffset, path, size };
  } finally {
    closeSync(fd);
  }
}
