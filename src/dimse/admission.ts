import { getHeapStatistics } from 'node:v8';
import type { IdentitySettings } from '../identity-settings.ts';
import type { UserIdentity } from '../network/negotiation.ts';
import type { CallerPolicy, PeerSettings } from '../peer-settings.ts';
import { ByteBudget } from './byte-budget.ts';
import { addressTest } from './caller-policy.ts';
import { Identities } from './identity.ts';

/** Who asks for an association. */
export interface Caller {
  readonly callingAe: string;
  readonly calledAe: string;
  readonly address: string;
  /** SHA-256 of the certificate that it proved by TLS to be its own. */
  readonly fingerprint: string | undefined;
  readonly identity: UserIdentity | undefined;
}

/** What a caller was refused for; the console says what to do about each. */
export type RefusalKind = 'unknown' | 'called' | 'address' | 'certificate' | 'identity' | 'limit' | 'tls';

/** PS3.8 Table 9-21. */
export interface Rejection {
  readonly result: number;
  readonly source: number;
  readonly reason: number;
  readonly kind: RefusalKind;
  /** For the log. */
  readonly because: string;
}

/** A caller that is let in. */
export interface Admitted {
  readonly policy: CallerPolicy;
  /** Name of the peer in the settings; undefined for an unknown caller. */
  readonly peer: string | undefined;
  /** Who uses it, where that was checked. */
  readonly user: string | undefined;
  /** Bytes that all associations of the same peer may have under way. */
  readonly quota: ByteBudget | undefined;
  /** The association is over. */
  leave(): void;
}

export interface AdmissionSettings {
  readonly aeTitle: string;
  readonly peers: readonly PeerSettings[];
  readonly acceptUnknownPeers: boolean;
  readonly unknownPeers: CallerPolicy;
  readonly identities: IdentitySettings;
  readonly maxAssociations: number;
}

const PERMANENT = 1;
const TRANSIENT = 2;
const SERVICE_USER = 1;
const SERVICE_PROVIDER_PRESENTATION = 3;
const NO_REASON_GIVEN = 1;
const TEMPORARY_CONGESTION = 1;
const LOCAL_LIMIT_EXCEEDED = 2;
const CALLING_AE_NOT_RECOGNIZED = 3;
const CALLED_AE_NOT_RECOGNIZED = 7;

/** What an association takes besides its messages: what its socket, its reader and an open object gather. */
export const ASSOCIATION_BYTES = 512 * 1024;
const HEAP_IS_FULL = 0.9;

/** An entry of the settings, and what is counted of it. */
interface Known {
  readonly policy: CallerPolicy;
  readonly peer: PeerSettings | undefined;
  readonly isFrom: (address: string) => boolean;
  readonly quota: ByteBudget | undefined;
  open: number;
}

/** Decides who comes in: limits first, then AE titles, addresses and certificates, then the user. */
export class Admission {
  readonly #settings: AdmissionSettings;
  readonly #budget: ByteBudget;
  readonly #identities: Identities;
  readonly #peers: ReadonlyMap<string, readonly Known[]>;
  readonly #unknown: Known;
  #open = 0;

  /** @throws VoxgateError bad-setting */
  constructor(settings: AdmissionSettings, budget: ByteBudget) {
    this.#settings = settings;
    this.#budget = budget;
    this.#identities = new Identities(settings.identities);
    const entries = settings.peers.map((peer) => known(peer, peer));
    const titles = new Set(settings.peers.flatMap(({ aeTitle }) => aeTitle ?? []));
    this.#peers = new Map([...titles].map((title) => [title, entries.filter(({ peer }) => peer?.aeTitle === title)]));
    this.#unknown = known(settings.unknownPeers, undefined);
  }

  /** Lets a caller in, or says why not. */
  async admit(caller: Caller): Promise<Admitted | Rejection> {
    const full = this.#capacity();
    if (full) return full;
    // Counted from here on, while the passcode is looked at.
    this.#open += 1;
    const decision = await this.#decide(caller);
    if ('because' in decision) this.#open -= 1;
    return decision;
  }

  #capacity(): Rejection | undefined {
    const { maxAssociations } = this.#settings;
    if (this.#open >= maxAssociations) return limit(`too many associations are open (${maxAssociations})`);
    if (!this.#budget.fits((this.#open + 1) * ASSOCIATION_BYTES))
      return limit('the messages under way take all the memory that they may (VOXGATE_MEMORY_BUDGET)');
    const { used_heap_size: used, heap_size_limit: most } = getHeapStatistics();
    if (used > most * HEAP_IS_FULL) return { ...limit('memory is nearly full'), reason: TEMPORARY_CONGESTION };
    return undefined;
  }

  async #decide(caller: Caller): Promise<Admitted | Rejection> {
    const recognized = this.#recognize(caller);
    if ('because' in recognized) return recognized;
    const { policy, peer, quota } = recognized;
    const most = policy.quota?.associations ?? Number.POSITIVE_INFINITY;
    if (recognized.open >= most) return limit(`too many associations of this peer are open (${most})`);
    recognized.open += 1;
    const identified = await this.#identify(caller.identity, policy.identity);
    if (identified !== undefined && typeof identified !== 'string') {
      recognized.open -= 1;
      return identified;
    }
    return {
      policy,
      peer: peer?.name,
      user: identified,
      quota,
      leave: () => {
        recognized.open -= 1;
        this.#open -= 1;
      },
    };
  }

  /** By its AE title, and by address and certificate where the settings name them. */
  #recognize({ callingAe, calledAe, address, fingerprint }: Caller): Known | Rejection {
    const { acceptUnknownPeers, aeTitle } = this.#settings;
    const named = this.#peers.get(callingAe) ?? [];
    if (named.length === 0 && !acceptUnknownPeers)
      return refused(CALLING_AE_NOT_RECOGNIZED, 'unknown', 'the calling AE title is not among the peers');
    const candidates = named.length > 0 ? named : [this.#unknown];
    const here = candidates.filter(({ isFrom }) => isFrom(address));
    if (here.length === 0)
      return refused(CALLING_AE_NOT_RECOGNIZED, 'address', 'the calling AE title came from an address not listed');
    const proven = here.find(({ policy }) => policy.fingerprint === undefined || policy.fingerprint === fingerprint);
    if (!proven)
      return refused(CALLING_AE_NOT_RECOGNIZED, 'certificate', 'the calling AE title came without its certificate');
    if (!acceptUnknownPeers && calledAe !== aeTitle)
      return refused(CALLED_AE_NOT_RECOGNIZED, 'called', 'the called AE title is not ours');
    return proven;
  }

  /** The user; undefined where none is known and none is needed. A wrong one is refused also where none is needed. */
  async #identify(
    identity: UserIdentity | undefined,
    wanted: CallerPolicy['identity'],
  ): Promise<string | Rejection | undefined> {
    const answer = identity && (await this.#identities.check(identity));
    const refusal = (because: string): Rejection => refused(NO_REASON_GIVEN, 'identity', because);
    if (answer && 'because' in answer) return refusal(answer.because);
    if (wanted === undefined) return answer?.user;
    if (!identity) return refusal('the caller did not say who uses it');
    if (!answer) return refusal(`this node cannot check a user identity of type ${identity.type}`);
    if (wanted !== true && !wanted.includes(answer.user)) return refusal('the user is not one of those for this peer');
    return answer.user;
  }
}

function known(policy: CallerPolicy, peer: PeerSettings | undefined): Known {
  const { addresses, quota } = policy;
  return {
    policy,
    peer,
    isFrom: addresses === undefined ? () => true : addressTest(addresses),
    quota: quota?.megabytes === undefined ? undefined : new ByteBudget(quota.megabytes * 1e6),
    open: 0,
  };
}

function refused(reason: number, kind: RefusalKind, because: string): Rejection {
  return { result: PERMANENT, source: SERVICE_USER, reason, kind, because };
}

function limit(because: string): Rejection {
  return {
    result: TRANSIENT,
    source: SERVICE_PROVIDER_PRESENTATION,
    reason: LOCAL_LIMIT_EXCEEDED,
    kind: 'limit',
    because,
  };
}
