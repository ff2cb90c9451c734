import { dataset, type Fields } from '../dicom/build.ts';
import { text } from '../dicom/read-values.ts';
import { encodePart10 } from '../dicom/write.ts';
import { VoxgateError } from '../errors.ts';
import { CODE, CONCEPT, procedureCode } from './codes.ts';
import { codeValue, container, rootContainer, textValue, uidReference } from './content-items.ts';
import { classGroup, detectionGroup } from './finding-groups.ts';
import { imageLibrary, uniqueInstances } from './image-library.ts';
import { absence, foundGroup, planarGroup } from './measurement-groups.ts';
import { sourceSeriesUid } from './patient-study.ts';
import { presentSegments } from './present-segments.ts';
import { resultObject } from './result-object.ts';
import { SEGMENTATION_STORAGE } from './segmentation.ts';
import type { Algorithm, Device, ReportInput } from './types.ts';

/** What IHE AI Results (AIR) asks for; Comprehensive SR has no way to give 3D coordinates later. */
export const COMPREHENSIVE_3D_SR_STORAGE = '1.2.840.10008.5.1.4.1.1.88.34';

/**
 * A Measurement Report (TID 1500) as Comprehensive 3D SR (PS3.3 A.35.13), Explicit VR Little Endian, as a Part 10 file.
 * Every segment that was looked for is answered: by a group of measurements (TID 1411) when it was found, and one with
 * its outline where it is largest (TID 1410), else by an evaluation as absent. The outcome of the whole stands as code and as the `conclusion` sentence under Qualitative
 * Evaluations. The same input gives the same bytes.
 *
 * @throws VoxgateError mismatch when measurements, segments and segmentation do not belong together; unidentifiable when
 * the source has no usable Study or Series Instance UID
 */
export function buildMeasurementReport(input: ReportInput): Buffer {
  checkMeasurements(input);
  const fields: Fields = {
    ...resultObject({ sopClassUid: COMPREHENSIVE_3D_SR_STORAGE, modality: 'SR' }, input),
    ...documentGeneral(input),
    ...rootContainer(CONCEPT.imagingMeasurementReport, '1500', [
      codeValue('HAS CONCEPT MOD', CONCEPT.language, CODE.english),
      ...deviceObserver(input.device),
      codeValue('HAS CONCEPT MOD', CONCEPT.procedureReported, procedureCode(text(input.source.attributes, 'Modality'))),
      imageLibrary(input.source, input.otherSources),
      imagingMeasurements(input),
      qualitativeEvaluations(input),
    ]),
  };
  return encodePart10(dataset(fields));
}

/** Each segment measured at most once, and measurements if and only if there is a SEG that has the voxels. */
function checkMeasurements({ measurements, segmentation }: ReportInput): void {
  if (new Set(measurements.map((one) => one.segment)).size !== measurements.length) {
    throw new VoxgateError('bad-result', 'a segment is measured twice in one report');
  }
  if (measurements.length > 0 && segmentation === undefined) {
    throw new VoxgateError('bad-result', 'measurements without the segmentation they were made on');
  }
  if (measurements.length === 0 && segmentation !== undefined) {
    throw new VoxgateError('bad-result', 'a segmentation, but nothing measured in it');
  }
}

/**
 * SR Document Series and SR Document General modules (PS3.3 C.17.1, C.17.2). Complete as far as this node goes, seen by
 * nobody yet: UNVERIFIED and PRELIMINARY.
 */
function documentGeneral(input: ReportInput): Fields {
  return {
    ReferencedPerformedProcedureStepSequence: [],
    CompletionFlag: 'COMPLETE',
    VerificationFlag: 'UNVERIFIED',
    PreliminaryFlag: 'PRELIMINARY',
    PerformedProcedureCodeSequence: [],
    PredecessorDocumentsSequence: predecessors(input),
    CurrentRequestedProcedureEvidenceSequence: evidence(input),
  };
}

/** The reports this one takes the place of (PS3.3 C.17.2.1); absent where there is none. */
function predecessors({ predecessors = [], source }: ReportInput): Fields[] | undefined {
  if (predecessors.length === 0) return undefined;
  const study = text(source.attributes, 'StudyInstanceUID') ?? '';
  return evidenceItems(
    predecessors.map(({ seriesUid, sopInstanceUid }) => ({
      study,
      series: seriesUid,
      instances: [{ sopClassUid: COMPREHENSIVE_3D_SR_STORAGE, sopInstanceUid }],
    })),
  );
}

/** Every composite object the tree refers to, by study and series (PS3.3 C.17.2.3), the study of the source first. */
function evidence({ source, segmentation, otherSources = [] }: ReportInput): Fields[] {
  const study = text(source.attributes, 'StudyInstanceUID') ?? '';
  return evidenceItems([
    { study, series: sourceSeriesUid(source.attributes), instances: uniqueInstances(source.instances) },
    ...(segmentation
      ? [{ study, series: segmentation.seriesUid, instances: [{ ...segmentation, sopClassUid: SEGMENTATION_STORAGE }] }]
      : []),
    ...otherSources.map((other) => ({
      study: other.studyInstanceUid,
      series: other.seriesInstanceUid,
      instances: uniqueInstances(other.instances),
    })),
  ]);
}

interface ReferencedSeries {
  readonly study: string;
  readonly series: string;
  readonly instances: readonly { readonly sopClassUid: string; readonly sopInstanceUid: string }[];
}

/** Hierarchical SOP Instance Reference Macro (PS3.3 C.17.2.1): an item a study, in it an item a series. */
function evidenceItems(series: readonly ReferencedSeries[]): Fields[] {
  return [...new Set(series.map(({ study }) => study))].map((study) => ({
    StudyInstanceUID: study,
    ReferencedSeriesSequence: series
      .filter((one) => one.study === study)
      .map(({ series: uid, instances }) => ({
        SeriesInstanceUID: uid,
        ReferencedSOPSequence: instances.map(({ sopClassUid, sopInstanceUid }) => ({
          ReferencedSOPClassUID: sopClassUid,
          ReferencedSOPInstanceUID: sopInstanceUid,
        })),
      })),
  }));
}

/** Observation context (TID 1001 with 1002 and 1004): the observer is this node. */
function deviceObserver(device: Device): Fields[] {
  return [
    codeValue('HAS OBS CONTEXT', CONCEPT.observerType, CODE.device),
    uidReference('HAS OBS CONTEXT', CONCEPT.deviceObserverUid, device.uid),
    textValue('HAS OBS CONTEXT', CONCEPT.deviceObserverName, device.name),
    textValue('HAS OBS CONTEXT', CONCEPT.deviceObserverManufacturer, device.manufacturer),
    textValue('HAS OBS CONTEXT', CONCEPT.deviceObserverModelName, device.modelName),
    textValue('HAS OBS CONTEXT', CONCEPT.deviceObserverSerialNumber, device.serialNumber),
  ];
}

/**
 * TID 1500 rows 6 to 8, with the algorithm (row 6b) said once for all groups. Viewers look for this container even where
 * nothing was found; then it has no groups.
 */
function imagingMeasurements(input: ReportInput): Fields {
  const { segmentation, source } = input;
  const measured = new Map(input.measurements.map((one) => [one.segment, one]));
  const present = presentSegments(input.segments, new Set(measured.keys()));
  const outlines = new Map(input.outlines.map((one) => [one.segment, one]));
  const groups = present.flatMap(({ inputNumber, description }) => {
    const volumetric = foundGroup(description, measured.get(inputNumber)!, {
      sopClassUid: SEGMENTATION_STORAGE,
      sopInstanceUid: segmentation!.sopInstanceUid,
      segment: description.number,
      sourceSeriesUid: sourceSeriesUid(source.attributes),
    });
    const outline = outlines.get(inputNumber);
    return outline ? [volumetric, planarGroup(description, outline, source)] : [volumetric];
  });
  return container(CONCEPT.imagingMeasurements, [
    ...algorithmIdentification(input.algorithm),
    ...groups,
    ...(input.findings ?? []).map((finding) => classGroup(finding, source)),
    ...(input.detections ?? []).map((detection) => detectionGroup(detection, source)),
  ]);
}

/** Algorithm Identification (TID 4019), with the digest of the model as parameter. */
function algorithmIdentification(algorithm: Algorithm): Fields[] {
  return [
    textValue('HAS CONCEPT MOD', CONCEPT.algorithmName, algorithm.name),
    textValue('HAS CONCEPT MOD', CONCEPT.algorithmVersion, algorithm.version),
    textValue('HAS CONCEPT MOD', CONCEPT.algorithmManufacturer, algorithm.source),
    textValue('HAS CONCEPT MOD', CONCEPT.algorithmParameters, `SHA-256 of the model: ${algorithm.digest}`),
    codeValue('HAS CONCEPT MOD', CONCEPT.algorithmFamily, algorithm.family),
  ];
}

/** TID 1500 rows 12 to 14: what came of it as a code of CID 6047, what is absent, and all of it as a sentence. */
function qualitativeEvaluations(input: ReportInput): Fields {
  const found =
    input.measurements.length > 0 ||
    (input.detections ?? []).length > 0 ||
    (input.findings ?? []).some(({ outcome }) => outcome === 'present');
  const outcome = found ? CODE.succeededWithFindings : CODE.succeededWithoutFindings;
  const measured = new Set(input.measurements.map((one) => one.segment));
  return container(CONCEPT.qualitativeEvaluations, [
    codeValue('CONTAINS', CONCEPT.processingSummary, outcome),
    ...input.segments.filter((segment) => !measured.has(segment.number)).map(absence),
    textValue('CONTAINS', CONCEPT.comment, input.conclusion.trim()),
  ]);
}
