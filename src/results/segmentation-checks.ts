import type { JsonDataset } from '../dicom/dataset.ts';
import { isPresent, items, number, text } from '../dicom/read-values.ts';
import type { Vec3 } from '../imaging/grid.ts';
import { CODE } from './codes.ts';
import { type ReadBack, refuse } from './read-back.ts';
import type { SegmentVoxels } from './segment-voxels.ts';
import { slicePosition } from './segmentation-frames.ts';
import type { SegmentationView } from './segmentation-view.ts';
import type { SegmentationInput } from './types.ts';

/** Pixels of a SEG mean themselves: nothing may ask a viewer to rescale or window them (PS3.3 Section A.51). */
export function checkNoPixelTransformation({ dataset }: ReadBack): void {
  const groups = [
    dataset,
    ...items(dataset, 'SharedFunctionalGroupsSequence'),
    ...items(dataset, 'PerFrameFunctionalGroupsSequence'),
  ];
  for (const keyword of [
    'RescaleIntercept',
    'RescaleSlope',
    'WindowCenter',
    'WindowWidth',
    'ModalityLUTSequence',
    'VOILUTSequence',
    'PixelValueTransformationSequence',
    'FrameVOILUTSequence',
  ]) {
    if (groups.some((group) => isPresent(group, keyword))) refuse(`${keyword} has no place in a SEG`);
  }
}

/** The bits run on over frame borders, and are those that were handed in, with at most one byte of padding behind. */
export function checkPixels(view: SegmentationView, dataset: JsonDataset, input: SegmentationInput): void {
  const { grid } = input.source;
  if (view.rows !== grid.rows || view.columns !== grid.columns) refuse('Rows and Columns are not those of the source');
  if (number(dataset, 'NumberOfFrames') !== input.frames.length || view.frames.length !== input.frames.length) {
    refuse(`Number of Frames is not ${input.frames.length}`);
  }
  const voxels = input.frames.length * grid.rows * grid.columns;
  const length = Math.ceil(voxels / 8);
  if (view.pixels.length !== length + (length % 2)) {
    refuse(
      `Pixel Data has ${view.pixels.length} bytes where ${voxels} bits and padding to even length take another number`,
    );
  }
  const same = Buffer.compare(view.pixels.subarray(0, length), input.pixelData) === 0;
  if (!same) refuse('Pixel Data is not the masks that were handed in');
  const behind = voxels % 8 === 0 ? 0 : view.pixels[length - 1]! >> (voxels % 8);
  if (behind !== 0) refuse('bits are set behind the last voxel');
}

/** 1..n without gaps, each automatic, each with tracking identifiers of its own, each with frames. */
export function checkSegments({ segments, frames }: SegmentationView): void {
  if (segments.length === 0) refuse('Segment Sequence is empty');
  for (const [index, segment] of segments.entries()) {
    if (segment.number !== index + 1) refuse(`Segment Number ${segment.number} stands where ${index + 1} should`);
    if (segment.algorithmType !== 'AUTOMATIC')
      refuse(`segment ${segment.number} has no Segment Algorithm Type AUTOMATIC`);
    if (!segment.trackingId || !segment.trackingUid)
      refuse(`segment ${segment.number} lacks Tracking ID or Tracking UID`);
    if (!frames.some((frame) => frame.segment === segment.number)) refuse(`segment ${segment.number} has no frame`);
  }
  if (new Set(segments.map((segment) => segment.trackingUid)).size !== segments.length) {
    refuse('two segments have the same Tracking UID');
  }
  if (frames.some((frame) => frame.segment < 1 || frame.segment > segments.length)) {
    refuse('a frame refers to a segment that is not described');
  }
}

/** How far a frame may be from its slice, in mm: what viewers tolerate when they match geometry. */
const POSITION_TOLERANCE = 1e-3;
/** How far cosines may be from unit length and right angle: sources write them with as few as four decimals. */
const COSINE_TOLERANCE = 1e-3;
/** How far they may be from those of the source after rounding to 16 characters. */
const ROUNDING_TOLERANCE = 1e-6;

const dot = (a: Vec3, b: Vec3) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];

/** Each frame lies on its slice of the grid, says so in its dimension index, and names the one source image of the slice. */
export function checkGeometry(view: SegmentationView, { source, frames }: SegmentationInput): void {
  const { grid, instances } = source;
  const { rowDirection, columnDirection } = view;
  const unit = [dot(rowDirection, rowDirection) - 1, dot(columnDirection, columnDirection) - 1];
  if ([...unit, dot(rowDirection, columnDirection)].some((error) => Math.abs(error) > COSINE_TOLERANCE)) {
    refuse('Image Orientation (Patient) is not two unit vectors at right angles');
  }
  const want = [...grid.rowDirection, ...grid.columnDirection];
  if ([...rowDirection, ...columnDirection].some((cosine, i) => Math.abs(cosine - want[i]!) > ROUNDING_TOLERANCE)) {
    refuse('Image Orientation (Patient) is not that of the source');
  }
  const spacing: [number, number][] = [
    [view.rowSpacing, grid.rowSpacing],
    [view.columnSpacing, grid.columnSpacing],
    [view.sliceSpacing, grid.sliceSpacing],
  ];
  if (spacing.some(([have, should]) => Math.abs(have - should) > POSITION_TOLERANCE))
    refuse('the spacing is not that of the source');
  const ranks = [...new Set(frames.map((frame) => frame.slice))].sort((a, b) => a - b);
  for (const [index, { slice }] of frames.entries()) {
    const frame = view.frames[index]!;
    const place = slicePosition(source, slice);
    const away = frame.position.map((value, axis) => value - place[axis]!);
    if (!(Math.hypot(...away) <= POSITION_TOLERANCE))
      refuse(`frame ${index + 1} does not lie on slice ${slice} of the source`);
    const [segment, rank] = frame.dimensionIndex;
    if (segment !== frame.segment || rank !== ranks.indexOf(slice) + 1) {
      refuse(`Dimension Index Values of frame ${index + 1} are not its segment and the rank of its position`);
    }
    const [image, ...more] = frame.sources;
    const instance = instances[slice];
    const named = image?.sopInstanceUid === instance?.sopInstanceUid && image?.frameNumber === instance?.frameNumber;
    if (!named || more.length > 0) refuse(`frame ${index + 1} does not name the one source image of slice ${slice}`);
  }
}

/** Referenced Series Sequence lists the source series with exactly the instances the frames name (PS3.3 C.12.2). */
export function checkReferences({ dataset }: ReadBack, view: SegmentationView, { source }: SegmentationInput): void {
  const [series = {}, ...more] = items(dataset, 'ReferencedSeriesSequence');
  if (more.length > 0 || text(series, 'SeriesInstanceUID') !== text(source.attributes, 'SeriesInstanceUID')) {
    refuse('Referenced Series Sequence is not the one source series');
  }
  const listed = items(series, 'ReferencedInstanceSequence').map((item) => text(item, 'ReferencedSOPInstanceUID'));
  const used = new Set(view.frames.flatMap((frame) => frame.sources.map((one) => one.sopInstanceUid)));
  const known = new Set(source.instances.map((instance) => instance.sopInstanceUid));
  if (listed.length !== used.size || listed.some((uid) => !used.has(uid))) {
    refuse('Referenced Instance Sequence is not exactly the instances that the frames name');
  }
  if (listed.some((uid) => uid === undefined || !known.has(uid)))
    refuse('an instance is referenced that is not of the source');
}

/** What is called Right must lie to the right of what is called Left, at smaller x of LPS: a mirrored mask stops here. */
export function checkSides({ segments }: SegmentationView, voxels: ReadonlyMap<number, SegmentVoxels>): void {
  for (const right of segments.filter((segment) => segment.side === CODE.right.value)) {
    for (const left of segments.filter((segment) => segment.side === CODE.left.value && segment.type === right.type)) {
      if (voxels.get(right.number)!.centroid[0] >= voxels.get(left.number)!.centroid[0]) {
        refuse(`segment ${right.number} is called Right but lies to the left of segment ${left.number}, called Left`);
      }
    }
  }
}
