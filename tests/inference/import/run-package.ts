import { closeSync, fstatSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { frameIndex, frameRanges } from '../../../src/dicom/frames.ts';
import { fileSource, parsePart10 } from '../../../src/dicom/parse.ts';
import { assembleStacks } from '../../../src/imaging/assemble/assemble-stacks.ts';
import type { ImageHeader } from '../../../src/imaging/assemble/image-header.ts';
import { openSlotOf } from '../../../src/imaging/assemble/open-slot.ts';
import { imageHeaderOf } from '../../../src/imaging/assemble/read-frames.ts';
import type { Grid } from '../../../src/imaging/grid.ts';
import type { Restored } from '../../../src/imaging/post/restorer.ts';
import { openSlots } from '../../../src/imaging/volume-client.ts';
import type { InferenceResult } from '../../../src/inference/engine.ts';
import { Lanes } from '../../../src/inference/lanes/lanes.ts';
import type { Model } from '../../../src/inference/model-package.ts';

export interface Outcome {
  readonly grid: Grid;
  /** Segment numbers on the stored slices: [slice][row][column]. */
  readonly labels: Uint8Array;
  readonly restored: Restored;
  readonly inference: InferenceResult;
}

interface Image {
  readonly path: string;
  readonly header: ImageHeader;
  readonly ranges: (frame: number) => readonly (readonly [number, number])[] | undefined;
}

function readImage(path: string): Image {
  const fd = openSync(path, 'r');
  try {
    const source = fileSource(fd, fstatSync(fd).size);
    const parsed = parsePart10(source);
    const index = frameIndex(parsed, source);
    return {
      path,
      header: imageHeaderOf(parsed.dataset, parsed.transferSyntaxUid),
      ranges: (frame) => index && frameRanges(index, frame),
    };
  } finally {
    closeSync(fd);
  }
}

/** A package run on one series: volume, tensor, windows in a lane, and the labels on the slices of the source. */
export async function runPackage(
  { manifest, files, key }: Model,
  paths: readonly string[],
  folder: string,
): Promise<Outcome> {
  const images = paths.map(readImage);
  const [slot] = manifest.inputs;
  const { stacks, refused } = assembleStacks(
    images.map(({ header }) => header),
    slot!,
  );
  const [stack] = stacks;
  if (!stack || stacks.length > 1) throw new Error(`${stacks.length} stacks; ${refused.map(({ reason }) => reason)}`);
  const lanes = new Lanes({ cores: 2 });
  const volume = await openSlots([
    openSlotOf(stack, ({ instance, frame }) => {
      const ranges = images[instance]!.ranges(frame);
      return { path: images[instance]!.path, ...(ranges && { ranges }) };
    }),
  ]);
  try {
    const tensorPath = join(folder, 'tensor.raw');
    const { type } = manifest.tensors.input;
    const { shape, slabAxis } = await volume.prepare({ steps: manifest.transforms, type, tensorPath });
    const { output } = manifest;
    if (output.kind !== 'class-scores' && output.kind !== 'region-scores') throw new Error(output.kind);
    await volume.beginRestore({
      postprocess: manifest.postprocess,
      classes: output.classes.length,
      kind: output.kind,
      segments: manifest.segments,
      measurements: manifest.measurements,
      shape: [output.classes.length, ...shape.slice(2)],
    });
    const inference = await lanes.run(
      {
        name: manifest.id,
        priority: 0,
        model: { key, files, engine: manifest.engine },
        input: { ...manifest.tensors.input, tensor: { path: tensorPath, shape } },
        outputs: [manifest.tensors.output],
        ...(manifest.window && { window: manifest.window }),
        slabAxis,
        folder,
      },
      { onSlab: (slab) => volume.slab(slab) },
    );
    const restored = await volume.finish();
    return { grid: stack.grid, labels: labelsOf(restored, stack.grid), restored, inference };
  } finally {
    lanes.close();
    await volume.close();
  }
}

/** Frames of one bit a voxel → one byte: the number of the segment. */
function labelsOf({ frames, pixelData }: Restored, { columns, rows, slices }: Grid): Uint8Array {
  const plane = columns * rows;
  const labels = new Uint8Array(plane * slices);
  frames.forEach(({ segment, slice }, i) => {
    for (let voxel = 0; voxel < plane; voxel++) {
      const bit = i * plane + voxel;
      if (pixelData[bit >> 3]! & (1 << (bit & 7))) labels[slice * plane + voxel] = segment;
    }
  });
  return labels;
}
