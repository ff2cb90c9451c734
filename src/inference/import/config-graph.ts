import { sentenceOf, VoxgateError } from '../../errors.ts';
import { BUNDLE_LIMITS } from './bundle-limits.ts';
import type { Component, Content, Table } from './config-content.ts';
import { type ConfigMap, type ConfigValue, childPlace, isList, isMap, refused } from './config-value.ts';
import { evaluateTree } from './evaluate-expression.ts';
import { parseExpression } from './expression-parser.ts';
import { ExpressionFault } from './expression-tokens.ts';

/** Keys of a component that are not arguments (MONAI bundle, config_syntax). */
const NOT_ARGUMENTS: ReadonlySet<string> = new Set(['_target_', '_disabled_', '_requires_', '_desc_', '_mode_']);
const REFERENCE = /^@\w*(?:::\w*)*$/;
const MACRO_FILE = /^(.+\.(?:json|ya?ml))(?:::(.*))?$/i;
const IMPORT = /^\$\s*(?:import|from)\s/;

/**
 * The configuration of a MONAI bundle as a graph: nothing is looked at before it is asked for, so what is never reached
 * (checkpoints, loaders, evaluators) is never evaluated, whatever it says.
 */
export class ConfigGraph {
  private readonly file: string;
  private readonly root: ConfigMap;
  private readonly others: ReadonlyMap<string, ConfigMap>;
  private readonly known = new Map<string, Content>();
  private readonly open: string[] = [];
  private steps = 0;

  /** @param others what `%file::id` may name, by their paths in the bundle */
  constructor(file: string, root: ConfigMap, others: ReadonlyMap<string, ConfigMap> = new Map()) {
    this.file = file;
    this.root = root;
    this.others = others;
  }

  has(id: string): boolean {
    return find(this.root, id) !== undefined;
  }

  /**
   * @param id "inferer", "preprocessing::transforms::0::pixdim"
   * @throws VoxgateError bad-model naming the file, the key and the expression
   */
  get(id: string): Content {
    const done = this.known.get(id);
    if (done !== undefined) return done;
    const raw = find(this.root, id);
    if (raw === undefined) throw this.refused(this.open.at(-1) ?? '', `names @${id}, which the file does not have`);
    const content = this.evaluate(raw, id);
    this.known.set(id, content);
    return content;
  }

  refused(id: string, reason: string, cause?: unknown): VoxgateError {
    return refused(this.file, id, reason, cause);
  }

  private evaluate(raw: ConfigValue, id: string): Content {
    if (this.open.includes(id)) {
      const circle = [...this.open.slice(this.open.indexOf(id)), id].join(' → ');
      throw this.refused(id, `refers to itself: ${circle}`);
    }
    if (this.open.length >= BUNDLE_LIMITS.depth) throw this.refused(id, 'its references lead too deep');
    this.count(id);
    this.open.push(id);
    try {
      if (typeof raw === 'string') return this.text(raw, id);
      if (isList(raw)) return this.list(raw, id);
      if (isMap(raw)) return raw.has('_target_') ? this.component(raw, id) : this.table(raw, id, () => true);
      return raw;
    } finally {
      this.open.pop();
    }
  }

  private text(raw: string, id: string): Content {
    if (IMPORT.test(raw)) throw this.refused(id, `"${raw}" would import Python, which is never done`);
    const text = absolute(raw, id, (reason) => this.refused(id, reason));
    if (REFERENCE.test(text)) return this.get(text.slice(1));
    if (text.startsWith('%')) return this.evaluate(this.macro(text.slice(1), id), `${id}${MACRO}`);
    if (!text.startsWith('$')) return raw;
    try {
      return evaluateTree(
        parseExpression(text.slice(1)),
        (reference) => this.get(reference),
        () => this.count(id),
      );
    } catch (cause) {
      if (cause instanceof ExpressionFault)
        throw this.refused(id, `the expression ${shortened(raw)} is not evaluated: ${sentenceOf(cause)}`, cause);
      if (cause instanceof VoxgateError) throw cause;
      throw this.refused(id, `the expression ${shortened(raw)} cannot be evaluated`, cause);
    }
  }

  /** `%id` or `%file.json::id`: the text that stands there, as if it stood here. */
  private macro(target: string, id: string): ConfigValue {
    const [, file, inside] = MACRO_FILE.exec(target) ?? [];
    if (file === undefined) return this.existing(find(this.root, target), id, target);
    const path = file.replace(/^\.?\//, '');
    const other = this.others.get(path) ?? this.others.get(`configs/${path}`);
    if (!other) throw this.refused(id, `copies from ${file}, which is no configuration of this bundle`);
    return this.existing(find(other, inside ?? ''), id, target);
  }

  private existing(value: ConfigValue | undefined, id: string, target: string): ConfigValue {
    if (value === undefined) throw this.refused(id, `copies %${target}, which does not exist`);
    return value;
  }

  /** A disabled component is left out, as MONAI does. */
  private list(raw: readonly ConfigValue[], id: string): Content[] {
    return raw.flatMap((item, i) => {
      const place = childPlace(id, i);
      return isMap(item) && this.disabled(item, place) ? [] : [this.child(item, place)];
    });
  }

  private disabled(raw: ConfigMap, id: string): boolean {
    if (!raw.has('_target_') || !raw.has('_disabled_')) return false;
    const value = this.child(raw.get('_disabled_') ?? null, childPlace(id, '_disabled_'));
    return typeof value === 'string' ? value.trim().toLowerCase() === 'true' : Boolean(value);
  }

  private component(raw: ConfigMap, id: string): Component {
    const target = this.child(raw.get('_target_') ?? null, childPlace(id, '_target_'));
    if (typeof target !== 'string') throw this.refused(id, '_target_ is no name of a class');
    const mode = raw.has('_mode_') ? this.child(raw.get('_mode_') ?? null, childPlace(id, '_mode_')) : 'default';
    if (mode !== 'default') throw this.refused(childPlace(id, '_mode_'), `${String(mode)} is not supported`);
    const args = this.table(raw, id, (key) => !NOT_ARGUMENTS.has(key));
    return { kind: 'component', target, id: id.replaceAll(MACRO, ''), args };
  }

  private table(raw: ConfigMap, id: string, wanted: (key: string) => boolean): Table {
    return {
      kind: 'table',
      keys: [...raw.keys()].filter(wanted),
      get: (key) => {
        const value = raw.get(key);
        return value === undefined ? undefined : this.child(value, childPlace(id, key));
      },
    };
  }

  /** Below a macro the same key can be another value: those are not remembered. */
  private child(raw: ConfigValue, id: string): Content {
    const done = id.includes(MACRO) ? undefined : this.known.get(id);
    if (done !== undefined) return done;
    const content = this.evaluate(raw, id);
    if (!id.includes(MACRO)) this.known.set(id, content);
    return content;
  }

  private count(id: string): void {
    if (++this.steps > BUNDLE_LIMITS.steps) throw this.refused(id, `takes more than ${BUNDLE_LIMITS.steps} steps`);
  }
}

/** Marks, within an id, that what follows was copied there by a macro. */
const MACRO = '%';

function find(root: ConfigMap, id: string): ConfigValue | undefined {
  if (id === '') return root;
  let at: ConfigValue | undefined = root;
  for (const key of id.split('::')) {
    if (isMap(at)) at = at.get(key);
    else if (isList(at) && /^\d+$/.test(key)) at = at[Number(key)];
    else return undefined;
  }
  return at;
}

/** "#" written as "::", and `@::a` (same level), `@::::a` (one up) made to begin at the top. */
function absolute(raw: string, id: string, refuse: (reason: string) => VoxgateError): string {
  if (!/^[@$%]/.test(raw)) return raw;
  const here = id.replaceAll(MACRO, '').split('::');
  return raw.replaceAll('#', '::').replace(/([@%])((?:::)+)/g, (_, sign: string, separators: string) => {
    const up = separators.length / 2;
    if (up > here.length) throw refuse(`the relative reference in ${shortened(raw)} leads above the top`);
    const base = here.slice(0, here.length - up).join('::');
    return base === '' ? sign : `${sign}${base}::`;
  });
}

function shortened(text: string): string {
  return JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}…` : text);
}
