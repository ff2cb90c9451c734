import { AGREEMENT_LIMITS, type AgreementLimits } from '../agreement-settings.ts';
import type { AgreementStatistics } from '../catalog/agreements.ts';
import type { RouteSettings } from '../route-settings.ts';

/** Whether a model that ran in the shadow of another may take its place. */
export interface AgreementVerdict {
  readonly route: string | null;
  readonly primaryModel: string;
  readonly shadowModel: string;
  /** hold: it may not; undecided: too few series have been compared. The route is changed by a person, or not. */
  readonly verdict: 'agrees' | 'hold' | 'undecided';
  /** For a person: what it is held for, or what is missing. */
  readonly reasons: readonly string[];
  readonly limits: AgreementLimits;
  readonly statistics: readonly AgreementStatistics[];
}

/** One verdict for each pair of versions on each route, in the order of the statistics. */
export function judgeAgreement(
  statistics: readonly AgreementStatistics[],
  routes: readonly Pick<RouteSettings, 'name' | 'agreement'>[],
): AgreementVerdict[] {
  const groups = new Map<string, AgreementStatistics[]>();
  for (const one of statistics) {
    const key = JSON.stringify([one.route, one.primaryModel, one.shadowModel]);
    groups.set(key, [...(groups.get(key) ?? []), one]);
  }
  return [...groups.values()].map((group) => {
    const { route, primaryModel, shadowModel } = group[0]!;
    const limits = routes.find(({ name }) => name === route)?.agreement ?? AGREEMENT_LIMITS;
    return { route, primaryModel, shadowModel, ...verdictOf(group, limits), limits, statistics: group };
  });
}

function verdictOf(
  group: readonly AgreementStatistics[],
  limits: AgreementLimits,
): Pick<AgreementVerdict, 'verdict' | 'reasons'> {
  const cases = Math.min(...group.map((one) => one.cases));
  const faults = group.flatMap((one) => faultsOf(one, limits));
  if (cases < limits.cases)
    return { verdict: 'undecided', reasons: [`${cases} of ${limits.cases} series were compared`, ...faults] };
  return faults.length > 0 ? { verdict: 'hold', reasons: faults } : { verdict: 'agrees', reasons: [] };
}

function faultsOf(
  { label, dice, volumePercent, probability, oneSided, cases }: AgreementStatistics,
  limits: AgreementLimits,
): string[] {
  const faults: string[] = [];
  const tell = (wrong: boolean, what: string): void => {
    if (wrong) faults.push(`${label}: ${what}`);
  };
  if (dice) {
    tell(dice.mean < limits.dice, `mean Dice ${rounded(dice.mean)}, at least ${limits.dice} is wanted`);
    tell(dice.p5 < limits.worstDice, `Dice ${rounded(dice.p5)} or less in one series of twenty (${limits.worstDice})`);
  }
  if (volumePercent)
    tell(
      Math.abs(volumePercent.mean) > limits.volumePercent,
      `volumes differ by ${rounded(volumePercent.mean)} % on the mean, at most ${limits.volumePercent} % is wanted`,
    );
  tell(
    (100 * oneSided) / cases > limits.oneSidedPercent,
    `found by one of the two alone in ${oneSided} of ${cases} series`,
  );
  if (probability) {
    const widest = Math.max(Math.abs(probability.p5), Math.abs(probability.p95));
    tell(
      widest > limits.probability,
      `probabilities differ by ${rounded(widest)}, at most ${limits.probability} is wanted`,
    );
  }
  return faults;
}

const rounded = (value: number): number => Math.round(value * 1000) / 1000;
