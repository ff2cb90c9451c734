import dimse from 'dcmjs-dimse';

/**
 * dcmjs-dimse behind one door of ours: it keeps associations, command sets and their encoding; the P-DATA path is our
 * own (pdu-reader.ts). It logs associations and queries, and with them patients: switched off.
 */
dimse.log.setLevel('silent');

export const { Scp, Dataset, Implementation } = dimse;
export const {
  AbortReason,
  AbortSource,
  PresentationContextResult,
  RejectReason,
  RejectResult,
  RejectSource,
  SopClass,
  Status,
} = dimse.constants;
export const { CEchoResponse, CFindResponse, CStoreResponse } = dimse.responses;
export const { CStoreRequest, CFindRequest } = dimse.requests;
export type Association = InstanceType<typeof dimse.association.Association>;
export type PresentationContext = InstanceType<typeof dimse.association.PresentationContext>;
export type Response =
  | InstanceType<typeof dimse.responses.CStoreResponse>
  | InstanceType<typeof dimse.responses.CFindResponse>;
export type StoreRequest = InstanceType<typeof CStoreRequest>;
export type FindRequest = InstanceType<typeof CFindRequest>;
