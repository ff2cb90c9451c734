import { type AgreementLimits, parseAgreement } from './agreement-settings.ts';
import { sentenceOf } from './errors.ts';
import type { Condition, Scope } from './routing/condition.ts';
import { parseCondition } from './routing/parse-condition.ts';
import { type Fields, given, isRecord, listOf, nonEmpty, Reader, textOf, wholeNumber } from './settings-reader.ts';

/** Which series go to which model, and what becomes of the results. */
export interface RouteSettings {
  readonly name: string;
  /** Model id, "ct-lung-segmentation"; the newest version, or "id@version". */
  readonly model: string;
  /** Of the series in the model's first slot; without it, what the model's manifest accepts. */
  readonly when?: Condition;
  /** Of the study as a whole. */
  readonly study?: Condition;
  /** By name of a slot: what else its series has to be, beside what the manifest asks. */
  readonly inputs?: Readonly<Record<string, Condition>>;
  /** Names of peers. */
  readonly deliverTo: readonly string[];
  /** The first whose condition holds. */
  readonly priority?: readonly PriorityRule[];
  /** By what an analysis found: what is done next. */
  readonly next?: readonly ThenSettings[];
  /** Models that run beside it on the same input; their results are compared and go nowhere. */
  readonly shadow?: readonly string[];
  /** Another version that takes so many of a hundred studies in its place. */
  readonly canary?: { readonly model: string; readonly percent: number };
  /** From what on its shadows are said to agree with it. */
  readonly agreement?: AgreementLimits;
  /** Series that were fetched as priors of another study are left alone unless it says otherwise. */
  readonly priors?: boolean;
}

export interface PriorityRule {
  /** Of the study as a whole; absent: always. */
  readonly when?: Condition;
  /** Greater is sooner; STAT from 100 on. */
  readonly priority: number;
}

export interface ThenSettings {
  /** Of what was found. */
  readonly when: Condition;
  /** Another model, on the same series. */
  readonly model?: string;
  readonly deliverTo: readonly string[];
  /** What follows on what that model found. */
  readonly next: readonly ThenSettings[];
}

/** Words of Requested Procedure Priority (0040,1003), as numbers. */
export const PRIORITIES: Readonly<Record<string, number>> = {
  ...{ stat: 100, high: 50, medium: 0, routine: 0, low: -50 },
};
/** An analysis leads to another, and that to one more; nobody reads longer chains. */
const LONGEST_CHAIN = 8;

interface Known {
  readonly peers: readonly string[];
  readonly faults: string[];
}

/** The routes of the settings file; one with a fault is left out, and all faults of all of them are added. */
export function parseRoutes(value: unknown, peers: readonly string[], faults: string[]): RouteSettings[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) {
    faults.push('routes: must be a list');
    return [];
  }
  const routes = value.flatMap((route: unknown, i) => parseRoute(`routes[${i}]`, route, { peers, faults }) ?? []);
  for (const { name } of routes.filter((one, i) => routes.findIndex(({ name }) => name === one.name) < i))
    faults.push(`routes: two are named ${name}`);
  return routes;
}

const KEYS = [
  'name',
  'model',
  'when',
  'study',
  'inputs',
  'deliverTo',
  'priority',
  'then',
  'shadow',
  'canary',
  'agreement',
  'priors',
];

function parseRoute(at: string, route: unknown, known: Known): RouteSettings | undefined {
  if (!isRecord(route)) {
    known.faults.push(`${at}: must be an object`);
    return undefined;
  }
  const reader = new Reader(at, route, KEYS);
  const name = reader.read('name', textOf(nonEmpty), 'text') ?? at;
  const model = reader.require('model', textOf(nonEmpty), 'the name of a model');
  const deliverTo = peersIn(reader, at, known.peers);
  const settings = given({
    when: conditionIn(reader, at, route, 'when', 'series'),
    study: conditionIn(reader, at, route, 'study', 'study'),
    inputs: reader.nested('inputs', parseInputs),
    priority: parsePriority(reader, at, route['priority']),
    next:
      route['then'] === undefined ? undefined : parseChain(reader, `${at}.then`, route['then'], known, [model ?? '']),
    shadow: reader.read('shadow', modelNames, 'the name of a model, or a list of them'),
    canary: reader.nested('canary', parseCanary),
    agreement: reader.nested('agreement', parseAgreement),
    priors: reader.read('priors', (v) => (typeof v === 'boolean' ? v : undefined), 'true or false'),
  });
  known.faults.push(...reader.faults);
  if (reader.faults.length > 0 || model === undefined) return undefined;
  return { name, model, deliverTo, ...settings };
}

function peersIn(reader: Reader, at: string, peers: readonly string[]): readonly string[] {
  const named = reader.read('deliverTo', listOf(nonEmpty), 'a list of peer names') ?? [];
  const strangers = named.filter((peer) => !peers.includes(peer));
  if (strangers.length > 0) reader.faults.push(`${at}.deliverTo: no peer named ${strangers.join(', ')}`);
  return [...new Set(named)];
}

function conditionIn(reader: Reader, at: string, fields: Fields, key: string, scope: Scope): Condition | undefined {
  return fields[key] === undefined ? undefined : conditionAt(reader.faults, `${at}.${key}`, fields[key], scope);
}

function conditionAt(faults: string[], at: string, value: unknown, scope: Scope): Condition | undefined {
  try {
    return parseCondition(value, at, { scope });
  } catch (error) {
    faults.push(sentenceOf(error));
    return undefined;
  }
}

function parseInputs(at: string, fields: Fields, faults: string[]): Readonly<Record<string, Condition>> {
  const slots = Object.entries(fields).flatMap(([slot, value]) => {
    const condition = conditionAt(faults, `${at}.${slot}`, value, 'series');
    return condition === undefined ? [] : [[slot, condition] as const];
  });
  return Object.fromEntries(slots);
}

const PRIORITY = 'a whole number from -100 to 1000, "stat", "high", "routine" or "low"';

/** A number, a word, or a list of { when, priority }. */
function parsePriority(reader: Reader, at: string, value: unknown): readonly PriorityRule[] | undefined {
  if (value === undefined) return undefined;
  if (!Array.isArray(value)) {
    const priority = reader.read('priority', priorityOf, `${PRIORITY}, or a list of { when, priority }`);
    return priority === undefined ? undefined : [{ priority }];
  }
  return value.flatMap((rule: unknown, i) => {
    const here = `${at}.priority[${i}]`;
    if (!isRecord(rule)) {
      reader.faults.push(`${here}: must be an object`);
      return [];
    }
    const inner = new Reader(here, rule, ['when', 'priority']);
    const priority = inner.require('priority', priorityOf, PRIORITY);
    const when = conditionIn(inner, here, rule, 'when', 'study');
    reader.faults.push(...inner.faults);
    return priority === undefined ? [] : [{ priority, ...(when ? { when } : {}) }];
  });
}

function priorityOf(value: unknown): number | undefined {
  return typeof value === 'string' ? PRIORITIES[value.toLowerCase()] : wholeNumber(value, -100, 1000);
}

/** @param before the models that led here: none may follow on itself */
function parseChain(
  reader: Reader,
  at: string,
  value: unknown,
  known: Known,
  before: readonly string[],
): readonly ThenSettings[] {
  if (!Array.isArray(value)) {
    reader.faults.push(`${at}: must be a list`);
    return [];
  }
  return value.flatMap((one: unknown, i) => {
    const here = `${at}[${i}]`;
    if (!isRecord(one)) {
      reader.faults.push(`${here}: must be an object`);
      return [];
    }
    const step = parseStep(here, one, known, before);
    reader.faults.push(...step.faults);
    return step.settings === undefined ? [] : [step.settings];
  });
}

function parseStep(
  at: string,
  fields: Fields,
  known: Known,
  before: readonly string[],
): { faults: readonly string[]; settings?: ThenSettings } {
  const reader = new Reader(at, fields, ['when', 'model', 'deliverTo', 'then']);
  if (fields['when'] === undefined) reader.faults.push(`${at}.when: must be a condition on what was found`);
  const when = conditionIn(reader, at, fields, 'when', 'result');
  const model = reader.read('model', textOf(nonEmpty), 'the name of a model');
  const deliverTo = peersIn(reader, at, known.peers);
  if (model !== undefined && before.some((earlier) => idOf(earlier) === idOf(model)))
    reader.faults.push(`${at}.model: ${model} would follow on itself`);
  if (model === undefined && deliverTo.length === 0) reader.faults.push(`${at}: names neither a model nor a peer`);
  if (before.length >= LONGEST_CHAIN) reader.faults.push(`${at}: a chain has ${LONGEST_CHAIN} models at most`);
  const chain = fields['then'];
  if (chain !== undefined && model === undefined)
    reader.faults.push(`${at}.then: needs a model beside it, whose findings it is about`);
  const chained = chain !== undefined && model !== undefined && before.length < LONGEST_CHAIN;
  const next = chained ? parseChain(reader, `${at}.then`, chain, known, [...before, model]) : [];
  if (reader.faults.length > 0 || when === undefined) return { faults: reader.faults };
  return { faults: [], settings: { when, deliverTo, next, ...(model === undefined ? {} : { model }) } };
}

function idOf(model: string): string {
  return model.split('@')[0]!;
}

function modelNames(value: unknown): readonly string[] | undefined {
  if (typeof value === 'string') return value === '' ? undefined : [value];
  return listOf(nonEmpty)(value);
}

function parseCanary(at: string, fields: Fields, faults: string[]): { model: string; percent: number } {
  const reader = new Reader(at, fields, ['model', 'percent']);
  const model = reader.require('model', textOf(nonEmpty), 'the name of a model');
  const percent = reader.require('percent', (v) => wholeNumber(v, 1, 99), 'a whole number from 1 to 99');
  faults.push(...reader.faults);
  return { model: model ?? '', percent: percent ?? 0 };
}

/** Every model that routes name, and which route names it. */
export function modelsNamed(routes: readonly RouteSettings[]): { route: string; model: string }[] {
  const inChain = (chain: readonly ThenSettings[]): string[] =>
    chain.flatMap((step) => [...(step.model === undefined ? [] : [step.model]), ...inChain(step.next)]);
  return routes.flatMap(({ name, model, shadow = [], canary, next = [] }) =>
    [model, ...shadow, ...(canary ? [canary.model] : []), ...inChain(next)].map((one) => ({ route: name, model: one })),
  );
}
