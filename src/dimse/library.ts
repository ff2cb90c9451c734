import dimse from 'dcmjs-dimse';

/**
 * dcmjs-dimse behind one door of ours: it keeps associations and the commands that are rare; the P-DATA path is our own
 * (pdu-reader.ts), and so are C-STORE and C-FIND (command-set.ts). It logs associations and queries, and with them patients: switched off.
 */
dimse.log.setLevel('silent');

export const { Scp, Implementation } = dimse;
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
export const { CEchoResponse } = dimse.responses;
export type Association = InstanceType<typeof dimse.association.Association>;
export type PresentationContext = InstanceType<typeof dimse.association.PresentationContext>;
