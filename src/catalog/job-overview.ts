import type { Database, Transaction } from './database.ts';

/** Jobs of one kind. */
export interface JobCount {
  readonly job: string;
  /** Due, and not begun. */
  readonly waiting: number;
  /** Not due yet: a quiet time, or the pause before another try. */
  readonly later: number;
  readonly running: number;
  /** How long the oldest that is due has been so. */
  readonly oldestSeconds: number | null;
}

export async function countJobs(database: Database): Promise<JobCount[]> {
  const { rows }: { rows: JobCount[] } = await database.raw(
    `SELECT task_identifier AS job,
       count(*) FILTER (WHERE locked_at IS NULL AND run_at <= now() AND attempts < max_attempts)::integer AS waiting,
       count(*) FILTER (WHERE locked_at IS NULL AND run_at > now() AND attempts < max_attempts)::integer AS later,
       count(*) FILTER (WHERE locked_at IS NOT NULL)::integer AS running,
       extract(epoch FROM now() - min(run_at) FILTER (WHERE locked_at IS NULL AND run_at <= now() AND attempts < max_attempts))::float
         AS "oldestSeconds"
     FROM graphile_worker.jobs GROUP BY 1 ORDER BY 1`,
  );
  return rows;
}

/** What waits to be analysed. */
export interface Backlog {
  readonly analyses: number;
  readonly oldestSeconds: number;
  /** Of the series they are about. */
  readonly bytes: number;
}

export async function readBacklog(database: Database): Promise<Backlog> {
  const { rows }: { rows: Backlog[] } = await database.raw(
    `WITH waiting AS (
       SELECT a.id, a.series_instance_uid, a.study_instance_uid, a.settled_at FROM analyses a WHERE a.state = 'waiting'
         AND EXISTS (SELECT FROM graphile_worker.jobs j WHERE j.key = 'analyze ' || a.id)
     )
     SELECT (SELECT count(*) FROM waiting)::integer AS analyses,
       coalesce(extract(epoch FROM now() - (SELECT min(settled_at) FROM waiting)), 0)::float AS "oldestSeconds",
       coalesce((SELECT sum(i.size) FROM instances i JOIN series e ON e.id = i.series_id JOIN studies s ON s.id = e.study_id
         WHERE (s.study_instance_uid, e.series_instance_uid) IN (SELECT study_instance_uid, series_instance_uid FROM waiting)), 0)::float
         AS bytes`,
  );
  return rows[0]!;
}

/**
 * Lets analyses that wait grow older: each gains what its age is worth, so that none waits for ever behind those that
 * come later with a higher priority.
 * @param fullSeconds the age at which a routine analysis stands beside a new one of this priority
 */
export async function ageAnalyses(database: Database, fullSeconds: number, priority: number): Promise<void> {
  await database.raw(
    `SELECT graphile_worker.reschedule_jobs(ARRAY[j.id], priority => aged.priority)
     FROM graphile_worker.jobs j JOIN analyses a ON j.key = 'analyze ' || a.id
       CROSS JOIN LATERAL (
         SELECT (-a.priority - least(?::integer, floor(? * extract(epoch FROM now() - a.settled_at) / ?)::integer)) AS priority
       ) aged
     WHERE j.locked_at IS NULL AND a.state = 'waiting' AND aged.priority < j.priority`,
    [priority, priority, fullSeconds],
  );
}

/** An analysis whose job ended with the processes that ran it. */
export interface LostAnalysis {
  readonly id: number;
  readonly attempts: number;
}

/**
 * Ends analyses that nobody will take up any more: a process that dies in a job's last attempt leaves no other, and the
 * series would be called running for ever. Their jobs are taken from the queue.
 */
export async function failLostAnalyses(tx: Transaction | Database): Promise<LostAnalysis[]> {
  const { rows }: { rows: LostAnalysis[] } = await tx.raw(
    `WITH lost AS (
       UPDATE analyses a SET state = 'failed', reason = 'Failed: the node was ended in every attempt; nothing was found out.'
       WHERE a.state IN ('waiting', 'running') AND a.inferred_at IS NULL AND a.settled_at < now() - interval '1 minute'
         AND a.wait_until IS NULL
         AND NOT EXISTS (
           SELECT FROM graphile_worker.jobs j
           WHERE j.key = 'analyze ' || a.id AND (j.attempts < j.max_attempts OR j.locked_by IS NOT NULL)
         )
       RETURNING a.id
     )
     SELECT l.id, coalesce((SELECT j.attempts FROM graphile_worker.jobs j WHERE j.key = 'analyze ' || l.id), 0) AS attempts
     FROM lost l ORDER BY l.id`,
  );
  for (const { id } of rows) await tx.raw('SELECT graphile_worker.remove_job(?)', [`analyze ${id}`]);
  return rows;
}
