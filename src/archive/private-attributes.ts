import type { JsonDataset } from '../dicom/dataset.ts';
import { isPrivate, isPrivateCreator } from '../dicom/dictionary.ts';

/** The Private Creator that owns a private attribute, "00090010" of "00091001" (PS3.5 7.8.1); none of others. */
export function creatorTag(tag: string): string | undefined {
  if (!isPrivate(tag) || isPrivateCreator(tag) || tag.slice(4, 6) < '10') return undefined;
  return `${tag.slice(0, 4)}00${tag.slice(4, 6)}`;
}

/**
 * Where the attribute of a path stands in this data set. A private block is wherever its creator found room (PS3.5
 * 7.8.1): who names the creator, by a parameter like `00090010=ACME`, means the block of that creator, whatever its number.
 */
export function privatePath(
  path: string,
  dataset: JsonDataset,
  creators: ReadonlyMap<string, string> | undefined,
): string {
  const creator = creatorTag(path.slice(0, 8));
  const name = creator === undefined ? undefined : creators?.get(creator);
  if (name === undefined || name === '') return path;
  const group = path.slice(0, 4);
  const block = Object.keys(dataset).find(
    (tag) => tag.startsWith(`${group}00`) && isPrivateCreator(tag) && dataset[tag]?.Value?.[0] === name,
  );
  // a block that no data set has: nothing is found there
  return `${group}${block?.slice(6) ?? 'FF'}${path.slice(6)}`;
}
