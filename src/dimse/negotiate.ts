import { IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME } from '../dicom/implementation.ts';
import type { Association, PresentationContext } from '../network/library.ts';
import { extendedItem, identityResponseItem, roleItem, type UserItems } from '../network/negotiation.ts';
import type { CallerPolicy } from '../peer-settings.ts';
import { allowsSopClass } from './caller-policy.ts';
import type { NegotiatedContext } from './callers.ts';
import { answerPresentationContexts, grantedRoles } from './presentation-contexts.ts';
import type { AcceptedContext, Service } from './service.ts';

/** What we offer to receive in one PDU. The reader streams, so this costs no memory. */
const MAX_PDU_LENGTH = 131_072;

export interface NegotiateParts {
  /** By SOP class. */
  readonly services: ReadonlyMap<string, Service>;
  readonly policy: CallerPolicy;
  /** Whether the user identity that it gave was checked and found right. */
  readonly identified: boolean;
}

export interface Negotiated {
  readonly contexts: ReadonlyMap<number, AcceptedContext>;
  /** Application information agreed on by SOP class. */
  readonly agreed: ReadonlyMap<string, Buffer>;
  /** User information items of the A-ASSOCIATE-AC that the library does not write. */
  readonly items: readonly Buffer[];
  /** What the peer takes in one PDU; 0 is any length. */
  readonly maxPduLength: number;
  /** For the negotiation log. */
  readonly implementation: { readonly classUid: string; readonly version: string };
  readonly outcome: readonly NegotiatedContext[];
}

/** Turns what was requested into what is answered (PS3.8 9.3.3, PS3.7 Annex D); the association holds it afterwards. */
export function negotiate(
  association: Association,
  { roles, extended, identity }: UserItems,
  { services, policy, identified }: NegotiateParts,
): Negotiated {
  const { roleSelection = true, maxPduLength: longest = MAX_PDU_LENGTH } = policy.quirks ?? {};
  const wanted = roleSelection ? roles : [];
  // Read first: the library forgets what was proposed when it is answered.
  const proposals = association.getPresentationContexts().map(({ id }) => {
    const context: PresentationContext = association.getPresentationContext(id);
    return {
      id,
      context,
      abstractSyntax: context.getAbstractSyntaxUid(),
      proposed: [...context.getTransferSyntaxUids()],
    };
  });
  const accepted = answerPresentationContexts(association, wanted, {
    services,
    allows: (sopClassUid) => allowsSopClass(policy, sopClassUid, services.get(sopClassUid)),
  });
  const known = new Set(accepted.map(({ abstractSyntaxUid }) => abstractSyntaxUid));
  const agreed = new Map(
    [...extended].flatMap(([uid, proposed]) => {
      const answer = known.has(uid) ? services.get(uid)?.agree?.(uid, proposed) : undefined;
      return answer === undefined ? [] : [[uid, answer] as const];
    }),
  );
  const implementation = {
    classUid: printable(association.getImplementationClassUid() ?? ''),
    version: printable(association.getImplementationVersion() ?? ''),
  };
  const theirs = association.getMaxPduLength();
  describeOurselves(association, longest);
  return {
    contexts: new Map(accepted.map((context) => [context.id, context])),
    agreed,
    items: [
      ...grantedRoles(wanted, accepted).map(roleItem),
      ...[...agreed].map(([uid, information]) => extendedItem(uid, information)),
      // Who was not asked for a proof gets none (PS3.7 D.3.3.7).
      ...(identity?.wantsResponse && identified ? [identityResponseItem(Buffer.alloc(0))] : []),
    ],
    maxPduLength: theirs === 0 ? longest : Math.min(theirs, longest),
    implementation,
    outcome: proposals.map(({ id, context, abstractSyntax, proposed }) => ({
      abstractSyntax: printable(abstractSyntax),
      proposed: proposed.slice(0, MOST_SHOWN).map(printable),
      result: context.getResult(),
      accepted: accepted.find((one) => one.id === id)?.transferSyntaxUid ?? null,
    })),
  };
}

/** Of the transfer syntaxes of one presentation context, in the negotiation log. */
const MOST_SHOWN = 32;
const LONGEST_UID = 64;

/** A caller's words as they can be kept and shown. */
export function printable(text: string): string {
  return text.slice(0, LONGEST_UID).replace(/[^\x20-\x7e]/g, '?');
}

/** The library would answer with what the caller said of itself. */
function describeOurselves(association: Association, maxPduLength: number): void {
  association.setImplementationClassUid(IMPLEMENTATION_CLASS_UID);
  association.setImplementationVersion(IMPLEMENTATION_VERSION_NAME);
  // Never more than one operation at a time: peers that cannot do otherwise drop the connection at 0/0.
  association.setMaxAsyncOpsInvoked(1);
  association.setMaxAsyncOpsPerformed(1);
  // It answers with the smaller of both sides' lengths; each side states its own (PS3.8 D.1).
  association.setMaxPduLength(maxPduLength);
}
