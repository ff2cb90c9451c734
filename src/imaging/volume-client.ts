import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { VoxgateError } from '../errors.ts';
import { spawnable } from '../spawnable.ts';
import type { PlacedBox } from './place-boxes.ts';
import type { Restored } from './post/restorer.ts';
import type {
  BeginRestore,
  OpenSlot,
  Prepared,
  PrepareRequest,
  ScoreSlab,
  VolumeReply,
  VolumeResults,
  VolumeStep,
} from './volume-messages.ts';

export interface OpenedSlots {
  /** Executes the pre-steps of a model on the volumes and writes the input tensor. */
  prepare(request: PrepareRequest): Promise<Prepared>;
  /** Begins to bring scores back to the stored slices of the first slot. */
  beginRestore(request: BeginRestore): Promise<void>;
  /** Takes the next planes of scores, in order, and deletes their file. */
  slab(slab: ScoreSlab): Promise<void>;
  /** After the last slab: packed frames by segment, and what they measure. */
  finish(): Promise<Restored>;
  /** Where boxes in voxels of the input tensor lie. */
  placeBoxes(boxes: readonly (readonly number[])[]): Promise<readonly PlacedBox[]>;
  /** Ends the process; a step under way is given up. */
  close(): Promise<void>;
}

/** Milliseconds each step may take before its process is killed. */
export type VolumeDeadlines = Readonly<Record<VolumeStep['step'], number>>;

/** 2000 slices of JPEG 2000 take 90 s to decode; nothing sound takes five minutes. */
const DEADLINES: VolumeDeadlines = {
  open: 300_000,
  prepare: 300_000,
  'begin-restore': 60_000,
  slab: 300_000,
  finish: 300_000,
  'place-boxes': 60_000,
};

/**
 * Decodes the stacks that fill the input slots of a model, the second and further ones resampled onto the grid of the
 * first, in a process of its own, where all work on them is done. The caller closes it.
 *
 * @throws VoxgateError undecodable, not-a-volume or too-large for what is in the files; inference-failed when a step
 * passes its deadline or its process dies. After either the volumes are gone.
 */
export async function openSlots(
  slots: readonly (OpenSlot | undefined)[],
  deadlines: Partial<VolumeDeadlines> = {},
): Promise<OpenedSlots> {
  const { perform, close } = await started({ step: 'open', argument: { slots } }, deadlines);
  return {
    prepare: (request) => perform({ step: 'prepare', argument: request }),
    beginRestore: (request) => perform({ step: 'begin-restore', argument: request }),
    slab: (slab) => perform({ step: 'slab', argument: slab }),
    finish: () => perform({ step: 'finish' }),
    placeBoxes: (boxes) => perform({ step: 'place-boxes', argument: { boxes } }),
    close,
  };
}

async function started(
  first: VolumeStep,
  deadlines: Partial<VolumeDeadlines>,
): Promise<{ readonly perform: Perform; readonly close: () => Promise<void> }> {
  const child = fork(spawnable(import.meta.url, './volume-process.ts'), [], {
    serialization: 'advanced',
    execArgv: [],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  // What goes wrong between steps is told by the next one; without a listener it would end this process.
  child.on('error', () => undefined);
  const perform = stepsOf(child, { ...DEADLINES, ...deadlines });
  try {
    await perform(first);
  } catch (error) {
    await end(child);
    throw error;
  }
  return { perform, close: () => end(child) };
}

type Perform = <S extends VolumeStep['step']>(step: Extract<VolumeStep, { step: S }>) => Promise<VolumeResults[S]>;

/** One step after the other. */
function stepsOf(child: ChildProcess, deadlines: VolumeDeadlines): Perform {
  let turn: Promise<unknown> = Promise.resolve();
  return (step) => {
    const result = turn.then(() => perform(child, step, deadlines[step.step]));
    turn = result.catch(() => undefined);
    return result;
  };
}

function perform<S extends VolumeStep['step']>(
  child: ChildProcess,
  step: Extract<VolumeStep, { step: S }>,
  deadline: number,
): Promise<VolumeResults[S]> {
  return new Promise((resolve, reject) => {
    const settle = (): void => {
      clearTimeout(timer);
      child.off('message', onMessage).off('exit', onExit).off('error', onError);
    };
    const fail = (why: string, cause?: unknown): void => {
      settle();
      child.kill('SIGKILL');
      reject(
        new VoxgateError('inference-failed', `The volume could not be worked on (${step.step}): ${why}.`, { cause }),
      );
    };
    const onMessage = (reply: VolumeReply<S>): void => {
      settle();
      if (reply.ok) resolve(reply.result);
      else reject(reply.code ? new VoxgateError(reply.code, reply.message) : new Error(reply.message));
    };
    const onExit = (code: number | null, signal: string | null): void =>
      fail(`its process ended (${signal ?? `exit code ${code}`})`);
    const onError = (error: Error): void => fail('its process cannot be reached', error);
    const timer = setTimeout(() => fail(`no result within ${deadline / 1000} s`), deadline);

    child.on('message', onMessage).on('exit', onExit).on('error', onError);
    child.send(step, (error) => {
      if (error) onError(error);
    });
  });
}

async function end(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}
