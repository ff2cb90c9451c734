import { statSync } from 'node:fs';
import type { JsonDataset } from '../dicom/dataset.ts';
import { items } from '../dicom/read-values.ts';
import { VoxgateError } from '../errors.ts';
import { decodeFrame } from './decode.ts';
import { readSliceFrame } from './frame-file.ts';
import { decodeAsStored } from './frame-layout.ts';
import { fromPalette, toRgb } from './render-colour.ts';
import { ofRange } from './render-frame.ts';
import { inverse, modalityStep, presentationStep, voiStep } from './render-grey.ts';
import { type OpenedObject, openObject } from './render-object.ts';
import { lookUpTable, paletteOf } from './render-tables.ts';
import { type Samples, samplesOf } from './samples.ts';
import type { SliceHeader } from './slice-header.ts';
import { AIR_HU, type VolumeSlice } from './volume.ts';
import type { OpenSlot, SliceSource } from './volume-messages.ts';

type Table = NonNullable<VolumeSlice['table']>;

/** A table of each stored value; what has more bits has no tables in the standard. */
const MOST_TABLE_BITS = 16;

/**
 * One frame decoded, with what makes values of its samples: slope and intercept, a table (Modality LUT, Real World Value
 * LUT, or everything up to the screen), or red, green and blue. Pixels with the Pixel Padding Value were never measured
 * (PS3.3 C.7.5.1.1.2): they count as air in CT and as 0 elsewhere.
 *
 * @throws VoxgateError undecodable, too-large, not-dicom
 */
export async function openSlice(
  source: SliceSource,
  slot: Pick<OpenSlot, 'channels' | 'asShown'>,
): Promise<VolumeSlice> {
  const { header } = source;
  if (slot.channels === 3) return { ...PLAIN, samples: await colours(source) };
  if (header.bitsAllocated === 1 || header.samplesPerPixel !== 1) {
    throw new VoxgateError('undecodable', 'A slice of a volume needs one sample of 8, 16 or 32 bits per pixel.');
  }
  const samples = samplesOf(await decodeFrame(readSliceFrame(source), header), header);
  const nothing = header.modality === 'CT' && !slot.asShown ? AIR_HU : 0;
  const padding = header.pixelPadding && { padding: header.pixelPadding };
  const table = slot.asShown ? shown(source) : tableOf(source);
  if (table !== undefined) return { ...PLAIN, samples, table, ...padding, nothing };
  return { samples, ...rescale(header), ...padding, nothing };
}

const PLAIN = { slope: 1, intercept: 0, nothing: 0 } as const;

/** MONOCHROME1 is turned round within the range that can be stored: the same picture has the same values either way. */
function rescale(header: SliceHeader): Pick<VolumeSlice, 'slope' | 'intercept'> {
  const { rescaleSlope: slope, rescaleIntercept: intercept } = header;
  if (!header.inverted) return { slope, intercept };
  const { low, high } = storable(header);
  return { slope: -slope, intercept: intercept + slope * (low + high) };
}

function storable({ bitsStored, pixelRepresentation }: SliceHeader): { readonly low: number; readonly high: number } {
  const low = pixelRepresentation === 1 ? -(2 ** (bitsStored - 1)) : 0;
  return { low, high: low + 2 ** bitsStored - 1 };
}

/** Of a Real World Value LUT, which came with the header, or of a Modality LUT, which is read from the file. */
function tableOf(source: SliceSource): Table | undefined {
  const { header } = source;
  if (header.valueTable) return { first: header.valueTable.first, values: Float32Array.from(header.valueTable.values) };
  if (!header.hasModalityLut) return undefined;
  const object = opened(source);
  const [item] = items(object.dataset, 'ModalityLUTSequence');
  if (item === undefined)
    throw new VoxgateError('undecodable', 'The Modality LUT Sequence of a slice is not in its file.');
  const { first, entries } = lookUpTable(object, item, header.pixelRepresentation === 1);
  if (!header.inverted) return { first, values: Float32Array.from(entries) };
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const entry of entries) {
    if (entry < low) low = entry;
    if (entry > high) high = entry;
  }
  return { first, values: Float32Array.from(entries, (entry) => low + high - entry) };
}

/** Stored value to 0 … 1 as it is seen (PS3.4 N.2): modality, VOI, presentation. Without a VOI the whole range counts. */
function shown(source: SliceSource): Table {
  const { header, frame = 1 } = source;
  if (header.bitsStored > MOST_TABLE_BITS)
    throw new VoxgateError('undecodable', `Pixels of ${header.bitsStored} bits are not shown through a window here.`);
  const object = opened(source);
  const modality = modalityStep(object, frame, header.pixelRepresentation === 1);
  const voi = voiStep(object, frame) ?? ofRange(header, modality);
  const presentation = presentationStep(object, object.dataset);
  const isInverse = header.photometricInterpretation === 'MONOCHROME1' && !saysInverse(object.dataset);
  const { low, high } = storable(header);
  const values = new Float32Array(high - low + 1);
  for (let i = 0; i < values.length; i++) {
    const grey = Math.min(1, Math.max(0, presentation(voi(modality(low + i)))));
    values[i] = isInverse ? inverse(grey) : grey;
  }
  return { first: low, values };
}

/** A MONOCHROME1 image of DX or MG says INVERSE as well, and means the same by it (PS3.3 C.8.11.3.1.2). */
const saysInverse = (dataset: JsonDataset): boolean => dataset['20500020']?.Value?.[0] === 'INVERSE';

async function colours(source: SliceSource): Promise<Samples> {
  const { header } = source;
  const decoded = await decodeAsStored(readSliceFrame(source), header);
  if (header.samplesPerPixel === 3) return toRgb(decoded, header);
  const object = opened(source);
  return fromPalette(samplesOf(decoded, header), paletteOf(object, object.dataset, header.pixelRepresentation === 1));
}

/** @throws VoxgateError not-found, not-dicom */
function opened({ path }: SliceSource): OpenedObject {
  return openObject({ path, size: statSync(path).size });
}
