import { describe, expect, it } from 'vitest';
import type { Content } from '../../../src/inference/import/config-content.ts';
import { hasKind } from '../../../src/inference/import/config-content.ts';
import { ConfigGraph } from '../../../src/inference/import/config-graph.ts';
import { isMap } from '../../../src/inference/import/config-value.ts';
import { readJson } from '../../../src/inference/import/read-json.ts';
import { seeded } from '../../support/seeded.ts';
import { INFERENCE } from './bundles.ts';

function graphOf(config: unknown): ConfigGraph {
  const root = readJson('inference.json', JSON.stringify(config));
  if (!isMap(root)) throw new Error('no map');
  return new ConfigGraph('inference.json', root);
}

const evaluated = (expression: string, beside: Record<string, unknown> = {}): Content =>
  graphOf({ ...beside, x: expression }).get('x');

describe('expressions of a bundle', () => {
  it.each([
    ['$1 + 2 * 3 ** 2', 19],
    ['$-2 ** 2', -4],
    ['$7 // 2 - 7 % 3 + -7 // 2', 3 - 1 - 4],
    ['$-7 % 3', 2],
    ['$(1, 2) + [3]', [1, 2, 3]],
    ['$[1.5] * 3', [1.5, 1.5, 1.5]],
    ['$2 * [0, 1]', [0, 1, 0, 1]],
    ['$[1, 2, 3][-1]', 3],
    ['$[1, 2, 3][1:]', [2, 3]],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a Python dict after the sign of an expression
    ["${'a': 4, 'b': 5}['b']", 5],
    ["$'model.pt' if not True else 'low' + '.pt'", 'low.pt'],
    ['$1 < 2 <= 2 != 3', true],
    ['$1 < 2 > 5', false],
    ["$'a' in ['a', 'b'] and 3 not in [1]", true],
    ['$None is None or 1 / 0', true],
    ['$len([1, 2]) + int(2.9) + max(1, 4) + min([7, 3]) + abs(-1)', 2 + 2 + 4 + 3 + 1],
    ['$monai.utils.CommonKeys.PRED', 'pred'],
    ['$.5e1', 5],
  ])('%s is %j', (expression, expected) => {
    expect(evaluated(expression)).toEqual(expected);
  });

  it('follow references by both separators, relative ones, list indices and macros', () => {
    const graph = graphOf({
      a: { b: [10, { c: 20 }], near: '@#b::0', far: '$@##top + 1', copied: '%a::b::1' },
      top: 5,
      old: '@a#b#1#c',
      text: 'someone@example.org',
    });
    expect(graph.get('old')).toBe(20);
    expect(graph.get('a::near')).toBe(10);
    expect(graph.get('a::far')).toBe(6);
    expect(graph.get('text')).toBe('someone@example.org');
    const copied = graph.get('a::copied');
    expect(hasKind(copied, 'table') && copied.get('c')).toBe(20);
  });

  it('are never looked at where nothing reaches them', () => {
    const graph = graphOf(INFERENCE);
    expect(graph.get('spacing')).toEqual([3, 3, 3]);
    expect(() => graph.get('device')).toThrow('is not evaluated: torch.device(…) is never called');
  });

  it.each([
    ["$__import__('os').system('id')", 'attribute of a value'],
    ['$().__class__.__bases__[0]', 'attribute of a value'],
    ['$@a.__class__', 'attribute of a value'],
    ['$[i for i in @a]', '"for", which is never evaluated'],
    ["$f'{@a}'", 'prefix f'],
    ["$eval('1')", '"eval" is never evaluated'],
    ['$open', 'the name open is not on the list'],
    ['$os.environ', 'the name os.environ is not on the list'],
    ['$torch.load(@a)', 'torch.load(…) is never called'],
    ['$(x := 5)', '"=" is not allowed'],
    ['$import os', 'would import Python'],
    ['$9 ** 9 ** 9 ** 9', 'no finite number'],
    ['$[0] * 10 ** 9', 'repeated 1000000000 times'],
    ['$1 / 0', 'divides by zero'],
    ['$[1][5]', 'beyond the list'],
    ["$'@a'", 'reference within a string'],
    ['$1 +', 'the end'],
    ['$1; 2', 'is not allowed'],
    ['@missing', 'names @missing'],
    ['%missing', 'copies %missing'],
    ['%../../etc/passwd.json::a', 'no configuration of this bundle'],
  ])('that are not on the whitelist are refused with the key: %.60s', (expression, reason) => {
    expect(() => evaluated(expression, { a: [1] })).toThrow(/^inference\.json, x/);
    expect(() => evaluated(expression, { a: [1] })).toThrow(reason);
  });

  it('that are huge or nested without end are refused', () => {
    expect(() => evaluated(`$${'('.repeat(200)}1${')'.repeat(200)}`)).toThrow('nested too deep');
    expect(() => evaluated(`$2${' ** 2'.repeat(200)}`)).toThrow('nested too deep');
    expect(() => evaluated(`$${'-'.repeat(5000)}1`)).toThrow('longer than');
    expect(() => evaluated(`$${'-'.repeat(4000)}1`)).toThrow('nested too deep');
    expect(() => evaluated(`$1${' + 1'.repeat(1000)}`)).toThrow('nested too deep');
    expect(evaluated(`$1${' + 1'.repeat(200)}`)).toBe(201);
  });

  it('that lead in a circle are refused, naming it', () => {
    expect(() => graphOf({ a: '@b', b: '$@c + 1', c: ['@a'] }).get('a')).toThrow(
      'refers to itself: a → b → c → c::0 → a',
    );
    expect(() => graphOf({ a: '%a' }).get('a')).toThrow('too deep');
  });

  it('that double again and again end at a limit', () => {
    const doubled = Object.fromEntries(
      Array.from({ length: 40 }, (_, i) => [`l${i + 1}`, `$@l${i} + @l${i}`] as const),
    );
    expect(() => graphOf({ l0: [1], ...doubled }).get('l40')).toThrow('a list of 16384');
    const nested = Object.fromEntries(
      Array.from({ length: 40 }, (_, i) => [`n${i + 1}`, `$[@n${i}, @n${i}]`] as const),
    );
    expect(() => graphOf({ n0: 1, ...nested, x: '$@n40 == [@n39, @n39]' }).get('x')).toThrow('takes more than');
  });
});

describe('JSON of a bundle', () => {
  it.each([
    ['{"a": 1, "a": 2}', 'the key "a" stands twice'],
    ['{"b": {"__proto__": {"polluted": true}}}', 'inference.json, b: the key "__proto__" is not allowed'],
    ['{"constructor": 1}', 'not allowed'],
    ['{"a": NaN}', '"NaN" is no JSON value'],
    ['{"a": [1, -Infinity]}', 'inference.json, a::1: "-Infinity" is no JSON value'],
    ['{"a": 1e999}', 'beyond any number'],
    ['{"a": 01}', 'comma'],
    ['{"a": "\u0001"}', 'string'],
    ['[1,]', 'no JSON value'],
    ['{} {}', 'follows the end'],
    ['', 'the end of the file'],
  ])('is refused with its place: %.60s', (text, reason) => {
    expect(() => readJson('inference.json', text)).toThrow(reason);
  });
});

describe('JSON without end', () => {
  it('is refused before it is all read', () => {
    expect(() => readJson('a.json', '['.repeat(1_000_000))).toThrow('nested deeper');
    expect(() => readJson('a.json', `[${'1,'.repeat(100_001)}1]`)).toThrow('more than 100000 values');
  });
});

describe('5,000 mutated configurations', () => {
  it('are each understood or refused in our own words, in bounded time', () => {
    const random = seeded(20_301);
    const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
    const source = JSON.stringify(INFERENCE);
    const pieces = [
      '@',
      '$',
      '%',
      '::',
      '#',
      '[',
      ']',
      '{',
      '}',
      '(',
      ')',
      '"',
      '**',
      '9999',
      '-',
      '.',
      ',',
      ' if ',
      'e9',
    ];
    const started = process.cpuUsage();
    let refusals = 0;
    for (let i = 0; i < 5000; i++) {
      let text = source;
      for (let edits = 1 + Math.floor(random() * 4); edits > 0; edits--) {
        const at = Math.floor(random() * text.length);
        const cut = random() < 0.5 ? Math.floor(random() * 12) : 0;
        text = text.slice(0, at) + (random() < 0.8 ? pick(pieces) : text.slice(at, at + 30)) + text.slice(at + cut);
      }
      try {
        const root = readJson('inference.json', text);
        if (!isMap(root)) continue;
        const graph = new ConfigGraph('inference.json', root);
        for (const id of ['preprocessing', 'inferer', 'postprocessing', 'network_def', 'spacing'])
          if (graph.has(id)) touch(graph.get(id), 0);
      } catch (error) {
        refusals++;
        expect(error).toHaveProperty('code', 'bad-model');
      }
    }
    expect(refusals).toBeGreaterThan(2000);
    expect(process.cpuUsage(started).user / 1e6).toBeLessThan(20);
  });
});

function touch(content: Content | undefined, depth: number): void {
  if (depth > 4 || content === undefined) return;
  if (hasKind(content, 'component')) for (const key of content.args.keys) touch(content.args.get(key), depth + 1);
  if (hasKind(content, 'table')) for (const key of content.keys) touch(content.get(key), depth + 1);
  if (Array.isArray(content)) for (const item of content) touch(item, depth + 1);
}
