import { dataset, type Fields } from '../dicom/build.ts';
import { encodePart10 } from '../dicom/write.ts';
import { VoxgateError } from '../errors.ts';
import { displayCieLab } from './cielab.ts';
import { codeItem } from './codes.ts';
import { frameOfReference, lossyHistory } from './patient-study.ts';
import { type PresentSegment, presentSegments } from './present-segments.ts';
import { resultObject } from './result-object.ts';
import { commonInstanceReference, dimensions, functionalGroups } from './segmentation-frames.ts';
import type { Algorithm, SegmentationInput } from './types.ts';
import { shortText } from './wire-values.ts';

export const SEGMENTATION_STORAGE = '1.2.840.10008.5.1.4.1.1.66.4';

/**
 * A Segmentation object (PS3.3 A.51), BINARY, Explicit VR Little Endian, as a Part 10 file: one segment an organ found, one
 * frame for every slice in which it has voxels, on the grid of the source. Segments not found are not described; the others
 * are numbered 1..n. The same input gives the same bytes.
 *
 * @throws VoxgateError mismatch when frames, pixel data and segments do not belong together; unidentifiable when the source
 * has no usable Study or Series Instance UID
 */
export function buildSegmentation(input: SegmentationInput): Buffer {
  checkFrames(input);
  const present = presentSegments(input.segments, new Set(input.frames.map((frame) => frame.segment)));
  const fields: Fields = {
    ...resultObject({ sopClassUid: SEGMENTATION_STORAGE, modality: 'SEG' }, input),
    ...frameOfReference(input.source.attributes),
    ...lossyHistory(input.source.attributes),
    ...segmentationImage(input, present),
    ...dimensions(input.dimensionOrganizationUid),
    ...functionalGroups(input, present),
    ...commonInstanceReference(input),
    PixelData: { vr: 'OB' },
  };
  return encodePart10(dataset(fields), { binary: { '7FE00010': input.pixelData } });
}

/** Frames sorted by segment and slice, each once and on a slice that exists; one bit for each of their pixels. */
function checkFrames({ frames, pixelData, source }: SegmentationInput): void {
  const { grid, instances } = source;
  if (frames.length === 0)
    throw new VoxgateError('bad-result', 'a SEG needs at least one frame; nothing found is an SR');
  if (instances.length !== grid.slices) {
    throw new VoxgateError(
      'bad-result',
      `${instances.length} source instances for the ${grid.slices} slices of the grid`,
    );
  }
  for (const [index, { segment, slice }] of frames.entries()) {
    const before = frames[index - 1];
    if (!Number.isInteger(slice) || slice < 0 || slice >= grid.slices) {
      throw new VoxgateError('bad-result', `frame ${index + 1} is on slice ${slice} of a grid of ${grid.slices}`);
    }
    if (before && (before.segment > segment || (before.segment === segment && before.slice >= slice))) {
      throw new VoxgateError('bad-result', `frame ${index + 1} is out of order: frames go by segment, then slice`);
    }
  }
  const length = Math.ceil((frames.length * grid.rows * grid.columns) / 8);
  if (pixelData.length !== length) {
    const size = `${frames.length} frames of ${grid.rows} × ${grid.columns} bits`;
    throw new VoxgateError('bad-result', `${pixelData.length} bytes of pixel data where ${size} take ${length}`);
  }
}

/** Segmentation Image module (PS3.3 C.8.20.2) with Image Pixel. */
function segmentationImage(input: SegmentationInput, present: readonly PresentSegment[]): Fields {
  const { grid } = input.source;
  return {
    ImageType: ['DERIVED', 'PRIMARY'],
    ContentLabel: 'SEGMENTATION',
    ContentDescription: shortText(`${input.algorithm.name} ${input.algorithm.version}`),
    ContentCreatorName: null,
    SamplesPerPixel: 1,
    PhotometricInterpretation: 'MONOCHROME2',
    NumberOfFrames: input.frames.length,
    Rows: grid.rows,
    Columns: grid.columns,
    BitsAllocated: 1,
    BitsStored: 1,
    HighBit: 0,
    PixelRepresentation: 0,
    SegmentationType: 'BINARY',
    SegmentsOverlap: input.overlap ? 'YES' : 'NO',
    SegmentSequence: present.map((segment) => segmentItem(segment, input.algorithm)),
  };
}

/** Segment Description Macro (PS3.3 C.8.20.4) and what the Segmentation Image module adds to it. */
function segmentItem({ description }: PresentSegment, algorithm: Algorithm): Fields {
  return {
    SegmentNumber: description.number,
    SegmentLabel: shortText(description.label),
    SegmentAlgorithmType: 'AUTOMATIC',
    SegmentAlgorithmName: shortText(algorithm.name),
    SegmentationAlgorithmIdentificationSequence: [
      {
        AlgorithmFamilyCodeSequence: [codeItem(algorithm.family)],
        AlgorithmName: shortText(algorithm.name),
        AlgorithmVersion: shortText(algorithm.version),
        AlgorithmParameters: `SHA-256 of the model: ${algorithm.digest}`,
        AlgorithmSource: shortText(algorithm.source),
      },
    ],
    SegmentedPropertyCategoryCodeSequence: [codeItem(description.category)],
    SegmentedPropertyTypeCodeSequence: [
      {
        ...codeItem(description.type),
        SegmentedPropertyTypeModifierCodeSequence: description.modifier ? [codeItem(description.modifier)] : undefined,
      },
    ],
    RecommendedDisplayCIELabValue: displayCieLab(description.color),
    TrackingID: description.trackingId,
    TrackingUID: description.trackingUid,
  };
}
