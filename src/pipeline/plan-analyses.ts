import { createHash } from 'node:crypto';
import { sentenceOf } from '../errors.ts';
import { findModel, type Model, type ModelLibrary, newestModels } from '../inference/model-library.ts';
import type { InputSlot } from '../inference/model-manifest.ts';
import { modelsNamed, PRIORITIES, type RouteSettings } from '../route-settings.ts';
import type { Facts } from '../routing/facts.ts';
import { judge } from '../routing/judge.ts';
import { studyFacts } from '../routing/study-facts.ts';
import { type FilledSlot, type Fit, fillSlot, fitOf, refusalOfImages } from './fill-slots.ts';
import { oneForEachModel } from './merge-plans.ts';
import { refusalOfStudy } from './model-gates.ts';
import { nameOfSeries, type StudySeries, type StudyView } from './study-view.ts';

export interface Routing {
  readonly library: ModelLibrary;
  readonly routes: readonly RouteSettings[];
  /** Every peer: where results go when no route is configured. */
  readonly peers: readonly string[];
}

/** What fills one input slot. */
export interface PlannedInput {
  readonly slot: string;
  readonly studyInstanceUid: string;
  readonly seriesInstanceUid: string;
  readonly sopInstanceUids: readonly string[];
}

/** One model considered for one series, and what is to come of it. */
export interface Plan {
  readonly model: Model;
  /** The series in the model's first slot. */
  readonly studyInstanceUid: string;
  readonly seriesInstanceUid: string;
  readonly route: string | null;
  readonly deliverTo: readonly string[];
  readonly decision: 'run' | 'wait' | 'skip';
  /** For a person: why, or why not. */
  readonly reason: string;
  /** Plain JSON: what each route said of each slot and series. */
  readonly explanation: readonly Consideration[];
  /** Empty where it does not run; a slot that may be left empty is not among them. */
  readonly inputs: readonly PlannedInput[];
  /** All instances of the series in the first slot, whether it runs or not. */
  readonly seriesContent: readonly string[];
  readonly priority: number;
  /** shadow: beside another, its results go nowhere. */
  readonly mode: 'primary' | 'shadow';
  /** When it waits: planned again by then, and without what is missing. */
  readonly waitUntil?: Date;
  /** It waits for a study that is not here; peers may have it. */
  readonly priorWithinDays?: number;
}

/** What one route, or none, said of one model for one series. */
export interface Consideration {
  readonly route: string | null;
  readonly model: string;
  readonly mode: Plan['mode'];
  readonly decision: Plan['decision'];
  readonly reason: string;
  readonly slots: readonly { readonly slot: string; readonly because: string; readonly series: readonly Fit[] }[];
}

const QUEUED = 'Waiting for its turn.';

/**
 * Which models run on which series of a study, and why not. With routes, each asks its own conditions and then the model's
 * gates; without, the newest version of every model asks its gates and results go to every peer. One plan for each model
 * and series in its first slot, whatever the number of routes to it. Reads nothing but its arguments, and changes nothing.
 *
 * @param ofSeries only the plans that this series has a part in: as the first input, or as a further one
 */
export function planAnalyses(study: StudyView, routing: Routing, ofSeries?: string): Plan[] {
  const whole = studyFacts(
    study.series.map(({ facts }) => facts),
    study.priority,
  );
  const targets = targetsOf(study, routing);
  const plans = study.series.flatMap((series) =>
    oneForEachModel(targets.map((target) => consider(target, series, { study, whole }))),
  );
  return ofSeries === undefined ? plans : plans.filter((plan) => concerns(plan, ofSeries));
}

function concerns({ seriesInstanceUid, decision, inputs }: Plan, series: string): boolean {
  // Another series may have waited for this one, and would have to be told when it waits no more.
  return seriesInstanceUid === series || (decision === 'run' && inputs.some((one) => one.seriesInstanceUid === series));
}

interface Target {
  readonly model: Model;
  readonly route: RouteSettings | undefined;
  readonly deliverTo: readonly string[];
  readonly mode: Plan['mode'];
}

/** A route to a model that is not there is reported at start, by name. */
function targetsOf({ studyInstanceUid }: StudyView, { library, routes, peers }: Routing): Target[] {
  if (routes.length === 0)
    return newestModels(library).map((model) => ({ model, route: undefined, deliverTo: peers, mode: 'primary' }));
  return routes.flatMap((route) => {
    const chosen = inCanary(route, studyInstanceUid) ? route.canary!.model : route.model;
    const primary = findModel(library, chosen) ?? findModel(library, route.model);
    const shadows = (route.shadow ?? []).flatMap((name) => findModel(library, name) ?? []);
    return [
      ...(primary ? [{ model: primary, route, deliverTo: route.deliverTo, mode: 'primary' as const }] : []),
      ...shadows
        .filter((model) => model !== primary)
        .map((model) => ({ model, route, deliverTo: [], mode: 'shadow' as const })),
    ];
  });
}

/** The same study always goes the same way, whenever and however often its series come. */
function inCanary({ name, canary }: RouteSettings, studyInstanceUid: string): boolean {
  if (canary === undefined) return false;
  const drawn = createHash('sha256').update(`${name} ${studyInstanceUid}`).digest().readUInt32BE(0);
  return drawn % 100 < canary.percent;
}

interface Context {
  readonly study: StudyView;
  /** Facts of the study. */
  readonly whole: Facts;
}

function consider(target: Target, series: StudySeries, { study, whole }: Context): Plan {
  const { model, route, deliverTo, mode } = target;
  const slots: FilledSlot[] = [];
  const plan = (decision: Plan['decision'], reason: string, more: Partial<Plan> = {}): Plan => ({
    model,
    studyInstanceUid: series.studyInstanceUid,
    seriesInstanceUid: series.seriesInstanceUid,
    route: route?.name ?? null,
    deliverTo,
    decision,
    reason,
    mode,
    inputs: [],
    seriesContent: series.sopInstanceUids,
    // Nobody waits for a shadow.
    priority: mode === 'shadow' ? PRIORITIES['low']! : priorityOf(route, whole),
    explanation: [
      {
        route: route?.name ?? null,
        model: `${model.manifest.id}@${model.manifest.version}`,
        mode,
        decision,
        reason,
        slots: slots.map(({ slot, because, fits }) => ({ slot, because, series: fits })),
      },
    ],
    ...more,
  });
  const skip = (because: string): Plan => plan('skip', `Not run: ${because}.`);
  try {
    const refusal = guarded(series, route) ?? refusalOfRoute(route, whole, series.facts);
    if (refusal !== undefined) return skip(refusal);
    const [first, ...further] = model.manifest.inputs;
    const fit = inFull(
      fitOf(model, first!, route, series),
      () =>
        // What the series is says more than who is examined, and both say more than how its slices lie.
        refusalOfStudy(model, whole) ?? refusalOfImages(first!, series),
    );
    slots.push({ slot: first!.slot, chosen: fit.fits ? series : undefined, fits: [fit], because: fit.because });
    if (!fit.fits) return skip(fit.because);
    const taken = new Set([series.seriesInstanceUid]);
    for (const slot of further) {
      const filled = fillSlot(model, slot, route, { study, primary: series, taken });
      slots.push(filled);
      if (filled.chosen) taken.add(filled.chosen.seriesInstanceUid);
      else if (waitsFor(slot, series, study)) {
        const waitUntil = new Date(series.receivedAt.getTime() + slot.waitSeconds * 1000);
        const prior = slot.prior ? { priorWithinDays: slot.prior.withinDays } : {};
        return plan('wait', `Waiting for ${slot.slot}: ${filled.because}.`, { waitUntil, ...prior });
      } else if (slot.missing === 'refuse') return skip(filled.because);
    }
    const inputs = slots.flatMap(({ slot, chosen }) => (chosen ? [inputOf(slot, chosen)] : []));
    return plan('run', [QUEUED, ...slots.slice(1).map(({ because }) => `${capital(because)}.`)].join(' '), { inputs });
  } catch (error) {
    return skip(sentenceOf(error));
  }
}

function inFull(fit: Fit, refusal: () => string | undefined): Fit {
  const because = fit.fits ? refusal() : undefined;
  return because === undefined ? fit : { ...fit, fits: false, because };
}

/** What no route may have: our own results that come back, and what was only fetched to be compared with. */
function guarded(series: StudySeries, route: RouteSettings | undefined): string | undefined {
  if (series.facts.values['own'] === true)
    return `${nameOfSeries(series)} is a result of Voxgate, and results are not analysed again`;
  if (series.fetched && route?.priors !== true)
    return `${nameOfSeries(series)} was fetched to be compared with another study, not to be analysed`;
  return undefined;
}

function refusalOfRoute(route: RouteSettings | undefined, whole: Facts, series: Facts): string | undefined {
  if (route === undefined) return undefined;
  const who = `route "${route.name}"`;
  const onStudy = route.study && judge(route.study, whole, who);
  if (onStudy && !onStudy.holds) return onStudy.because;
  const onSeries = route.when && judge(route.when, series, who);
  return onSeries && !onSeries.holds ? onSeries.because : undefined;
}

/** A prior comes only where peers were asked, and not after they have answered. */
function waitsFor({ waitSeconds, prior }: InputSlot, { receivedAt }: StudySeries, study: StudyView): boolean {
  if (prior && study.priorsSearched) return false;
  return receivedAt.getTime() + waitSeconds * 1000 > study.now.getTime();
}

function inputOf(slot: string, { studyInstanceUid, seriesInstanceUid, sopInstanceUids }: StudySeries): PlannedInput {
  return { slot, studyInstanceUid, seriesInstanceUid, sopInstanceUids };
}

function capital(sentence: string): string {
  return sentence.charAt(0).toUpperCase() + sentence.slice(1);
}

/** What the route says, but never less than the order does: a STAT examination is STAT whoever looks at it. */
function priorityOf(route: RouteSettings | undefined, whole: Facts): number {
  const ordered = PRIORITIES[String(whole.values['study.priority'] ?? '').toLowerCase()] ?? 0;
  const rule = route?.priority?.find(({ when }) => when === undefined || judge(when, whole).holds);
  return rule === undefined ? ordered : Math.max(rule.priority, ordered === PRIORITIES['stat'] ? ordered : -Infinity);
}

/** Models that routes name and the library does not hold. */
export function unknownModels(
  routes: readonly RouteSettings[],
  library: ModelLibrary,
): { route: string; model: string }[] {
  return modelsNamed(routes).filter(({ model }) => !findModel(library, model));
}
