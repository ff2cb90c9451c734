import { createReadStream } from 'node:fs';
import type { Archive, LocatedInstance } from '../archive/archive.ts';
import { EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN, transferSyntaxOf } from '../dicom/transfer-syntaxes.ts';
import { fileMeta } from '../dicom/write.ts';
import { ENCODABLE } from '../imaging/encode.ts';
import type { TranscodeClient } from '../imaging/transcode-client.ts';
import type { ObjectTranscoder } from './object-plan.ts';

const TARGETS: readonly string[] = [EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN, ...ENCODABLE];

/**
 * Whole objects in other transfer syntaxes: without compression, or compressed without loss (PS3.18 8.7.3.5). They are
 * written to a file frame by frame before they are sent, so that what cannot be done is told by a status.
 */
export function objectTranscoder(archive: Pick<Archive, 'pathOf'>, client: TranscodeClient): ObjectTranscoder {
  return {
    targetsOf: (stored) => (canRead(client, stored) ? TARGETS.filter((uid) => uid !== stored) : []),
    async transcode(instance, transferSyntaxUid, signal) {
      const object = { ...instance, path: archive.pathOf(instance) };
      const { path, size, dispose } = await client.transcode(object, transferSyntaxUid, signal);
      const head = headOf(instance, transferSyntaxUid);
      async function* stream(): AsyncGenerator<Buffer, void> {
        yield head;
        yield* createReadStream(path, { highWaterMark: PIECE_BYTES });
      }
      return { size: head.length + size, stream, dispose };
    },
  };
}

const PIECE_BYTES = 256 * 1024;

/** File Meta Information names who wrote the file (PS3.10 7.1): that is us. */
function headOf({ sopClassUid, sopInstanceUid }: LocatedInstance, transferSyntaxUid: string): Buffer {
  return fileMeta({ sopClassUid, sopInstanceUid, transferSyntaxUid });
}

/** A syntax that is not known may hold anything. */
function canRead(client: TranscodeClient, stored: string): boolean {
  return transferSyntaxOf(stored) !== undefined && client.canRead(stored);
}
