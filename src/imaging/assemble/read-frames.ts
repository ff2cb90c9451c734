import type { JsonDataset } from '../../dicom/dataset.ts';
import { isPresent, items, text, texts } from '../../dicom/read-values.ts';
import type { Vec3 } from '../grid.ts';
import { type SliceHeader, sliceHeaderOf } from '../slice-header.ts';
import { classicGroups, type FrameGroups, frameGroups } from './functional-groups.ts';
import type { Calibration, FrameHeader, ImageHeader } from './image-header.ts';
import { calibrationOf } from './read-calibration.ts';
import { diffusionOf } from './read-diffusion.ts';
import { petHeaderOf } from './read-pet.ts';
import { realWorldOf } from './read-real-world.ts';

/** More frames than any object has; what claims more is a mistake or an attack. */
const MOST_FRAMES = 100_000;

/** Which macro says of which kind of frame it is: MR, CT and PET (PS3.3 C.8.13.5.1, C.8.15.3.1, C.8.22.5.1). */
const FRAME_TYPES = ['MRImageFrameTypeSequence', 'CTImageFrameTypeSequence', 'PETFrameTypeSequence'] as const;

/**
 * Reads what an instance says of its frames from its data set, as the archive keeps it. What is absent or malformed stays
 * absent, and is judged by `assembleStacks`. An object that describes other frames than it has, or absurdly many, has none.
 */
export function imageHeaderOf(dataset: JsonDataset, transferSyntaxUid: string): ImageHeader {
  const image = sliceHeaderOf(dataset, transferSyntaxUid);
  const perFrame = isPresent(dataset, 'PerFrameFunctionalGroupsSequence') ? frameGroups(dataset) : undefined;
  const count = image.numberOfFrames >= 1 && image.numberOfFrames <= MOST_FRAMES ? Math.floor(image.numberOfFrames) : 0;
  // Of several frames without groups the one position says nothing of each.
  const place = perFrame === undefined && count > 1 ? { position: undefined } : {};
  const shared = { ...image, ...place, ...petOf(dataset, image) };
  const isWhole = perFrame === undefined || perFrame.length === count;
  const groups = (isWhole && perFrame) || Array.from({ length: isWhole ? count : 0 }, () => classicGroups(dataset));
  return {
    sopInstanceUid: image.sopInstanceUid,
    sopClassUid: text(dataset, 'SOPClassUID') ?? '',
    modality: image.modality,
    isCine: perFrame === undefined && count > 1 && followInTime(dataset),
    isMultiFrame: perFrame !== undefined || count > 1,
    frames: groups.map((frame, i) => frameHeaderOf(shared, frame, i + 1, perFrame !== undefined)),
  };
}

/** Frame Increment Pointer to Frame Time or Frame Time Vector, or a rate (PS3.3 C.7.6.5, C.7.6.6). */
function followInTime(dataset: JsonDataset): boolean {
  const pointers = texts(dataset, 'FrameIncrementPointer');
  if (pointers.length > 0) return pointers.some((tag) => tag === '00181063' || tag === '00181065');
  return ['FrameTime', 'FrameTimeVector', 'CineRate'].some((attribute) => text(dataset, attribute) !== undefined);
}

function petOf(dataset: JsonDataset, { modality }: SliceHeader): Pick<FrameHeader, 'pet'> {
  return modality === 'PT' ? { pet: petHeaderOf(dataset) } : {};
}

function frameHeaderOf(
  image: SliceHeader & Pick<FrameHeader, 'pet'>,
  frame: FrameGroups,
  number: number,
  isEnhanced: boolean,
): FrameHeader {
  const { dataset } = frame;
  const header: SliceHeader & Pick<FrameHeader, 'pet'> = isEnhanced
    ? { ...image, ...placeOf(frame), ...rescaleOf(frame, image) }
    : image;
  const isPlaced = header.position !== undefined && header.rowDirection !== undefined;
  const measures: { pixelSpacing?: SliceHeader['pixelSpacing']; calibration: Calibration } =
    isPlaced || isEnhanced
      ? { pixelSpacing: header.pixelSpacing, calibration: isPlaced && header.pixelSpacing ? 'patient' : 'none' }
      : calibrationOf(dataset);
  const imageType = isEnhanced ? frameTypeOf(frame) : image.imageType;
  return {
    ...header,
    ...measures,
    ...(image.modality === 'MR' ? resonanceOf(frame) : {}),
    frame: number,
    imageType,
    isLocalizer: imageType[2]?.trim() === 'LOCALIZER' || image.imageType[2]?.trim() === 'LOCALIZER',
    temporalPosition:
      frame.number('FrameContentSequence', 'TemporalPositionIndex') ?? frame.number('', 'TemporalPositionIdentifier'),
    numberOfTemporalPositions: frame.number('', 'NumberOfTemporalPositions'),
    cardiacImages: frame.number('', 'CardiacNumberOfImages'),
    phasePercent:
      frame.number('CardiacSynchronizationSequence', 'NominalPercentageOfCardiacPhase') ??
      frame.number('RespiratorySynchronizationSequence', 'NominalPercentageOfRespiratoryPhase'),
    triggerTime:
      frame.number('CardiacSynchronizationSequence', 'NominalCardiacTriggerDelayTime') ??
      frame.number('', 'TriggerTime'),
    acquired: acquiredOf(frame),
    dimensions: isEnhanced ? dimensionsOf(frame) : undefined,
    realWorld: realWorldOf(frame),
  };
}

/** By what images of one MR sequence differ. */
function resonanceOf(frame: FrameGroups): Partial<FrameHeader> {
  return {
    ...diffusionOf(frame),
    echoTime: frame.number('MREchoSequence', 'EffectiveEchoTime') ?? frame.number('MREchoSequence', 'EchoTime'),
    echoNumber: frame.number('MREchoSequence', 'EchoNumbers'),
    inversionTime: frame.numbers('MRModifierSequence', 'InversionTimes')[0] ?? frame.number('', 'InversionTime'),
    complexComponent: frame.text('MRImageFrameTypeSequence', 'ComplexImageComponent')?.trim(),
  };
}

/** Plane Position, Plane Orientation and Pixel Measures (PS3.3 C.7.6.16.2.1, .3, .4). */
function placeOf(frame: FrameGroups): Partial<SliceHeader> {
  const position = triple(frame.numbers('PlanePositionSequence', 'ImagePositionPatient'));
  const cosines = frame.numbers('PlaneOrientationSequence', 'ImageOrientationPatient');
  const spacing = frame.numbers('PixelMeasuresSequence', 'PixelSpacing');
  return {
    position,
    rowDirection: cosines.length === 6 ? triple(cosines.slice(0, 3)) : undefined,
    columnDirection: cosines.length === 6 ? triple(cosines.slice(3, 6)) : undefined,
    pixelSpacing: spacing.length === 2 && spacing.every(Number.isFinite) ? [spacing[0]!, spacing[1]!] : undefined,
    sliceThickness: frame.number('PixelMeasuresSequence', 'SliceThickness'),
    acquisitionNumber: frame.number('FrameContentSequence', 'FrameAcquisitionNumber'),
    gantryDetectorTilt: frame.number('CTGeometrySequence', 'GantryDetectorTilt'),
  };
}

/** Pixel Value Transformation (PS3.3 C.7.6.16.2.9), type 1 in an enhanced CT. */
function rescaleOf(frame: FrameGroups, image: SliceHeader): Partial<SliceHeader> {
  const slope = frame.number('PixelValueTransformationSequence', 'RescaleSlope');
  const intercept = frame.number('PixelValueTransformationSequence', 'RescaleIntercept');
  return {
    rescaleSlope: slope ?? 1,
    rescaleIntercept: intercept ?? 0,
    rescaleType: frame.text('PixelValueTransformationSequence', 'RescaleType'),
    rescaleAssumed: image.modality === 'CT' && (slope === undefined || intercept === undefined),
  };
}

function frameTypeOf(frame: FrameGroups): string[] {
  for (const sequence of FRAME_TYPES) {
    const macro = frame.group(sequence);
    if (macro !== undefined) return texts(macro, 'FrameType');
  }
  return texts(frame.dataset, 'ImageType');
}

function acquiredOf(frame: FrameGroups): string | undefined {
  const whole =
    frame.text('FrameContentSequence', 'FrameAcquisitionDateTime') ??
    frame.text('FrameContentSequence', 'FrameReferenceDateTime') ??
    frame.text('', 'AcquisitionDateTime');
  if (whole !== undefined) return whole;
  const [date, time] = [frame.text('', 'AcquisitionDate'), frame.text('', 'AcquisitionTime')];
  return time === undefined ? undefined : `${date ?? ''}${time}`;
}

/** Frame Content: the tags of In-Stack Position Number and Stack ID; and Image Position (Patient). */
const PLACES = new Set(['00209057', '00209056', '00200032']);

/** Dimension Index Values (PS3.3 C.7.6.17) but for those that only say where a frame lies. */
function dimensionsOf(frame: FrameGroups): string | undefined {
  const pointers = items(frame.dataset, 'DimensionIndexSequence').map((item) => text(item, 'DimensionIndexPointer'));
  const content = frame.group('FrameContentSequence');
  const values = content ? texts(content, 'DimensionIndexValues') : [];
  if (values.length === 0 || values.length !== pointers.length) return undefined;
  return values.filter((_, i) => !PLACES.has(pointers[i] ?? '')).join('.');
}

function triple(values: readonly number[]): Vec3 | undefined {
  return values.length === 3 && values.every(Number.isFinite) ? [values[0]!, values[1]!, values[2]!] : undefined;
}
