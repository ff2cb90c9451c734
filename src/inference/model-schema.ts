import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import { sentenceOf, VoxgateError } from '../errors.ts';
import type { ModelManifest } from './model-manifest.ts';

/** A model.json of a hundred regions has 60 kB. */
const LONGEST_TEXT = 2 ** 20;
/** Conditions are the only part that may nest; the route language allows far less. */
const DEEPEST = 64;
/** More faults than this help nobody. */
const MOST_FAULTS = 8;

let compiled: ValidateFunction<ModelManifest> | undefined;

/**
 * The text of a model.json as a manifest of schema 2.
 * @throws VoxgateError bad-model with every fault and its JSON path: "transforms[1].pixdim[0] must be number"
 */
export function parseManifest(text: string): ModelManifest {
  if (text.length > LONGEST_TEXT)
    throw new VoxgateError('bad-model', `it has ${text.length} characters; a manifest has ${LONGEST_TEXT} at most`);
  const value = parseJson(text);
  refuseDeep(value, DEEPEST);
  compiled ??= new Ajv2020({ allErrors: true, strict: false, discriminator: true }).compile<ModelManifest>(
    JSON.parse(readFileSync(schemaPath(), 'utf8')),
  );
  if (compiled(value)) return value;
  throw new VoxgateError('bad-model', faultsOf(compiled.errors ?? []));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new VoxgateError('bad-model', sentenceOf(cause), { cause });
  }
}

function refuseDeep(value: unknown, left: number): void {
  if (typeof value !== 'object' || value === null) return;
  if (left === 0) throw new VoxgateError('bad-model', `it is nested more than ${DEEPEST} deep`);
  for (const inner of Object.values(value)) refuseDeep(inner, left - 1);
}

function faultsOf(errors: readonly ErrorObject[]): string {
  const faults = [...new Set(errors.map(faultOf))];
  const more = faults.length - MOST_FAULTS;
  return faults.slice(0, MOST_FAULTS).join('; ') + (more > 0 ? `; and ${more} more` : '');
}

function faultOf({ instancePath, keyword, message, params }: ErrorObject): string {
  const at = jsonPath(instancePath);
  const inside = (name: string): string => (at === '' ? name : `${at}.${name}`);
  switch (keyword) {
    case 'additionalProperties':
      return `${inside(params['additionalProperty'])} is not known here`;
    case 'required':
      return `${inside(params['missingProperty'])} is missing`;
    case 'enum':
      return `${at} must be one of ${params['allowedValues'].join(', ')}`;
    case 'const':
      return `${at} must be ${JSON.stringify(params['allowedValue'])}`;
    case 'discriminator':
      return `${inside(params['tag'])} ${JSON.stringify(params['tagValue'])} is not known`;
    default:
      return `${at === '' ? 'it' : at} ${message}`;
  }
}

/** "/transforms/1/pixdim/0" as it is written in code: "transforms[1].pixdim[0]". */
function jsonPath(pointer: string): string {
  const steps = pointer.split('/').slice(1);
  const spelled = steps.map((step) =>
    /^\d+$/.test(step) ? `[${step}]` : `.${step.replaceAll('~1', '/').replaceAll('~0', '~')}`,
  );
  return spelled.join('').replace(/^\./, '');
}

/** The schema lies beside the models of this project, whatever library folders are configured. */
function schemaPath(): string {
  for (let folder = dirname(fileURLToPath(import.meta.url)); folder !== dirname(folder); folder = dirname(folder)) {
    const path = join(folder, 'models', 'model.schema.json');
    if (existsSync(path)) return path;
  }
  throw new VoxgateError('bad-model', 'models/model.schema.json is missing from this installation');
}
