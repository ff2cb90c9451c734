import type { Fields } from '../dicom/build.ts';
import { text } from '../dicom/read-values.ts';
import { isUid } from '../dicom/uid.ts';
import { CONCEPT, modalityCode, UNIT } from './codes.ts';
import { codeValue, container, dateValue, imageReference, numericValue, uidReference } from './content-items.ts';
import type { OtherSource, SourceInstance, SourceSeries } from './types.ts';

/** The instances of the source, each once: a multi-frame instance stands for several slices of the grid. */
export function uniqueInstances(instances: readonly SourceInstance[]): readonly SourceInstance[] {
  return [...new Map(instances.map((instance) => [instance.sopInstanceUid, instance])).values()];
}

/**
 * Image Library (TID 1600): the images that were analysed, all of them, in one group with what they share said once
 * (TID 1602 and, for cross sections, 1604). Series that went in besides have a group each.
 */
export function imageLibrary(source: SourceSeries, others: readonly OtherSource[] = []): Fields {
  const images = ({ instances }: Pick<SourceSeries, 'instances'>) =>
    uniqueInstances(instances).map((instance) => imageReference(undefined, instance));
  return container(CONCEPT.imageLibrary, [
    container(CONCEPT.imageLibraryGroup, [...sharedDescriptors(source), ...images(source)]),
    ...others.map((other) => container(CONCEPT.imageLibraryGroup, images(other))),
  ]);
}

function sharedDescriptors({ attributes, grid, calibrated = true }: SourceSeries): Fields[] {
  const modality = modalityCode(text(attributes, 'Modality'));
  const studyDate = text(attributes, 'StudyDate') ?? '';
  const frameOfReference = text(attributes, 'FrameOfReferenceUID') ?? '';
  const number = (name: (typeof CONCEPT)[keyof typeof CONCEPT], value: number, unit = UNIT.millimetre) =>
    numericValue('HAS ACQ CONTEXT', name, { value, unit });
  return [
    ...(modality ? [codeValue('HAS ACQ CONTEXT', CONCEPT.modality, modality)] : []),
    ...(/^\d{8}$/.test(studyDate) ? [dateValue('HAS ACQ CONTEXT', CONCEPT.studyDate, studyDate)] : []),
    ...(isUid(frameOfReference)
      ? [uidReference('HAS ACQ CONTEXT', CONCEPT.frameOfReferenceUid, frameOfReference)]
      : []),
    number(CONCEPT.pixelDataRows, grid.rows, UNIT.pixels),
    number(CONCEPT.pixelDataColumns, grid.columns, UNIT.pixels),
    ...(calibrated
      ? [
          number(CONCEPT.horizontalPixelSpacing, grid.columnSpacing),
          number(CONCEPT.verticalPixelSpacing, grid.rowSpacing),
        ]
      : []),
    ...(calibrated && grid.slices > 1 ? [number(CONCEPT.spacingBetweenSlices, grid.sliceSpacing)] : []),
  ];
}
