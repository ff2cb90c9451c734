import { VoxgateError } from '../errors.ts';
import { readSliceFrame } from './frame-file.ts';
import { LARGEST_VOLUME_VOXELS, type Volume, type VolumeSlice, volumeSlice } from './volume.ts';
import type { OpenSlot } from './volume-messages.ts';
import { storedSize } from './volume-planes.ts';

/**
 * The volumes of the input slots of a model.
 * @throws VoxgateError undecodable, too-large, not-a-volume
 */
export async function openSlots(slots: readonly OpenSlot[]): Promise<Volume[]> {
  const volumes: Volume[] = [];
  for (const slot of slots) volumes.push(await openSlot(slot));
  return volumes;
}

async function openSlot(slot: OpenSlot): Promise<Volume> {
  const { grid, slices, channels, units, shear, sliceTaps } = slot;
  if (grid.rows * grid.columns * grid.slices * channels > LARGEST_VOLUME_VOXELS) {
    throw new VoxgateError(
      'too-large',
      `A volume of ${grid.columns} x ${grid.rows} x ${grid.slices} voxels is too large.`,
    );
  }
  const decoded: VolumeSlice[] = [];
  for (const slice of slices) decoded.push(await volumeSlice(readSliceFrame(slice), slice.header));
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
  return volume;
}
