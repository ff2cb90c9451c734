import type { Gate, InputSlot, OutputMeaning } from '../inference/model-manifest.ts';
import type { Model } from '../inference/model-package.ts';
import { inspectPackages } from '../inference/onnx/inspect-package.ts';
import type { Scope } from '../routing/condition.ts';
import { parseCondition } from '../routing/parse-condition.ts';
import { printText } from '../routing/print-condition.ts';

/** A model in a page of text, for a person. */
export async function describeModel(model: Model): Promise<string> {
  const { manifest, key, folder } = model;
  const [networks] = await inspectPackages([model]);
  const { window, engine, golden, importedFrom } = manifest;
  const lines: [string, string | undefined][] = [
    ['model', `${manifest.id}@${manifest.version}: ${manifest.title}`],
    ['digest', key],
    ['folder', folder],
    ['for', manifest.intendedUse],
    ['limits', manifest.limitations],
    ['licence', `${manifest.license}; ${manifest.authors.join(', ')}; ${manifest.usage}`],
    ['imported', importedFrom && `${importedFrom.format} ${importedFrom.name} ${importedFrom.version}`],
    ...manifest.inputs.map((slot): [string, string] => [`input ${slot.slot}`, slotLine(slot)]),
    ...manifest.gates.map((gate): [string, string] => ['study', gateLine(gate, 'study')]),
    ['before', manifest.transforms.map(({ op }) => op).join(' → ') || 'nothing'],
    ['window', window && `${window.roi.join(' × ')}, overlap ${window.overlap}, ${window.blend}, ${window.grid}`],
    ['engines', `${engine.providers.join(', ')}; at most ${engine.timeoutSeconds} s`],
    ['output', outputLine(manifest.output)],
    ['after', manifest.postprocess.map(({ op }) => op).join(' → ') || 'nothing'],
    ...manifest.segments.map((one): [string, string] => [
      `segment ${one.number}`,
      `${one.label} (${one.type.meaning})`,
    ]),
    ['results', `${manifest.results.join(', ')}; ${manifest.measurements.join(', ') || 'no measurements'}`],
    ['golden pair', golden ? `${golden.input.shape.join(' × ')}, within ${golden.tolerance}` : 'none'],
    ...networks!.flatMap((network): [string, string][] => [
      ['network', `${network.path}: ${network.facts ? operatorsOf(network.facts.operators) : 'not readable'}`],
      ...[...network.faults, ...network.warnings].map((told): [string, string] => ['', told]),
    ]),
  ];
  return lines.flatMap(([name, text]) => (text === undefined ? [] : [`${name.padEnd(12)}${text}\n`])).join('');
}

function slotLine({ kind, units, gates, geometry, missing, prior }: InputSlot): string {
  return [
    `${kind}${units === 'any' ? '' : ` in ${units}`}, at least ${geometry.minimumSlices} slices`,
    ...gates.map((gate) => gateLine(gate, 'series')),
    ...(prior ? [`of a study within ${prior.withinDays} days before`] : []),
    ...(missing === 'zero' ? ['may be missing'] : []),
  ].join('; ');
}

function gateLine({ when }: Gate, scope: Scope): string {
  return printText(parseCondition(when, 'gate', { scope, code: 'bad-model' }));
}

function outputLine(output: OutputMeaning): string {
  const names = output.classes.map((one) => (typeof one === 'string' ? one : one.label));
  return `${output.kind}: ${names.join(', ')}`;
}

function operatorsOf(operators: Readonly<Record<string, number>>): string {
  const all = Object.entries(operators).sort(([, a], [, b]) => b - a);
  const shown = all.slice(0, 6).map(([name, count]) => `${count} ${name}`);
  return shown.join(', ') + (all.length > shown.length ? `, ${all.length - shown.length} other operators` : '');
}
