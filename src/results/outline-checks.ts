import type { JsonDataset } from '../dicom/dataset.ts';
import { items, numbers, text } from '../dicom/read-values.ts';
import { CONCEPT } from './codes.ts';
import { visitVoxels } from './mask-bits.ts';
import { type ReadBack, refuse } from './read-back.ts';
import { child, closeTo, measurementGroups, numericValue } from './report-checks.ts';
import type { SegmentationView } from './segmentation-view.ts';
import type { ReportInput } from './types.ts';

interface PlanarGroup {
  readonly trackingUid: string | undefined;
  readonly sopInstanceUid: string | undefined;
  readonly points: readonly (readonly [number, number])[];
  readonly areaMm2: number;
}

/** Each outline that was drawn is there, on the image of its slice, with its area. */
export function checkOutlines({ dataset }: ReadBack, input: ReportInput): void {
  const groups = planarGroups(dataset);
  const drawn = input.outlines.length + (input.detections ?? []).length;
  if (groups.length !== drawn) refuse(`it has ${groups.length} outlines, not ${drawn}`);
  const { grid, instances } = input.source;
  for (const detection of input.detections ?? []) {
    const group = groups.find(({ trackingUid }) => trackingUid === detection.trackingUid);
    const image = instances[Math.floor((detection.slices[0] + detection.slices[1]) / 2)];
    if (group === undefined || group.sopInstanceUid !== image?.sopInstanceUid)
      refuse(`the box of ${detection.trackingId} is not on its image`);
    if (group.points.flat().some((value, at) => Math.abs(value - detection.points.flat()[at]!) > 1e-3))
      refuse(`the box of ${detection.trackingId} is elsewhere`);
  }
  for (const outline of input.outlines) {
    const segment = input.segments.find(({ number }) => number === outline.segment);
    const group = groups.find(({ trackingUid }) => trackingUid === segment?.trackingUid);
    if (group === undefined) refuse(`segment ${outline.segment} has no outline`);
    if (group.sopInstanceUid !== instances[outline.slice]?.sopInstanceUid)
      refuse(`the outline of segment ${outline.segment} is on another image`);
    if (!closeTo(group.areaMm2, outline.areaPixels * grid.rowSpacing * grid.columnSpacing))
      refuse(`the area of segment ${outline.segment} is not that of its outline`);
  }
}

/**
 * An outline has voxels of its segment on one side of every edge and none on the other, in the frame of the SEG that was
 * made from the image it is drawn on: a mirrored or shifted one has not.
 */
export function checkOutlinesAgainstSegmentation({ dataset }: ReadBack, view: SegmentationView): void {
  const { rows, columns, pixels: bits } = view;
  for (const { trackingUid, sopInstanceUid, points } of planarGroups(dataset)) {
    const segment = view.segments.find((one) => one.trackingUid === trackingUid)?.number;
    const frame = view.frames.findIndex(
      (one) => one.segment === segment && one.sources.some((source) => source.sopInstanceUid === sopInstanceUid),
    );
    if (frame < 0) refuse('an outline is on an image where its segment has no voxel');
    const mask = new Uint8Array(rows * columns);
    visitVoxels({ bits, frame, rows, columns }, (index) => {
      mask[index] = 1;
    });
    const has = (column: number, row: number): boolean =>
      column >= 0 && column < columns && row >= 0 && row < rows && mask[row * columns + column] === 1;
    for (const [at, to] of points.slice(1).entries())
      if (!separates(points[at]!, to, has)) refuse(`an outline of segment ${segment} is not where its voxels are`);
  }
}

type Point = readonly [number, number];

/** Whether each pixel edge from one corner to the next has a voxel on its right hand and none on its left. */
function separates([x0, y0]: Point, [x1, y1]: Point, has: (column: number, row: number) => boolean): boolean {
  const [dx, dy] = [Math.sign(x1 - x0), Math.sign(y1 - y0)];
  const whole = [x0, y0, x1, y1].every(Number.isInteger) && (dx === 0) !== (dy === 0);
  if (!whole) return false;
  for (let [x, y] = [x0, y0]; x !== x1 || y !== y1; x += dx, y += dy) {
    // The pixels beside the edge from (x, y): below and above it, or left and right of it.
    const inside = dx === 1 ? has(x, y) : dx === -1 ? has(x - 1, y - 1) : dy === 1 ? has(x - 1, y) : has(x, y - 1);
    const outside = dx === 1 ? has(x, y - 1) : dx === -1 ? has(x - 1, y) : dy === 1 ? has(x, y) : has(x - 1, y - 1);
    if (!inside || outside) return false;
  }
  return true;
}

function planarGroups(dataset: JsonDataset): PlanarGroup[] {
  return measurementGroups(dataset, CONCEPT.imageRegion).map((group) => {
    const region = child(group, CONCEPT.imageRegion);
    const [image = {}] = items(region, 'ContentSequence');
    const [reference = {}] = items(image, 'ReferencedSOPSequence');
    const data = numbers(region, 'GraphicData');
    return {
      trackingUid: text(child(group, CONCEPT.trackingUniqueIdentifier), 'UID'),
      sopInstanceUid: text(reference, 'ReferencedSOPInstanceUID'),
      points: Array.from({ length: data.length >> 1 }, (_, at): Point => [data[2 * at]!, data[2 * at + 1]!]),
      areaMm2: numericValue(child(group, CONCEPT.area)),
    };
  });
}
