import type { JsonDataset } from '../dicom/dataset.ts';
import { items, number, numbers, text } from '../dicom/read-values.ts';
import { VoxgateError } from '../errors.ts';
import { layoutOf } from './frame-layout.ts';
import { fromDisplayCieLab } from './render-cielab.ts';
import { storedValues } from './render-frame.ts';
import type { StoredValues } from './render-grey.ts';
import { functionalGroup, type OpenedObject } from './render-object.ts';
import { isSamePlane, type Mapping, mappingBetween, planeOf, shareReference } from './render-plane.ts';
import type { Picture } from './render-request.ts';

type Colour = readonly [red: number, green: number, blue: number];

/** How much of a pixel's colour is the segment's. */
const OPACITY = 0.5;

/** For segments that recommend no colour, by their number. */
const COLOURS: readonly Colour[] = [
  [220, 50, 47],
  [60, 180, 75],
  [38, 139, 240],
  [255, 200, 40],
  [180, 70, 200],
  [0, 200, 200],
  [255, 130, 50],
  [150, 220, 60],
];

/** Which source pixels a frame of a segmentation is about, besides where it lies. */
export interface SegmentSource {
  readonly sopInstanceUid: string;
  /** Counted from 1; undefined for an image of one frame, or all of several. */
  readonly frame: number | undefined;
  /** The pixels of both are the same places (PS3.3 C.7.6.16.2.6). */
  readonly locationsPreserved: boolean;
}

/** The source images that a frame of a segmentation names (Derivation Image macro). */
export function sourcesOf(segmentation: JsonDataset, frame: number): SegmentSource[] {
  const derivation = functionalGroup(segmentation, frame, 'DerivationImageSequence');
  return (derivation ? items(derivation, 'SourceImageSequence') : []).map((source) => ({
    sopInstanceUid: text(source, 'ReferencedSOPInstanceUID') ?? '',
    frame: number(source, 'ReferencedFrameNumber'),
    locationsPreserved: text(source, 'SpatialLocationsPreserved')?.trim() === 'YES',
  }));
}

/**
 * Lays frames of a segmentation over a frame of its source, each pixel by its place in the patient and never by its
 * number alone: a mask that is mirrored or moved harms.
 *
 * @throws VoxgateError not-acceptable where the places of both are not known to be the same
 */
export async function overlaySegments(
  picture: Picture,
  source: { readonly object: OpenedObject; readonly frame: number },
  segmentation: { readonly object: OpenedObject; readonly frames: readonly number[] },
): Promise<Picture> {
  const { object, frames } = segmentation;
  const layout = layoutOf(object.dataset, object.transferSyntaxUid);
  const type = text(object.dataset, 'SegmentationType')?.trim();
  const data = colourOf(picture);
  const colours = segmentColours(object.dataset);
  for (const frame of frames) {
    const mapping = mappingFor(source, object.dataset, frame, picture);
    const values = await storedValues(object, frame, layout);
    const identification = functionalGroup(object.dataset, frame, 'SegmentIdentificationSequence');
    const segment = (identification && number(identification, 'ReferencedSegmentNumber')) ?? 0;
    const full = type === 'FRACTIONAL' ? (number(object.dataset, 'MaximumFractionalValue') ?? 255) : 1;
    blend({ ...picture, channels: 3, data }, values, {
      mapping,
      rows: layout.rows,
      columns: layout.columns,
      paint:
        type === 'LABELMAP'
          ? (label) => [colours(label), label === 0 ? 0 : 1]
          : (value) => [colours(segment), value / full],
    });
  }
  return { ...picture, channels: 3, data };
}

function colourOf({ channels, data }: Picture): Uint8Array {
  if (channels === 3) return Uint8Array.from(data);
  const colour = new Uint8Array(data.length * 3);
  for (let i = 0; i < data.length; i++) colour.fill(data[i]!, i * 3, i * 3 + 3);
  return colour;
}

function segmentColours(segmentation: JsonDataset): (segment: number) => Colour {
  const colours = new Map(
    items(segmentation, 'SegmentSequence').map((segment): [number, Colour] => {
      const number_ = number(segment, 'SegmentNumber') ?? 0;
      const [l, a, b] = numbers(segment, 'RecommendedDisplayCIELabValue');
      if (l !== undefined && a !== undefined && b !== undefined) return [number_, fromDisplayCieLab([l, a, b])];
      const grey = number(segment, 'RecommendedDisplayGrayscaleValue');
      if (grey !== undefined) return [number_, [grey >> 8, grey >> 8, grey >> 8]];
      return [number_, COLOURS[number_ % COLOURS.length]!];
    }),
  );
  return (segment) => colours.get(segment) ?? COLOURS[segment % COLOURS.length]!;
}

function mappingFor(
  { object, frame: sourceFrame }: { readonly object: OpenedObject; readonly frame: number },
  segmentation: JsonDataset,
  frame: number,
  picture: Picture,
): Mapping {
  const from = planeOf(object.dataset, sourceFrame);
  const to = planeOf(segmentation, frame);
  const sopInstanceUid = text(object.dataset, 'SOPInstanceUID');
  const named = sourcesOf(segmentation, frame).find(
    (one) => one.sopInstanceUid === sopInstanceUid && (one.frame === undefined || one.frame === sourceFrame),
  );
  if (from && to) {
    // Who names the image means its places: some archives gave each slice a frame of reference of its own.
    if (!named && !shareReference(from, to)) throw misplaced(frame, 'is in another frame of reference than the image');
    if (!isSamePlane(from, to)) throw misplaced(frame, 'lies in another plane than the image it is about');
    return mappingBetween(from, to);
  }
  const isSameGrid =
    number(segmentation, 'Rows') === picture.height && number(segmentation, 'Columns') === picture.width;
  // Neither has a place in a patient, and the segmentation says that its pixels are those of the image.
  if (!from && !to && named?.locationsPreserved && isSameGrid) return { base: [0, 0], across: [1, 0], down: [0, 1] };
  throw misplaced(frame, 'does not say where it lies, or the image it is about does not');
}

function misplaced(frame: number, why: string): VoxgateError {
  return new VoxgateError('not-acceptable', `frame ${frame} of the segmentation ${why}: it is not laid over it`);
}

interface Mask {
  readonly mapping: Mapping;
  readonly rows: number;
  readonly columns: number;
  /** Colour and share (0 to 1) of a value. */
  readonly paint: (value: number) => readonly [Colour, number];
}

/** The nearest pixel of the mask: masks have no values in between. */
function blend({ width, height, data }: Picture, values: StoredValues, { mapping, rows, columns, paint }: Mask): void {
  const { base, across, down } = mapping;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const column = Math.round(base[0] + x * across[0] + y * down[0]);
      const row = Math.round(base[1] + x * across[1] + y * down[1]);
      if (row < 0 || column < 0 || row >= rows || column >= columns) continue;
      const value = values[row * columns + column]!;
      if (value === 0) continue;
      const [colour, share] = paint(value);
      const weight = OPACITY * Math.max(0, Math.min(1, share));
      const at = (y * width + x) * 3;
      for (let channel = 0; channel < 3; channel++)
        data[at + channel] = Math.round(data[at + channel]! * (1 - weight) + colour[channel]! * weight);
    }
  }
}
