import { totalmem } from 'node:os';
import { sentenceOf, VoxgateError } from '../../errors.ts';
import { Job } from './job.ts';
import { KserveRunner } from './kserve.ts';
import type { FromLane, LaneShape, ToLane } from './messages.ts';
import { Schedule } from './schedule.ts';
import { ThreadRunner } from './thread-runner.ts';

/**
 * An inference lane: the only process that loads ONNX Runtime. A run cannot be interrupted, nor a thread ended that has
 * one, so a lane is a process that can be killed. Its own loop is never in a run: it listens, gathers windows and adds
 * their answers up while its threads compute.
 */
const ALIVE_MS = 2000;
/** A process this large, or that has held so many models, is replaced once it is idle. */
const TIRED_BYTES = Math.min(6 * 2 ** 30, 0.4 * totalmem());
const TIRED_MODELS = 24;
/** Runs at a server that one lane has under way. */
const REMOTE_RUNS = 2;

process.once('message', (first: ToLane) => {
  if (first.kind === 'shape') begin(first.shape);
});
// The node is gone: so is whoever wanted the result. An exit would wait for a run, or abort in it.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));

function begin(shape: LaneShape): void {
  const threads = Array.from({ length: shape.runners }, () => new ThreadRunner());
  const servers = Array.from({ length: REMOTE_RUNS }, () => new KserveRunner());
  const jobs = new Map<number, Job>();
  const opening = new Set<Job>();
  const models = new Set<string>();
  const isExpected = (model: string) => [...opening].some(({ request }) => request.model.key === model);
  const local = new Schedule(threads, isExpected);
  const remote = new Schedule(servers, isExpected);
  const scheduleOf = (job: Job) => (job.network?.provider === 'kserve' ? remote : local);

  process.on('message', (message: ToLane) => {
    if (message.kind === 'run') void run(message.job, message);
    else if (message.kind === 'taken') jobs.get(message.job)?.consumed();
    else if (message.kind === 'cancel') {
      jobs.get(message.job)?.cancel();
      forget(message.job);
    }
  });
  setInterval(() => tell({ kind: 'alive' }), ALIVE_MS);
  void Promise.all(threads.map(({ ready }) => ready)).then(() => tell({ kind: 'ready' }));

  async function run(id: number, { request }: Extract<ToLane, { kind: 'run' }>): Promise<void> {
    let job: Job | undefined;
    const failed = (error: unknown) => {
      const code = error instanceof VoxgateError ? error.code : 'inference-failed';
      tell({ kind: 'failed', job: id, code, reason: sentenceOf(error) });
      forget(id);
    };
    try {
      job = new Job(id, request, {
        slab: (slab) => tell({ kind: 'slab', job: id, slab }),
        done: (result) => {
          tell({ kind: 'done', job: id, result });
          forget(id);
        },
        failed,
        stirred: () => job && scheduleOf(job).stir(),
        overdue: (reason) => {
          if (job?.network?.provider === 'kserve') job.fail(new VoxgateError('inference-failed', reason));
          else tell({ kind: 'overdue', job: id, reason });
        },
      });
      jobs.set(id, job);
      opening.add(job);
      models.add(request.model.key);
      await job.open({ local: threads[0]!, remote: servers[0]! }, shape);
      if (!job.ended) scheduleOf(job).add(job);
    } catch (error) {
      if (job) job.fail(error);
      else failed(error);
    } finally {
      if (job) opening.delete(job);
    }
  }

  function forget(id: number): void {
    jobs.delete(id);
    if (models.size > TIRED_MODELS || process.memoryUsage.rss() > TIRED_BYTES) tell({ kind: 'tired' });
  }
}

function tell(message: FromLane): void {
  process.send?.(message);
}
