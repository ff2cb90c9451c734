import type { PostStep, PreStep } from '../../imaging/transforms/steps.ts';
import type { ModelManifest } from '../model-manifest.ts';

/** What a model will do, in words: so that who imports it sees at once what was understood. */
export function describeModel(manifest: ModelManifest): string[] {
  const { inputs, transforms, window, postprocess, output, segments, files } = manifest;
  return [
    `takes ${inputs.map(({ slot, kind, units }) => `${slot} (${kind}${units === 'any' ? '' : `, ${units}`})`).join(' + ')}`,
    ...transforms.map((step) => `  ${preWords(step)}`),
    window
      ? `runs ${files.length > 1 ? `${files.length} networks ` : 'the network '}in windows of ${window.roi.join(' × ')}, ` +
        `overlap ${window.overlap}, ${window.blend} weights` +
        (window.mirrorAxes ? `, mirrored along ${window.mirrorAxes.join(', ')}` : '')
      : 'runs the network on the whole image at once',
    ...postprocess.map((step) => `  ${postWords(step)}`),
    output.kind === 'class-scores' || output.kind === 'region-scores'
      ? `reports ${segments.map(({ label, type }) => `${label} (${type.value} ${type.meaning})`).join(', ')}`
      : `reports ${output.classes.map(({ label, presentFrom }) => `${label} from ${presentFrom}`).join(', ')}`,
  ];
}

function preWords(step: PreStep): string {
  switch (step.op) {
    case 'orientation':
      return `turns axes towards ${step.axcodes}`;
    case 'transpose':
      return `orders axes ${step.axes.join(', ')}`;
    case 'spacing':
      return `resamples to ${step.pixdim.map((mm) => (mm > 0 ? mm : 'as it is')).join(' × ')} mm (${step.rule}, ${step.mode})`;
    case 'resize':
      return `resizes to ${step.size.join(' × ')} (${step.mode})`;
    default:
      return withNumbers(step);
  }
}

function postWords(step: PostStep): string {
  return step.op === 'invert' ? `goes back to the grid of the source (${step.mode})` : withNumbers(step);
}

function withNumbers(step: PreStep | PostStep): string {
  const { op, ...rest } = step;
  const words = Object.entries(rest).map(([key, value]) => `${key} ${JSON.stringify(value)}`);
  return words.length === 0 ? op : `${op}: ${words.join(', ')}`;
}
