import type { PreStep } from '../../imaging/transforms/steps.ts';
import { isMap, refused } from './config-value.ts';
import type { Plans } from './nnunet-plans.ts';

/** Beyond every value an image has: a channel that is left alone is "clipped" to it. */
const NO_LIMIT = 1e9;

/**
 * The normalisation of each channel (nnunetv2/preprocessing/normalization/default_normalization_schemes).
 * @throws VoxgateError bad-model naming the key: an unknown scheme, a mixture that has no steps
 */
export function normalizationSteps({ configuration, intensities, file }: Plans, channels: number): PreStep[] {
  const { name, schemes, maskForNorm } = configuration;
  const place = `configurations::${name}::normalization_schemes`;
  if (schemes.length !== channels || maskForNorm.length !== channels)
    throw refused(file, place, `has ${schemes.length} schemes for ${channels} channels`);
  const whole = wholeImageStep(schemes, (reason) => refused(file, place, reason));
  if (whole) return [whole];
  const steps: PreStep[] = [];
  if (schemes.includes('CTNormalization'))
    steps.push({
      op: 'ct-normalization',
      channels: schemes.map((scheme, i) =>
        scheme === 'CTNormalization'
          ? intensitiesOf(intensities.get(String(i)), file, `foreground_intensity_properties_per_channel::${i}`)
          : { mean: 0, std: 1, low: -NO_LIMIT, high: NO_LIMIT },
      ),
    });
  for (const mask of [false, true]) {
    const which = schemes.flatMap((scheme, i) =>
      scheme === 'ZScoreNormalization' && maskForNorm[i] === mask ? [i] : [],
    );
    if (which.length === channels) steps.push({ op: 'z-score', mask });
    else if (which.length > 0) steps.push({ op: 'z-score', mask, channels: which });
  }
  return steps;
}

const CHANNEL_BY_CHANNEL = ['CTNormalization', 'ZScoreNormalization', 'NoNormalization'];

/** Schemes that have a step for all channels together, and only so. */
function wholeImageStep(schemes: readonly string[], refuse: (reason: string) => Error): PreStep | undefined {
  const unknown = schemes.find(
    (scheme) => ![...CHANNEL_BY_CHANNEL, 'RescaleTo01Normalization', 'RGBTo01Normalization'].includes(scheme),
  );
  if (unknown !== undefined) throw refuse(`${unknown} is no scheme that is known`);
  const others = schemes.filter((scheme) => !CHANNEL_BY_CHANNEL.includes(scheme));
  const [first] = others;
  if (first === undefined) return undefined;
  if (others.length !== schemes.length || others.some((scheme) => scheme !== first))
    throw refuse(`${first} beside another scheme is not supported`);
  return first === 'RGBTo01Normalization'
    ? { op: 'scale-intensity-range', aMin: 0, aMax: 255, bMin: 0, bMax: 1, clip: false }
    : { op: 'scale-intensity', minv: 0, maxv: 1, channelWise: true };
}

function intensitiesOf(given: unknown, file: string, place: string) {
  const number = (key: string): number => {
    const value = isMap(given) ? given.get(key) : undefined;
    if (typeof value !== 'number') throw refused(file, `${place}::${key}`, 'is missing, or no number');
    return value;
  };
  return {
    mean: number('mean'),
    std: Math.max(number('std'), 1e-8),
    low: number('percentile_00_5'),
    high: number('percentile_99_5'),
  };
}
