import type { JsonDataset } from '../dicom/dataset.ts';
import { items, number, text } from '../dicom/read-values.ts';
import { CONCEPT } from './codes.ts';
import { type ReadBack, refuse } from './read-back.ts';
import type { SegmentVoxels } from './segment-voxels.ts';
import type { SegmentationView } from './segmentation-view.ts';
import type { Code, ReportInput } from './types.ts';

function children(item: JsonDataset): JsonDataset[] {
  return items(item, 'ContentSequence');
}

function isAbout(item: JsonDataset, concept: Code): boolean {
  const [name = {}] = items(item, 'ConceptNameCodeSequence');
  return text(name, 'CodeValue') === concept.value && text(name, 'CodingSchemeDesignator') === concept.scheme;
}

/** The one child with that concept name; refuses when there is none or more. */
export function child(item: JsonDataset, concept: Code): JsonDataset {
  const [found, ...more] = children(item).filter((one) => isAbout(one, concept));
  if (found === undefined || more.length > 0) refuse(`it must say "${concept.meaning}" exactly once in its place`);
  return found;
}

/** All items of the tree below one, which the parser has bounded in depth. */
function* descendants(item: JsonDataset): Generator<JsonDataset> {
  for (const one of children(item)) {
    yield one;
    yield* descendants(one);
  }
}

export function numericValue(item: JsonDataset): number {
  const [measured = {}] = items(item, 'MeasuredValueSequence');
  return number(measured, 'NumericValue') ?? Number.NaN;
}

/** TID 1500, complete, seen by nobody, with language, observer, procedure, outcome and the conclusion sentence. */
export function checkDocument({ dataset }: ReadBack, input: ReportInput): void {
  const [template = {}] = items(dataset, 'ContentTemplateSequence');
  if (!isAbout(dataset, CONCEPT.imagingMeasurementReport) || text(template, 'TemplateIdentifier') !== '1500') {
    refuse('its root is not an Imaging Measurement Report by TID 1500');
  }
  if (text(dataset, 'CompletionFlag') !== 'COMPLETE') refuse('Completion Flag is not COMPLETE');
  if (text(dataset, 'VerificationFlag') !== 'UNVERIFIED') refuse('Verification Flag is not UNVERIFIED');
  for (const concept of [
    CONCEPT.language,
    CONCEPT.observerType,
    CONCEPT.deviceObserverUid,
    CONCEPT.procedureReported,
    CONCEPT.imageLibrary,
  ]) {
    child(dataset, concept);
  }
  const evaluations = child(dataset, CONCEPT.qualitativeEvaluations);
  child(evaluations, CONCEPT.processingSummary);
  if (text(child(evaluations, CONCEPT.comment), 'TextValue') !== input.conclusion)
    refuse('it does not say its conclusion');
}

/** Every number is one, and has a unit (PS3.3 C.18.1). */
export function checkNumbers({ dataset }: ReadBack): void {
  for (const item of descendants(dataset)) {
    if (text(item, 'ValueType') !== 'NUM') continue;
    const [measured = {}] = items(item, 'MeasuredValueSequence');
    if (!Number.isFinite(numericValue(item))) refuse('a measurement has no value');
    if (items(measured, 'MeasurementUnitsCodeSequence').length !== 1) refuse('a measurement has no unit');
  }
}

/** The evidence lists what the tree refers to, no more and no less, and only what there is (PS3.3 C.17.2.3). */
export function checkEvidence({ dataset }: ReadBack, input: ReportInput): void {
  const [study = {}, ...more] = items(dataset, 'CurrentRequestedProcedureEvidenceSequence');
  if (more.length > 0 || text(study, 'StudyInstanceUID') !== text(input.source.attributes, 'StudyInstanceUID')) {
    refuse('Current Requested Procedure Evidence Sequence is not the one study of the source');
  }
  const referenced = (item: JsonDataset) =>
    items(item, 'ReferencedSOPSequence').map((one) => text(one, 'ReferencedSOPInstanceUID') ?? '');
  const listed = items(study, 'ReferencedSeriesSequence').flatMap(referenced);
  const inTree = new Set([...descendants(dataset)].flatMap(referenced));
  if (listed.length !== inTree.size || listed.some((uid) => !inTree.has(uid))) {
    refuse('the evidence is not exactly what the report refers to');
  }
  const known = new Set(input.source.instances.map((instance) => instance.sopInstanceUid));
  if (input.segmentation) known.add(input.segmentation.sopInstanceUid);
  if (listed.some((uid) => !known.has(uid))) refuse('it refers to an instance that is not of the source or the SEG');
}

/** 0.1 %: more than rounding does, less than a forgotten slice. */
const VOLUME_TOLERANCE = 1e-3;

/** One group a measured segment, under its tracking identifiers and with its volume. */
export function checkMeasurements({ dataset }: ReadBack, input: ReportInput): void {
  const groups = volumetricGroups(dataset);
  if (groups.length !== input.measurements.length)
    refuse(`it has ${groups.length} groups of measurements, not ${input.measurements.length}`);
  for (const measured of input.measurements) {
    const segment = input.segments.find((one) => one.number === measured.segment);
    const group = groups.find((one) => one.trackingUid === segment?.trackingUid);
    if (segment === undefined || group === undefined)
      refuse(`segment ${measured.segment} has no group of measurements`);
    if (group.trackingId !== segment.trackingId) refuse(`segment ${measured.segment} has another Tracking Identifier`);
    if (!closeTo(group.volumeMl, measured.volumeMl))
      refuse(`the volume of segment ${measured.segment} is not the measured one`);
  }
}

/** The SEG has the segments the report refers to, the same by Tracking UID, and as large as the report says. */
export function checkAgainstSegmentation(
  { dataset }: ReadBack,
  seg: { readonly sopInstanceUid: string | undefined; readonly view: SegmentationView },
  voxels: ReadonlyMap<number, SegmentVoxels>,
): void {
  const { view } = seg;
  const voxelMl = (view.rowSpacing * view.columnSpacing * view.sliceSpacing) / 1000;
  const groups = volumetricGroups(dataset);
  if (groups.length !== view.segments.length)
    refuse(`it measures ${groups.length} of ${view.segments.length} segments`);
  for (const group of groups) {
    const segment = view.segments.find((one) => one.number === group.segment);
    if (group.segmentationUid !== seg.sopInstanceUid || segment?.trackingUid !== group.trackingUid) {
      refuse(`its reference to segment ${group.segment} leads to another segment`);
    }
    const volumeMl = (voxels.get(group.segment)?.count ?? 0) * voxelMl;
    if (!closeTo(group.volumeMl, volumeMl)) {
      refuse(`it gives segment ${group.segment} ${group.volumeMl} mL where its voxels have ${volumeMl.toFixed(3)} mL`);
    }
  }
}

export function closeTo(value: number, expected: number): boolean {
  return Math.abs(value - expected) <= VOLUME_TOLERANCE * Math.abs(expected);
}

/** The groups of measurements that say where they were made in this way: by a segment, or by a region of an image. */
export function measurementGroups(dataset: JsonDataset, where: Code): JsonDataset[] {
  return children(child(dataset, CONCEPT.imagingMeasurements)).filter(
    (item) => isAbout(item, CONCEPT.measurementGroup) && children(item).some((one) => isAbout(one, where)),
  );
}

function volumetricGroups(dataset: JsonDataset) {
  return measurementGroups(dataset, CONCEPT.referencedSegment).map((group) => {
    const [reference = {}] = items(child(group, CONCEPT.referencedSegment), 'ReferencedSOPSequence');
    return {
      trackingId: text(child(group, CONCEPT.trackingIdentifier), 'TextValue'),
      trackingUid: text(child(group, CONCEPT.trackingUniqueIdentifier), 'UID'),
      segmentationUid: text(reference, 'ReferencedSOPInstanceUID'),
      segment: number(reference, 'ReferencedSegmentNumber') ?? 0,
      volumeMl: numericValue(child(group, CONCEPT.volume)),
    };
  });
}
