import { assembleStacks } from '../imaging/assemble/assemble-stacks.ts';
import type { Model } from '../inference/model-library.ts';
import type { InputSlot } from '../inference/model-manifest.ts';
import type { RouteSettings } from '../route-settings.ts';
import type { Facts } from '../routing/facts.ts';
import { judge } from '../routing/judge.ts';
import { refusalOfSlot } from './model-gates.ts';
import { nameOfSeries, type StudySeries, type StudyView } from './study-view.ts';

/** Whether a series may fill a slot, and why not. */
export interface Fit {
  readonly seriesInstanceUid: string;
  readonly series: string;
  readonly fits: boolean;
  /** For a person, without a full stop. */
  readonly because: string;
}

export interface FilledSlot {
  readonly slot: string;
  readonly chosen: StudySeries | undefined;
  /** Of every series that was looked at. */
  readonly fits: readonly Fit[];
  /** Why this one of several, or why none. */
  readonly because: string;
}

/** A series for the slot by what it says: the gates of the model, then what the route adds. */
export function fitOf(model: Model, slot: InputSlot, route: RouteSettings | undefined, series: StudySeries): Fit {
  const name = nameOfSeries(series);
  const said = (because: string | undefined): Fit => ({
    seriesInstanceUid: series.seriesInstanceUid,
    series: name,
    fits: because === undefined,
    because: because ?? 'it fits',
  });
  const refusal = refusalOfSlot(model, slot, series.facts);
  if (refusal !== undefined) return said(refusal);
  const added = route?.inputs?.[slot.slot];
  const onSeries = added && judge(added, series.facts, `route "${route?.name}"`);
  return said(onSeries && !onSeries.holds ? onSeries.because : undefined);
}

/** Why the images make nothing that the slot takes: in the words of the assembly, as the analysis would say it. */
export function refusalOfImages(slot: InputSlot, { headers }: StudySeries): string | undefined {
  const { stacks, refused } = assembleStacks(headers, slot);
  if (stacks.length === 1) return undefined;
  if (stacks.length > 1) {
    const labels = stacks.map(({ label, frames }) => `${label || 'one'} of ${frames.length}`);
    return `the series holds ${stacks.length} stacks (${partsOf(labels)}) and the model takes one`;
  }
  const byReason = new Map<string, string[]>();
  for (const { reason, label } of refused) byReason.set(reason, [...(byReason.get(reason) ?? []), label]);
  const sentences = [...byReason].map(([reason, labels]) => {
    if (refused.length === 1) return reason;
    return labels.length === refused.length
      ? `each of its ${labels.length} parts: ${reason}`
      : `${partsOf(labels)}: ${reason}`;
  });
  const more = sentences.length > MOST_TOLD ? ` And ${sentences.length - MOST_TOLD} more.` : '';
  const told = `${sentences.slice(0, MOST_TOLD).join(' ')}${more}`.replace(/\.$/, '');
  return told === '' ? `its images make no ${slot.kind}` : told;
}

function partsOf(labels: readonly string[]): string {
  const shown = labels.slice(0, MOST_TOLD).join(', ');
  return labels.length > MOST_TOLD ? `${shown} and ${labels.length - MOST_TOLD} more` : shown;
}

/**
 * The best series for a further slot: of the same study and in the frame of reference of the first, or of an earlier study.
 * Among several that fit: original before derived, then the most slices, the finest spacing, the lowest series number.
 */
export function fillSlot(
  model: Model,
  slot: InputSlot,
  route: RouteSettings | undefined,
  { study, primary, taken }: { study: StudyView; primary: StudySeries; taken: ReadonlySet<string> },
): FilledSlot {
  const candidates = slot.prior
    ? study.priors.filter(({ days }) => days <= slot.prior!.withinDays).flatMap(({ series }) => series)
    : study.series.filter(({ seriesInstanceUid }) => !taken.has(seriesInstanceUid));
  const judged = candidates.map((series) => {
    const fit = fitOf(model, slot, route, series);
    const apart = fit.fits
      ? (apartFrom(primary, series, slot.prior !== undefined) ?? refusalOfImages(slot, series))
      : undefined;
    return { series, fit: apart === undefined ? fit : { ...fit, fits: false, because: apart } };
  });
  const fitting = judged.filter(({ fit }) => fit.fits).map(({ series }) => series);
  const [chosen] = slot.prior ? fitting : [...fitting].sort(byWorth);
  const fits = judged.map(({ fit }) => fit);
  return { slot: slot.slot, chosen, fits, because: chosen ? whyThis(chosen, fitting, slot) : whyNone(slot, fits) };
}

/** Why two series cannot be looked at together. */
function apartFrom(primary: StudySeries, series: StudySeries, prior: boolean): string | undefined {
  if (prior) {
    const [here, there] = [primary.facts.values['bodyPart'], series.facts.values['bodyPart']];
    const other = here !== undefined && there !== undefined && here !== there;
    return other ? `it is of another part of the body (${there}) than the present one (${here})` : undefined;
  }
  const { frameOfReferenceUid } = series;
  if (frameOfReferenceUid === undefined) return 'it has no frame of reference, or several';
  if (frameOfReferenceUid === primary.frameOfReferenceUid) return undefined;
  return `it lies in another frame of reference than ${nameOfSeries(primary)}`;
}

const worth = ({ facts }: StudySeries): readonly number[] => [
  facts.values['derived'] === true ? 1 : 0,
  -(numberOf(facts, 'slices') ?? 0),
  numberOf(facts, 'spacing.slice') ?? Number.MAX_VALUE,
];

function numberOf({ values }: Facts, name: string): number | undefined {
  const value = values[name];
  return typeof value === 'number' ? value : undefined;
}

function byWorth(a: StudySeries, b: StudySeries): number {
  const [left, right] = [worth(a), worth(b)];
  const differing = left.findIndex((value, i) => value !== right[i]);
  if (differing >= 0) return left[differing]! - right[differing]!;
  const numbers = (a.seriesNumber ?? Number.MAX_VALUE) - (b.seriesNumber ?? Number.MAX_VALUE);
  return numbers !== 0 ? numbers : a.seriesInstanceUid < b.seriesInstanceUid ? -1 : 1;
}

const WORTH = ['it is original, not derived', 'it has the most slices', 'its slices lie closest'];

function whyThis(chosen: StudySeries, fitting: readonly StudySeries[], slot: InputSlot): string {
  const name = nameOfSeries(chosen);
  if (fitting.length === 1) return `${name} fills ${slot.slot}, the only one that fits`;
  if (slot.prior) return `${name} of the newest study fills ${slot.slot}`;
  const others = fitting.filter((one) => one !== chosen);
  const next = [...others].sort(byWorth)[0]!;
  const by = worth(chosen).findIndex((value, i) => value !== worth(next)[i]);
  return `of ${fitting.length} that fit ${name} fills ${slot.slot}: ${WORTH[by] ?? 'its number is the lowest'}`;
}

function whyNone({ slot, prior }: InputSlot, fits: readonly Fit[]): string {
  const where = prior ? 'earlier study' : 'series of the study';
  if (fits.length === 0) return prior ? `there is no ${where} for ${slot}` : `there is no other ${where} for ${slot}`;
  const told = fits.slice(0, MOST_TOLD).map(({ series, because }) => `${series}: ${because}`);
  const more = fits.length > MOST_TOLD ? `, and ${fits.length - MOST_TOLD} more` : '';
  return `no ${where} fits ${slot} (${told.join('; ')}${more})`;
}

const MOST_TOLD = 3;
