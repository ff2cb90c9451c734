import type { ModelManifest } from '../inference/model-manifest.ts';
import type { Outcome } from './outcome.ts';

/** What was found, as it is kept in the database and shown: one entry a segment, a class, or a box. */
export type Finding =
  | (Readonly<Record<string, unknown>> & { readonly segment: number; readonly label: string })
  | {
      readonly class: string;
      readonly probability: number;
      readonly outcome: 'present' | 'absent' | 'undetermined';
    }
  | {
      readonly box: number;
      readonly label: string;
      readonly probability: number;
      readonly slices: readonly [number, number];
    };

export function findingsOf({ segments }: ModelManifest, { segments: found, classes, boxes }: Outcome): Finding[] {
  const label = (segment: number) => segments.find(({ number }) => number === segment)?.label ?? String(segment);
  return [
    ...(found?.measurements ?? []).map((measured) => ({ ...measured, label: label(measured.segment) })),
    ...classes.map(({ label: name, probability, outcome }) => ({ class: name, probability, outcome })),
    ...boxes.map(({ label: name, probability, slices }, index) => ({
      box: index + 1,
      label: name,
      probability,
      slices,
    })),
  ];
}
