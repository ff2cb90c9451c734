import dimse from 'dcmjs-dimse';

/**
 * dcmjs-dimse behind one door of ours: it keeps associations; the P-DATA path is our own
 * (pdu-reader.ts), and so are the messages in it (message-exchange.ts). It logs associations, and with them patients:
 * switched off.
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
export const { Association } = dimse.association;
export type Association = InstanceType<typeof Association>;
type LibraryContext = InstanceType<typeof dimse.association.PresentationContext>;
/** Its declarations leave out that a role may be unset, which is how it begins. */
export type PresentationContext = Omit<LibraryContext, 'setUserRole' | 'setProviderRole'> & {
  setUserRole(role: boolean | undefined): void;
  setProviderRole(role: boolean | undefined): void;
};
