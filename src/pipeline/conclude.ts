import type { SegmentMeasurement } from '../imaging/post/measure-labels.ts';
import type { ModelManifest, PlausibleRange } from '../inference/model-manifest.ts';
import type { Outcome } from './outcome.ts';

/** "Found: Right lung 2412 mL, Left lung 2105 mL." or the model's own sentence for nothing, and what was taken for granted. */
export function conclude(manifest: ModelManifest, outcome: Outcome, notes: readonly string[]): string {
  const implausible = implausibilities(manifest, outcome).map(({ sentence }) => sentence);
  const research = manifest.usage === 'research' ? ['For research only.'] : [];
  return [finding(manifest, outcome), ...implausible, ...research, ...notes].join(' ');
}

/** Results outside of what the manifest calls sound, each as a sentence; `withhold` where they may not be sent. */
export function implausibilities(
  { plausibility, segments }: ModelManifest,
  outcome: Outcome,
): { readonly sentence: string; readonly withhold: boolean }[] {
  return plausibility.flatMap((range) => {
    const measured = outcome.segments?.measurements.find(({ segment }) => segment === range.segment);
    const value = measured && measuredValue(measured, range.measure);
    if (value === undefined) return [];
    const { from = Number.NEGATIVE_INFINITY, to = Number.POSITIVE_INFINITY } = range;
    if (value >= from && value <= to) return [];
    const label = segments.find(({ number }) => number === range.segment)?.label ?? `segment ${range.segment}`;
    const sentence = `Implausible: ${label} has ${describe(range, value)}, and a sound result lies ${within(range)}.`;
    return [{ sentence, withhold: range.withhold }];
  });
}

function measuredValue(measured: SegmentMeasurement, measure: PlausibleRange['measure']): number | undefined {
  switch (measure) {
    case 'volumeMl':
      return measured.volumeMl;
    case 'mean':
      return measured.statistics?.mean;
    case 'longAxisMm':
      return measured.longAxisMm;
  }
}

const UNITS = { volumeMl: 'mL', mean: '', longAxisMm: 'mm' } as const;
const NAMES = { volumeMl: '', mean: 'a mean of ', longAxisMm: 'a long axis of ' } as const;

function describe({ measure }: PlausibleRange, value: number): string {
  return `${NAMES[measure]}${Math.round(value * 10) / 10} ${UNITS[measure]}`.trim();
}

function within({ from, to, measure }: PlausibleRange): string {
  const unit = UNITS[measure] === '' ? '' : ` ${UNITS[measure]}`;
  if (from === undefined) return `at or below ${to}${unit}`;
  return to === undefined ? `at or above ${from}${unit}` : `from ${from} to ${to}${unit}`;
}

function finding(manifest: ModelManifest, outcome: Outcome): string {
  switch (manifest.output.kind) {
    case 'classification':
      return classSentence(manifest, outcome);
    case 'boxes':
      return boxSentence(manifest, outcome);
    default:
      return segmentSentence(manifest, outcome.segments?.measurements ?? []);
  }
}

function segmentSentence(
  { segments, nothingFound }: ModelManifest,
  measurements: readonly SegmentMeasurement[],
): string {
  if (measurements.length === 0) return nothingFound;
  const parts = measurements.map(
    ({ segment, volumeMl }) =>
      `${segments.find(({ number }) => number === segment)?.label} ${millilitres(volumeMl)} mL`,
  );
  const missing = segments.filter(({ number }) => !measurements.some(({ segment }) => segment === number));
  const absent = missing.length > 0 ? ` Not found: ${missing.map(({ label }) => label).join(', ')}.` : '';
  return `Found: ${parts.join(', ')}.${absent}`;
}

/** A nodule of 0.3 mL is not "0 mL". */
function millilitres(volumeMl: number): string {
  return volumeMl >= 10 ? String(Math.round(volumeMl)) : String(Number(volumeMl.toPrecision(2)));
}

function classSentence({ nothingFound }: ModelManifest, { classes }: Outcome): string {
  const named = (outcome: 'present' | 'undetermined') =>
    classes
      .filter((one) => one.outcome === outcome)
      .map(({ label, probability }) => `${label} (${percent(probability)})`);
  const [present, undetermined] = [named('present'), named('undetermined')];
  const sentences = [
    present.length > 0 ? `Present: ${present.join(', ')}.` : nothingFound,
    ...(undetermined.length > 0 ? [`Undetermined: ${undetermined.join(', ')}.`] : []),
  ];
  return sentences.join(' ');
}

function boxSentence({ nothingFound }: ModelManifest, { boxes }: Outcome): string {
  if (boxes.length === 0) return nothingFound;
  const counts = new Map<string, number>();
  for (const { label } of boxes) counts.set(label, (counts.get(label) ?? 0) + 1);
  const parts = [...counts].map(([label, count]) => (count === 1 ? label : `${label}, ${count} times`));
  return `Found: ${parts.join('; ')}; the most probable at ${percent(boxes[0]!.probability)}.`;
}

function percent(probability: number): string {
  return `${Math.round(probability * 100)} %`;
}
