import type { JsonDataset } from '../dicom/dataset.ts';
import { items, number, numbers, text } from '../dicom/read-values.ts';
import type { Vec3 } from '../imaging/grid.ts';
import type { ReadBack } from './read-back.ts';

/** A SEG as a viewer sees it. */
export interface SegmentationView {
  readonly rows: number;
  readonly columns: number;
  /** mm. */
  readonly rowSpacing: number;
  readonly columnSpacing: number;
  readonly sliceSpacing: number;
  readonly rowDirection: Vec3;
  readonly columnDirection: Vec3;
  /** Segments Overlap (0062,0013) does not say NO. */
  readonly mayOverlap: boolean;
  readonly segments: readonly SegmentView[];
  readonly frames: readonly FrameView[];
  readonly pixels: Uint8Array;
}

interface SegmentView {
  readonly number: number;
  readonly trackingId: string;
  readonly trackingUid: string;
  readonly algorithmType: string | undefined;
  readonly type: string | undefined;
  readonly side: string | undefined;
}

export interface FrameView {
  readonly segment: number;
  readonly position: Vec3;
  readonly dimensionIndex: readonly number[];
  readonly sources: readonly {
    readonly sopInstanceUid: string | undefined;
    readonly frameNumber: number | undefined;
  }[];
}

export function viewSegmentation({ dataset, pixels }: ReadBack): SegmentationView {
  const [shared = {}] = items(dataset, 'SharedFunctionalGroupsSequence');
  const [measures = {}] = items(shared, 'PixelMeasuresSequence');
  const [orientation = {}] = items(shared, 'PlaneOrientationSequence');
  const [rowSpacing = 0, columnSpacing = 0] = numbers(measures, 'PixelSpacing');
  const [rx = 0, ry = 0, rz = 0, cx = 0, cy = 0, cz = 0] = numbers(orientation, 'ImageOrientationPatient');
  return {
    rows: number(dataset, 'Rows') ?? 0,
    columns: number(dataset, 'Columns') ?? 0,
    rowSpacing,
    columnSpacing,
    sliceSpacing: number(measures, 'SpacingBetweenSlices') ?? 0,
    rowDirection: [rx, ry, rz],
    columnDirection: [cx, cy, cz],
    mayOverlap: text(dataset, 'SegmentsOverlap') !== 'NO',
    segments: items(dataset, 'SegmentSequence').map(viewSegment),
    frames: items(dataset, 'PerFrameFunctionalGroupsSequence').map(viewFrame),
    pixels,
  };
}

function viewSegment(item: JsonDataset): SegmentView {
  const [type = {}] = items(item, 'SegmentedPropertyTypeCodeSequence');
  const [modifier = {}] = items(type, 'SegmentedPropertyTypeModifierCodeSequence');
  return {
    number: number(item, 'SegmentNumber') ?? 0,
    trackingId: text(item, 'TrackingID') ?? '',
    trackingUid: text(item, 'TrackingUID') ?? '',
    algorithmType: text(item, 'SegmentAlgorithmType'),
    type: text(type, 'CodeValue'),
    side: text(modifier, 'CodeValue'),
  };
}

function viewFrame(item: JsonDataset): FrameView {
  const only = (sequence: string) => items(item, sequence)[0] ?? {};
  const [x = Number.NaN, y = Number.NaN, z = Number.NaN] = numbers(
    only('PlanePositionSequence'),
    'ImagePositionPatient',
  );
  return {
    segment: number(only('SegmentIdentificationSequence'), 'ReferencedSegmentNumber') ?? 0,
    position: [x, y, z],
    dimensionIndex: numbers(only('FrameContentSequence'), 'DimensionIndexValues'),
    sources: items(only('DerivationImageSequence'), 'SourceImageSequence').map((source) => ({
      sopInstanceUid: text(source, 'ReferencedSOPInstanceUID'),
      frameNumber: number(source, 'ReferencedFrameNumber'),
    })),
  };
}
