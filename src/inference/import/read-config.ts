import { CORE_SCHEMA, load } from 'js-yaml';
import { sentenceOf } from '../../errors.ts';
import type { BundleFiles } from './bundle-files.ts';
import { BUNDLE_LIMITS } from './bundle-limits.ts';
import { type ConfigMap, type ConfigValue, checkKey, childPlace, isMap, refused } from './config-value.ts';
import { readJson } from './read-json.ts';

/**
 * One configuration file of a bundle, JSON or YAML by its name, which must hold a map.
 * @throws VoxgateError bad-model with the file, the key and the reason
 */
export async function readConfig(files: BundleFiles, name: string): Promise<ConfigMap> {
  const text = (await files.read(name)).toString('utf8');
  const value = /\.ya?ml$/i.test(name) ? readYaml(name, text) : readJson(name, text);
  if (!isMap(value)) throw refused(name, '', 'holds no map of keys to values');
  return value;
}

/** YAML of the core schema: no tag makes an object, a key twice is an error, aliases are counted as if written out. */
function readYaml(file: string, text: string): ConfigValue {
  let nodes = 0;
  const convert = (value: unknown, place: string, depth: number): ConfigValue => {
    if (depth > BUNDLE_LIMITS.depth) throw refused(file, place, `nested deeper than ${BUNDLE_LIMITS.depth}`);
    if (++nodes > BUNDLE_LIMITS.nodes) throw refused(file, place, `more than ${BUNDLE_LIMITS.nodes} values`);
    if (value === null || typeof value === 'boolean' || typeof value === 'string') return value;
    if (typeof value === 'number') {
      if (!Number.isFinite(value)) throw refused(file, place, `${value} is no number that can be used`);
      return value;
    }
    if (Array.isArray(value)) return value.map((item, i) => convert(item, childPlace(place, i), depth + 1));
    if (typeof value !== 'object') throw refused(file, place, `holds a ${typeof value}`);
    const map = new Map<string, ConfigValue>();
    for (const [key, item] of Object.entries(value)) {
      checkKey(file, place, key);
      map.set(key, convert(item, childPlace(place, key), depth + 1));
    }
    return map;
  };
  let parsed: unknown;
  try {
    parsed = load(text, { schema: CORE_SCHEMA });
  } catch (cause) {
    throw refused(file, '', sentenceOf(cause).split('\n')[0] ?? 'is no YAML', cause);
  }
  return convert(parsed ?? null, '', 0);
}
