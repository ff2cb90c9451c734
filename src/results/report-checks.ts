import type { JsonDataset } from '../dicom/dataset.ts';
import { items, number, text } from '../dicom/read-values.ts';
import { CODE, CONCEPT } from './codes.ts';
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
  const studies = items(dataset, 'CurrentRequestedProcedureEvidenceSequence');
  const uids = studies.map((study) => text(study, 'StudyInstanceUID'));
  const source = text(input.source.attributes, 'StudyInstanceUID');
  const expected = new Set([source, ...(input.otherSources ?? []).map((other) => other.studyInstanceUid)]);
  if (uids[0] !== source || uids.length !== expected.size || uids.some((uid) => !expected.has(uid))) {
    refuse('Current Requested Procedure Evidence Sequence is not of the studies that went in, each once');
  }
  const referenced = (item: JsonDataset) =>
    items(item, 'ReferencedSOPSequence').map((one) => text(one, 'ReferencedSOPInstanceUID') ?? '');
  const listed = studies.flatMap((study) => items(study, 'ReferencedSeriesSequence')).flatMap(referenced);
  const inTree = new Set([...descendants(dataset)].flatMap(referenced));
  if (listed.length !== inTree.size || listed.some((uid) => !inTree.has(uid))) {
    refuse('the evidence is not exactly what the report refers to');
  }
  const others = (input.otherSources ?? []).flatMap((other) => other.instances);
  const known = new Set([...input.source.instances, ...others].map((instance) => instance.sopInstanceUid));
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

/** Each class of the whole image is answered as it came out, with its probability. */
export function checkFindings({ dataset }: ReadBack, { findings = [] }: ReportInput): void {
  const groups = children(child(dataset, CONCEPT.imagingMeasurements)).filter((item) =>
    isAbout(item, CONCEPT.measurementGroup),
  );
  const tracked = (item: JsonDataset) => text(child(item, CONCEPT.trackingUniqueIdentifier), 'UID');
  for (const finding of findings) {
    const group = groups.find((item) => tracked(item) === finding.trackingUid);
    if (group === undefined) refuse(`class ${finding.label} is not answered`);
    if (!closeTo(numericValue(child(group, CONCEPT.probability)), finding.probability))
      refuse(`the probability of class ${finding.label} is another`);
    const [outcome = {}] = items(child(group, finding.finding), 'ConceptCodeSequence');
    if (text(outcome, 'CodeValue') !== OUTCOME_CODES[finding.outcome].value)
      refuse(`class ${finding.label} is not called ${finding.outcome}`);
  }
}

const OUTCOME_CODES = { present: CODE.present, absent: CODE.absent, undetermined: CODE.undetermined } as const;

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
