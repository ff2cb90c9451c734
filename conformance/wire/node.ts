import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll } from 'vitest';
import { openNode } from '../../tests/dicomweb/shared-node.ts';
import { startOrthanc } from '../../tests/support/orthanc.ts';
import { type DimseAddress, parseDimseUrl } from './association.ts';

/** The node under test, known by its addresses alone. */
export interface NodeUnderTest {
  /** The DICOMweb root. */
  readonly dicomweb: string;
  readonly dimse: DimseAddress;
}

/** How a node of the suite's own is reached, and ended. */
interface Started {
  readonly root: string;
  readonly dimse: DimseAddress;
  stop(): Promise<void>;
}

/**
 * The node at VOXGATE_URL and VOXGATE_DIMSE_URL, or one of the suite's own: this project's, or an Orthanc where
 * VOXGATE_SUITE_STARTS says "orthanc". What the suite stores stays there: it has UIDs of this run and patients that are none.
 */
export function nodeUnderTest(): NodeUnderTest {
  const { VOXGATE_URL: url, VOXGATE_DIMSE_URL: dimseUrl, VOXGATE_SUITE_STARTS: which = 'voxgate' } = process.env;
  if ((url === undefined) !== (dimseUrl === undefined))
    throw new Error('VOXGATE_URL and VOXGATE_DIMSE_URL belong together: set both, or none');
  if (url && dimseUrl) return { dicomweb: `${url.replace(/\/$/, '')}/dicom-web`, dimse: parseDimseUrl(dimseUrl) };
  let own: Started | undefined;
  beforeAll(async () => {
    own = await (which === 'orthanc' ? startedOrthanc() : startedVoxgate());
  });
  afterAll(() => own?.stop());
  return {
    get dicomweb() {
      return `${own!.root}/dicom-web`;
    },
    get dimse() {
      return own!.dimse;
    },
  };
}

async function startedVoxgate(): Promise<Started> {
  const { http, node, stop } = await openNode({ dicomwebDelete: true });
  const { settings, dimsePort: port } = node;
  return { root: http, dimse: { aeTitle: settings.aeTitle, host: '127.0.0.1', port }, stop };
}

async function startedOrthanc(): Promise<Started> {
  const { httpUrl, aeTitle, dicomPort: port, stop } = await startOrthanc({ aeTitle: 'ORTHANC' });
  return { root: httpUrl, dimse: { aeTitle, host: '127.0.0.1', port }, stop };
}

/** A UID that no other run has (PS3.5 Annex B.2). */
export function aUid(): string {
  return `2.25.${BigInt(`0x${randomBytes(15).toString('hex')}`)}`;
}
