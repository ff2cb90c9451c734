import { closeSync, fstatSync, openSync, writeSync } from 'node:fs';
import { sentenceOf, VoxgateError } from '../errors.ts';
import { readFully } from './frame-file.ts';
import { voxelMillilitres } from './grid.ts';
import { measurer } from './measure.ts';
import { type ModelGrid, modelGridOf } from './model-grid.ts';
import { ModelSteps } from './model-steps.ts';
import { openSlots } from './open-slots.ts';
import { packer } from './pack.ts';
import { postprocess } from './postprocess.ts';
import { resampleToModel } from './resample.ts';
import { restoreLabels } from './restore.ts';
import { labelsOnModel, type Scores } from './scores.ts';
import type { Volume } from './volume.ts';
import type {
  InputSpec,
  OpenVolume,
  PreparedTensor,
  RestoredSegments,
  RestoreRequest,
  VolumeReply,
  VolumeResults,
  VolumeStep,
} from './volume-messages.ts';

/**
 * The process that holds one volume and does the arithmetic on it, so that the main process never does any. It is forked by
 * `openVolume`, answers one step after the other, and goes when its parent does.
 */
let volume: Volume | undefined;
let model: ModelGrid | undefined;
const steps = new ModelSteps();
let turn: Promise<unknown> = Promise.resolve();

process.on('message', (step: VolumeStep) => {
  turn = turn.then(() => answer(step)).then((reply) => process.send?.(reply));
});
process.on('disconnect', () => process.exit(0));

async function answer(step: VolumeStep): Promise<VolumeReply> {
  try {
    return { ok: true, result: await perform(step) };
  } catch (error) {
    return { ok: false, code: error instanceof VoxgateError ? error.code : undefined, message: sentenceOf(error) };
  }
}

async function perform(step: VolumeStep): Promise<VolumeResults[VolumeStep['step']]> {
  switch (step.step) {
    case 'open':
      volume = await open(step.argument);
      return undefined;
    case 'prepare':
      return prepare(step.argument.input, step.argument.tensorPath);
    case 'restore':
      return restore(step.argument);
    case 'open-slots':
      return steps.open(step.argument.slots);
    case 'prepare-steps':
      return steps.prepare(step.argument);
    case 'begin-restore':
      return steps.beginRestore(step.argument);
    case 'slab':
      return steps.slab(step.argument);
    case 'finish':
      return steps.finish();
    case 'place-boxes':
      return steps.placeBoxes(step.argument.boxes);
  }
}

async function open({ grid, slices }: OpenVolume): Promise<Volume> {
  const [opened] = await openSlots([{ grid, slices, channels: 1, units: 'HU', placed: true }]);
  return opened!;
}

/** Writes the input tensor [z][y][x]: float32 in the byte order of the machine, which is little endian on all we run on. */
function prepare(input: InputSpec, tensorPath: string): PreparedTensor {
  const source = opened();
  const target = modelGridOf(source.grid, input.spacing);
  const fd = openSync(tensorPath, 'w');
  try {
    resampleToModel(source, target, (values, place) => {
      writeFully(fd, new Uint8Array(values.buffer, values.byteOffset, values.byteLength), place * 4);
    });
  } finally {
    closeSync(fd);
  }
  model = target;
  return { shape: shapeOf(target), grid: target.grid };
}

function writeFully(fd: number, bytes: Uint8Array, offset: number): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done, bytes.length - done, offset + done);
}

function restore(request: RestoreRequest): RestoredSegments {
  const source = opened();
  const target = model;
  if (target === undefined) throw new Error('restore before prepare');
  const fd = openSync(request.scoresPath, 'r');
  try {
    const scores = scoresIn(fd, request, target);
    const edits = request.postprocess.length > 0 ? cleaned(scores, request, target) : undefined;
    const measures = measurer(source, request.segments);
    const frames = packer(source.grid, request.segments);
    restoreLabels(scores, target, edits, (labels, slice) => {
      measures.add(labels, slice);
      frames.add(labels, slice);
    });
    return { ...frames.finish(), measurements: measures.finish() };
  } finally {
    closeSync(fd);
  }
}

function cleaned(scores: Scores, request: RestoreRequest, target: ModelGrid): ReturnType<typeof postprocess> {
  const classes = request.segments.map((segment) => segment.class);
  const operations = request.postprocess;
  return postprocess(labelsOnModel(scores), scores.shape, voxelMillilitres(target.grid), { operations, classes });
}

/** @throws VoxgateError inference-failed when the scores do not have the shape that was prepared */
function scoresIn(fd: number, { classes, shape, segments }: RestoreRequest, target: ModelGrid): Scores {
  const expected = shapeOf(target);
  if (shape.some((count, axis) => count !== expected[axis]) || shape.length !== expected.length) {
    throw new VoxgateError(
      'inference-failed',
      `The scores have the shape ${shape.join(' x ')}, the input had ${expected.join(' x ')}.`,
    );
  }
  if (
    !(classes >= 2 && classes <= 255) ||
    segments.some((segment) => !(segment.class >= 1 && segment.class < classes))
  ) {
    throw new VoxgateError(
      'inference-failed',
      `Segments of a model with ${classes} classes must name classes 1 to ${classes - 1}.`,
    );
  }
  const bytes = 4 * classes * expected[0] * expected[1] * expected[2];
  const { size } = fstatSync(fd);
  if (size !== bytes)
    throw new VoxgateError('inference-failed', `The scores take ${size} bytes where ${bytes} are expected.`);
  return {
    classes,
    shape: expected,
    read: (place, out) => readFully(fd, new Uint8Array(out.buffer, out.byteOffset, out.byteLength), place * 4),
  };
}

const shapeOf = ({ x, y, z }: ModelGrid): PreparedTensor['shape'] => [z.count, y.count, x.count];

function opened(): Volume {
  if (volume === undefined) throw new Error('no volume is open');
  return volume;
}
