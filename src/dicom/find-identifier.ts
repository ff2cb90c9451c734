import type { JsonDataset, JsonElement, JsonValue } from './dataset.ts';
import { keywordOf } from './dictionary.ts';
import { personNameText } from './person-name.ts';
import type { Query, QueryLevel } from './query.ts';
import { type Match, parseMatch, wrongKey } from './query-match.ts';
import { isItem, text } from './read-values.ts';

/** The information models of PS3.4 Section C.6. */
export type FindModel = 'patient' | 'study' | 'patient-study-only';

/** What is fixed when a C-FIND comes in: by its SOP class, and by extended negotiation (PS3.4 Section C.5.1.1). */
export interface FindOptions {
  /** 'patient' unless given. */
  readonly model?: FindModel;
  /** Relational queries: unique keys of the levels above may be missing. */
  readonly relational?: boolean;
  readonly combinedDateTime?: boolean;
  readonly fuzzy?: boolean;
  readonly emptyValue?: boolean;
}

/** Query/Retrieve Level (0008,0052) and the unique key of each level (PS3.4 Section C.6), from above. */
const LEVELS: readonly { readonly name: string; readonly level: QueryLevel; readonly uniqueKey: string }[] = [
  { name: 'PATIENT', level: 'patient', uniqueKey: '00100020' },
  { name: 'STUDY', level: 'study', uniqueKey: '0020000D' },
  { name: 'SERIES', level: 'series', uniqueKey: '0020000E' },
  { name: 'IMAGE', level: 'instance', uniqueKey: '00080018' },
];

const LEVELS_OF_MODEL: Readonly<Record<FindModel, readonly string[]>> = {
  patient: ['PATIENT', 'STUDY', 'SERIES', 'IMAGE'],
  study: ['STUDY', 'SERIES', 'IMAGE'],
  'patient-study-only': ['PATIENT', 'STUDY'],
};

/** Attributes of an identifier that say how to ask, not what for (PS3.4 Section C.4.1.1.3). */
const NOT_KEYS: ReadonlySet<string> = new Set(['00080005', '00080052', '00080053', '00080201']);

/**
 * The query of a C-FIND identifier (PS3.4 Section C.4.1.1.3): every attribute is a key to match, and to return.
 *
 * @throws VoxgateError bad-request naming the attribute that is wrong, the level, or the unique key that is missing;
 *   the answer is then A900H (identifier does not match SOP class)
 */
export function queryFromIdentifier(identifier: JsonDataset, options: FindOptions = {}): Query {
  const levels = LEVELS_OF_MODEL[options.model ?? 'patient'];
  const stated = text(identifier, 'QueryRetrieveLevel') ?? '';
  if (!levels.includes(stated)) {
    throw wrongKey('QueryRetrieveLevel', `(0008,0052) must be ${levels.slice(0, -1).join(', ')} or ${levels.at(-1)}`);
  }
  const depth = LEVELS.findIndex(({ name }) => name === stated);
  const filters = new Map<string, Match>();
  addKeys(identifier, '', filters, { emptyValue: options.emptyValue ?? false });
  if (options.relational !== true) requireUniqueKey(filters, depth);
  return {
    level: LEVELS[depth]!.level,
    filters,
    include: [...filters.keys()],
    fuzzy: options.fuzzy ?? false,
    combinedDateTime: options.combinedDateTime ?? false,
    offset: 0,
    ignored: [],
  };
}

/**
 * A hierarchical search fixes the unique key of every level above (PS3.4 Section C.4.1.3.1.1). Callers in the field
 * leave out Patient ID, and the Study Instance UID below which a series lies: UIDs are unique without them. What is
 * refused is a search for series or instances that fixes no unique key at all and would list the whole archive.
 */
function requireUniqueKey(filters: ReadonlyMap<string, Match>, depth: number): void {
  const study = LEVELS.findIndex(({ level }) => level === 'study');
  if (depth <= study) return;
  const keys = LEVELS.slice(study, depth + 1).map(({ uniqueKey }) => uniqueKey);
  if (keys.some((key) => filters.get(key)?.kind === 'equals')) return;
  throw wrongKey('StudyInstanceUID', '(0020,000D) must have a value in a hierarchical search below the study');
}

function addKeys(
  item: JsonDataset,
  path: string,
  into: Map<string, Match>,
  options: { readonly emptyValue: boolean },
): void {
  for (const [tag, element] of Object.entries(item)) {
    if (path === '' && NOT_KEYS.has(tag)) continue;
    const [first] = element.Value ?? [];
    const isFilled = element.vr === 'SQ' && first !== undefined && isItem(first) && Object.keys(first).length > 0;
    if (isFilled && path.length < MAX_PATH) {
      addKeys(first, `${path}${tag}.`, into, options);
    } else {
      const name = keywordOf(tag) ?? tag;
      into.set(path + tag, parseMatch(element.vr, element.vr === 'SQ' ? [] : valuesOf(element), name, options));
    }
  }
}

/** Keys lie at most a few sequences deep. */
const MAX_PATH = 8 * 9;

function valuesOf(element: JsonElement): string[] {
  return (element.Value ?? []).map(keyText).filter((value) => value !== '');
}

function keyText(value: JsonValue): string {
  if (value === null) return '';
  return typeof value === 'object' ? personNameText(value) : String(value);
}
