import { readFile, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import type { ClassFinding, Gate, InputSlot, ManifestCode, ManifestSegment } from '../model-manifest.ts';
import { codesOfName, plainName } from './anatomy-codes.ts';
import { BUNDLE_LIMITS } from './bundle-limits.ts';
import { type ConfigMap, type ConfigValue, isList, isMap, refused } from './config-value.ts';
import { readJson } from './read-json.ts';

/** What who imports adds to a bundle: codes of its classes, and which series fill its slots. */
export interface GivenCodes {
  /** @throws VoxgateError bad-model with a sentence that shows how to give the code, where there is none */
  segment(index: number, name: string): Pick<ManifestSegment, 'category' | 'type' | 'modifier'> & { color?: Color };
  finding(index: number, name: string): ClassFinding;
  slot(name: string): { readonly gates?: readonly Gate[]; readonly units?: InputSlot['units'] } | undefined;
}

type Color = readonly [number, number, number];

const UNITS: readonly InputSlot['units'][] = ['HU', 'SUVbw', 'SUVlbm', 'SUVbsa', 'Bq/ml', 'any'];

/**
 * Reads `--codes`: { "segments": { "spleen": { category, type, modifier, color } }, "findings": { … }, "slots": { … } },
 * or a segment list of dcmqi (its "segmentAttributes", as Slicer and IDC keep them).
 * @throws VoxgateError bad-model naming the key
 */
export async function readCodes(path: string | undefined): Promise<GivenCodes> {
  if (path === undefined) return new CodesFile('codes.json', new Map());
  const label = basename(path);
  const { size } = await stat(path).catch((cause: unknown) => {
    throw refused(label, '', 'cannot be read', cause);
  });
  if (size > BUNDLE_LIMITS.configBytes) throw refused(label, '', `has ${size} bytes`);
  const value = readJson(label, await readFile(path, 'utf8'));
  if (!isMap(value)) throw refused(label, '', 'holds no map of keys to values');
  return new CodesFile(label, value);
}

class CodesFile implements GivenCodes {
  private readonly label: string;
  private readonly root: ConfigMap;

  constructor(label: string, root: ConfigMap) {
    this.label = label;
    this.root = root;
  }

  segment(index: number, name: string) {
    const given = this.entry('segments', index, name) ?? this.ofDcmqi(index, name);
    if (given === undefined) {
      const known = codesOfName(name);
      if (known) return known;
      throw refused(
        this.label,
        `segments::${name}`,
        `class ${index} "${name}" has no code. Give it with --codes, for example { "segments": { ${JSON.stringify(name)}: ` +
          '{ "category": { "value": "91723000", "scheme": "SCT", "meaning": "Anatomical Structure" }, ' +
          '"type": { "value": "10200004", "scheme": "SCT", "meaning": "Liver" } } } }',
      );
    }
    const place = `segments::${name}`;
    const modifier = given.get('modifier');
    const color = given.get('color');
    return {
      category: this.code(given.get('category'), `${place}::category`),
      type: this.code(given.get('type'), `${place}::type`),
      ...(modifier === undefined ? {} : { modifier: this.code(modifier, `${place}::modifier`) }),
      ...(color === undefined ? {} : { color: this.color(color, place) }),
    };
  }

  finding(index: number, name: string): ClassFinding {
    const given = this.entry('findings', index, name);
    if (given === undefined)
      throw refused(
        this.label,
        `findings::${name}`,
        `class ${index} "${name}" says nothing of the patient yet. Give it with --codes, for example { "findings": { ` +
          `${JSON.stringify(name)}: { "finding": { "value": "36118008", "scheme": "SCT", "meaning": "Pneumothorax" }, ` +
          '"presentFrom": 0.5 } } }',
      );
    const place = `findings::${name}`;
    const absentBelow = given.get('absentBelow');
    return {
      label: name,
      finding: this.code(given.get('finding'), `${place}::finding`),
      presentFrom: this.probability(given.get('presentFrom'), `${place}::presentFrom`),
      ...(absentBelow === undefined ? {} : { absentBelow: this.probability(absentBelow, `${place}::absentBelow`) }),
    };
  }

  slot(name: string) {
    const given = this.entry('slots', -1, name);
    if (given === undefined) return undefined;
    const place = `slots::${name}`;
    const gates = given.get('gates');
    if (gates !== undefined && (!isList(gates) || gates.length === 0))
      throw refused(this.label, `${place}::gates`, 'is no list of gates');
    const wanted = given.get('units');
    const units = UNITS.find((one) => one === wanted);
    if (wanted !== undefined && units === undefined)
      throw refused(this.label, `${place}::units`, `is none of ${UNITS.join(', ')}`);
    return {
      ...(gates ? { gates: gates.map((gate, i) => this.gate(gate, `${place}::gates::${i}`)) } : {}),
      ...(units ? { units } : {}),
    };
  }

  private gate(value: ConfigValue, place: string): Gate {
    const when = isMap(value) ? value.get('when') : undefined;
    const otherwise = isMap(value) ? value.get('otherwise') : undefined;
    if (when === undefined || typeof otherwise !== 'string')
      throw refused(this.label, place, 'needs "when" (a condition) and "otherwise" (a sentence)');
    return { when: plainJson(when), otherwise };
  }

  private entry(section: string, index: number, name: string): ConfigMap | undefined {
    const all = this.root.get(section);
    if (!isMap(all)) return undefined;
    for (const [key, value] of all)
      if (isMap(value) && (plainName(key) === plainName(name) || key === String(index))) return value;
    return undefined;
  }

  /** dcmqi seg-schema: segmentAttributes [[{ labelID, SegmentLabel, SegmentedPropertyTypeCodeSequence, … }]]. */
  private ofDcmqi(index: number, name: string): ConfigMap | undefined {
    const files = this.root.get('segmentAttributes');
    if (!isList(files)) return undefined;
    const segments = files.flatMap((file) => (isList(file) ? file : [])).filter(isMap);
    const byName = segments.find((segment) => plainName(String(segment.get('SegmentLabel') ?? '')) === plainName(name));
    const found = byName ?? segments.find((segment) => segment.get('labelID') === index);
    if (!found) return undefined;
    return new Map(
      (
        [
          ['category', 'SegmentedPropertyCategoryCodeSequence'],
          ['type', 'SegmentedPropertyTypeCodeSequence'],
          ['modifier', 'SegmentedPropertyTypeModifierCodeSequence'],
          ['color', 'recommendedDisplayRGBValue'],
        ] as const
      ).flatMap(([ours, theirs]): (readonly [string, ConfigValue])[] => {
        const value = found.get(theirs);
        return value === undefined ? [] : [[ours, value]];
      }),
    );
  }

  /** { value, scheme, meaning }, or the names that dcmqi uses. */
  private code(given: ConfigValue | undefined, place: string): ManifestCode {
    const part = (ours: string, theirs: string): string => {
      const value = isMap(given) ? (given.get(ours) ?? given.get(theirs)) : undefined;
      if (typeof value !== 'string' || value === '') throw refused(this.label, `${place}::${ours}`, 'is no text');
      return value;
    };
    return {
      value: part('value', 'CodeValue'),
      scheme: part('scheme', 'CodingSchemeDesignator'),
      meaning: part('meaning', 'CodeMeaning'),
    };
  }

  private color(given: ConfigValue, place: string): Color {
    const [r, g, b] = isList(given) ? given : [];
    if (typeof r !== 'number' || typeof g !== 'number' || typeof b !== 'number')
      throw refused(this.label, `${place}::color`, 'is no list of three numbers');
    return [r, g, b];
  }

  private probability(given: ConfigValue | undefined, place: string): number {
    if (typeof given !== 'number' || given < 0 || given > 1)
      throw refused(this.label, place, 'is no number from 0 to 1');
    return given;
  }
}

function plainJson(value: ConfigValue): unknown {
  if (isList(value)) return value.map(plainJson);
  if (!isMap(value)) return value;
  return Object.fromEntries([...value].map(([key, item]) => [key, plainJson(item)]));
}
