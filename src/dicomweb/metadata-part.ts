import type { MediaType } from '../dicom/media-types.ts';
import { readNativeXml } from '../dicom/read-native-xml.ts';
import { xmlText } from '../dicom/xml-text.ts';
import { VoxgateError } from '../errors.ts';

export const JSON_TYPES = ['application/dicom+json', 'application/json'];
export const XML_TYPES = ['application/dicom+xml', 'application/xml', 'text/xml'];

/** Plain JSON and XML may as well be bulk data: those have a location. */
export function isMetadata({ type }: MediaType, hasLocation: boolean): boolean {
  if (type === 'application/dicom+json' || type === 'application/dicom+xml') return true;
  return !hasLocation && (JSON_TYPES.includes(type) || XML_TYPES.includes(type));
}

/**
 * The data sets of a part of metadata: a list in JSON, or one data set by itself, as some send it; one document in XML.
 * @throws VoxgateError bad-request
 */
export function dataSetsOf(bytes: Buffer, model: 'json' | 'xml'): readonly unknown[] {
  if (model === 'xml') return [readNativeXml(xmlText(bytes))];
  const parsed = parseJson(decoded(bytes));
  const listed: readonly unknown[] = Array.isArray(parsed) ? parsed : [parsed];
  if (listed.length === 0) throw new VoxgateError('bad-request', 'the metadata hold no data set');
  return listed;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new VoxgateError('bad-request', 'the metadata are not JSON', { cause });
  }
}

function decoded(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new VoxgateError('bad-request', 'the metadata are not UTF-8', { cause });
  }
}
