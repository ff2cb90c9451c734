import type { JsonDataset } from '../dicom/dataset.ts';
import { number, numbers, text } from '../dicom/read-values.ts';
import { VoxgateError } from '../errors.ts';
import type { OpenedObject } from './render-object.ts';
import type { Picture } from './render-request.ts';

/** Groups 6000 to 601E, even ones (PS3.3 C.9.2). */
const GROUPS = Array.from({ length: 16 }, (_, i) => (0x6000 + 2 * i).toString(16).toUpperCase());

/** The overlay groups that a data set describes. */
export function overlayGroups(dataset: JsonDataset): string[] {
  return GROUPS.filter((group) => (number(dataset, `${group}0010`) ?? 0) > 0);
}

/** The overlay groups that a presentation state shows, its own ones and those of the image (PS3.3 C.11.7). */
export function activatedOverlays(dataset: JsonDataset): string[] {
  return GROUPS.filter((group) => text(dataset, `${group}1001`)?.trim());
}

/**
 * Draws overlay planes in white, with a black rim on their lower right where they are thin: a white line on white bone
 * would not be seen.
 * @throws VoxgateError undecodable for planes within the pixel data, which were retired in 2004
 */
export function drawOverlays(
  picture: Picture,
  frame: number,
  planes: readonly { readonly object: OpenedObject; readonly group: string }[],
): Picture {
  const data = Uint8Array.from(picture.data);
  for (const { object, group } of planes) drawPlane({ ...picture, data }, frame, object, group);
  return { ...picture, data };
}

function drawPlane(picture: Picture, frame: number, object: OpenedObject, group: string): void {
  const { dataset } = object;
  const rows = number(dataset, `${group}0010`) ?? 0;
  const columns = number(dataset, `${group}0011`) ?? 0;
  const [originRow = 1, originColumn = 1] = numbers(dataset, `${group}0050`);
  const frames = number(dataset, `${group}0015`) ?? 1;
  const origin = number(dataset, `${group}0051`) ?? 1;
  const at = frames === 1 && number(dataset, `${group}0015`) === undefined ? 0 : frame - origin;
  if (at < 0 || at >= frames) return;
  const bits = object.bytesOf(dataset, `${group}3000`);
  if (!bits)
    throw new VoxgateError(
      'undecodable',
      `overlay ${group} is not in Overlay Data; planes in unused bits are not drawn`,
    );
  const first = at * rows * columns;
  if (bits.length * 8 < first + rows * columns)
    throw new VoxgateError('undecodable', `overlay ${group} breaks off before its last row`);
  const isSet = (row: number, column: number): boolean => {
    const bit = first + row * columns + column;
    return ((bits[bit >> 3]! >> (bit & 7)) & 1) === 1;
  };
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      if (!isSet(row, column)) continue;
      const y = row + originRow - 1;
      const x = column + originColumn - 1;
      paint(picture, x, y, 255);
      if (column + 1 < columns && row + 1 < rows && !isSet(row + 1, column + 1)) paint(picture, x + 1, y + 1, 0);
    }
  }
}

function paint({ width, height, channels, data }: Picture, x: number, y: number, grey: number): void {
  if (x < 0 || y < 0 || x >= width || y >= height) return;
  const at = (y * width + x) * channels;
  for (let channel = 0; channel < channels; channel++) data[at + channel] = grey;
}
