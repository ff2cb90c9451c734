import type { JsonDataset } from '../dicom/dataset.ts';
import { number, numbers, text } from '../dicom/read-values.ts';
import { RLE_LOSSLESS, readableSyntax } from '../dicom/transfer-syntaxes.ts';
import { VoxgateError } from '../errors.ts';
import { decodeAsStored, layoutOf } from './frame-layout.ts';
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

/** One overlay plane that is to be drawn. */
interface Plane {
  readonly object: OpenedObject;
  readonly group: string;
}

/**
 * Draws overlay planes in white, with a black rim on their lower right: a thin white line on white bone would not be
 * seen.
 * @throws VoxgateError undecodable for planes that break off, or lie within pixels compressed without them
 */
export async function drawOverlays(picture: Picture, frame: number, planes: readonly Plane[]): Promise<Picture> {
  const data = Uint8Array.from(picture.data);
  for (const plane of planes) {
    const { rows, columns } = sizeOf(plane);
    const isSet = await bitsOf(plane, frame);
    if (isSet) drawBits({ ...picture, data }, plane, { rows, columns, isSet });
  }
  return { ...picture, data };
}

function sizeOf({ object: { dataset }, group }: Plane): { rows: number; columns: number } {
  return { rows: number(dataset, `${group}0010`) ?? 0, columns: number(dataset, `${group}0011`) ?? 0 };
}

type Bits = (index: number) => boolean;

/** Undefined where the plane has nothing for this frame. */
async function bitsOf(plane: Plane, frame: number): Promise<Bits | undefined> {
  const { object, group } = plane;
  const { dataset } = object;
  const { rows, columns } = sizeOf(plane);
  const frames = number(dataset, `${group}0015`);
  const at = frames === undefined ? 0 : frame - (number(dataset, `${group}0051`) ?? 1);
  if (at < 0 || at >= (frames ?? 1)) return undefined;
  const bits = object.bytesOf(dataset, `${group}3000`);
  if (!bits) return embedded(plane, frame);
  const first = at * rows * columns;
  if (bits.length * 8 < first + rows * columns)
    throw new VoxgateError('undecodable', `overlay ${group} breaks off before its last row`);
  return (index) => ((bits[(first + index) >> 3]! >> ((first + index) & 7)) & 1) === 1;
}

/** In bits of the pixels that hold no image: so before 2004, and in old archives still. */
async function embedded({ object, group }: Plane, frame: number): Promise<Bits> {
  const layout = layoutOf(object.dataset, object.transferSyntaxUid);
  const position = number(object.dataset, `${group}0102`) ?? -1;
  const isNative = !readableSyntax(object.transferSyntaxUid).encapsulated || object.transferSyntaxUid === RLE_LOSSLESS;
  const isOutside = position > layout.highBit || (position >= 0 && position <= layout.highBit - layout.bitsStored);
  if (!isNative || !isOutside || layout.samplesPerPixel !== 1 || position >= layout.bitsAllocated)
    throw new VoxgateError('undecodable', `overlay ${group} has no Overlay Data, and no bits of its own in the pixels`);
  const { bytes } = await decodeAsStored(object.readFrame(frame), layout);
  const width = layout.bitsAllocated >> 3;
  return (index) => ((bytes[index * width + (position >> 3)]! >> (position & 7)) & 1) === 1;
}

function drawBits(
  picture: Picture,
  { object, group }: Plane,
  { rows, columns, isSet }: { readonly rows: number; readonly columns: number; readonly isSet: Bits },
): void {
  const [originRow = 1, originColumn = 1] = numbers(object.dataset, `${group}0050`);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      if (!isSet(row * columns + column)) continue;
      const y = row + originRow - 1;
      const x = column + originColumn - 1;
      paint(picture, x, y, 255);
      if (column + 1 < columns && row + 1 < rows && !isSet((row + 1) * columns + column + 1))
        paint(picture, x + 1, y + 1, 0);
    }
  }
}

function paint({ width, height, channels, data }: Picture, x: number, y: number, grey: number): void {
  if (x < 0 || y < 0 || x >= width || y >= height) return;
  const at = (y * width + x) * channels;
  for (let channel = 0; channel < channels; channel++) data[at + channel] = grey;
}
