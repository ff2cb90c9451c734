import { text } from '../dicom/read-values.ts';
import { COMPREHENSIVE_3D_SR_STORAGE } from './measurement-report.ts';
import { checkOutlines, checkOutlinesAgainstSegmentation } from './outline-checks.ts';
import { checkCodes, checkIdentity, readBack } from './read-back.ts';
import {
  checkAgainstSegmentation,
  checkDocument,
  checkEvidence,
  checkFindings,
  checkMeasurements,
  checkNumbers,
} from './report-checks.ts';
import { measureSegments, type SegmentVoxels } from './segment-voxels.ts';
import { SEGMENTATION_STORAGE } from './segmentation.ts';
import {
  checkGeometry,
  checkNoPixelTransformation,
  checkPixels,
  checkReferences,
  checkSegments,
  checkSides,
} from './segmentation-checks.ts';
import { type SegmentationView, viewSegmentation } from './segmentation-view.ts';
import type { ReportInput, SegmentationInput } from './types.ts';

/** A SEG as it was read back: of 600 frames that takes a quarter of a second, and the report on it is held against it, too. */
export interface ReadSegmentation {
  readonly sopInstanceUid: string | undefined;
  readonly view: SegmentationView;
  readonly voxels: ReadonlyMap<number, SegmentVoxels>;
}

/**
 * Reads a SEG back before it is sent, and checks that it says what it was made from: the bits run on over frame borders,
 * every frame lies on its slice of the source and names its image, the segments are numbered, tracked and where their
 * side says.
 *
 * @param bytes the Part 10 file
 * @throws VoxgateError mismatch naming what is wrong
 */
export function lintSegmentation(bytes: Buffer, input: SegmentationInput): ReadSegmentation {
  const read = readBack(bytes);
  const view = viewSegmentation(read);
  checkIdentity(read.dataset, SEGMENTATION_STORAGE, input);
  checkCodes(read.dataset);
  checkNoPixelTransformation(read);
  checkPixels(view, read.dataset, input);
  checkSegments(view);
  checkGeometry(view, input);
  checkReferences(read, view, input);
  const voxels = measureSegments(view);
  checkSides(view, voxels);
  return { sopInstanceUid: text(read.dataset, 'SOPInstanceUID'), view, voxels };
}

/**
 * Reads an SR back before it is sent: a complete TID 1500 tree with a unit for every number, the evidence exactly what it
 * refers to, the volumes and outlines those that were measured. With the SEG at hand, that the references lead to the right segments
 * and the volumes agree with its voxels.
 *
 * @param bytes the Part 10 file
 * @param segmentation the SEG the report refers to: its Part 10 file, or what came of reading that
 * @throws VoxgateError mismatch naming what is wrong
 */
export function lintReport(bytes: Buffer, input: ReportInput, segmentation?: Buffer | ReadSegmentation): void {
  const read = readBack(bytes);
  checkIdentity(read.dataset, COMPREHENSIVE_3D_SR_STORAGE, input);
  checkCodes(read.dataset);
  checkDocument(read, input);
  checkNumbers(read);
  checkEvidence(read, input);
  checkMeasurements(read, input);
  checkFindings(read, input);
  checkOutlines(read, input);
  if (segmentation === undefined) return;
  const seg = Buffer.isBuffer(segmentation) ? readSegmentation(segmentation) : segmentation;
  checkAgainstSegmentation(read, seg, seg.voxels);
  checkOutlinesAgainstSegmentation(read, seg.view);
}

function readSegmentation(bytes: Buffer): ReadSegmentation {
  const read = readBack(bytes);
  const view = viewSegmentation(read);
  return { sopInstanceUid: text(read.dataset, 'SOPInstanceUID'), view, voxels: measureSegments(view) };
}
