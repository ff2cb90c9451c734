import type { Fields } from '../dicom/build.ts';
import type { JsonDataset } from '../dicom/dataset.ts';
import { number } from '../dicom/read-values.ts';
import type { Grid, Vec3 } from '../imaging/grid.ts';
import { CODE, codeItem } from './codes.ts';
import { sourceSeriesUid } from './patient-study.ts';
import type { PresentSegment } from './present-segments.ts';
import type { SegmentationInput, SourceInstance, SourceSeries } from './types.ts';

/** Multi-frame Dimension module (PS3.3 C.7.6.17): frames go by segment, then by position. */
export function dimensions(organizationUid: string): Fields {
  const index = (pointer: string, group: string, label: string): Fields => ({
    DimensionOrganizationUID: organizationUid,
    DimensionIndexPointer: pointer,
    FunctionalGroupPointer: group,
    DimensionDescriptionLabel: label,
  });
  return {
    DimensionOrganizationSequence: [{ DimensionOrganizationUID: organizationUid }],
    DimensionIndexSequence: [
      index('0062000B', '0062000A', 'Referenced Segment Number'),
      index('00200032', '00209113', 'Image Position (Patient)'),
    ],
  };
}

/** Multi-frame Functional Groups module (PS3.3 C.7.6.16) with the groups of A.51.5. */
export function functionalGroups(input: SegmentationInput, present: readonly PresentSegment[]): Fields {
  const { grid, instances, attributes } = input.source;
  const numberOf = new Map(present.map((segment) => [segment.inputNumber, segment.description.number]));
  const slices = [...new Set(input.frames.map((frame) => frame.slice))].sort((a, b) => a - b);
  const rankOf = new Map(slices.map((slice, index) => [slice, index + 1]));
  return {
    SharedFunctionalGroupsSequence: [
      {
        PixelMeasuresSequence: [
          {
            PixelSpacing: [grid.rowSpacing, grid.columnSpacing],
            SliceThickness: sliceThickness(attributes, grid),
            SpacingBetweenSlices: grid.sliceSpacing,
          },
        ],
        PlaneOrientationSequence: [{ ImageOrientationPatient: [...grid.rowDirection, ...grid.columnDirection] }],
      },
    ],
    PerFrameFunctionalGroupsSequence: input.frames.map(({ segment, slice }) => ({
      FrameContentSequence: [{ DimensionIndexValues: [numberOf.get(segment)!, rankOf.get(slice)!] }],
      PlanePositionSequence: [{ ImagePositionPatient: [...slicePosition(input.source, slice)] }],
      DerivationImageSequence: [derivation(instances[slice]!)],
      SegmentIdentificationSequence: [{ ReferencedSegmentNumber: numberOf.get(segment)! }],
    })),
  };
}

/** Nominal Slice Thickness (0018,0050) of the source in mm; the distance of the slices where the source has none. */
function sliceThickness(source: JsonDataset, grid: Grid): number {
  const stated = number(source, 'SliceThickness');
  return stated !== undefined && stated > 0 ? stated : grid.sliceSpacing;
}

/** Image Position (Patient) of a slice: the centre of its first voxel, LPS, mm. */
export function slicePosition({ grid, positions }: SourceSeries, slice: number): Vec3 {
  const { origin, normal, sliceSpacing } = grid;
  if (positions !== undefined) return positions[slice] ?? [Number.NaN, Number.NaN, Number.NaN];
  const along = slice * sliceSpacing;
  return [origin[0] + along * normal[0], origin[1] + along * normal[1], origin[2] + along * normal[2]];
}

/** Derivation Image macro (PS3.3 C.7.6.16.2.6) as A.51.5.1 wants it: the one source image whose pixels these are about. */
function derivation({ sopClassUid, sopInstanceUid, frameNumber }: SourceInstance): Fields {
  return {
    DerivationCodeSequence: [codeItem(CODE.segmentation)],
    SourceImageSequence: [
      {
        ReferencedSOPClassUID: sopClassUid,
        ReferencedSOPInstanceUID: sopInstanceUid,
        ReferencedFrameNumber: frameNumber,
        PurposeOfReferenceCodeSequence: [codeItem(CODE.sourceImage)],
        SpatialLocationsPreserved: 'YES',
      },
    ],
  };
}

/** Common Instance Reference module (PS3.3 C.12.2): exactly the instances the frames name, each once. */
export function commonInstanceReference({ source, frames }: SegmentationInput): Fields {
  const slices = [...new Set(frames.map((frame) => frame.slice))].sort((a, b) => a - b);
  const used = new Map(slices.map((slice) => [source.instances[slice]!.sopInstanceUid, source.instances[slice]!]));
  return {
    ReferencedSeriesSequence: [
      {
        SeriesInstanceUID: sourceSeriesUid(source.attributes),
        ReferencedInstanceSequence: [...used.values()].map(({ sopClassUid, sopInstanceUid }) => ({
          ReferencedSOPClassUID: sopClassUid,
          ReferencedSOPInstanceUID: sopInstanceUid,
        })),
      },
    ],
  };
}
