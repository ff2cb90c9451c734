import { BUNDLE_LIMITS } from './bundle-limits.ts';
import { type Content, describeContent, hasKind, isContentList, type Table } from './config-content.ts';
import { ExpressionFault } from './expression-tokens.ts';
import type { Tree } from './expression-tree.ts';

/** Names that stand for a value; every other name is refused. */
const CONSTANTS: ReadonlyMap<string, Content> = new Map<string, Content>([
  ...[
    'float16',
    'float32',
    'float64',
    'uint8',
    'int8',
    'int16',
    'int32',
    'int64',
    'half',
    'float',
    'long',
    'bool',
  ].flatMap((name) =>
    ['torch', 'np', 'numpy'].map((module): [string, Content] => [`${module}.${name}`, { kind: 'data-type', name }]),
  ),
  ...(['image', 'label', 'pred', 'loss', 'metadata'] as const).map((key): [string, Content] => [
    `monai.utils.CommonKeys.${key.toUpperCase()}`,
    key,
  ]),
]);

/** Names that may be called. */
const FUNCTIONS: ReadonlyMap<string, (args: readonly Content[]) => Content> = new Map<
  string,
  (args: readonly Content[]) => Content
>([
  ['len', ([of]) => (typeof of === 'string' ? of.length : hasKind(of, 'table') ? of.keys.length : listOf(of).length)],
  ['int', ([of]) => checked(Math.trunc(numberOf(typeof of === 'string' ? Number(of) : of)))],
  ['float', ([of]) => checked(numberOf(typeof of === 'string' ? Number(of) : of))],
  ['bool', ([of]) => truth(of)],
  ['abs', ([of]) => Math.abs(numberOf(of))],
  ['min', (args) => Math.min(...spread(args).map(numberOf))],
  ['max', (args) => Math.max(...spread(args).map(numberOf))],
  ['list', ([of]) => (of === undefined ? [] : listOf(of))],
  ['tuple', ([of]) => (of === undefined ? [] : listOf(of))],
]);

/**
 * Evaluates a tree of the whitelist: literals, references, arithmetic, comparison, choice, lists, indices, and the
 * functions and names above. There is no way from here to anything but these values.
 * @throws ExpressionFault naming what is not on the list
 */
export function evaluateTree(tree: Tree, resolve: (id: string) => Content, count: () => void): Content {
  let depth = 0;
  const value = (of: Tree): Content => {
    count();
    if (++depth > BUNDLE_LIMITS.treeDepth) throw new ExpressionFault('is nested too deep');
    const content = one(of);
    depth--;
    return content;
  };
  const one = (of: Tree): Content => {
    switch (of.kind) {
      case 'value':
        return of.value;
      case 'reference':
        return resolve(of.id);
      case 'name':
        return constant(of.name);
      case 'list':
      case 'tuple':
        return of.items.map(value);
      case 'dict':
        return tableOf(of.entries.map(([key, item]) => [keyOf(value(key)), value(item)]));
      case 'unary':
        return of.operator === 'not' ? !truth(value(of.of)) : numberOf(value(of.of)) * (of.operator === '-' ? -1 : 1);
      case 'binary':
        return binary(of.operator, value(of.left), value(of.right));
      case 'and': {
        const left = value(of.left);
        return truth(left) ? value(of.right) : left;
      }
      case 'or': {
        const left = value(of.left);
        return truth(left) ? left : value(of.right);
      }
      case 'compare': {
        let left = value(of.first);
        for (const [operator, next] of of.rest) {
          const right = value(next);
          if (!compare(operator, left, right, count)) return false;
          left = right;
        }
        return true;
      }
      case 'choice':
        return truth(value(of.test)) ? value(of.yes) : value(of.no);
      case 'index':
        return index(value(of.of), of.indices, value);
      case 'slice':
        throw new ExpressionFault('a slice stands outside of an index');
      case 'call': {
        const call = of.of.kind === 'name' ? FUNCTIONS.get(of.of.name) : undefined;
        if (!call) throw new ExpressionFault(`${of.of.kind === 'name' ? of.of.name : 'a value'}(…) is never called`);
        return call(of.args.map(value));
      }
      case 'lambda':
        return { kind: 'lambda', parameters: of.parameters, body: of.body };
    }
  };
  return value(tree);
}

function constant(name: string): Content {
  const found = CONSTANTS.get(name);
  if (found === undefined) throw new ExpressionFault(`the name ${name} is not on the list of what may be used`);
  return found;
}

function binary(operator: string, left: Content, right: Content): Content {
  if (operator === '+' && typeof left === 'string' && typeof right === 'string') {
    if (left.length + right.length > BUNDLE_LIMITS.expressionLength) throw new ExpressionFault('makes a huge string');
    return left + right;
  }
  if (operator === '+' && isContentList(left)) return bounded([...left, ...listOf(right)]);
  if (operator === '*' && isContentList(left)) return repeat(left, numberOf(right));
  if (operator === '*' && isContentList(right)) return repeat(right, numberOf(left));
  const [a, b] = [numberOf(left), numberOf(right)];
  if ((operator === '/' || operator === '//' || operator === '%') && b === 0)
    throw new ExpressionFault('divides by zero');
  switch (operator) {
    case '+':
      return checked(a + b);
    case '-':
      return checked(a - b);
    case '*':
      return checked(a * b);
    case '/':
      return checked(a / b);
    case '//':
      return checked(Math.floor(a / b));
    case '%':
      return checked(a - b * Math.floor(a / b));
    case '**':
      return checked(a ** b);
    default:
      throw new ExpressionFault(`the operator ${operator} is not on the list`);
  }
}

function compare(operator: string, left: Content, right: Content, count: () => void): boolean {
  if (operator === 'in' || operator === 'not in') {
    const found = hasKind(right, 'table')
      ? right.keys.includes(keyOf(left))
      : listOf(right).some((item) => equal(item, left, count));
    return found === (operator === 'in');
  }
  if (operator === '==' || operator === 'is') return equal(left, right, count);
  if (operator === '!=' || operator === 'is not') return !equal(left, right, count);
  const [a, b] = [numberOf(left), numberOf(right)];
  if (operator === '<') return a < b;
  if (operator === '<=') return a <= b;
  return operator === '>' ? a > b : a >= b;
}

/** Counted: lists that share their items can be longer than anything that was written. */
function equal(left: Content, right: Content, count: () => void): boolean {
  count();
  if (isContentList(left) && isContentList(right))
    return left.length === right.length && left.every((item, i) => equal(item, right[i] ?? null, count));
  return left === right;
}

function index(of: Content, indices: readonly Tree[], value: (tree: Tree) => Content): Content {
  const [first] = indices;
  if (indices.length !== 1 || first === undefined) throw new ExpressionFault('an index of several parts');
  if (first.kind === 'slice') {
    const list = listOf(of);
    const bound = (tree: Tree | undefined): number | undefined =>
      tree === undefined ? undefined : numberOf(value(tree));
    return list.slice(bound(first.from), bound(first.to));
  }
  const key = value(first);
  if (hasKind(of, 'table')) {
    const found = of.get(keyOf(key));
    if (found === undefined) throw new ExpressionFault(`there is no ${describeContent(key)} in it`);
    return found;
  }
  const found = listOf(of).at(numberOf(key));
  if (found === undefined) throw new ExpressionFault(`the index ${describeContent(key)} is beyond the list`);
  return found;
}

function tableOf(entries: readonly (readonly [string, Content])[]): Table {
  const map = new Map(entries);
  return { kind: 'table', keys: [...map.keys()], get: (key) => map.get(key) };
}

function keyOf(content: Content): string {
  if (typeof content === 'string') return content;
  if (typeof content === 'number') return String(content);
  throw new ExpressionFault(`${describeContent(content)} is no key`);
}

function numberOf(content: Content | undefined): number {
  if (typeof content === 'boolean') return content ? 1 : 0;
  if (typeof content === 'number') return content;
  throw new ExpressionFault(`${describeContent(content)} is no number`);
}

function listOf(content: Content | undefined): readonly Content[] {
  if (isContentList(content)) return content;
  throw new ExpressionFault(`${describeContent(content)} is no list`);
}

function spread(args: readonly Content[]): readonly Content[] {
  const items = args.length === 1 ? listOf(args[0]) : args;
  if (items.length === 0) throw new ExpressionFault('the least or greatest of nothing');
  return items;
}

function repeat(list: readonly Content[], times: number): Content {
  if (!Number.isInteger(times) || list.length * times > BUNDLE_LIMITS.listLength)
    throw new ExpressionFault(`a list repeated ${times} times`);
  return Array.from({ length: Math.max(0, times) }, () => list).flat();
}

function bounded(list: readonly Content[]): readonly Content[] {
  if (list.length > BUNDLE_LIMITS.listLength) throw new ExpressionFault(`a list of ${list.length}`);
  return list;
}

function checked(value: number): number {
  if (!Number.isFinite(value)) throw new ExpressionFault('the result is no finite number');
  return value;
}

function truth(content: Content | undefined): boolean {
  if (isContentList(content)) return content.length > 0;
  if (hasKind(content, 'table')) return content.keys.length > 0;
  return Boolean(content);
}
