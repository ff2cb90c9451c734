import type { Database } from './database.ts';

/** A caller that was turned away; nobody who came over the door's threshold is in here. */
export interface RefusedCaller {
  readonly callingAe: string;
  readonly calledAe: string;
  readonly address: string;
  readonly subject: string;
  readonly fingerprint: string;
  readonly kind: string;
  readonly reason: string;
}

/** A caller that was let in. */
export interface AdmittedCaller {
  readonly callingAe: string;
  readonly calledAe: string;
  readonly address: string;
  readonly peer: string | null;
}

interface Seen {
  readonly count: number;
  readonly lastSeen: Date;
}

export interface CallerNotes<Admitted extends AdmittedCaller> {
  readonly refused: readonly (RefusedCaller & Seen)[];
  readonly admitted: readonly (Admitted & Seen)[];
}

/** Of each kind; the newest stay. */
const MOST_KEPT = 1000;

/** Adds callers to those known; what an admitted one has beyond its name and address is kept as its negotiation. */
export async function recordCallers<Admitted extends AdmittedCaller>(
  database: Database,
  { refused, admitted }: CallerNotes<Admitted>,
): Promise<void> {
  await database.transaction(async (tx) => {
    if (refused.length > 0)
      await tx.raw(
        `INSERT INTO refused_callers AS known
         SELECT "callingAe", "calledAe", address, fingerprint, kind, subject, reason, "lastSeen", "lastSeen", count
         FROM jsonb_to_recordset(?) AS note("callingAe" text, "calledAe" text, address text, fingerprint text, kind text,
           subject text, reason text, "lastSeen" timestamptz, count bigint)
         ON CONFLICT (calling_ae, called_ae, address, fingerprint, kind) DO UPDATE SET subject = excluded.subject,
           reason = excluded.reason, last_seen = excluded.last_seen, times = known.times + excluded.times`,
        [JSON.stringify(refused)],
      );
    if (admitted.length > 0) {
      const rows = admitted.map(({ callingAe, calledAe, address, peer, count, lastSeen, ...negotiation }) => ({
        ...{ callingAe, calledAe, address, peer, count, lastSeen },
        negotiation,
      }));
      await tx.raw(
        `INSERT INTO callers AS known
         SELECT "callingAe", address, "calledAe", peer, negotiation, "lastSeen", "lastSeen", count
         FROM jsonb_to_recordset(?) AS note("callingAe" text, address text, "calledAe" text, peer text,
           negotiation jsonb, "lastSeen" timestamptz, count bigint)
         ON CONFLICT (calling_ae, address) DO UPDATE SET called_ae = excluded.called_ae, peer = excluded.peer,
           negotiation = excluded.negotiation, last_seen = excluded.last_seen,
           associations = known.associations + excluded.associations`,
        [JSON.stringify(rows)],
      );
      // Who is let in now needs no attention any more.
      await tx.raw(
        `DELETE FROM refused_callers AS refused USING callers AS known WHERE known.calling_ae = refused.calling_ae
         AND known.address = refused.address AND known.last_seen > refused.last_seen`,
      );
    }
    for (const table of ['refused_callers', 'callers'])
      await tx.raw(`DELETE FROM ?? WHERE ctid IN (SELECT ctid FROM ?? ORDER BY last_seen DESC OFFSET ?)`, [
        table,
        table,
        MOST_KEPT,
      ]);
  });
}

export interface RefusedReport extends RefusedCaller {
  readonly firstSeen: Date;
  readonly lastSeen: Date;
  readonly times: number;
}

/** The newest first. */
export async function readRefused(database: Database, limit: number, callingAe?: string): Promise<RefusedReport[]> {
  const { rows }: { rows: RefusedReport[] } = await database.raw(
    `SELECT calling_ae AS "callingAe", called_ae AS "calledAe", address, subject, fingerprint, kind, reason,
       first_seen AS "firstSeen", last_seen AS "lastSeen", times
     FROM refused_callers WHERE ?::text IS NULL OR calling_ae = ? ORDER BY last_seen DESC LIMIT ?`,
    [callingAe ?? null, callingAe ?? null, limit],
  );
  return rows;
}

export interface CallerReport extends AdmittedCaller {
  readonly firstSeen: Date;
  readonly lastSeen: Date;
  readonly associations: number;
  /** Of the last association. */
  readonly negotiation: unknown;
}

/** The newest first. */
export async function readCallers(database: Database, limit: number, callingAe?: string): Promise<CallerReport[]> {
  const { rows }: { rows: CallerReport[] } = await database.raw(
    `SELECT calling_ae AS "callingAe", called_ae AS "calledAe", address, peer, first_seen AS "firstSeen",
       last_seen AS "lastSeen", associations, negotiation
     FROM callers WHERE ?::text IS NULL OR calling_ae = ? ORDER BY last_seen DESC LIMIT ?`,
    [callingAe ?? null, callingAe ?? null, limit],
  );
  return rows;
}
