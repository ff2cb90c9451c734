import { isStorageSopClass } from '../dicom/sop-classes.ts';
import { transferSyntaxOf } from '../dicom/transfer-syntaxes.ts';
import { type Association, type PresentationContext, PresentationContextResult } from '../network/library.ts';
import type { RoleSelection } from '../network/negotiation.ts';
import { type AcceptedContext, SERVICE_SYNTAXES, type Service } from './service.ts';

type Choice = (proposed: readonly string[]) => string | undefined;

/** Objects are stored as they are sent, so the sender's first choice that we can read is taken. */
const storage: Choice = (proposed) => proposed.find((uid) => transferSyntaxOf(uid) !== undefined);
/**
 * Where the peer wants to be sent to (C-GET), what is not compressed if it takes that: whatever we hold can be brought
 * into it, and into nothing else. Video cannot.
 */
const retrieval: Choice = (proposed) => {
  const first = storage(proposed);
  return first !== undefined && transferSyntaxOf(first)?.video ? first : (service(proposed) ?? first);
};
const service: Choice = (proposed) => SERVICE_SYNTAXES.find((uid) => proposed.includes(uid));

export interface ContextPolicy {
  readonly services: ReadonlyMap<string, Service>;
  /** Whether this caller may use a SOP class. */
  allows(sopClassUid: string): boolean;
}

/** Answers every proposed presentation context (PS3.8 9.3.3.2), and says which were accepted. */
export function answerPresentationContexts(
  association: Association,
  roles: readonly RoleSelection[],
  policy: ContextPolicy,
): AcceptedContext[] {
  const providers = new Set(roles.filter((role) => role.provider).map((role) => role.sopClassUid));
  const users = new Set(roles.filter((role) => role.user).map((role) => role.sopClassUid));
  const accepted: AcceptedContext[] = [];
  for (const { id } of association.getPresentationContexts()) {
    const context: PresentationContext = association.getPresentationContext(id);
    const abstractSyntaxUid = context.getAbstractSyntaxUid();
    const isSink = providers.has(abstractSyntaxUid) && !users.has(abstractSyntaxUid);
    const choose = choiceOf(abstractSyntaxUid, policy, isSink);
    const transferSyntaxUid = choose?.(context.getTransferSyntaxUids());
    // The library answers for the first context of a SOP class alone: ours are written by negotiation.ts.
    context.setUserRole(undefined);
    context.setProviderRole(undefined);
    if (!choose) context.setResult(PresentationContextResult.RejectAbstractSyntaxNotSupported);
    else if (!policy.allows(abstractSyntaxUid)) context.setResult(PresentationContextResult.RejectUser);
    else if (transferSyntaxUid === undefined)
      context.setResult(PresentationContextResult.RejectTransferSyntaxesNotSupported);
    else {
      context.setResult(PresentationContextResult.Accept, transferSyntaxUid);
      accepted.push({ id, abstractSyntaxUid, transferSyntaxUid, peerIsProvider: providers.has(abstractSyntaxUid) });
    }
  }
  return accepted;
}

function choiceOf(abstractSyntax: string, { services }: ContextPolicy, isSink: boolean): Choice | undefined {
  if (services.has(abstractSyntax)) return service;
  if (!isStored(abstractSyntax)) return undefined;
  return isSink ? retrieval : storage;
}

/**
 * Roles granted (PS3.7 D.3.3.4): a peer may be the provider of storage, which C-GET needs, and the user of anything that
 * we provide. What it did not ask for is not granted.
 */
export function grantedRoles(
  proposed: readonly RoleSelection[],
  accepted: readonly AcceptedContext[],
): RoleSelection[] {
  const known = new Set(accepted.map((context) => context.abstractSyntaxUid));
  return proposed.filter((role) => known.has(role.sopClassUid));
}

const STANDARD_ROOT = '1.2.840.10008.';

/** Every storage SOP class of PS3.6, and private ones: a class that is not the standard's own can only be for storage. */
function isStored(abstractSyntax: string): boolean {
  return isStorageSopClass(abstractSyntax) || !abstractSyntax.startsWith(STANDARD_ROOT);
}
