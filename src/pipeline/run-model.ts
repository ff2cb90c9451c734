import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Archive } from '../archive/archive.ts';
import { VoxgateError } from '../errors.ts';
import { type OpenedSlots, openSlots } from '../imaging/volume-client.ts';
import type { OpenSlot } from '../imaging/volume-messages.ts';
import type { Engine, InferenceRequest, InferenceResult } from '../inference/engine.ts';
import type { Model } from '../inference/model-library.ts';
import type { ModelManifest } from '../inference/model-manifest.ts';
import type { GatheredSlot } from './gather-inputs.ts';
import { type Outcome, readClasses } from './outcome.ts';
import { readBoxes } from './read-boxes.ts';

/** Where the frames of instances lie: the archive, or files beside it. */
export type FramePlaces = Pick<Archive, 'pathOf' | 'frameRanges'>;

export interface RunParts {
  readonly archive: FramePlaces;
  readonly engine: Engine;
  /** For tensors on their way between processes; emptied after each run. */
  readonly workFolder: string;
}

export interface ModelRun {
  /** Of the job: names its folder, and what is told of it. */
  readonly name: string;
  readonly model: Model;
  readonly slots: readonly (GatheredSlot | undefined)[];
  /** Greater is sooner; STAT from 100 on. */
  readonly priority: number;
  readonly signal?: AbortSignal;
}

/**
 * Pixels to findings: volumes are opened and prepared in a process of their own, the network runs in a lane, and what it
 * says is brought back to the slices it came from. Nothing is left on disk.
 *
 * @throws VoxgateError undecodable, not-a-volume, too-large, bad-model, inference-failed, bad-result
 */
export async function runModel(parts: RunParts, run: ModelRun): Promise<Outcome> {
  const folder = join(parts.workFolder, run.name);
  const opened = await openSlots(await Promise.all(run.slots.map((slot) => slot && sourceOf(parts.archive, slot))));
  // A step under way cannot be interrupted; its process can be ended.
  const onAbort = () => void opened.close();
  run.signal?.addEventListener('abort', onAbort, { once: true });
  try {
    run.signal?.throwIfAborted();
    await mkdir(folder, { recursive: true });
    return await infer(parts.engine, opened, run, folder);
  } finally {
    run.signal?.removeEventListener('abort', onAbort);
    await opened.close();
    await rm(folder, { recursive: true, force: true });
  }
}

async function sourceOf(archive: FramePlaces, { instances, stack, slot }: GatheredSlot): Promise<OpenSlot> {
  const source = async ({ instance, frame, header }: GatheredSlot['stack']['frames'][number]) => ({
    path: archive.pathOf(instances[instance]!),
    ranges: await archive.frameRanges(instances[instance]!, frame),
    frame,
    header,
  });
  return {
    grid: stack.grid,
    channels: stack.channels,
    units: stack.units,
    shear: stack.shear,
    sliceTaps: stack.sliceTaps,
    placed: stack.placed,
    frameOfReferenceUid: stack.frameOfReferenceUid,
    slices: await Promise.all(stack.frames.map(source)),
    copies: await Promise.all(stack.copies.map(async ({ of, frame }) => ({ of, source: await source(frame) }))),
    asShown: slot.asShown,
  };
}

async function infer(engine: Engine, opened: OpenedSlots, run: ModelRun, folder: string): Promise<Outcome> {
  const { manifest } = run.model;
  const { tensors, output } = manifest;
  const tensorPath = join(folder, 'input');
  const { shape, slabAxis } = await opened.prepare({
    steps: manifest.transforms,
    type: tensors.input.type,
    tensorPath,
  });
  const request: InferenceRequest = {
    name: run.name,
    priority: run.priority,
    model: { key: run.model.key, files: run.model.files, engine: manifest.engine },
    input: { name: tensors.input.name, type: tensors.input.type, tensor: { path: tensorPath, shape } },
    outputs: [tensors.output],
    window: manifest.window,
    folder,
  };
  const { signal } = run;
  switch (output.kind) {
    case 'class-scores':
    case 'region-scores': {
      await opened.beginRestore({
        postprocess: manifest.postprocess,
        classes: output.classes.length,
        kind: output.kind,
        segments: manifest.segments.map(({ number, class: index }) => ({ number, class: index })),
        measurements: manifest.measurements,
        shape: [1, output.classes.length, ...shape.slice(2)],
      });
      const result = await engine.run({ ...request, slabAxis }, { signal, onSlab: (slab) => opened.slab(slab) });
      checkShape(manifest, result, [1, output.classes.length, ...shape.slice(2)]);
      return { segments: await opened.finish(), classes: [], boxes: [], run: factsOf(result) };
    }
    case 'classification': {
      const result = await engine.run(request, { signal });
      const classes = readClasses(output, await readFloats(result, tensors.output));
      return { classes, boxes: [], run: factsOf(result) };
    }
    case 'boxes': {
      const names = tensors.boxes!;
      const result = await engine.run({ ...request, outputs: [names.boxes, names.scores, names.labels] }, { signal });
      const detections = {
        boxes: await readFloats(result, names.boxes),
        scores: await readFloats(result, names.scores),
        labels: await readFloats(result, names.labels),
      };
      const boxes = await readBoxes(output, detections, { shape, slabAxis }, opened);
      return { classes: [], boxes, run: factsOf(result) };
    }
  }
}

/** Slabs say their own shape; a model that gives other classes than its manifest names is never believed. */
function checkShape({ tensors }: ModelManifest, { outputs }: InferenceResult, expected: readonly number[]): void {
  const shape = outputs[tensors.output]?.shape ?? [];
  if (shape.join() === expected.join()) return;
  throw new VoxgateError(
    'bad-model',
    `the output ${tensors.output} has shape ${shape.join('×')}, the manifest promises ${expected.join('×')}.`,
  );
}

/** A few numbers: more than this is no answer about a whole image. */
const LARGEST_ANSWER_BYTES = 2 ** 24;

async function readFloats({ outputs }: InferenceResult, name: string): Promise<Float32Array> {
  const output = outputs[name];
  if (output?.path === undefined) throw new VoxgateError('bad-model', `the model gave no output ${name}.`);
  const count = output.shape.reduce((product, length) => product * length, 1);
  if (count * 4 > LARGEST_ANSWER_BYTES)
    throw new VoxgateError(
      'bad-model',
      `the output ${name} has the shape ${output.shape.join('×')}: too much to read.`,
    );
  const bytes = await readFile(output.path);
  if (bytes.length !== count * 4)
    throw new VoxgateError(
      'inference-failed',
      `the output ${name} has ${bytes.length} bytes, its shape needs ${count * 4}.`,
    );
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
}

function factsOf({ provider, milliseconds, windows, skipped }: InferenceResult): Outcome['run'] {
  return { provider, milliseconds, windows, skipped };
}
