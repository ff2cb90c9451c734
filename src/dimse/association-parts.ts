import type { Socket } from 'node:net';
import type { Archive } from '../archive/archive.ts';
import type { Log } from '../log.ts';
import type { Admission } from './admission.ts';
import type { ByteBudget } from './byte-budget.ts';
import type { CallerBook } from './callers.ts';
import type { Service } from './service.ts';

/** How long each step of a peer may take, in milliseconds. */
export interface Deadlines {
  /** From connection to A-ASSOCIATE-RQ, and from our last word to the end of the connection (ARTIM, PS3.8 9.1.5). */
  readonly artim: number;
  /** Without a byte moved in either direction, while nothing of the peer's is being answered. */
  readonly idle: number;
  /** For the peer to take what we have written. */
  readonly write: number;
}

export interface AssociationParts {
  readonly archive: Archive;
  readonly admission: Admission;
  readonly callers: CallerBook;
  /** Messages that are gathered in memory, of all associations. */
  readonly memory: ByteBudget;
  readonly deadlines: Deadlines;
  /** By SOP class. */
  readonly services: ReadonlyMap<string, Service>;
  readonly log: Log;
  /** The caller has been let in. */
  readonly onAccepted: (socket: Socket) => void;
}
