import type { Analysis } from '../catalog/analyses.ts';
import type { Transaction } from '../catalog/database.ts';
import { findModel } from '../inference/model-library.ts';
import type { RouteSettings, ThenSettings } from '../route-settings.ts';
import type { Findings, Measures } from '../routing/facts.ts';
import { judge } from '../routing/judge.ts';
import type { Finding } from './findings.ts';
import { type LoadParts, loadStudy } from './load-study.ts';
import { type Plan, planAnalyses, type Routing } from './plan-analyses.ts';
import { recordPlans } from './record-plans.ts';

/** What follows on what an analysis found. */
export interface Chained {
  /** Peers that receive its results besides. */
  readonly deliverTo: readonly string[];
  /** Further models for the same series: those that run, and those that do not, with the reason. */
  readonly plans: readonly Plan[];
}

const NOTHING: Chained = { deliverTo: [], plans: [] };

/**
 * Judges the `then` of the routes that led to an analysis by what it found. Reads the study only where a rule holds that
 * names a model. What runs in the shadow of another leads to nothing.
 */
export async function planChained(
  parts: LoadParts & { readonly routing: Routing },
  analysis: Analysis,
  found: readonly Finding[],
): Promise<Chained> {
  const rules = analysis.mode === 'shadow' ? [] : rulesFor(analysis, parts.routing.routes);
  if (rules.length === 0) return NOTHING;
  const facts = { subject: 'result', datasets: [], values: {}, findings: measuresOf(found) };
  const judged = rules.map(({ route, rule }) => ({
    route,
    rule,
    judgement: judge(rule.when, facts, `route "${route.name}"`),
  }));
  const holding = judged.filter(({ judgement }) => judgement.holds);
  const peers = holding.flatMap(({ rule }) => (rule.model === undefined ? rule.deliverTo : []));
  const left = judged.filter(({ judgement }) => !judgement.holds);
  return {
    deliverTo: [...new Set(peers)].filter((peer) => !analysis.deliverTo.includes(peer)),
    plans: [
      ...(await plansOf(parts, analysis, holding)),
      ...left.flatMap((one) => leftOut(parts.routing, analysis, one, `Not run: ${one.judgement.because}.`)),
    ],
  };
}

/** In the transaction that records the results. */
export async function recordChained(tx: Transaction, analysis: Analysis, { plans }: Chained): Promise<void> {
  const { receivedAt, evidence, id } = analysis;
  await recordPlans(tx, plans, {
    receivedAt: receivedAt ?? analysis.settledAt,
    evidence,
    priorPeers: false,
    parentId: id,
  });
}

interface Rule {
  readonly route: RouteSettings;
  readonly rule: ThenSettings;
}

/** Of every route that wanted the analysis; of one that was led to itself, the rules behind its model. */
function rulesFor(analysis: Analysis, routes: readonly RouteSettings[]): Rule[] {
  const wanted = routes.filter(({ name }) => name === analysis.route || wantedBy(analysis).has(name));
  return wanted.flatMap((route) => {
    const rules = analysis.parentId === null ? (route.next ?? []) : behind(route.next ?? [], analysis.modelId);
    return rules.map((rule) => ({ route, rule }));
  });
}

function wantedBy({ explanation }: Analysis): Set<unknown> {
  const considered: readonly unknown[] = Array.isArray(explanation) ? explanation : [];
  const names = considered.flatMap((one) => {
    const runs = typeof one === 'object' && one !== null && 'decision' in one && one.decision === 'run';
    return runs && 'route' in one ? [one.route] : [];
  });
  return new Set(names);
}

function behind(rules: readonly ThenSettings[], modelId: string): ThenSettings[] {
  return rules.flatMap((rule) => [
    ...(rule.model?.split('@')[0] === modelId ? rule.next : []),
    ...behind(rule.next, modelId),
  ]);
}

async function plansOf(
  parts: LoadParts & { readonly routing: Routing },
  analysis: Analysis,
  holding: readonly Rule[],
): Promise<Plan[]> {
  const routes = holding.flatMap(({ route, rule }): RouteSettings[] => {
    if (rule.model === undefined) return [];
    const deliverTo = rule.deliverTo.length > 0 ? rule.deliverTo : route.deliverTo;
    return [
      { name: route.name, model: rule.model, deliverTo, priority: [{ priority: analysis.priority }], priors: true },
    ];
  });
  if (routes.length === 0) return [];
  const { studyInstanceUid, seriesInstanceUid } = analysis;
  const study = await loadStudy(parts, studyInstanceUid, parts.routing, {});
  return planAnalyses(study, { ...parts.routing, routes }).filter(
    (plan) => plan.seriesInstanceUid === seriesInstanceUid,
  );
}

/** A model that what was found does not lead to: it gets its row and its reason as any other. */
function leftOut({ library }: Routing, analysis: Analysis, { route, rule }: Rule, reason: string): Plan[] {
  const model = rule.model === undefined ? undefined : findModel(library, rule.model);
  if (model === undefined) return [];
  const { studyInstanceUid, seriesInstanceUid, priority, inputs } = analysis;
  const name = `${model.manifest.id}@${model.manifest.version}`;
  const said = { route: route.name, decision: 'skip', reason, mode: 'primary' } as const;
  return [
    {
      ...{ model, studyInstanceUid, seriesInstanceUid, priority, deliverTo: [], inputs: [] },
      ...said,
      seriesContent: inputs?.find((input) => input.seriesInstanceUid === seriesInstanceUid)?.sopInstanceUids ?? [],
      explanation: [{ ...said, model: name, slots: [] }],
    },
  ];
}

/** As conditions name them: segments["Right lung"].volumeMl, classes.nodule.probability. Boxes count as classes. */
export function measuresOf(found: readonly Finding[]): Findings {
  const segments: Record<string, Measures> = {};
  const classes: Record<string, Measures> = {};
  for (const finding of found) {
    if ('segment' in finding) segments[finding.label] = { ...scalarsOf(finding), found: true };
    else if ('class' in finding)
      classes[finding.class] = {
        probability: finding.probability,
        presence: finding.outcome,
        found: finding.outcome === 'present',
      };
    else classes[finding.label] = withBox(classes[finding.label], finding.probability);
  }
  return { segments, classes };
}

/** The most probable box counts. */
function withBox(earlier: Measures = {}, probability: number): Measures {
  const [count, most] = [Number(earlier['count'] ?? 0), Number(earlier['probability'] ?? 0)];
  return { count: count + 1, probability: Math.max(most, probability), found: true };
}

function scalarsOf(values: Readonly<Record<string, unknown>>): Record<string, number> {
  const own = Object.entries(values).flatMap(([name, value]) =>
    typeof value === 'number' ? [[name, value] as const] : [],
  );
  const { statistics } = values;
  const within = typeof statistics === 'object' && statistics !== null ? scalarsOf({ ...statistics }) : {};
  return { ...within, ...Object.fromEntries(own) };
}
