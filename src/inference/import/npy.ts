import { readFile, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { refused } from './config-value.ts';

export interface PlainArray {
  readonly shape: readonly number[];
  /** float32, little endian, row-major. */
  readonly bytes: Buffer;
}

const MAGIC = Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]);
const HEADER = /^\{\s*'descr':\s*'([^']*)',\s*'fortran_order':\s*(True|False),\s*'shape':\s*\(([\d,\s]*)\),?\s*\}\s*$/;
/** A golden pair is a window, not a volume. */
const LARGEST = 1 << 30;

/**
 * A NumPy array of float32 (NEP 1, versions 1 to 3), as `numpy.save` writes it. Arrays of objects hold pickles, which
 * run code when they are opened: they are refused unopened.
 * @throws VoxgateError bad-model
 */
export async function readNpy(path: string): Promise<PlainArray> {
  const label = basename(path);
  const { size } = await stat(path);
  if (size > LARGEST) throw refused(label, '', `has ${size} bytes, more than ${LARGEST}`);
  const file = await readFile(path);
  if (file.length < 12 || !file.subarray(0, 6).equals(MAGIC))
    throw refused(label, '', 'is no .npy file: save the array with numpy.save(…, array.astype("float32"))');
  const start = file[6] === 1 ? 10 : 12;
  const length = file[6] === 1 ? file.readUInt16LE(8) : file.readUInt32LE(8);
  if (length > 65_536 || start + length > file.length) throw refused(label, '', 'its header breaks off');
  const header = HEADER.exec(file.toString('latin1', start, start + length));
  if (!header) throw refused(label, '', 'its header is not one of numpy.save');
  const [, type, fortran, dimensions = ''] = header;
  if (type === '|O') throw refused(label, '', 'holds Python objects (a pickle), which are never opened');
  if (type !== '<f4') throw refused(label, '', `holds ${type}, not little endian float32 ("<f4")`);
  if (fortran === 'True') throw refused(label, '', 'is in Fortran order: save numpy.ascontiguousarray(array)');
  const shape = dimensions
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map(Number);
  const count = shape.reduce((product, edge) => product * edge, 1);
  const bytes = file.subarray(start + length);
  if (shape.length === 0 || shape.length > 6 || count * 4 !== bytes.length)
    throw refused(label, '', `has ${bytes.length} bytes of values for the shape ${shape.join(' × ')}`);
  return { shape, bytes };
}
