import type { Model } from '../inference/model-library.ts';
import type { Plan } from './plan-analyses.ts';

const RANK = { run: 2, wait: 1, skip: 0 } as const;

/** Two routes to one model make one analysis: its results go to the peers of both. */
export function oneForEachModel(plans: readonly Plan[]): Plan[] {
  const byModel = new Map<Model, Plan>();
  for (const plan of plans) {
    const earlier = byModel.get(plan.model);
    byModel.set(plan.model, earlier === undefined ? plan : merged(earlier, plan));
  }
  return [...byModel.values()];
}

function merged(earlier: Plan, later: Plan): Plan {
  const explanation = [...earlier.explanation, ...later.explanation];
  if (RANK[earlier.decision] !== RANK[later.decision])
    return { ...(RANK[earlier.decision] > RANK[later.decision] ? earlier : later), explanation };
  if (earlier.decision === 'skip') return { ...earlier, explanation };
  return {
    ...earlier,
    explanation,
    deliverTo: [...new Set([...earlier.deliverTo, ...later.deliverTo])],
    priority: Math.max(earlier.priority, later.priority),
    mode: earlier.mode === 'primary' || later.mode === 'primary' ? 'primary' : 'shadow',
  };
}
