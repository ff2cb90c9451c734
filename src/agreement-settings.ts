import { type Fields, Reader, wholeNumber } from './settings-reader.ts';

/** From what on a model in the shadow of another is said to agree with it. */
export interface AgreementLimits {
  /** Fewer compared series than this decide nothing. */
  readonly cases: number;
  /** Least mean Dice of each segment. */
  readonly dice: number;
  /** Least Dice of all but the worst twentieth of the series. */
  readonly worstDice: number;
  /** Largest mean difference of a segment's volume, either way; percent. */
  readonly volumePercent: number;
  /** Largest share of series in which one of the two finds what the other does not; percent. */
  readonly oneSidedPercent: number;
  /** Largest difference of a class's probability, of all but the worst tenth of the series. */
  readonly probability: number;
}

export const AGREEMENT_LIMITS: AgreementLimits = {
  cases: 50,
  dice: 0.9,
  worstDice: 0.7,
  volumePercent: 5,
  oneSidedPercent: 5,
  probability: 0.1,
};

/** "agreement" of a route: each limit that is not given is as above. */
export function parseAgreement(at: string, fields: Fields, faults: string[]): AgreementLimits {
  const reader = new Reader(at, fields, Object.keys(AGREEMENT_LIMITS));
  const share = (key: keyof AgreementLimits): number =>
    reader.read(key, numberTo(1), 'a number from 0 to 1') ?? AGREEMENT_LIMITS[key];
  const percent = (key: keyof AgreementLimits): number =>
    reader.read(key, numberTo(200), 'a percentage') ?? AGREEMENT_LIMITS[key];
  const limits = {
    cases: reader.read('cases', (v) => wholeNumber(v, 1, 1_000_000), 'a whole number') ?? AGREEMENT_LIMITS.cases,
    dice: share('dice'),
    worstDice: share('worstDice'),
    volumePercent: percent('volumePercent'),
    oneSidedPercent: percent('oneSidedPercent'),
    probability: share('probability'),
  };
  faults.push(...reader.faults);
  return limits;
}

function numberTo(greatest: number): (value: unknown) => number | undefined {
  return (value) => (typeof value === 'number' && value >= 0 && value <= greatest ? value : undefined);
}
