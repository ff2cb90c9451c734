import type { ConnectionOptions } from 'node:tls';

/** Where a DIMSE node is, and by which names both sides go. */
export interface DimseAddress {
  readonly callingAe: string;
  readonly calledAe: string;
  readonly host: string;
  readonly port: number;
  /** DICOM TLS (PS3.15 Annex B): set to connect by it, with certificates and versions as node:tls takes them. */
  readonly tls?: ConnectionOptions | undefined;
}

/** How long each step may take, in milliseconds. */
export interface RequestorDeadlines {
  readonly connect: number;
  /** From A-ASSOCIATE-RQ to its answer. */
  readonly associate: number;
  /** For the peer to take what was written. */
  readonly write: number;
  /** From the end of a request to its response, or from one response to the next. */
  readonly response: number;
  readonly release: number;
}

export const REQUESTOR_DEADLINES: RequestorDeadlines = {
  connect: 10_000,
  associate: 30_000,
  write: 60_000,
  response: 60_000,
  release: 10_000,
};
