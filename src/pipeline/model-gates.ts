import type { Model } from '../inference/model-library.ts';
import type { Gate, InputSlot } from '../inference/model-manifest.ts';
import type { Condition, Scope } from '../routing/condition.ts';
import type { Facts } from '../routing/facts.ts';
import { judge } from '../routing/judge.ts';
import { parseCondition } from '../routing/parse-condition.ts';

interface ReadGate {
  readonly condition: Condition;
  readonly otherwise: string;
}

interface ReadGates {
  /** On the study. */
  readonly study: readonly ReadGate[];
  readonly slots: ReadonlyMap<string, readonly ReadGate[]>;
}

const read = new WeakMap<Model, ReadGates>();

/** The conditions of a manifest, read once. @throws VoxgateError bad-model */
function gatesOf(model: Model): ReadGates {
  const known = read.get(model);
  if (known) return known;
  const { gates, inputs, id } = model.manifest;
  const slots = inputs.map(({ slot, gates: ofSlot }, i) => {
    return [slot, readGates(ofSlot, `${id}: inputs[${i}].gates`, 'series')] as const;
  });
  const all = { study: readGates(gates, `${id}: gates`, 'study'), slots: new Map(slots) };
  read.set(model, all);
  return all;
}

function readGates(gates: readonly Gate[], at: string, scope: Scope): ReadGate[] {
  return gates.map(({ when, otherwise }, i) => ({
    condition: parseCondition(when, `${at}[${i}].when`, { scope, code: 'bad-model' }),
    otherwise,
  }));
}

/** Why the model card keeps the study away; undefined where it does not. */
export function refusalOfStudy(model: Model, facts: Facts): string | undefined {
  return refusalOf(gatesOf(model).study, facts);
}

/** Why a series may not fill the slot; undefined where it may. */
export function refusalOfSlot(model: Model, { slot }: InputSlot, facts: Facts): string | undefined {
  return refusalOf(gatesOf(model).slots.get(slot) ?? [], facts);
}

/** The card's own words, and what there is instead. */
function refusalOf(gates: readonly ReadGate[], facts: Facts): string | undefined {
  for (const { condition, otherwise } of gates) {
    const { holds, found } = judge(condition, facts);
    if (!holds) return `${otherwise.trim().replace(/\.$/, '')}, and ${found}`;
  }
  return undefined;
}
