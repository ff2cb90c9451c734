import type { Archive, DescribedInstance } from '../archive/archive.ts';
import type { Analysis, AnalysisInput } from '../catalog/analyses.ts';
import { VoxgateError } from '../errors.ts';
import { assembleStacks } from '../imaging/assemble/assemble-stacks.ts';
import type { AssembledStack, Assembly } from '../imaging/assemble/assembled-stack.ts';
import { imageHeaderOf } from '../imaging/assemble/read-frames.ts';
import type { InputSlot, ModelManifest } from '../inference/model-manifest.ts';
import { inTurns } from '../turns.ts';

/** A series that fills an input slot, as the stack that the slot asks for. */
export interface GatheredSlot {
  readonly slot: InputSlot;
  readonly studyInstanceUid: string;
  readonly seriesInstanceUid: string;
  readonly instances: readonly DescribedInstance[];
  readonly stack: AssembledStack;
}

/**
 * What the slots of a model are filled with, in the order of the manifest; undefined where a slot goes without and its channels
 * are zero.
 *
 * @throws VoxgateError not-a-volume saying, with figures, what keeps a series from being analysed
 */
export async function gatherInputs(
  archive: Pick<Archive, 'describe'>,
  analysis: Analysis,
  { inputs, results }: ModelManifest,
): Promise<(GatheredSlot | undefined)[]> {
  return Promise.all(
    inputs.map(async (slot, index) => {
      const input = inputFor(slot, index, analysis);
      if (input !== undefined) {
        const gathered = await gather(archive, slot, input);
        // A mask without a place in the patient could be laid over anything.
        if (index === 0 && results.includes('SEG') && !gathered.stack.placed)
          throw new VoxgateError(
            'not-a-volume',
            'the images have no place in the patient that a segmentation could name.',
          );
        return gathered;
      }
      if (slot.missing === 'zero' && index > 0) return undefined;
      throw new VoxgateError('not-a-volume', `no series fills the input "${slot.slot}" of the model.`);
    }),
  );
}

function inputFor({ slot }: InputSlot, index: number, analysis: Analysis): AnalysisInput | undefined {
  if (analysis.inputs !== null) return analysis.inputs.find((input) => input.slot === slot);
  const { studyInstanceUid, seriesInstanceUid } = analysis;
  return index === 0 ? { slot, studyInstanceUid, seriesInstanceUid, sopInstanceUids: [] } : undefined;
}

async function gather(
  archive: Pick<Archive, 'describe'>,
  slot: InputSlot,
  input: AnalysisInput,
): Promise<GatheredSlot> {
  const { studyInstanceUid, seriesInstanceUid } = input;
  const instances = routed(await archive.describe({ studyInstanceUid, seriesInstanceUid }), input);
  const headers = await inTurns(instances, ({ dataset, transferSyntaxUid }) =>
    imageHeaderOf(dataset, transferSyntaxUid),
  );
  const stack = chosen(slot, assembleStacks(headers, slot));
  return { slot, studyInstanceUid, seriesInstanceUid, instances, stack };
}

/** The one stack a slot takes; which of several is never guessed. */
function chosen({ slot, stack: wanted }: InputSlot, { stacks, refused }: Assembly): AssembledStack {
  const fitting = wanted === undefined ? stacks : stacks.filter(({ label }) => has(label, wanted));
  const [stack, ...more] = fitting;
  if (stack !== undefined && more.length === 0) return stack;
  const labels = stacks.map(({ label, frames }) => `${label || 'one'}, of ${frames.length}`).join('; ');
  if (stacks.length === 0)
    throw new VoxgateError('not-a-volume', refused[0]?.reason ?? `the series holds nothing for "${slot}".`);
  if (stack === undefined)
    throw new VoxgateError('not-a-volume', `none of the stacks of the series (${labels}) is called "${wanted}".`);
  throw new VoxgateError(
    'not-a-volume',
    `the series holds ${stacks.length} stacks (${labels}) and the model takes one: which is not said.`,
  );
}

function has(label: string, wanted: string): boolean {
  return label.toLowerCase().includes(wanted.toLowerCase());
}

/** The instances that were routed, no more and no less: what came since belongs to another analysis. */
function routed(all: readonly DescribedInstance[], { sopInstanceUids }: AnalysisInput): readonly DescribedInstance[] {
  if (sopInstanceUids.length === 0) return all;
  const wanted = new Set(sopInstanceUids);
  const instances = all.filter(({ sopInstanceUid }) => wanted.has(sopInstanceUid));
  if (instances.length === wanted.size) return instances;
  throw new VoxgateError(
    'not-a-volume',
    `${wanted.size - instances.length} of the ${wanted.size} instances that were routed are no longer held.`,
  );
}
