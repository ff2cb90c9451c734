import type { JsonDataset } from '../../dicom/dataset.ts';
import { items, number, numbers, text, texts } from '../../dicom/read-values.ts';

/**
 * What a multi-frame object says of one of its frames (PS3.3 C.7.6.16): the frame's own groups first, then the shared ones.
 * Of a legacy converted object also the attributes that found no group, and of a classic one the data set itself.
 */
export interface FrameGroups {
  readonly dataset: JsonDataset;
  /** Items of a functional group macro, which mostly has one. */
  items(sequence: string): JsonDataset[];
  group(sequence: string): JsonDataset | undefined;
  /** From a macro ("" names none); where that is absent from what was left unconverted, or from the data set itself. */
  number(sequence: string, attribute: string): number | undefined;
  numbers(sequence: string, attribute: string): number[];
  text(sequence: string, attribute: string): string | undefined;
  texts(sequence: string, attribute: string): string[];
}

/** Of a classic image, which has no groups. */
export function classicGroups(dataset: JsonDataset): FrameGroups {
  return groupsIn([], [dataset], dataset);
}

/** For each frame that has an item in the Per-Frame Functional Groups Sequence. */
export function frameGroups(dataset: JsonDataset): FrameGroups[] {
  const shared = items(dataset, 'SharedFunctionalGroupsSequence').slice(0, 1);
  const unassignedShared = shared.flatMap((item) => items(item, 'UnassignedSharedConvertedAttributesSequence'));
  return items(dataset, 'PerFrameFunctionalGroupsSequence').map((own) => {
    const unassigned = items(own, 'UnassignedPerFrameConvertedAttributesSequence');
    return groupsIn([own, ...shared], [...unassigned, ...unassignedShared, dataset], dataset);
  });
}

function groupsIn(groups: readonly JsonDataset[], loose: readonly JsonDataset[], dataset: JsonDataset): FrameGroups {
  const all = (sequence: string): JsonDataset[] => {
    for (const item of groups) {
      const macros = items(item, sequence);
      if (macros.length > 0) return macros;
    }
    return [];
  };
  const group = (sequence: string): JsonDataset | undefined => all(sequence)[0];
  const first = <T>(sequence: string, read: (from: JsonDataset) => T, isEmpty: (found: T) => boolean): T => {
    const macro = sequence === '' ? undefined : group(sequence);
    const places = macro === undefined ? loose : [macro, ...loose];
    let found = read(places[0]!);
    for (let i = 1; i < places.length && isEmpty(found); i++) found = read(places[i]!);
    return found;
  };
  const isUndefined = (found: unknown): boolean => found === undefined;
  const isEmptyList = (found: readonly unknown[]): boolean => found.length === 0;
  return {
    dataset,
    items: all,
    group,
    number: (sequence, attribute) => first(sequence, (from) => number(from, attribute), isUndefined),
    numbers: (sequence, attribute) => first(sequence, (from) => numbers(from, attribute), isEmptyList),
    text: (sequence, attribute) => first(sequence, (from) => text(from, attribute), isUndefined),
    texts: (sequence, attribute) => first(sequence, (from) => texts(from, attribute), isEmptyList),
  };
}
