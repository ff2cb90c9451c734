import type { Analysis } from '../catalog/analyses.ts';
import { deterministicUid } from '../dicom/uid.ts';

/** Every UID a result carries. */
export interface ResultUids {
  readonly segmentation: string;
  readonly segmentationSeries: string;
  readonly dimensionOrganization: string;
  readonly report: string;
  readonly reportSeries: string;
  tracking(segment: number): string;
}

/**
 * UIDs from what went in: the same series and the same model give the same ones on any node, at any time, so that a
 * retry, a restart or a second sending never makes a second copy in the PACS (contract, promise 4).
 */
export function resultUids({
  studyInstanceUid,
  seriesInstanceUid,
  inputDigest,
  modelId,
  modelVersion,
  modelDigest,
}: Analysis): ResultUids {
  const uid = (what: string) =>
    deterministicUid(
      'voxgate result',
      what,
      studyInstanceUid,
      seriesInstanceUid,
      inputDigest,
      modelId,
      modelVersion,
      modelDigest,
    );
  return {
    segmentation: uid('segmentation'),
    segmentationSeries: uid('segmentation series'),
    dimensionOrganization: uid('dimension organization'),
    report: uid('report'),
    reportSeries: uid('report series'),
    tracking: (segment) => uid(`tracking ${segment}`),
  };
}
