import { VoxgateError } from '../errors.ts';
import { alignVolume, isSameGrid } from './align-volume.ts';
import { decodeSlices } from './decode-slices.ts';
import { openSlice } from './open-slice.ts';
import { LARGEST_VOLUME_VOXELS, type Volume } from './volume.ts';
import type { OpenSlot } from './volume-messages.ts';
import { storedSize } from './volume-planes.ts';

/**
 * The volumes of the input slots of a model, all on the grid of the first: the others are resampled onto it, which needs
 * one frame of reference. Of those that lie nowhere in the patient all have to be of one size.
 *
 * @throws VoxgateError undecodable, too-large, not-a-volume
 */
export async function openSlots(slots: readonly OpenSlot[]): Promise<Volume[]> {
  const [first, ...others] = slots;
  if (first === undefined) throw new VoxgateError('not-a-volume', 'No series fills an input of the model.');
  for (const other of others) checkTogether(first, other);
  const volumes: Volume[] = [];
  for (const slot of slots) {
    const volume = await openSlot(slot);
    volumes.push(
      volumes[0] && !isSameGrid(volume.grid, volumes[0].grid) ? alignVolume(volume, volumes[0].grid) : volume,
    );
  }
  return volumes;
}

/** PS3.3 C.7.4.1.1.1: places in different frames of reference have nothing to do with each other. */
function checkTogether(first: OpenSlot, other: OpenSlot): void {
  const refuse = (why: string): never => {
    throw new VoxgateError('not-a-volume', `The inputs do not lie on each other: ${why}.`);
  };
  if (first.placed !== other.placed) refuse('one has a place in the patient and the other has none');
  if (!first.placed) {
    const size = ({ grid }: OpenSlot): string => `${grid.columns} x ${grid.rows} x ${grid.slices}`;
    if (size(first) !== size(other))
      refuse(`without a place in the patient, one is ${size(first)} and the other ${size(other)}`);
  } else if (!first.frameOfReferenceUid || first.frameOfReferenceUid !== other.frameOfReferenceUid)
    refuse('their Frame of Reference UIDs (0020,0052) differ');
}

async function openSlot(slot: OpenSlot): Promise<Volume> {
  const { grid, slices, channels, units, shear, sliceTaps } = slot;
  const voxels = grid.rows * grid.columns * grid.slices * channels;
  if (!(voxels <= LARGEST_VOLUME_VOXELS)) {
    throw new VoxgateError(
      'too-large',
      `A volume of ${grid.columns} x ${grid.rows} x ${grid.slices} voxels is too large.`,
    );
  }
  const decoded = await decodeSlices(slices, slot);
  const volume: Volume = {
    grid,
    slices: decoded,
    channels,
    units,
    ...(shear && { shear }),
    ...(sliceTaps && { sliceTaps }),
  };
  const size = storedSize(volume);
  const samples = size.rows * size.columns * channels;
  const count = sliceTaps ? sliceTaps.fromGrid.first.length : grid.slices;
  if (decoded.length !== count || decoded.some((slice) => slice.samples.length !== samples)) {
    throw new VoxgateError(
      'not-a-volume',
      `The slices do not fill a grid of ${grid.columns} x ${grid.rows} x ${grid.slices}.`,
    );
  }
  await checkCopies(slot, volume);
  return volume;
}

/** Two images at one place are copies only where their pixels are: else they are two scans, and one of them is lost. */
async function checkCopies({ copies = [], channels, asShown }: OpenSlot, { slices }: Volume): Promise<void> {
  for (const { of, source } of copies) {
    const kept = slices[of]?.samples;
    const { samples } = await openSlice(source, { channels, asShown });
    if (kept === undefined || kept.length !== samples.length || kept.some((value, i) => value !== samples[i])) {
      throw new VoxgateError(
        'not-a-volume',
        `Slice ${of + 1} of ${slices.length} is there twice, and the pixels differ: several scans at one place are no single volume.`,
      );
    }
  }
}
