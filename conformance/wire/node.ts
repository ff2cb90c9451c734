import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll } from 'vitest';
import { openNode, type SharedNode } from '../../tests/dicomweb/shared-node.ts';
import { type DimseAddress, parseDimseUrl } from './association.ts';

/** The node under test, known by its addresses alone. */
export interface NodeUnderTest {
  /** The DICOMweb root. */
  readonly dicomweb: string;
  readonly dimse: DimseAddress;
}

/**
 * The node at VOXGATE_URL and VOXGATE_DIMSE_URL, or one of the suite's own. What the suite stores stays there: it has
 * UIDs of this run and patients that are none.
 */
export function nodeUnderTest(): NodeUnderTest {
  const { VOXGATE_URL: url, VOXGATE_DIMSE_URL: dimseUrl } = process.env;
  if ((url === undefined) !== (dimseUrl === undefined))
    throw new Error('VOXGATE_URL and VOXGATE_DIMSE_URL belong together: set both, or none');
  if (url && dimseUrl) return { dicomweb: `${url.replace(/\/$/, '')}/dicom-web`, dimse: parseDimseUrl(dimseUrl) };
  let own: SharedNode | undefined;
  beforeAll(async () => {
    own = await openNode();
  });
  afterAll(() => own?.stop());
  return {
    get dicomweb() {
      return `${own!.http}/dicom-web`;
    },
    get dimse() {
      const { settings, dimsePort } = own!.node;
      return { aeTitle: settings.aeTitle, host: '127.0.0.1', port: dimsePort };
    },
  };
}

/** A UID that no other run has (PS3.5 Annex B.2). */
export function aUid(): string {
  return `2.25.${BigInt(`0x${randomBytes(15).toString('hex')}`)}`;
}
