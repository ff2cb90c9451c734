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
import { measureSegments } from './segment-voxels.ts';
import { SEGMENTATION_STORAGE } from './segmentation.ts';
import {
  checkGeometry,
  checkNoPixelTransformation,
  checkPixels,
  checkReferences,
  checkSegments,
  checkSides,
} from './segmentation-checks.ts';
import { viewSegmentation } from './segmentation-view.ts';
import type { ReportInput, SegmentationInput } from './types.ts';

/**
 * Reads a SEG back before it is sent, and checks that it says what it was made from: the bits run on over frame borders,
 * every frame lies on its slice of the source and names its image, the segments are numbered, tracked and where their
 * side says.
 *
 * @param bytes the Part 10 file
 * @throws VoxgateError mismatch naming what is wrong
 */
export function lintSegmentation(bytes: Buffer, input: SegmentationInput): void {
  const read = readBack(bytes);
  const view = viewSegmentation(read);
  checkIdentity(read.dataset, SEGMENTATION_STORAGE, input);
  checkCodes(read.dataset);
  checkNoPixelTransformation(read);
  checkPixels(view, read.dataset, input);
  checkSegments(view);
  checkGeometry(view, input);
  checkReferences(read, view, input);
  checkSides(view, measureSegments(view));
}

/**
 * Reads an SR back before it is sent: a complete TID 1500 tree with a unit for every number, the evidence exactly what it
 * refers to, the volumes and outlines those that were measured. With the SEG at hand, that the references lead to the right segments
 * and the volumes agree with its voxels.
 *
 * @param bytes the Part 10 file
 * @param segmentation the Part 10 file of the SEG the report refers to
 * @throws VoxgateError mismatch naming what is wrong
 */
export function lintReport(bytes: Buffer, input: ReportInput, segmentation?: Buffer): void {
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
  const seg = readBack(segmentation);
  const view = viewSegmentation(seg);
  const sopInstanceUid = text(seg.dataset, 'SOPInstanceUID');
  checkAgainstSegmentation(read, { sopInstanceUid, view }, measureSegments(view));
  checkOutlinesAgainstSegmentation(read, view);
}
