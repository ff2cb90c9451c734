import { type Analysis, type Result, recordResults } from '../catalog/analyses.ts';
import type { Model } from '../inference/model-library.ts';
import { planChained, recordChained } from './chain-analyses.ts';
import { implausibilities } from './conclude.ts';
import { findingsOf } from './findings.ts';
import { leaveDelivery } from './leave-analysis.ts';
import type { LoadParts } from './load-study.ts';
import type { Outcome } from './outcome.ts';
import type { Routing } from './plan-analyses.ts';

export interface RecordParts extends LoadParts {
  /** By whose routes findings lead to further analyses. */
  readonly routing: Routing;
  /** Peers that take results for research. */
  readonly researchPeers: ReadonlySet<string>;
}

export interface Done {
  readonly model: Model;
  readonly outcome: Outcome;
  readonly conclusion: string;
  readonly results: readonly Result[];
}

/**
 * Findings, results and deliveries together. Not sent: what a shadow finds; an implausible result, which is kept here for a person
 * to look at; and results for research to a peer that is not for research.
 */
export async function recordOutcome(
  parts: RecordParts,
  analysis: Analysis,
  { model, outcome, conclusion, results }: Done,
): Promise<void> {
  const findings = findingsOf(model.manifest, outcome);
  const withheld = implausibilities(model.manifest, outcome).some(({ withhold }) => withhold);
  const held = withheld || analysis.mode === 'shadow';
  const chained = held ? undefined : await planChained(parts, analysis, findings);
  const deliverTo = [...new Set([...analysis.deliverTo, ...(chained?.deliverTo ?? [])])];
  const { peers, fate } = destined(
    { mode: analysis.mode, deliverTo },
    { withheld, research: model.manifest.usage === 'research', researchPeers: parts.researchPeers },
  );
  await parts.database.transaction(async (tx) => {
    await recordResults(tx, analysis.id, {
      conclusion,
      reason: `${conclusion} ${fate}`,
      findings: JSON.stringify(findings),
      results,
      peers,
    });
    for (const peer of peers) await leaveDelivery(tx, analysis, peer);
    if (chained) await recordChained(tx, analysis, chained);
  });
}

interface Judged {
  readonly withheld: boolean;
  readonly research: boolean;
  readonly researchPeers: ReadonlySet<string>;
}

/** Who is to receive the results of an analysis, and a sentence on it. */
export function destined(
  { mode, deliverTo }: Pick<Analysis, 'mode' | 'deliverTo'>,
  { withheld, research, researchPeers }: Judged,
): { readonly peers: readonly string[]; readonly fate: string } {
  if (mode === 'shadow')
    return {
      peers: [],
      fate: 'Ran in the shadow of another model: held against what that finds, and no result is made of it.',
    };
  if (withheld) return { peers: [], fate: 'Kept in this node and sent to nobody: a person has to look at it.' };
  const peers = research ? deliverTo.filter((peer) => researchPeers.has(peer)) : deliverTo;
  const others = deliverTo.filter((peer) => !peers.includes(peer));
  const kept = others.length > 0 ? [`Not sent to ${others.join(', ')}: the model is for research only.`] : [];
  const sent =
    peers.length > 0
      ? `Waiting to be delivered to ${peers.join(', ')}.`
      : 'Kept in this node; no peer is to receive it.';
  return { peers, fate: [...kept, sent].join(' ') };
}
