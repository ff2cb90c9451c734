import { sentenceOf } from '../errors.ts';
import type { Scope } from '../routing/condition.ts';
import { parseCondition } from '../routing/parse-condition.ts';
import type { Gate, ModelManifest } from './model-manifest.ts';

/** Whether each gate is a condition of the route language; every fault begins with its JSON path. */
export function gateFaults({ gates, inputs }: Pick<ModelManifest, 'gates' | 'inputs'>): string[] {
  return [
    ...faultsOf(gates, 'gates', 'study'),
    ...inputs.flatMap((slot, i) => faultsOf(slot.gates, `inputs[${i}].gates`, 'series')),
  ];
}

function faultsOf(gates: readonly Gate[], at: string, scope: Scope): string[] {
  return gates.flatMap(({ when }, i) => {
    try {
      parseCondition(when, `${at}[${i}].when`, { scope, code: 'bad-model' });
      return [];
    } catch (error) {
      return [sentenceOf(error)];
    }
  });
}
