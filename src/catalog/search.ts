import { gunzipSync } from 'node:zlib';
import type { JsonDataset } from '../dicom/dataset.ts';
import { keywordOf } from '../dicom/dictionary.ts';
import type { Match, Query } from '../dicom/query.ts';
import type { Database } from './database.ts';
import { fold } from './fold.ts';
import { QUERY_KEYS, type QueryKey } from './query-keys.ts';

/** One answer: the attributes kept at its level and above, and what is counted. */
export interface Found {
  readonly study: JsonDataset;
  readonly series?: JsonDataset;
  readonly instance?: JsonDataset;
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
  for (const [tag, match] of query.filters) {
    const key = QUERY_KEYS.find(({ keyword }) => keyword === keywordOf(tag));
    if (!key || DEPTH[key.level] > depth) continue;
    const condition = conditionOf(key, match);
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

function equals({ kind, column }: QueryKey, wanted: readonly string[]): Condition {
  if (kind === 'list') return { sql: `${column} && ?::text[]`, values: [[...wanted]] };
  if (kind === 'name') return anyOf(wanted.map((name) => nameCondition(column, escapeLike(fold(name)))));
  if (kind === 'number') {
    const numbers = wanted.map(Number).filter((number) => Number.isInteger(number) && Math.abs(number) < 2 ** 31);
    return numbers.length === 0 ? NEVER : { sql: `${column} = ANY(?::integer[])`, values: [numbers] };
  }
  return { sql: `${column} = ANY(?::text[])`, values: [[...wanted]] };
}

function like({ kind, column }: QueryKey, pattern: string): Condition {
  const translated = escapeLike(pattern).replace(/\*+/g, '%').replaceAll('?', '_');
  if (kind === 'list')
    return { sql: `EXISTS (SELECT FROM unnest(${column}) AS one WHERE one LIKE ?)`, values: [translated] };
  if (kind === 'name')
    return nameCondition(column, escapeLike(fold(pattern)).replace(/\*+/g, '%').replaceAll('?', '_'));
  if (kind === 'number') return { sql: `${column}::text LIKE ?`, values: [translated] };
  return { sql: `${column} LIKE ?`, values: [translated] };
}

/** A pattern for one component group finds the name in any of the three; trailing empty components do not count. */
function nameCondition(column: string, pattern: string): Condition {
  const trimmed = pattern.replace(/\^+$/, '');
  return {
    sql: `(${column} LIKE ? OR ${column} LIKE ? OR ${column} LIKE ? OR ${column} LIKE ?)`,
    values: [trimmed, `${trimmed}=%`, `%=${trimmed}`, `%=${trimmed}=%`],
  };
}

/** DA and TM compare as text; a shorter time stands for its whole minute or hour (PS3.4 C.2.2.2.5). */
function between({ column }: Pick<QueryKey, 'column'>, from: string | undefined, to: string | undefined): Condition {
  const parts: string[] = [];
  const values: string[] = [];
  if (from) {
    parts.push(`${column} >= ?`);
    values.push(from);
  }
  if (to) {
    // ":" follows "9" in the character set: everything that begins with `to` is included.
    parts.push(`${column} < ?`);
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
    ...(row.metadata === undefined
      ? {}
      : { instance: JSON.parse(gunzipSync(row.metadata).toString('utf8')), sopInstanceUid: row.sopInstanceUid! }),
    studyInstanceUid: row.studyInstanceUid,
    modalitiesInStudy: row.modalities,
    numberOfStudyRelatedSeries: row.studySeries,
    numberOfStudyRelatedInstances: row.studyInstances,
  };
}
