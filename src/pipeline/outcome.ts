import { VoxgateError } from '../errors.ts';
import type { Restored } from '../imaging/post/restorer.ts';
import type { ClassFinding, OutputMeaning } from '../inference/model-manifest.ts';

/** What a model said of its input, in the terms of its manifest. */
export interface Outcome {
  /** Of models that segment. */
  readonly segments?: Restored;
  /** Of models that classify the whole image, in the order of the manifest. */
  readonly classes: readonly ClassOutcome[];
  /** Of models that draw boxes, most probable first. */
  readonly boxes: readonly BoxOutcome[];
  readonly run: RunFacts;
}

export interface ClassOutcome {
  readonly label: string;
  /** 0 to 1. */
  readonly probability: number;
  readonly outcome: 'present' | 'absent' | 'undetermined';
}

export interface BoxOutcome {
  /** Index in the classes of the manifest. */
  readonly class: number;
  readonly label: string;
  readonly probability: number;
  /** Slices of the source grid it reaches through, first and last. */
  readonly slices: readonly [number, number];
  /** [column, row] of its corners on the source image, the first again at the end; (0, 0) is the outer corner of the first pixel. */
  readonly points: readonly (readonly [number, number])[];
}

/** What ran where, for the record. */
export interface RunFacts {
  readonly provider: string;
  readonly milliseconds: number;
  readonly windows: number;
  readonly skipped: number;
}

type Classification = Extract<OutputMeaning, { kind: 'classification' }>;

/**
 * Probabilities and what they are called, from the output [class] of a classifier.
 *
 * @throws VoxgateError bad-model when there is not one number for each class; inference-failed when one is no number
 */
export function readClasses({ classes, activation }: Classification, output: Float32Array): ClassOutcome[] {
  if (output.length !== classes.length) {
    throw new VoxgateError(
      'bad-model',
      `the model gave ${output.length} numbers for the ${classes.length} classes of its manifest.`,
    );
  }
  const probabilities = activate(output, activation);
  return classes.map((finding, index) => {
    const probability = probabilities[index]!;
    if (!(probability >= 0 && probability <= 1)) {
      throw new VoxgateError(
        'inference-failed',
        `the model gave ${probability} as the probability of ${finding.label}.`,
      );
    }
    return { label: finding.label, probability, outcome: outcomeOf(finding, probability) };
  });
}

function activate(values: Float32Array, activation: Classification['activation']): number[] {
  const numbers = [...values];
  if (activation === 'none') return numbers;
  if (activation === 'sigmoid') return numbers.map((value) => 1 / (1 + Math.exp(-value)));
  const greatest = Math.max(...numbers);
  const exponentials = numbers.map((value) => Math.exp(value - greatest));
  const sum = exponentials.reduce((total, value) => total + value, 0);
  return exponentials.map((value) => value / sum);
}

/** At the operating point of the manifest; between the two thresholds a model does not commit itself. */
export function outcomeOf({ presentFrom, absentBelow }: ClassFinding, probability: number): ClassOutcome['outcome'] {
  if (probability >= presentFrom) return 'present';
  return absentBelow === undefined || probability < absentBelow ? 'absent' : 'undetermined';
}
