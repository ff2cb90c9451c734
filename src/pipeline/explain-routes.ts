import { readNewestStudies } from '../catalog/study-series.ts';
import type { RouteSettings } from '../route-settings.ts';
import { FACTS } from '../routing/fact-table.ts';
import { type LoadParts, loadStudy } from './load-study.ts';
import { type Plan, planAnalyses, type Routing } from './plan-analyses.ts';
import type { StudySeries } from './study-view.ts';

/** What routes and models make of a study: plain JSON, without whose it is. */
export interface StudyExplanation {
  readonly studyInstanceUid: string;
  readonly series: readonly SeriesExplanation[];
}

export interface SeriesExplanation {
  readonly seriesInstanceUid: string;
  readonly seriesNumber: number | null;
  readonly images: number;
  readonly facts: Readonly<Record<string, string | number | boolean>>;
  readonly plans: readonly ExplainedPlan[];
}

export interface ExplainedPlan extends Pick<Plan, 'route' | 'decision' | 'reason' | 'priority' | 'mode' | 'deliverTo'> {
  /** "id@version" */
  readonly model: string;
  readonly inputs: readonly { readonly slot: string; readonly seriesInstanceUid: string }[];
  readonly considered: Plan['explanation'];
}

/** Why each route and model does and does not take each series of a study, as it is here now. Undefined for one not held. */
export async function explainStudy(
  parts: LoadParts,
  studyInstanceUid: string,
  routing: Routing,
): Promise<StudyExplanation | undefined> {
  const study = await loadStudy(parts, studyInstanceUid, routing, { all: true });
  if (study.series.length === 0) return undefined;
  const plans = planAnalyses(study, routing);
  return { studyInstanceUid, series: study.series.map((series) => explained(series, plans)) };
}

export function explained(series: StudySeries, plans: readonly Plan[]): SeriesExplanation {
  return {
    seriesInstanceUid: series.seriesInstanceUid,
    seriesNumber: series.seriesNumber ?? null,
    images: series.sopInstanceUids.length,
    facts: toldFacts(series),
    plans: plans.filter(({ seriesInstanceUid }) => seriesInstanceUid === series.seriesInstanceUid).map(explainedPlan),
  };
}

function toldFacts({ facts }: StudySeries): Record<string, string | number | boolean> {
  const told = FACTS.filter(({ personal }) => !personal).flatMap(({ name }) => {
    const value = facts.values[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return Object.fromEntries(told);
}

function explainedPlan({ model, inputs, explanation, ...plan }: Plan): ExplainedPlan {
  const { route, decision, reason, priority, mode, deliverTo } = plan;
  return {
    model: `${model.manifest.id}@${model.manifest.version}`,
    ...{ route, decision, reason, priority, mode, deliverTo },
    inputs: inputs.map(({ slot, seriesInstanceUid }) => ({ slot, seriesInstanceUid })),
    considered: explanation,
  };
}

/** What other routes would change for a series. */
export interface DryRunChange {
  readonly studyInstanceUid: string;
  readonly seriesInstanceUid: string;
  readonly model: string;
  /** What it is by the routes of now; "none" where they do not consider the model. */
  readonly before: Plan['decision'] | 'none';
  readonly after: Plan['decision'] | 'none';
  /** As the other routes say it; as those of now where they say nothing. */
  readonly reason: string;
  readonly deliverTo: readonly string[];
}

export interface DryRun {
  readonly studies: number;
  readonly series: number;
  /** Analyses that would run, and that run by the routes of now. */
  readonly wouldRun: number;
  readonly runNow: number;
  /** How often each route took a series. */
  readonly routes: readonly { readonly route: string; readonly runs: number }[];
  readonly changes: readonly DryRunChange[];
  /** Changes beyond those. */
  readonly moreChanges: number;
}

const MOST_CHANGES = 500;

/** Plans the newest studies here by other routes and by those of now, and tells the difference. Nothing is run or kept. */
export async function dryRun(
  parts: LoadParts,
  routing: Routing,
  { routes, studies: most }: { readonly routes: readonly RouteSettings[]; readonly studies: number },
): Promise<DryRun> {
  const other: Routing = { ...routing, routes };
  const runs = new Map(routes.map(({ name }) => [name, 0]));
  const changes: DryRunChange[] = [];
  const total = { studies: 0, series: 0, wouldRun: 0, runNow: 0, changes: 0 };
  for (const studyInstanceUid of await readNewestStudies(parts.database, most)) {
    const study = await loadStudy(parts, studyInstanceUid, routing, { all: true });
    const [now, then] = [planAnalyses(study, routing), planAnalyses(study, other)];
    total.studies += 1;
    total.series += study.series.length;
    total.runNow += now.filter(({ decision }) => decision === 'run').length;
    total.wouldRun += then.filter(({ decision }) => decision === 'run').length;
    for (const { explanation } of then)
      for (const { route, decision } of explanation)
        if (route !== null && decision === 'run') runs.set(route, (runs.get(route) ?? 0) + 1);
    const differing = differences(now, then);
    total.changes += differing.length;
    changes.push(...differing.slice(0, Math.max(0, MOST_CHANGES - changes.length)));
  }
  const { changes: all, ...counts } = total;
  return {
    ...counts,
    routes: [...runs].map(([route, count]) => ({ route, runs: count })),
    changes,
    moreChanges: all - changes.length,
  };
}

function differences(now: readonly Plan[], then: readonly Plan[]): DryRunChange[] {
  const key = ({ seriesInstanceUid, model }: Plan): string => `${seriesInstanceUid} ${model.key}`;
  const before = new Map(now.map((plan) => [key(plan), plan]));
  const after = new Map(then.map((plan) => [key(plan), plan]));
  return [...new Set([...before.keys(), ...after.keys()])].flatMap((one) => {
    const [was, is] = [before.get(one), after.get(one)];
    const from: DryRunChange['before'] = was?.decision ?? 'none';
    const to: DryRunChange['after'] = is?.decision ?? 'none';
    const sameReceivers = was?.deliverTo.join('\n') === is?.deliverTo.join('\n');
    // That a model is not even asked any more is no change where it did not run anyway.
    if ((from !== 'run' && to !== 'run') || (from === to && sameReceivers)) return [];
    const { studyInstanceUid, seriesInstanceUid, model } = (is ?? was)!;
    return [
      {
        studyInstanceUid,
        seriesInstanceUid,
        model: `${model.manifest.id}@${model.manifest.version}`,
        before: from,
        after: to,
        reason: is?.reason ?? 'No route asks this model any more.',
        deliverTo: is?.deliverTo ?? [],
      },
    ];
  });
}
