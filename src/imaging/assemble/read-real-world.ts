import type { JsonDataset } from '../../dicom/dataset.ts';
import { items, number, numbers, text } from '../../dicom/read-values.ts';
import type { FrameGroups } from './functional-groups.ts';
import type { RealWorldMapping } from './image-header.ts';

/**
 * The first Real World Value Mapping of a frame that can be used (PS3.3 C.7.6.16.2.11): linear, or a table with a value for
 * each stored value it maps. Tables too long to stand in the metadata are passed over.
 */
export function realWorldOf(frame: FrameGroups): RealWorldMapping | undefined {
  const inGroup = frame.items('RealWorldValueMappingSequence');
  for (const item of inGroup.length > 0 ? inGroup : items(frame.dataset, 'RealWorldValueMappingSequence')) {
    const mapping = mappingOf(item);
    if (mapping !== undefined) return mapping;
  }
  return undefined;
}

function mappingOf(item: JsonDataset): RealWorldMapping | undefined {
  const [unit] = items(item, 'MeasurementUnitsCodeSequence');
  const units = unit && text(unit, 'CodeValue')?.trim();
  if (units === undefined || units === '') return undefined;
  const first =
    number(item, 'RealWorldValueFirstValueMapped') ?? number(item, 'DoubleFloatRealWorldValueFirstValueMapped');
  const last =
    number(item, 'RealWorldValueLastValueMapped') ?? number(item, 'DoubleFloatRealWorldValueLastValueMapped');
  if (first === undefined || last === undefined || last < first) return undefined;
  const base = { units, label: text(item, 'LUTLabel')?.trim(), first, last };
  const table = numbers(item, 'RealWorldValueLUTData');
  if (table.length > 0)
    return table.length === last - first + 1 && table.every(Number.isFinite) ? { ...base, table } : undefined;
  const slope = number(item, 'RealWorldValueSlope');
  const intercept = number(item, 'RealWorldValueIntercept');
  return slope === undefined || slope === 0 || intercept === undefined ? undefined : { ...base, slope, intercept };
}
