import type { JsonDataset } from '../dicom/dataset.ts';
import { isPresent, items, number, numbers, text, texts } from '../dicom/read-values.ts';
import type { Vec3 } from './grid.ts';

/** What the pixels of one image need: how they are stored, what they mean, where they lie. Plain data, fit for IPC. */
export interface SliceHeader {
  readonly sopInstanceUid: string;
  readonly modality: string;
  readonly imageType: readonly string[];
  readonly instanceNumber?: number;
  readonly acquisitionNumber?: number;

  /** Image Pixel module (PS3.3 C.7.6.3); 0 where the attribute is absent. */
  readonly rows: number;
  readonly columns: number;
  readonly numberOfFrames: number;
  readonly samplesPerPixel: number;
  readonly planarConfiguration: 0 | 1;
  readonly photometricInterpretation: string;
  readonly bitsAllocated: number;
  readonly bitsStored: number;
  readonly highBit: number;
  readonly pixelRepresentation: 0 | 1;
  readonly transferSyntaxUid: string;
  /** Float or Double Float Pixel Data in place of Pixel Data (PS3.3 C.7.6.24). */
  readonly hasFloatPixels?: boolean;
  /** Stored values that mean "no pixel here" (PS3.3 C.7.5.1.1.2), signed as Pixel Representation says. */
  readonly pixelPadding?: { readonly low: number; readonly high: number };

  /** Stored value × slope + intercept = HU in CT (PS3.3 C.11.1, C.8.2.1.1.4). Per image: PET slopes differ by slice. */
  readonly rescaleSlope: number;
  readonly rescaleIntercept: number;
  readonly rescaleType?: string;
  /** A CT image without slope and intercept, which the standard requires (type 1): 1 and 0 were assumed. */
  readonly rescaleAssumed: boolean;
  /** A Modality LUT Sequence stands in place of slope and intercept. */
  readonly hasModalityLut: boolean;
  /** Modality LUT Type (0028,3004): HU, US (unspecified), OD, … */
  readonly modalityLutType?: string;
  /** In place of slope and intercept: what each stored value stands for, from `first` on (a Real World Value LUT). */
  readonly valueTable?: { readonly first: number; readonly values: readonly number[] };
  /** Lowest stored value white (MONOCHROME1), and to be turned round within the range of stored values. */
  readonly inverted?: boolean;

  /** Image Plane module (PS3.3 C.7.6.2), LPS, mm. */
  readonly position?: Vec3;
  readonly rowDirection?: Vec3;
  readonly columnDirection?: Vec3;
  /** Between rows, then between columns. */
  readonly pixelSpacing?: readonly [number, number];
  readonly sliceThickness?: number;
  readonly frameOfReferenceUid?: string;
  /** Degrees. */
  readonly gantryDetectorTilt?: number;
}

/** Reads the header of one image from its data set; what is absent or malformed stays absent, judged by `assembleStack`. */
export function sliceHeaderOf(dataset: JsonDataset, transferSyntaxUid: string): SliceHeader {
  const bitsAllocated = number(dataset, 'BitsAllocated') ?? 0;
  const bitsStored = number(dataset, 'BitsStored') ?? bitsAllocated;
  const pixelRepresentation = number(dataset, 'PixelRepresentation') === 1 ? 1 : 0;
  const modality = text(dataset, 'Modality') ?? '';
  const slope = number(dataset, 'RescaleSlope');
  const intercept = number(dataset, 'RescaleIntercept');
  const [lut] = items(dataset, 'ModalityLUTSequence');
  const hasModalityLut = lut !== undefined;
  const orientation = finite(numbers(dataset, 'ImageOrientationPatient'), 6);
  return {
    sopInstanceUid: text(dataset, 'SOPInstanceUID') ?? '',
    modality,
    imageType: texts(dataset, 'ImageType'),
    instanceNumber: number(dataset, 'InstanceNumber'),
    acquisitionNumber: number(dataset, 'AcquisitionNumber'),
    rows: number(dataset, 'Rows') ?? 0,
    columns: number(dataset, 'Columns') ?? 0,
    numberOfFrames: number(dataset, 'NumberOfFrames') ?? 1,
    samplesPerPixel: number(dataset, 'SamplesPerPixel') ?? 1,
    planarConfiguration: number(dataset, 'PlanarConfiguration') === 1 ? 1 : 0,
    photometricInterpretation: text(dataset, 'PhotometricInterpretation') ?? '',
    bitsAllocated,
    bitsStored,
    highBit: number(dataset, 'HighBit') ?? bitsStored - 1,
    pixelRepresentation,
    transferSyntaxUid,
    hasFloatPixels: isPresent(dataset, 'FloatPixelData') || isPresent(dataset, 'DoubleFloatPixelData'),
    pixelPadding: paddingOf(dataset, pixelRepresentation === 1, bitsAllocated),
    rescaleSlope: slope ?? 1,
    rescaleIntercept: intercept ?? 0,
    rescaleType: text(dataset, 'RescaleType'),
    rescaleAssumed: modality === 'CT' && !hasModalityLut && (slope === undefined || intercept === undefined),
    hasModalityLut,
    modalityLutType: lut && text(lut, 'ModalityLUTType')?.trim(),
    position: triple(numbers(dataset, 'ImagePositionPatient')),
    rowDirection: orientation && triple(orientation.slice(0, 3)),
    columnDirection: orientation && triple(orientation.slice(3, 6)),
    pixelSpacing: pair(numbers(dataset, 'PixelSpacing')),
    sliceThickness: number(dataset, 'SliceThickness'),
    frameOfReferenceUid: text(dataset, 'FrameOfReferenceUID'),
    gantryDetectorTilt: number(dataset, 'GantryDetectorTilt'),
  };
}

/**
 * Pixel Padding Value and, with it, Pixel Padding Range Limit. Writers are known to give a signed value as US
 * (63536 for -2000); it is read with the sign that Pixel Representation gives the pixels.
 */
function paddingOf(dataset: JsonDataset, signed: boolean, bitsAllocated: number): SliceHeader['pixelPadding'] {
  const value = number(dataset, 'PixelPaddingValue');
  if (value === undefined) return undefined;
  const limit = number(dataset, 'PixelPaddingRangeLimit') ?? value;
  const range = 2 ** bitsAllocated;
  const resign = (v: number): number => {
    if (signed && v >= range / 2) return v - range;
    return !signed && v < 0 ? v + range : v;
  };
  const [a, b] = [resign(value), resign(limit)];
  return { low: Math.min(a, b), high: Math.max(a, b) };
}

function finite(values: readonly number[], count: number): readonly number[] | undefined {
  return values.length === count && values.every(Number.isFinite) ? values : undefined;
}

function triple(values: readonly number[]): Vec3 | undefined {
  return finite(values, 3) && [values[0]!, values[1]!, values[2]!];
}

function pair(values: readonly number[]): readonly [number, number] | undefined {
  return finite(values, 2) && [values[0]!, values[1]!];
}
