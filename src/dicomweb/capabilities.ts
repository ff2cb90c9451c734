import type { Request, Response } from 'express';
import { QUERY_KEYS } from '../archive/archive.ts';
import { STORAGE_SOP_CLASSES } from '../dicom/sop-classes.ts';
import { TRANSFER_SYNTAXES } from '../dicom/transfer-syntaxes.ts';
import { VERSION } from '../version.ts';
import { choose } from './accept.ts';
import { rootOf } from './addresses.ts';
import type { DicomwebParts, Transaction } from './router.ts';
import { type Description, describeTransaction, templateOf } from './transaction-descriptions.ts';
import { wadl } from './wadl.ts';

/** One method of one resource, as it is told. */
export interface Capability extends Omit<Description, 'path'> {
  /** URI template below the root. */
  readonly path: string;
  /** PS3.18; null for what the standard does not have. */
  readonly section: string | null;
}

const WADL = 'application/vnd.sun.wadl+xml';
/** The first where anything is taken. */
const FORMS = [WADL, 'application/json'].map((type) => ({ type, multipart: false }));

/**
 * Retrieve Capabilities (PS3.18 8.9): what can be asked of this door, made from the table that it runs on. WADL where
 * anything is taken, JSON where that is asked for.
 */
export async function sendCapabilities(
  transactions: readonly Transaction[],
  { deletion }: DicomwebParts,
  request: Request,
  response: Response,
): Promise<void> {
  const { type } = choose(request, FORMS);
  const told = transactions.filter(({ method }) => method !== 'delete' || deletion.allowed).map(capability);
  const root = rootOf(request);
  response.vary('Accept');
  if (type === WADL) response.setHeader('content-type', `${WADL}; charset=utf-8`).end(wadl(root, told));
  else response.json({ ...ABOUT, root, transactions: told });
}

export function capability(row: Transaction): Capability {
  const described = describeTransaction(row);
  if (!described) throw new Error(`no description of ${row.method} ${row.path}`);
  const { path: _rule, ...description } = described;
  return {
    ...description,
    method: row.method.toUpperCase(),
    path: templateOf(row.path),
    section: row.section === 'none' ? null : row.section,
  };
}

const ABOUT = {
  product: 'Voxgate',
  version: VERSION,
  /** Matched on columns of their own; what else is kept with study and series is matched, too. */
  searchAttributes: QUERY_KEYS.map(({ level, keyword }) => ({ level, keyword })),
  transferSyntaxes: TRANSFER_SYNTAXES.map(({ uid, name, mediaType, retired }) => ({
    uid,
    name,
    frames: mediaType,
    retired,
  })),
  storageSopClasses: STORAGE_SOP_CLASSES.map(({ uid, name, retired }) => ({ uid, name, retired })),
  privateSopClasses: true,
};
