import { sentenceOf } from '../errors.ts';
import type { Log } from '../log.ts';
import type { RefusalKind } from './admission.ts';

/** A caller that was turned away. */
export interface RefusedCaller {
  /** Empty where it did not come so far as to say it. */
  readonly callingAe: string;
  readonly calledAe: string;
  readonly address: string;
  /** Of its certificate; empty without one. */
  readonly subject: string;
  readonly fingerprint: string;
  readonly kind: RefusalKind;
  readonly reason: string;
}

/** A caller that was let in, with what was agreed: the negotiation log. */
export interface AdmittedCaller {
  readonly callingAe: string;
  readonly calledAe: string;
  readonly address: string;
  readonly subject: string;
  readonly fingerprint: string;
  /** Name of the peer in the settings; null for an unknown caller. */
  readonly peer: string | null;
  readonly user: string | null;
  /** "TLSv1.3 TLS_AES_256_GCM_SHA384"; null without TLS. */
  readonly tls: string | null;
  readonly implementationClassUid: string;
  readonly implementationVersion: string;
  /** What it takes in one PDU; 0 is any length. */
  readonly maxPduLength: number;
  readonly contexts: readonly NegotiatedContext[];
}

export interface NegotiatedContext {
  readonly abstractSyntax: string;
  readonly proposed: readonly string[];
  /** PS3.8 Table 9-18: 0 accepted, 1 refused by policy, 3 not supported, 4 no transfer syntax of it is. */
  readonly result: number;
  readonly accepted: string | null;
}

export interface CallerNotes {
  readonly refused: readonly (RefusedCaller & Seen)[];
  readonly admitted: readonly (AdmittedCaller & Seen)[];
}

export interface Seen {
  readonly count: number;
  readonly lastSeen: Date;
}

const WRITE_AFTER_MS = 500;
/** Between two writes; who calls under ever new names does not fill memory. */
const MOST_NOTED = 200;

/** Remembers who called, and hands it on in groups: the door waits for none of it. */
export class CallerBook {
  readonly #write: (notes: CallerNotes) => Promise<void>;
  readonly #log: Log;
  #refused = new Map<string, RefusedCaller & Seen>();
  #admitted = new Map<string, AdmittedCaller & Seen>();
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(write: (notes: CallerNotes) => Promise<void>, log: Log) {
    this.#write = write;
    this.#log = log;
  }

  refused(caller: RefusedCaller): void {
    const { callingAe, calledAe, address, fingerprint, kind } = caller;
    note(this.#refused, [callingAe, calledAe, address, fingerprint, kind], caller);
    this.#soon();
  }

  admitted(caller: AdmittedCaller): void {
    note(this.#admitted, [caller.callingAe, caller.address], caller);
    this.#soon();
  }

  /** Writes what is left. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    this.#flush();
    await this.#writing;
  }

  #soon(): void {
    this.#timer ??= setTimeout(() => this.#flush(), WRITE_AFTER_MS);
  }

  #flush(): void {
    this.#timer = undefined;
    const notes = { refused: [...this.#refused.values()], admitted: [...this.#admitted.values()] };
    if (notes.refused.length + notes.admitted.length === 0) return;
    this.#refused = new Map();
    this.#admitted = new Map();
    this.#writing = this.#writing
      .then(() => this.#write(notes))
      .catch((error: unknown) => this.#log.warn({ reason: sentenceOf(error) }, 'callers could not be recorded'));
  }
}

function note<T extends object>(notes: Map<string, T & Seen>, key: readonly string[], caller: T): void {
  const text = JSON.stringify(key);
  const before = notes.get(text);
  if (before === undefined && notes.size >= MOST_NOTED) return;
  notes.set(text, { ...caller, count: (before?.count ?? 0) + 1, lastSeen: new Date() });
}
