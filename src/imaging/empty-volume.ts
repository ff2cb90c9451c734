import type { Volume } from './volume.ts';
import { storedSize } from './volume-planes.ts';

/** A volume of zeros that lies where another does: the channel of an input slot that goes without a series. */
export function emptyVolume(like: Volume): Volume {
  const { columns, rows } = storedSize(like);
  const slice = { samples: new Uint8Array(columns * rows), slope: 1, intercept: 0, nothing: 0 };
  return { ...like, channels: 1, units: 'stored', slices: like.slices.map(() => slice) };
}
