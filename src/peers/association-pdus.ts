import type { Socket } from 'node:net';
import { IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME } from '../dicom/implementation.ts';
import { AbortSource, Association, PresentationContextResult, Scp } from '../network/library.ts';
import {
  addUserItems,
  extendedItem,
  identityItem,
  readUserItems,
  roleItem,
  type UserIdentity,
  type UserItems,
} from '../network/negotiation.ts';
import { PduError } from '../network/pdu-reader.ts';
import type { DimseAddress } from './dimse-address.ts';
import { type AssociationRejection, describeRejection } from './rejection.ts';

/** One presentation context to be proposed, and the roles wanted for its SOP class (PS3.7 D.3.3.4). */
export interface Proposal {
  readonly sopClassUid: string;
  readonly transferSyntaxUids: readonly string[];
  /** Of ours: left out, we are the user. */
  readonly role?: { readonly user: boolean; readonly provider: boolean };
}

/** A presentation context that the peer accepted. */
export interface AcceptedContext {
  readonly id: number;
  readonly abstractSyntaxUid: string;
  readonly transferSyntaxUid: string;
  /** The peer granted us to be the provider: it may send C-STORE (C-GET) or N-EVENT-REPORT requests. */
  readonly weAreProvider: boolean;
}

export interface NegotiatedItems {
  /** Service class application information by SOP class (PS3.7 D.3.3.5). */
  readonly extended?: ReadonlyMap<string, Buffer>;
  readonly identity?: UserIdentity;
}

/** What an A-ASSOCIATE-AC says. */
export interface Acceptance {
  readonly contexts: readonly AcceptedContext[];
  readonly items: UserItems;
  /** What the peer takes in one PDU; 0 is any length. */
  readonly maxPduLength: number;
}

export interface AssociationEvents {
  accepted(acceptance: Acceptance): void;
  /** The peer has said its last word, and here is what it means. */
  ended(reason: string): void;
  releaseRequested(): void;
  released(): void;
  failed(error: unknown): void;
}

const MAX_PDU_LENGTH = 131_072;
/** PS3.8 9.3.2.2: presentation context IDs are the odd numbers up to 255. */
export const MOST_CONTEXTS = 128;
const A_ASSOCIATE_RQ = 0x01;
const A_ASSOCIATE_AC = 0x02;

/** What of dcmjs-dimse's Network is not in its type declarations and is used here. */
interface NetworkInternals {
  _processPdu(pdu: Buffer): Promise<void>;
}

/**
 * The association PDUs of a requestor (PS3.8 9.3), which the library writes and reads. Its own client always proposes
 * implicit and explicit VR together and re-encodes what the peer picks; its SCP class is the exported part of its network
 * layer that lets us propose for ourselves.
 */
export class AssociationPdus extends Scp {
  readonly #socket: Socket;
  readonly #events: AssociationEvents;
  readonly #library: NetworkInternals;
  #proposed: Buffer[] = [];
  #items: UserItems | undefined;

  constructor(socket: Socket, events: AssociationEvents) {
    super(socket);
    this.#socket = socket;
    this.#events = events;
    // The library's declarations leave this out; the tests of peers hold it.
    this.#library = this as unknown as NetworkInternals;
    this.on('associationAccepted', (association: Association) => this.#accepted(association));
    this.on('associationRejected', (rejection: AssociationRejection) =>
      events.ended(`the association was rejected (${describeRejection(rejection)})`),
    );
    this.on('associationReleaseResponse', () => events.released());
    this.on('networkError', (error: unknown) => events.failed(error));
  }

  /** The library would read the socket from its constructor; its PDUs come by `take`. */
  _wrapSocket(): void {}

  /** The library's A-ASSOCIATE-RQ, with the items that it does not know. */
  _sendPdu(pdu: { writePdu(): Buffer; getType(): number }): void {
    const bytes = pdu.writePdu();
    if (!this.#socket.writable) return;
    this.#socket.write(pdu.getType() === A_ASSOCIATE_RQ ? addUserItems(bytes, this.#proposed) : bytes);
  }

  request(address: DimseAddress, proposals: readonly Proposal[], items: NegotiatedItems): void {
    this.#proposed = userItems(proposals, items);
    this.sendAssociationRequest(propose(address, proposals));
  }

  /** @throws PduError for one that a requestor does not expect */
  async take(pdu: Buffer): Promise<void> {
    if (pdu[0] === A_ASSOCIATE_RQ) throw new PduError('the peer requested an association on ours', 2);
    if (pdu[0] === A_ASSOCIATE_AC) {
      if (this.#items) throw new PduError('the association was accepted twice', 2);
      this.#items = readUserItems(pdu);
    }
    await this.#library._processPdu(pdu);
  }

  #accepted(association: Association): void {
    const items = this.#items!;
    this.#events.accepted({
      contexts: acceptedContexts(association, items),
      items,
      maxPduLength: association.getMaxPduLength(),
    });
  }

  /** Called by the library for an A-RELEASE-RQ. */
  override associationReleaseRequested(): void {
    this.sendAssociationReleaseResponse();
    this.#events.releaseRequested();
  }

  /** Called by the library for an A-ABORT. */
  override abort(): void {
    this.#events.ended('the peer aborted the association');
  }

  abortAsUser(): void {
    this.sendAbort(AbortSource.ServiceUser, 0);
  }
}

function propose(address: DimseAddress, proposals: readonly Proposal[]): Association {
  const association = new Association(address.callingAe, address.calledAe);
  association.setImplementationClassUid(IMPLEMENTATION_CLASS_UID);
  association.setImplementationVersion(IMPLEMENTATION_VERSION_NAME);
  association.setMaxPduLength(MAX_PDU_LENGTH);
  for (const { sopClassUid, transferSyntaxUids } of proposals) {
    const id = association.addPresentationContext(sopClassUid);
    for (const uid of transferSyntaxUids) association.addTransferSyntaxToPresentationContext(id, uid);
  }
  return association;
}

/** Roles are of SOP classes, not of contexts: one item each (PS3.7 D.3.3.4.1). */
function userItems(proposals: readonly Proposal[], { extended, identity }: NegotiatedItems): Buffer[] {
  const roles = new Map(proposals.flatMap(({ sopClassUid, role }) => (role ? [[sopClassUid, role] as const] : [])));
  return [
    ...[...roles].map(([sopClassUid, role]) => roleItem({ sopClassUid, ...role })),
    ...[...(extended ?? [])].map(([uid, information]) => extendedItem(uid, information)),
    ...(identity ? [identityItem(identity)] : []),
  ];
}

function acceptedContexts(association: Association, items: UserItems): AcceptedContext[] {
  const provided = new Set(items.roles.filter((role) => role.provider).map((role) => role.sopClassUid));
  return association.getPresentationContexts().flatMap(({ id, context }) => {
    const transferSyntaxUid = context.getAcceptedTransferSyntaxUid();
    if (context.getResult() !== PresentationContextResult.Accept || !transferSyntaxUid) return [];
    const abstractSyntaxUid = context.getAbstractSyntaxUid();
    return [{ id, abstractSyntaxUid, transferSyntaxUid, weAreProvider: provided.has(abstractSyntaxUid) }];
  });
}
