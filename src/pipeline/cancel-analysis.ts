import { analysisJobKey } from '../catalog/analyses.ts';
import type { Database } from '../catalog/database.ts';
import { dropJob } from '../jobs/queue.ts';

export type Cancelled = 'cancelled' | 'over' | 'unknown';

/**
 * Cancels an analysis that waits or runs; the process that runs it is told by its watch (`watchAnalyses`) or, where it is
 * this one, by `cancelRunning`.
 */
export async function cancelAnalysis(
  database: Database,
  id: number,
  told: { readonly by: string; readonly reason: string | undefined },
  cancelRunning?: (key: string, reason: string) => void,
): Promise<Cancelled> {
  const why = told.reason === undefined ? '' : `: ${told.reason}`;
  const cancelled = await database.transaction(async (tx): Promise<Cancelled> => {
    const { rows }: { rows: { open: boolean }[] } = await tx.raw(
      `SELECT state IN ('waiting', 'running') AND inferred_at IS NULL AS open FROM analyses WHERE id = ? FOR UPDATE`,
      [id],
    );
    if (rows[0] === undefined) return 'unknown';
    if (!rows[0].open) return 'over';
    await tx.raw(
      `UPDATE analyses SET state = 'cancelled', cancelled_at = now(), cancelled_by = ?, reason = ? WHERE id = ?`,
      [told.by, `Cancelled by ${told.by}${why}.`, id],
    );
    await dropJob(tx, analysisJobKey(id));
    return 'cancelled';
  });
  if (cancelled === 'cancelled') cancelRunning?.(analysisJobKey(id), `cancelled by ${told.by}`);
  return cancelled;
}

/** Of these, the analyses that were cancelled by somebody. */
export async function cancelledAmong(database: Database, ids: readonly number[]): Promise<number[]> {
  if (ids.length === 0) return [];
  const { rows }: { rows: { id: number }[] } = await database.raw(
    `SELECT id FROM analyses WHERE id = ANY(?::bigint[]) AND state = 'cancelled'`,
    [[...ids]],
  );
  return rows.map(({ id }) => id);
}
