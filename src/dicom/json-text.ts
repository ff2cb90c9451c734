import type { JsonDataset, JsonElement } from './dataset.ts';
import { isItem } from './read-values.ts';

/**
 * The data set as JSON text, attributes in ascending order at every level as PS3.18 Section F.2.2 demands. JavaScript
 * enumerates keys that look like array indexes first, "30060010" before "00080005", so JSON.stringify does not do.
 */
export function jsonText(dataset: JsonDataset): string {
  return isOrdered(dataset) ? JSON.stringify(dataset) : orderedText(dataset);
}

function isOrdered(dataset: JsonDataset): boolean {
  let previous = '';
  for (const [tag, element] of Object.entries(dataset)) {
    if (tag < previous) return false;
    previous = tag;
    if (element.vr === 'SQ' && element.Value?.some((item) => isItem(item) && !isOrdered(item))) return false;
  }
  return true;
}

function orderedText(dataset: JsonDataset): string {
  const members = Object.keys(dataset)
    .sort()
    .map((tag) => `"${tag}":${elementText(dataset[tag]!)}`);
  return `{${members.join(',')}}`;
}

function elementText(element: JsonElement): string {
  if (element.vr !== 'SQ' || element.Value === undefined) return JSON.stringify(element);
  const items = element.Value.map((item) => (isItem(item) ? orderedText(item) : '{}'));
  return `{"vr":"SQ","Value":[${items.join(',')}]}`;
}
