import { pipeline } from 'node:stream/promises';
import type { Request, Response } from 'express';
import { ZipFile } from 'yazl';
import type { Archive, LocatedInstance } from '../archive/archive.ts';
import { readableSyntax } from '../dicom/transfer-syntaxes.ts';
import { isUid } from '../dicom/uid.ts';
import { VoxgateError } from '../errors.ts';

/** Level 1: a CT becomes half as long, and a better level would take three times as long for a tenth more. */
const LEVEL = 1;

export interface ZipContents {
  readonly archive: Archive;
  readonly instances: readonly LocatedInstance[];
  /** Of the file that a browser saves; a UID. */
  readonly name: string;
}

/**
 * Objects as they are stored in one ZIP file (application/zip, PS3.18 8.7.3.6; ISO 21320-1), a folder each series. Names
 * are UIDs, or numbers where something else stands in the place of a UID. What is compressed already is put in as it is.
 * Each object is opened when the one before it has been taken.
 *
 * @throws VoxgateError bad-request when the client has left
 */
export async function sendZip(
  request: Request,
  response: Response,
  { archive, instances, name }: ZipContents,
): Promise<void> {
  response.setHeader('content-type', 'application/zip');
  response.setHeader('content-disposition', `attachment; filename="${name}.zip"`);
  if (request.method === 'HEAD') {
    response.end();
    return;
  }
  const zip = new ZipFile();
  let open: ReturnType<Archive['stream']> | undefined;
  const nameOf = namer();
  for (const instance of instances) {
    const { encapsulated, deflated } = readableSyntax(instance.transferSyntaxUid);
    const compressed = encapsulated || deflated;
    const options = {
      size: instance.size,
      mtime: instance.receivedAt,
      compress: !compressed,
      compressionLevel: compressed ? 0 : LEVEL,
    };
    zip.addReadStreamLazy(nameOf(instance), options, (opened) => {
      open = archive.stream(instance);
      opened(null, open);
    });
  }
  // Where an object cannot be read, the file is broken off: nobody may take it for whole.
  zip.on('error', (error: Error) => response.destroy(error));
  zip.end();
  try {
    await pipeline(zip.outputStream, response);
  } catch (cause) {
    throw new VoxgateError('bad-request', 'the client has left, or an object could not be read', { cause });
  } finally {
    // The writer would wait for ever with the object open that nobody takes any more.
    open?.destroy();
  }
}

function namer(): (instance: LocatedInstance) => string {
  const series = new Map<string, string>();
  let objects = 0;
  return ({ seriesInstanceUid, sopInstanceUid }) => {
    objects += 1;
    const folder =
      series.get(seriesInstanceUid) ?? (isUid(seriesInstanceUid) ? seriesInstanceUid : `series-${series.size + 1}`);
    series.set(seriesInstanceUid, folder);
    return `${folder}/${isUid(sopInstanceUid) ? sopInstanceUid : `object-${objects}`}.dcm`;
  };
}
