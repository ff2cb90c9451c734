import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { createGunzip } from 'node:zlib';
import { float16Of } from '../imaging/float16.ts';
import type { Difference, PackedTensor } from './check-messages.ts';

/**
 * Writes a golden tensor raw to a file, as the engine takes it. Work on every value: for a process of its own.
 * @throws Error where it has more or fewer values than its shape
 */
export async function unpackGolden(tensor: PackedTensor, type: 'float32' | 'float16', to: string): Promise<undefined> {
  const file = await open(to, 'w');
  try {
    for await (const values of valuesOf(tensor)) {
      const typed = type === 'float16' ? float16Of(values) : values;
      await file.writeFile(new Uint8Array(typed.buffer, typed.byteOffset, typed.byteLength));
    }
  } finally {
    await file.close();
  }
  return undefined;
}

/**
 * The largest difference of raw float32 in a file to a golden tensor.
 * @throws Error where either has more or fewer values than the shape
 */
export async function compareGolden(tensor: PackedTensor, found: string): Promise<Difference> {
  let largest = 0;
  let at = 0;
  let place = 0;
  const others = valuesOf({ path: found, shape: tensor.shape })[Symbol.asyncIterator]();
  let other = new Float32Array(0);
  let used = 0;
  for await (const values of valuesOf(tensor)) {
    for (const value of values) {
      if (used === other.length) {
        const next = await others.next();
        if (next.done) throw new Error(`${found} ends at value ${place}`);
        other = next.value;
        used = 0;
      }
      const difference = differenceOf(value, other[used++]!);
      if (difference > largest) {
        largest = difference;
        at = place;
      }
      place += 1;
    }
  }
  // The rest of the other one, which has none: its own length is judged by reading it to its end.
  await others.next();
  return { largest, at };
}

/** Of two that are the same infinity, none; of one that is no number and one that is, all. */
function differenceOf(a: number, b: number): number {
  if (Object.is(a, b) || a === b) return 0;
  const difference = Math.abs(a - b);
  return Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference;
}

/** Values in pieces, so many as the shape says and no more: compressed bytes may stand for any number of others. */
async function* valuesOf({ path, shape }: PackedTensor): AsyncGenerator<Float32Array<ArrayBuffer>> {
  const wanted = shape.reduce((product, length) => product * length, 1) * 4;
  const file = createReadStream(path);
  const bytes: AsyncIterable<Buffer> = path.endsWith('.gz') ? unzipped(file) : file;
  let seen = 0;
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of bytes) {
    seen += chunk.length;
    if (seen > wanted) break;
    const joined = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const whole = joined.length - (joined.length % 4);
    rest = joined.subarray(whole);
    if (whole > 0)
      yield new Float32Array(joined.buffer.slice(joined.byteOffset, joined.byteOffset + whole) as ArrayBuffer);
  }
  if (seen !== wanted)
    throw new Error(`${path} has ${seen > wanted ? 'more' : 'fewer'} bytes than the ${wanted} of ${shape.join(' × ')}`);
}

function unzipped(file: ReturnType<typeof createReadStream>): AsyncIterable<Buffer> {
  const gunzip = createGunzip();
  file.on('error', (error) => gunzip.destroy(error));
  return file.pipe(gunzip);
}
