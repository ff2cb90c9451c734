import { VoxgateError } from '../errors.ts';
import {
  type Kind,
  type PreparedObject,
  prepareObject,
  type StoredObject,
  type StoreLink,
  sendableSyntaxes,
  type Transcoder,
} from '../network/send-object.ts';
import type { DimseAddress } from './dimse-address.ts';
import { MOST_CONTEXTS, openAssociation, type Proposal, type RequestorAssociation } from './requestor.ts';

/**
 * Associations to one peer for objects of the kinds given. Each syntax is proposed in a context of its own, so that the
 * peer cannot choose one that we do not hold. There is one association, unless the kinds need more than its 128
 * contexts; further ones are opened when their first object comes, so that the order of the objects is kept.
 */
export class StoreAssociations implements StoreLink {
  readonly #address: DimseAddress;
  readonly #transcoder: Transcoder | undefined;
  readonly #groups: readonly Proposal[][];
  readonly #open = new Map<number, Promise<RequestorAssociation>>();
  readonly #groupOf = new Map<string, number>();
  #over = false;

  private constructor(address: DimseAddress, kinds: readonly Kind[], transcoder: Transcoder | undefined) {
    this.#address = address;
    this.#transcoder = transcoder;
    const groups: Proposal[][] = [];
    for (const [sopClassUid, syntaxes] of syntaxesByClass(kinds, transcoder)) {
      let group = groups.findIndex((proposals) => proposals.length + syntaxes.length <= MOST_CONTEXTS);
      if (group === -1) group = groups.push([]) - 1;
      groups[group]!.push(...syntaxes.map((uid) => ({ sopClassUid, transferSyntaxUids: [uid] })));
      this.#groupOf.set(sopClassUid, group);
    }
    this.#groups = groups;
  }

  /** @throws VoxgateError peer-failed when the first association is not to be had */
  static async open(
    address: DimseAddress,
    kinds: readonly Kind[],
    transcoder: Transcoder | undefined,
  ): Promise<StoreAssociations> {
    const associations = new StoreAssociations(address, kinds, transcoder);
    await associations.#association(0);
    return associations;
  }

  async prepare(object: StoredObject): Promise<PreparedObject> {
    try {
      const association = await this.#association(this.#groupOf.get(object.sopClassUid) ?? 0);
      return await prepareObject(association, object, this.#transcoder);
    } catch (error) {
      if (error instanceof VoxgateError) return { outcome: { kind: 'lost', reason: error.message } };
      throw error;
    }
  }

  #association(group: number): Promise<RequestorAssociation> {
    if (this.#over) throw new VoxgateError('peer-failed', 'the association is over');
    let association = this.#open.get(group);
    if (!association) {
      association = openAssociation(this.#address, this.#groups[group] ?? []);
      this.#open.set(group, association);
    }
    return association;
  }

  async release(): Promise<void> {
    await this.#endEach((association) => association.release());
  }

  /** At once: what is on its way is lost. */
  async abort(): Promise<void> {
    await this.#endEach((association) => association.abort());
  }

  async #endEach(end: (association: RequestorAssociation) => Promise<void> | void): Promise<void> {
    this.#over = true;
    const ended = [...this.#open.values()].map(async (opening) => {
      const association = await opening.catch(() => undefined);
      if (association) await end(association);
    });
    await Promise.all(ended);
  }
}

/** All syntaxes of a SOP class lie on one association: its objects are told apart by nothing else. */
function syntaxesByClass(kinds: readonly Kind[], transcoder: Transcoder | undefined): Map<string, string[]> {
  const byClass = new Map<string, Set<string>>();
  for (const kind of kinds) {
    const known = byClass.get(kind.sopClassUid) ?? new Set();
    for (const uid of sendableSyntaxes(kind, transcoder)) known.add(uid);
    byClass.set(kind.sopClassUid, known);
  }
  return new Map([...byClass].map(([uid, syntaxes]) => [uid, [...syntaxes].slice(0, MOST_CONTEXTS)]));
}
