import { createHash } from 'node:crypto';
import { dataset, type Fields } from '../../src/dicom/build.ts';
import type { JsonDataset } from '../../src/dicom/dataset.ts';
import { deterministicUid } from '../../src/dicom/uid.ts';
import type { Grid, Vec3 } from '../../src/imaging/grid.ts';
import { COMPREHENSIVE_3D_SR_STORAGE } from '../../src/results/measurement-report.ts';
import { outlineSegments } from '../../src/results/outline.ts';
import type { RejectionInput } from '../../src/results/rejection-note.ts';
import { SEGMENTATION_STORAGE } from '../../src/results/segmentation.ts';
import type {
  Algorithm,
  Device,
  ReportInput,
  SegmentationInput,
  SegmentDescription,
  SourceSeries,
} from '../../src/results/types.ts';

export const CT_IMAGE_STORAGE = '1.2.840.10008.5.1.4.1.1.2';

export const ALGORITHM: Algorithm = {
  name: 'Lung segmentation by threshold',
  version: '1.2.0',
  family: { value: '123110', scheme: 'DCM', meaning: 'Artificial Intelligence' },
  source: 'Voxgate',
  digest: createHash('sha256').update('model').digest('hex'),
};

export const DEVICE: Device = {
  uid: deterministicUid('device'),
  name: 'Voxgate node',
  manufacturer: 'Voxgate',
  modelName: 'Voxgate',
  serialNumber: 'node-1',
  softwareVersion: '0.1.0',
};

/** The model's labels: 1 is the right lung, 2 the left. */
export const SEGMENTS: readonly SegmentDescription[] = (['Right', 'Left'] as const).map((side, index) => ({
  number: index + 1,
  label: `${side} lung`,
  category: { value: '91723000', scheme: 'SCT', meaning: 'Anatomical Structure' },
  type: { value: '39607008', scheme: 'SCT', meaning: 'Lung' },
  modifier: { value: side === 'Right' ? '24028007' : '7771000', scheme: 'SCT', meaning: side },
  color: side === 'Right' ? [128, 174, 128] : [230, 150, 90],
  trackingId: `${side} lung`,
  trackingUid: deterministicUid('tracking', side),
}));

export const CREATED = new Date('2025-03-04T05:06:07.089Z');

/** An axial grid, x to the patient's left, slices to the head; anything else by `changes`. */
export function aGrid(changes: Partial<Grid> = {}): Grid {
  return {
    columns: 24,
    rows: 20,
    slices: 8,
    columnSpacing: 2,
    rowSpacing: 2,
    sliceSpacing: 3,
    rowDirection: [1, 0, 0],
    columnDirection: [0, 1, 0],
    normal: [0, 0, 1],
    origin: [-24, -20, 100],
    ...changes,
  };
}

/** Tilted about x and z, pixels 0.7 mm wide and 1.3 mm high. */
export function anObliqueGrid(changes: Partial<Grid> = {}): Grid {
  const rowDirection: Vec3 = [Math.cos(0.3), Math.sin(0.3), 0];
  const columnDirection: Vec3 = [-Math.sin(0.3) * Math.cos(0.4), Math.cos(0.3) * Math.cos(0.4), Math.sin(0.4)];
  const normal: Vec3 = [Math.sin(0.3) * Math.sin(0.4), -Math.cos(0.3) * Math.sin(0.4), Math.cos(0.4)];
  return aGrid({ columnSpacing: 0.7, rowSpacing: 1.3, rowDirection, columnDirection, normal, ...changes });
}

export function aSource(options: { grid?: Grid; attributes?: Fields } = {}): SourceSeries {
  const grid = options.grid ?? aGrid();
  const attributes: JsonDataset = dataset({
    PatientName: { Alphabetic: 'Doe^Jane' },
    PatientID: 'P-1',
    PatientBirthDate: '19500607',
    PatientSex: 'F',
    StudyInstanceUID: deterministicUid('study'),
    StudyDate: '20250304',
    StudyTime: '050000',
    ReferringPhysicianName: null,
    StudyID: 'S1',
    AccessionNumber: 'A1',
    SeriesInstanceUID: deterministicUid('series'),
    Modality: 'CT',
    FrameOfReferenceUID: deterministicUid('frame of reference'),
    PositionReferenceIndicator: null,
    SliceThickness: 3,
    TimezoneOffsetFromUTC: '+0100',
    ...options.attributes,
  });
  const instances = Array.from({ length: grid.slices }, (_, slice) => ({
    sopClassUid: CT_IMAGE_STORAGE,
    sopInstanceUid: deterministicUid('instance', String(slice)),
  }));
  return { attributes, instances, grid };
}

/** One voxel a byte, [slice][row][column], 0 or 1. */
export type Mask = Uint8Array;

/** A voxel of the patient's right (small x of LPS) or left half, inside an ellipsoid that fills most of that half. */
export function lung(grid: Grid, side: 'Right' | 'Left'): Mask {
  const { columns, rows, slices } = grid;
  const mask = new Uint8Array(columns * rows * slices);
  const rightHasSmallColumns = grid.rowDirection[0] >= 0;
  const centre = (side === 'Right') === rightHasSmallColumns ? 0.25 : 0.75;
  for (let k = 0; k < slices; k += 1) {
    for (let j = 0; j < rows; j += 1) {
      for (let i = 0; i < columns; i += 1) {
        const x = ((i + 0.5) / columns - centre) / 0.2;
        const y = ((j + 0.5) / rows - 0.5) / 0.4;
        const z = ((k + 0.5) / slices - (side === 'Right' ? 0.45 : 0.6)) / 0.4;
        if (x * x + y * y + z * z <= 1) mask[(k * rows + j) * columns + i] = 1;
      }
    }
  }
  return mask;
}

/** Frames and packed bits of masks, in the order of segment and slice; the plain way, a bit at a time (PS3.5 8.1.1). */
export function packed(grid: Grid, masks: ReadonlyMap<number, Mask>): Pick<SegmentationInput, 'frames' | 'pixelData'> {
  const size = grid.rows * grid.columns;
  const frames: { segment: number; slice: number }[] = [];
  const bits: Mask[] = [];
  for (const [segment, mask] of masks) {
    for (let slice = 0; slice < grid.slices; slice += 1) {
      const plane = mask.subarray(slice * size, (slice + 1) * size);
      if (plane.every((voxel) => voxel === 0)) continue;
      frames.push({ segment, slice });
      bits.push(plane);
    }
  }
  const pixelData = new Uint8Array(Math.ceil((frames.length * size) / 8));
  for (const [frame, plane] of bits.entries()) {
    for (let at = 0; at < size; at += 1) {
      const bit = frame * size + at;
      if (plane[at]) pixelData[bit >> 3] = pixelData[bit >> 3]! | (1 << (bit & 7));
    }
  }
  return { frames, pixelData };
}

export interface Sample {
  readonly masks: ReadonlyMap<number, Mask>;
  readonly segmentation: SegmentationInput;
  readonly report: ReportInput;
}

/** A SEG and the SR on it, of both lungs unless `found` says otherwise. */
export function aResult(options: { source?: SourceSeries; found?: readonly ('Right' | 'Left')[] } = {}): Sample {
  const source = options.source ?? aSource();
  const { grid } = source;
  const found = options.found ?? ['Right', 'Left'];
  const masks = new Map(found.map((side) => [side === 'Right' ? 1 : 2, lung(grid, side)]));
  const common = { source, segments: SEGMENTS, algorithm: ALGORITHM, device: DEVICE, created: CREATED, job: '42' };
  const segmentation: SegmentationInput = {
    ...common,
    ...packed(grid, masks),
    seriesUid: deterministicUid('seg series'),
    instanceUid: deterministicUid('seg instance'),
    dimensionOrganizationUid: deterministicUid('dimension organization'),
    seriesNumber: 9001,
  };
  const voxelMl = (grid.columnSpacing * grid.rowSpacing * grid.sliceSpacing) / 1000;
  const report: ReportInput = {
    ...common,
    ...(found.length > 0
      ? { segmentation: { sopInstanceUid: segmentation.instanceUid, seriesUid: segmentation.seriesUid } }
      : {}),
    measurements: [...masks].map(([segment, mask]) => ({
      segment,
      volumeMl: mask.reduce((sum, voxel) => sum + voxel, 0) * voxelMl,
      statistics: { unit: 'HU' as const, mean: -812.3456789 },
    })),
    outlines: outlineSegments({ ...segmentation, rows: grid.rows, columns: grid.columns }),
    conclusion: found.length > 0 ? 'Lungs were segmented.' : 'No lung was found in the images.',
    seriesUid: deterministicUid('sr series'),
    instanceUid: deterministicUid('sr instance'),
    seriesNumber: 9002,
  };
  return { masks, segmentation, report };
}

const sct = (value: string, meaning: string) => ({ value, scheme: 'SCT', meaning });

/** What three classes of a chest radiograph came to. */
export function aClassification(): ReportInput {
  const { report } = aResult({
    found: [],
    source: aSource({ grid: aGrid({ slices: 1 }), attributes: { Modality: 'DX' } }),
  });
  const outcome = (label: string, code: string, how: 'present' | 'absent' | 'undetermined', probability: number) => ({
    label,
    finding: sct(code, label),
    outcome: how,
    probability,
    trackingId: label,
    trackingUid: deterministicUid('class', label),
  });
  return {
    ...report,
    segments: [],
    findings: [
      outcome('Pleural effusion', '60046008', 'present', 0.9312),
      outcome('Pneumothorax', '36118008', 'undetermined', 0.42),
      outcome('Cardiomegaly', '1386000', 'absent', 0.01),
    ],
    conclusion: 'Present: Pleural effusion (93 %).',
  };
}

/** A box of 4 × 6 pixels on slices 2 to 4. */
export function aDetection(): ReportInput {
  const { report } = aResult({ found: [] });
  return {
    ...report,
    segments: [],
    detections: [
      {
        label: 'Nodule',
        finding: sct('27925004', 'Nodule'),
        probability: 0.87,
        trackingId: 'Nodule 1',
        trackingUid: deterministicUid('box', '1'),
        slices: [2, 4],
        points: [
          [3, 5],
          [7, 5],
          [7, 11],
          [3, 11],
          [3, 5],
        ],
      },
    ],
    conclusion: 'One nodule.',
  };
}

/** A note that rejects the SEG and the SR of an analysis that a newer one took the place of. */
export function aRejection(): RejectionInput {
  const { segmentation, report } = aResult();
  return {
    source: report.source,
    studyInstanceUid: deterministicUid('study'),
    rejected: [
      {
        sopClassUid: SEGMENTATION_STORAGE,
        sopInstanceUid: segmentation.instanceUid,
        seriesInstanceUid: segmentation.seriesUid,
      },
      {
        sopClassUid: COMPREHENSIVE_3D_SR_STORAGE,
        sopInstanceUid: report.instanceUid,
        seriesInstanceUid: report.seriesUid,
      },
    ],
    reason: 'More images of the series came; a newer analysis of all of them takes the place of this one.',
    algorithm: ALGORITHM,
    device: DEVICE,
    created: CREATED,
    seriesUid: deterministicUid('ko series'),
    instanceUid: deterministicUid('ko instance'),
    seriesNumber: 9103,
  };
}
