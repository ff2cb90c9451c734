import type { PostStep } from '../imaging/transforms/steps.ts';
import { gateFaults } from './gate-checks.ts';
import type { ModelManifest } from './model-manifest.ts';
import { slotFaults } from './slot-checks.ts';
import { transformFaults } from './transform-checks.ts';

/** What a tensor may have: 2 GiB of float32. */
const MOST_ELEMENTS = 2 ** 29;

/**
 * What a schema cannot say: numbers of a manifest that must agree with each other. Every fault begins with its JSON path.
 */
export function manifestFaults(manifest: ModelManifest): string[] {
  return [
    ...slotFaults(manifest),
    ...gateFaults(manifest),
    ...transformFaults(manifest),
    ...fileFaults(manifest),
    ...windowFaults(manifest),
    ...engineFaults(manifest),
    ...segmentFaults(manifest),
    ...postprocessFaults(manifest),
    ...findingFaults(manifest),
    ...plausibilityFaults(manifest),
    ...goldenFaults(manifest),
  ];
}

const isScores = ({ output }: ModelManifest): boolean =>
  output.kind === 'class-scores' || output.kind === 'region-scores';

function fileFaults({ files, engine }: ModelManifest): string[] {
  const paths = files.flatMap(({ path, external = [] }) => [path, ...external.map((one) => one.path)]);
  const twice = paths.find((path, i) => paths.indexOf(path) !== i);
  const remote = engine.providers.every((provider) => provider === 'kserve');
  return [
    ...(files.length === 0 && !remote ? ['files is empty, and a KServe server is not the only engine'] : []),
    ...(twice === undefined ? [] : [`files name ${twice} twice`]),
  ];
}

function windowFaults({ window, output, inputs }: ModelManifest): string[] {
  if (!window) return [];
  const { roi, batch } = window;
  const faults: string[] = [];
  if (output.kind === 'classification' || output.kind === 'boxes')
    faults.push(`window: the windows of ${output.kind} cannot be joined, only scores can`);
  const elements = roi[0] * roi[1] * roi[2] * batch * inputs.length;
  if (elements > MOST_ELEMENTS) faults.push(`window.roi: ${elements} values in one run, ${MOST_ELEMENTS} are the most`);
  // A network of two spatial dimensions mirrors what it has.
  const flat = (window.mirrorAxes ?? []).filter((axis) => roi[axis] === 1);
  if (flat.length > 0) faults.push(`window.mirrorAxes: axis ${flat[0]} is one voxel long and has no mirror image`);
  return faults;
}

function engineFaults({ engine }: ModelManifest): string[] {
  const remote = engine.providers.includes('kserve');
  if (remote && !engine.kserve) return ['engine.kserve is missing, and engine.providers names it'];
  if (!remote && engine.kserve) return ['engine.kserve is given, and engine.providers does not name it'];
  return [];
}

/** The classes that a segment may name: channels, or what is painted. */
function classesOf({ output, postprocess }: ModelManifest): readonly number[] {
  if (output.kind === 'class-scores') return output.classes.map((_, i) => i).slice(1);
  const painted = postprocess.find((step) => step.op === 'paint-regions');
  if (painted) return [...new Set(painted.order)];
  return output.kind === 'region-scores' ? output.classes.map((_, i) => i) : [];
}

function segmentFaults(manifest: ModelManifest): string[] {
  const { segments, results, measurements, output } = manifest;
  const faults: string[] = [];
  if (!isScores(manifest)) {
    if (segments.length > 0) faults.push(`segments: ${output.kind} has none`);
    if (results.includes('SEG')) faults.push(`results: ${output.kind} makes no SEG`);
    return faults;
  }
  if (segments.length === 0) faults.push('segments is empty, and scores are nothing else');
  if (output.kind === 'class-scores' && output.classes.length < 2)
    faults.push('output.classes needs a class beside the background');
  const allowed = new Set(classesOf(manifest));
  segments.forEach(({ class: index, number }, i) => {
    if (number !== i + 1) faults.push(`segments[${i}].number is ${number}: segments must be numbered 1, 2, … in order`);
    if (!allowed.has(index))
      faults.push(`segments[${i}].class ${index} is none of ${[...allowed].sort((a, b) => a - b).join(', ')}`);
    const first = segments.findIndex((other) => other.class === index);
    if (first !== i) faults.push(`segments[${i}].class ${index} is that of segments[${first}] already`);
  });
  if (measurements.length > 0 && !results.includes('SR'))
    faults.push('measurements are told in an SR, and results has none');
  return faults;
}

/** Scores → (activation) → labels or masks → (clean-up), with the way back once anywhere between. */
function postprocessFaults(manifest: ModelManifest): string[] {
  const { postprocess, output } = manifest;
  if (!isScores(manifest))
    return postprocess.length > 0 ? [`postprocess: ${output.kind} has no steps, it is read as it comes`] : [];
  const at = (ops: readonly PostStep['op'][]): number[] =>
    postprocess.flatMap(({ op }, i) => (ops.includes(op) ? [i] : []));
  const faults: string[] = [];
  const inverts = at(['invert']);
  if (inverts.length !== 1) faults.push(`postprocess has invert ${inverts.length} times; it must have it once`);
  const deciding: readonly PostStep['op'][] =
    output.kind === 'class-scores' ? ['argmax'] : ['threshold', 'paint-regions'];
  const decisions = at(['argmax', 'threshold', 'paint-regions']);
  const decision = decisions[0] ?? postprocess.length;
  if (decisions.length !== 1 || !deciding.includes(postprocess[decision]!.op))
    faults.push(`postprocess: ${output.kind} need exactly one of ${deciding.join(', ')}`);
  postprocess.forEach((step, i) => {
    const name = `postprocess[${i}] (${step.op})`;
    if (step.op === 'invert' && i > decision && step.mode !== 'nearest')
      faults.push(`${name}: labels are brought back by nearest; between two of them there is nothing`);
    if ((step.op === 'softmax' || step.op === 'sigmoid') && i > decision)
      faults.push(`${name} comes after the scores have become labels`);
    if (step.op === 'softmax' && output.kind === 'region-scores') faults.push(`${name}: regions are not exclusive`);
    if (!('connectivity' in step)) return;
    if (i < decision) faults.push(`${name} comes before the scores have become labels`);
    const outside = step.classes?.find((index) => !classesOf(manifest).includes(index));
    if (outside !== undefined) faults.push(`${name}.classes: ${outside} is no class`);
    if (step.op === 'remove-small' && (step.voxels === undefined) === (step.millilitres === undefined))
      faults.push(`${name} needs voxels or millilitres, and not both`);
  });
  const painted = postprocess.find((step) => step.op === 'paint-regions');
  if (painted && painted.order.length !== output.classes.length)
    faults.push(
      `postprocess: paint-regions orders ${painted.order.length} regions, the output has ${output.classes.length}`,
    );
  return faults;
}

function findingFaults({ output, tensors }: ModelManifest): string[] {
  const faults: string[] = [];
  if (output.kind === 'boxes' && !tensors.boxes) faults.push('tensors.boxes is missing, and the output is boxes');
  if (output.kind !== 'boxes' && tensors.boxes) faults.push(`tensors.boxes is given, and the output is ${output.kind}`);
  if (output.kind !== 'classification' && output.kind !== 'boxes') return faults;
  output.classes.forEach(({ presentFrom, absentBelow }, i) => {
    if (absentBelow !== undefined && absentBelow > presentFrom)
      faults.push(`output.classes[${i}].absentBelow ${absentBelow} is above presentFrom ${presentFrom}`);
  });
  if (output.kind === 'classification' && output.activation === 'softmax' && output.classes.length < 2)
    faults.push('output.activation: softmax of one class is always 1');
  return faults;
}

function plausibilityFaults({ plausibility, segments }: ModelManifest): string[] {
  return plausibility.flatMap(({ segment, from, to }, i) => [
    ...(segment > segments.length ? [`plausibility[${i}].segment ${segment} is not one of ${segments.length}`] : []),
    ...(from === undefined && to === undefined ? [`plausibility[${i}] has neither from nor to`] : []),
    ...(from !== undefined && to !== undefined && from > to ? [`plausibility[${i}]: from is above to`] : []),
  ]);
}

function goldenFaults({ golden, output }: ModelManifest): string[] {
  if (!golden) return [];
  const faults: string[] = [];
  for (const side of ['input', 'output'] as const) {
    const count = golden[side].shape.reduce((product, length) => product * length, 1);
    if (count > MOST_ELEMENTS) faults.push(`golden.${side}.shape: ${count} values, ${MOST_ELEMENTS} are the most`);
  }
  if (golden.input.shape[0] !== 1) faults.push('golden.input.shape must begin with 1');
  const [, channels] = golden.output.shape;
  if (output.kind !== 'boxes' && channels !== output.classes.length)
    faults.push(`golden.output.shape has ${channels} classes, output.classes ${output.classes.length}`);
  return faults;
}
