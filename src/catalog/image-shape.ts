import type { JsonDataset } from '../dicom/dataset.ts';
import { tagOf, vrOf } from '../dicom/dictionary.ts';
import { number } from '../dicom/read-values.ts';

/** What a QIDO-RS answer tells of every image (PS3.18 Table 10.6.3-5), in the order in which it is kept. */
const OF_AN_IMAGE = ['Rows', 'Columns', 'BitsAllocated', 'NumberOfFrames'].map((keyword) => tagOf(keyword)!);

export const SHAPE_TAGS: ReadonlySet<string> = new Set(OF_AN_IMAGE);

/**
 * Rows, columns, bits and frames in one short text, "512\\512\\16\\": as JSON they would be a quarter of the row of an
 * instance, and without them every answer about an instance would have to be read from the metadata log.
 */
export function shapeText(dataset: JsonDataset): string {
  return OF_AN_IMAGE.map((tag) => {
    const value = number(dataset, tag);
    return value !== undefined && Number.isSafeInteger(value) && value >= 0 ? String(value) : '';
  }).join('\\');
}

/** The attributes again; undefined where the row was made before they were kept. */
export function shapeOf(text: string | null): JsonDataset | undefined {
  if (text === null) return undefined;
  const values = text.split('\\');
  return Object.fromEntries(
    OF_AN_IMAGE.flatMap((tag, i) => (values[i] ? [[tag, { vr: vrOf(tag)!, Value: [Number(values[i])] }]] : [])),
  );
}
