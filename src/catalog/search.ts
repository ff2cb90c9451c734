import { gunzipSync } from 'node:zlib';
import type { JsonDataset } from '../dicom/dataset.ts';
import { tagOf } from '../dicom/dictionary.ts';
import type { Match, Query } from '../dicom/query.ts';
import type { Database } from './database.ts';
import { fold } from './fold.ts';
import { type QueryKey, queryKeyOf } from './query-keys.ts';

/** One answer: the attributes kept at its level and above, and what is counted. */
export interface Found {
  readonly study: JsonDataset;
  readonly series?: JsonDataset;
  /** Reads the instance's own attributes; a large answer is then never in memory as a whole. */
  readonly readInstance?: () => JsonDataset;
  readonly studyInstanceUid: string;
  readonly seriesInstanceUid?: string;
  readonly sopInstanceUid?: string;
  readonly modalitiesInStudy: readonly string[];
  readonly numberOfStudyRelatedSeries: number;
  readonly numberOfStudyRelatedInstances: number;
  readonly numberOfSeriesRelatedInstances?: number;
}

interface Row {
  readonly study: string;
  readonly series?: string;
  readonly metadata?: Buffer;
  readonly studyInstanceUid: string;
  readonly seriesInstanceUid?: string;
  readonly sopInstanceUid?: string;
  readonly modalities: string[];
  readonly studySeries: number;
  readonly studyInstances: number;
  readonly seriesInstances?: number;
}

const DEPTH = { study: 0, series: 1, instance: 2 } as const;

const TABLES = [
  'FROM studies s',
  'FROM studies s JOIN series e ON e.study_id = s.id',
  'FROM studies s JOIN series e ON e.study_id = s.id JOIN instances i ON i.series_id = e.id',
] as const;

const COLUMNS = [
  `s.attributes AS study, s.study_instance_uid AS "studyInstanceUid", s.modalities, s.number_of_series AS "studySeries",
   s.number_of_instances AS "studyInstances"`,
  `, e.attributes AS series, e.series_instance_uid AS "seriesInstanceUid", e.number_of_instances AS "seriesInstances"`,
  `, i.metadata, i.sop_instance_uid AS "sopInstanceUid"`,
] as const;

/** Newest study first; then in the order of arrival, which is stable while more arrives. */
const ORDER = ['ORDER BY s.study_date DESC NULLS LAST, s.id DESC', ', e.id', ', i.instance_number, i.id'] as const;

/** Answers of one query at most: what does not fit is asked for by `offset`, and the door says so. */
export const MOST_ANSWERS = 10_000;

/** Answers a query with one statement. A key that is not kept as a column matches everything (PS3.4 C.2.2.1.2: optional keys). */
export async function search(database: Database, query: Query): Promise<Found[]> {
  const depth = DEPTH[query.level];
  const conditions: string[] = [];
  const values: Binding[] = [];
  for (const [path, match] of query.filters) {
    const key = queryKeyOf(path, query.level);
    const condition = key && conditionOf(key, match);
    if (!condition) continue;
    conditions.push(condition.sql);
    values.push(...condition.values);
  }
  const upTo = (parts: readonly string[]): string => parts.slice(0, depth + 1).join('');
  const where = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;
  const { rows }: { rows: Row[] } = await database.raw(
    `SELECT ${upTo(COLUMNS)} ${TABLES[depth]} ${where} ${upTo(ORDER)} LIMIT ? OFFSET ?`,
    [...values, Math.min(query.limit ?? MOST_ANSWERS, MOST_ANSWERS), query.offset],
  );
  return rows.map(toFound);
}

type Binding = string | number | string[] | number[];

interface Condition {
  readonly sql: string;
  readonly values: readonly Binding[];
}

function conditionOf(key: QueryKey, match: Match): Condition | undefined {
  switch (match.kind) {
    case 'any':
      return undefined;
    case 'equals':
      return equals(key, match.values);
    case 'like':
      return anyOf(match.patterns.map((pattern) => like(key, pattern)));
    case 'range':
      return between(key, match.from, match.to);
  }
}

/** None of the values can be held: nothing matches. */
const NEVER: Condition = { sql: 'false', values: [] };

/** As texts are recorded: PostgreSQL holds no NUL and no half of a surrogate pair. */
function storable(text: string): string {
  return text.replaceAll('\0', '').toWellFormed();
}

function equals(key: QueryKey, values: readonly string[]): Condition {
  const { kind, column } = key;
  const wanted = values.map(storable);
  if (kind === 'list') return { sql: `${column} && ?::text[]`, values: [wanted] };
  if (kind === 'item') return inItems(key, 'one = ANY(?::text[])', wanted);
  if (kind === 'name') return anyOf(wanted.map((name) => nameCondition(column, escapeLike(fold(name)))));
  if (kind === 'number') {
    const numbers = wanted.map(Number).filter((number) => Number.isInteger(number) && Math.abs(number) < 2 ** 31);
    return numbers.length === 0 ? NEVER : { sql: `${column} = ANY(?::integer[])`, values: [numbers] };
  }
  return { sql: `${column} = ANY(?::text[])`, values: [wanted] };
}

function like(key: QueryKey, pattern: string): Condition {
  const { kind, column } = key;
  const wanted = storable(pattern);
  if (kind === 'name') return nameCondition(column, likePattern(fold(wanted)));
  if (kind === 'item') return inItems(key, 'one LIKE ?', likePattern(wanted));
  if (kind === 'list')
    return { sql: `EXISTS (SELECT FROM unnest(${column}) AS one WHERE one LIKE ?)`, values: [likePattern(wanted)] };
  if (kind === 'number') return { sql: `${column}::text LIKE ?`, values: [likePattern(wanted)] };
  return { sql: `${column} LIKE ?`, values: [likePattern(wanted)] };
}

/** "*" and "?" as PostgreSQL writes them (PS3.4 C.2.2.2.4). */
function likePattern(pattern: string): string {
  return escapeLike(pattern).replace(/\*+/g, '%').replaceAll('?', '_');
}

/** The sign for what jsonb refuses, NUL and halves of surrogate pairs; an escaped backslash is no beginning of one. */
const REFUSED_BY_JSONB = String.raw`'\\(u0000|ud[89a-f][0-9a-f]{2}|\\)'`;

/** Some item of the sequence has a value of the attribute for which `condition` holds (PS3.4 C.2.2.2.6). */
function inItems({ keyword, column }: QueryKey, condition: string, value: string | string[]): Condition {
  const [sequence, attribute] = keyword.split('.').map(tagOf);
  const json = `regexp_replace(${column}, ${REFUSED_BY_JSONB}, '!', 'g')::jsonb`;
  return {
    sql: `EXISTS (SELECT FROM jsonb_array_elements(${json} #> '{${sequence},Value}') AS item,
      jsonb_array_elements_text(item #> '{${attribute},Value}') AS one WHERE ${condition})`,
    values: [value],
  };
}

/** A pattern for one component group finds the name in any of the three. */
function nameCondition(column: string, pattern: string): Condition {
  return {
    sql: `(${column} LIKE ? OR ${column} LIKE ? OR ${column} LIKE ? OR ${column} LIKE ?)`,
    values: [pattern, `${pattern}=%`, `%=${pattern}`, `%=${pattern}=%`],
  };
}

/** DA and TM compare as text; a time that was recorded to the hour or minute is its beginning (PS3.4 C.2.2.2.5). */
function between({ kind, column }: QueryKey, from: string | undefined, to: string | undefined): Condition {
  const recorded = kind === 'time' ? `rpad(${column}, greatest(6, length(${column})), '0') COLLATE "C"` : column;
  const parts: string[] = [];
  const values: string[] = [];
  if (from) {
    parts.push(`${recorded} >= ?`);
    values.push(from);
  }
  if (to) {
    // ":" follows "9" in the character set: everything that begins with `to` is included.
    parts.push(`${recorded} < ?`);
    values.push(`${to}:`);
  }
  return parts.length === 0 ? { sql: `${column} IS NOT NULL`, values: [] } : { sql: parts.join(' AND '), values };
}

function anyOf(conditions: readonly Condition[]): Condition {
  if (conditions.length === 0) return NEVER;
  return {
    sql: `(${conditions.map(({ sql }) => `(${sql})`).join(' OR ')})`,
    values: conditions.flatMap(({ values }) => values),
  };
}

function escapeLike(text: string): string {
  return text.replace(/[\\%_]/g, (sign) => `\\${sign}`);
}

function toFound(row: Row): Found {
  return {
    study: JSON.parse(row.study),
    ...(row.series === undefined
      ? {}
      : {
          series: JSON.parse(row.series),
          seriesInstanceUid: row.seriesInstanceUid!,
          numberOfSeriesRelatedInstances: row.seriesInstances!,
        }),
    ...(row.metadata === undefined ? {} : { readInstance: reader(row.metadata), sopInstanceUid: row.sopInstanceUid! }),
    studyInstanceUid: row.studyInstanceUid,
    modalitiesInStudy: row.modalities,
    numberOfStudyRelatedSeries: row.studySeries,
    numberOfStudyRelatedInstances: row.studyInstances,
  };
}

function reader(metadata: Buffer): () => JsonDataset {
  return () => JSON.parse(gunzipSync(metadata).toString('utf8'));
}
