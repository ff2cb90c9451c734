import { VoxgateError } from '../errors.ts';
import type { ByteSource } from './byte-source.ts';
import { toLittleEndian } from './read-value.ts';
import type { BulkValue } from './reading.ts';

/**
 * The bytes of a value that is not in the JSON: little endian, text as UTF-8, encapsulated values with their item
 * headers as stored.
 *
 * @param source what the offsets count in: the file, or the inflated data set
 * @throws VoxgateError not-dicom where the source ends before the value does
 */
export function readBulk(value: BulkValue, source: ByteSource): Buffer {
  const bytes = source.read(value.offset, value.length);
  if (bytes.length < value.length) throw new VoxgateError('not-dicom', 'the object ends before the value does');
  if (value.characterSet !== undefined) return Buffer.from(value.characterSet.decode(bytes, false), 'utf8');
  return toLittleEndian(bytes, value.swap);
}
