import type { JsonDataset } from '../dicom/dataset.ts';
import { tagOf, vrOf } from '../dicom/dictionary.ts';
import type { Query, QueryLevel } from '../dicom/query.ts';
import type { Match } from '../dicom/query-match.ts';
import { type Binding, Bindings, combinedRange, conditionOf } from './conditions.ts';
import type { Database } from './database.ts';
import { KEPT } from './kept-attributes.ts';
import { type AttributeFilters, matchesAttributes } from './match-attributes.ts';
import { DATE_AND_TIME, DEPTH, patientKey, queryKeyOf, SOP_CLASSES, STUDY_DATE } from './query-keys.ts';
import { runStatement, type Statement } from './statement.ts';

/** One answer: the attributes kept at its level and above, and what is counted. */
export interface Found {
  readonly level: QueryLevel;
  /** Of a patient: the attributes of its newest study that are about the patient. */
  readonly study: JsonDataset;
  readonly series?: JsonDataset;
  readonly studyInstanceUid?: string;
  readonly seriesInstanceUid?: string;
  readonly sopInstanceUid?: string;
  readonly sopClassUid?: string;
  readonly instanceNumber?: number | null;
  /** Of an instance: its row, by which its own attributes are read. */
  readonly instanceId?: number;
  readonly modalitiesInStudy?: readonly string[];
  readonly sopClassesInStudy?: readonly string[];
  readonly numberOfPatientRelatedStudies?: number;
  readonly numberOfPatientRelatedSeries?: number;
  readonly numberOfPatientRelatedInstances?: number;
  readonly numberOfStudyRelatedSeries?: number;
  readonly numberOfStudyRelatedInstances?: number;
  readonly numberOfSeriesRelatedInstances?: number;
}

/** A row under the names of `Found`, with JSON still to be parsed and the place of the row in the order. */
type Row = Omit<Found, 'level' | 'study' | 'series'> & {
  readonly study: string;
  readonly series?: string;
  readonly place: readonly (string | number)[];
} & Readonly<Record<`place${number}`, string | number>>;

/** Rows that are in memory at once. */
const PAGE = 250;

/** Answers of one QIDO-RS query at most: what does not fit is asked for by `offset`, and the door says so. */
export const MOST_ANSWERS = 10_000;

/** Answers a query at once, with at most `limit` or 10,000 answers. */
export async function search(database: Database, query: Query): Promise<Found[]> {
  const limit = Math.min(query.limit ?? MOST_ANSWERS, MOST_ANSWERS);
  const found: Found[] = [];
  for await (const page of searchPages(database, { ...query, limit })) found.push(...page);
  return found;
}

/**
 * Answers a query page by page, each read when the one before has been taken, so that any number of answers needs the
 * memory of one page and holds no connection while a slow caller takes them. What arrives meanwhile may be among the
 * answers; none is given twice. A key that is not kept matches everything (PS3.4 C.2.2.1.3: optional keys).
 *
 * @throws VoxgateError out-of-resources when a page takes over a minute; the signal's reason when it was aborted
 */
export async function* searchPages(database: Database, query: Query, signal?: AbortSignal): AsyncGenerator<Found[]> {
  const rest = filtersWithoutColumn(query);
  let skip = rest.size > 0 ? query.offset : 0;
  let left = query.limit ?? Number.POSITIVE_INFINITY;
  let after: readonly (string | number)[] | undefined;
  let offset = rest.size > 0 ? 0 : query.offset;
  while (left > 0) {
    const size = rest.size > 0 ? PAGE : Math.min(PAGE, left);
    const rows = await runStatement<Row>(database, statementOf(query, { size, offset, after }), signal);
    let found = rows.map((row) => toFound(row, query.level));
    if (rest.size > 0) {
      found = found.filter((one) => matchesAttributes({ ...one.study, ...one.series }, rest, query.fuzzy));
      const skipped = Math.min(skip, found.length);
      skip -= skipped;
      found = found.slice(skipped, skipped + left);
    }
    left -= found.length;
    if (found.length > 0) yield found;
    if (rows.length < size) return;
    after = placeOf(rows.at(-1)!, query.level);
    offset = 0;
  }
}

export interface PageOf {
  readonly size: number;
  readonly offset: number;
  /** The place of the last row of the page before. */
  readonly after: readonly (string | number)[] | undefined;
}

/** The one statement that a page of a query takes. */
export function statementOf(query: Query, page: PageOf): Statement {
  const bindings = new Bindings();
  const conditions = conditionsOf(query, bindings);
  if (page.after !== undefined) conditions.push(behind(query.level, page.after, bindings));
  const where = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;
  const limit = `LIMIT ${page.size}${page.offset === 0 ? '' : ` OFFSET ${page.offset}`}`;
  const text = query.level === 'patient' ? patientsSql(where, limit) : levelSql(query, where, limit);
  return { text, values: bindings.values, hot: page.size === PAGE && page.offset === 0 && isPlain(query) };
}

/** Plans for patterns and ranges depend on their values, those for single values do not. */
function isPlain({ filters }: Query): boolean {
  return [...filters.values()].every((match) => match.kind === 'any' || match.kind === 'equals');
}

function conditionsOf(query: Query, bindings: Bindings): string[] {
  const conditions: string[] = [];
  const filters = new Map(query.filters);
  for (const [date, time] of query.combinedDateTime ? DATE_AND_TIME : []) {
    const [dateKey, timeKey] = [queryKeyOf(date, query.level), queryKeyOf(time, query.level)];
    const [dates, times] = [filters.get(date), filters.get(time)];
    if (!dateKey || !timeKey || !dates || !times) continue;
    const sql = combinedRange(dateKey, timeKey, dates, times, bindings);
    if (sql === undefined) continue;
    conditions.push(sql);
    filters.delete(date);
    filters.delete(time);
  }
  for (const [path, match] of filters) {
    const key = queryKeyOf(path, query.level);
    const sql = key ? conditionOf(key, match, bindings, query.fuzzy) : heldSomewhere(path, match, query, bindings);
    if (sql !== undefined) conditions.push(sql);
  }
  return conditions;
}

/** Filters for kept attributes that have no column: they are matched here, on the rows that the others leave. */
function filtersWithoutColumn({ filters, level }: Query): AttributeFilters {
  const isLeft = ([path, match]: [string, Match]): boolean =>
    match.kind !== 'any' && queryKeyOf(path, level) === undefined && KEPT[level].has(path.slice(0, 8));
  return new Map([...filters].filter(isLeft));
}

/** VRs whose values stand in the JSON as they stand in the query. */
const VERBATIM = new Set(['AE', 'CS', 'LO', 'SH', 'UI']);
const SAFE = /^[A-Za-z0-9_ .:-]{2,64}$/;

/** Leaves out in PostgreSQL the rows whose JSON does not hold the value anywhere. */
function heldSomewhere(path: string, match: Match, { level }: Query, bindings: Bindings): string | undefined {
  const vr = vrOf(path.slice(-8));
  if (match.kind !== 'equals' || !KEPT[level].has(path.slice(0, 8)) || vr === undefined || !VERBATIM.has(vr)) {
    return undefined;
  }
  if (!match.values.every((value) => SAFE.test(value))) return undefined;
  const column = KEPT.study.has(path.slice(0, 8)) ? 's.attributes' : 'e.attributes';
  const patterns = match.values.map((value) => `%"${value.replaceAll('_', '\\_')}"%`);
  return `${column} LIKE ANY(${bindings.add(patterns)}::text[])`;
}

const TABLES = [
  'FROM studies s',
  'FROM studies s JOIN series e ON e.study_id = s.id',
  'FROM studies s JOIN series e ON e.study_id = s.id JOIN instances i ON i.series_id = e.id',
] as const;

const COLUMNS = [
  `SELECT s.attributes AS study, s.study_instance_uid AS "studyInstanceUid", s.modalities AS "modalitiesInStudy",
     s.number_of_series AS "numberOfStudyRelatedSeries",
     s.number_of_instances AS "numberOfStudyRelatedInstances", ${STUDY_DATE} AS place0, s.id AS place1`,
  `, e.attributes AS series, e.series_instance_uid AS "seriesInstanceUid",
     e.number_of_instances AS "numberOfSeriesRelatedInstances", e.id AS place2`,
  `, i.sop_instance_uid AS "sopInstanceUid", i.sop_class_uid AS "sopClassUid", i.instance_number AS "instanceNumber",
     i.id AS "instanceId", coalesce(i.instance_number, 2147483647) AS place3, i.id AS place4`,
] as const;

/** Newest study first; then in the order of arrival, which is stable while more arrives. */
const ORDER = [`ORDER BY ${STUDY_DATE} DESC, s.id DESC`, ', e.id', ', coalesce(i.instance_number, 2147483647), i.id'];

function levelSql(query: Query, where: string, limit: string): string {
  const depth = DEPTH[query.level];
  const upTo = (parts: readonly string[]): string => parts.slice(0, depth).join('');
  const counted = PATIENT_COUNT_TAGS.some((tag) => asksFor(tag, query));
  const classes = asksFor(SOP_CLASSES_IN_STUDY, query) ? `, ${SOP_CLASSES} AS "sopClassesInStudy"` : '';
  const columns = upTo(COLUMNS) + classes + (counted ? `, ${PATIENT_COUNTS}` : '');
  const tables = TABLES[depth - 1]! + (counted ? ` ${ofThePatient(patientKey('s'))}` : '');
  return `${columns} ${tables} ${where} ${upTo(ORDER)} ${limit}`;
}

const PATIENT_COUNTS = `p.studies AS "numberOfPatientRelatedStudies", p.series AS "numberOfPatientRelatedSeries",
  p.instances AS "numberOfPatientRelatedInstances"`;

const ofThePatient = (key: string): string => `CROSS JOIN LATERAL (
  SELECT count(*)::integer AS studies, sum(o.number_of_series)::integer AS series,
    sum(o.number_of_instances)::integer AS instances
  FROM studies o WHERE ${patientKey('o')} = ${key}) p`;

const PATIENT_COUNT_TAGS = [
  'NumberOfPatientRelatedStudies',
  'NumberOfPatientRelatedSeries',
  'NumberOfPatientRelatedInstances',
].map((keyword) => tagOf(keyword)!);

const SOP_CLASSES_IN_STUDY = tagOf('SOPClassesInStudy')!;

/** What costs a question more is answered to who names it. */
function asksFor(tag: string, { include, filters }: Query): boolean {
  return filters.has(tag) || (include !== 'all' && include.includes(tag));
}

/** A patient is who has the same Patient ID and issuer (PS3.4 C.6.1.1.2); its newest study tells about it. */
function patientsSql(where: string, limit: string): string {
  return `SELECT s.attributes AS study, s.patient_key AS place0, ${PATIENT_COUNTS}
    FROM (SELECT DISTINCT ON (patient_key) ${patientKey('s')} AS patient_key, s.attributes FROM studies s ${where}
          ORDER BY patient_key, s.id DESC ${limit}) s
    ${ofThePatient('s.patient_key')} ORDER BY s.patient_key`;
}

function placeOf(row: Row, level: QueryLevel): (string | number)[] {
  const parts = [1, 2, 3, 5][DEPTH[level]]!;
  return Array.from({ length: parts }, (_, i) => row[`place${i}`]!);
}

/** The rows that follow one in the order. The first comparison alone can go by the index, so it stands for itself. */
function behind(level: QueryLevel, after: readonly Binding[], bindings: Bindings): string {
  const [first, ...others] = after.map((value) => bindings.add(value));
  if (level === 'patient') return `${patientKey('s')} > ${first}`;
  const study = `(${STUDY_DATE}, s.id)`;
  const own = `(${first}, ${others[0]})`;
  if (level === 'study') return `${study} < ${own}`;
  const lower =
    level === 'series'
      ? `e.id > ${others[1]}`
      : `(e.id, coalesce(i.instance_number, 2147483647), i.id) > (${others.slice(1).join(', ')})`;
  return `${study} <= ${own} AND (${study} < ${own} OR ${lower})`;
}

function toFound(row: Row, level: QueryLevel): Found {
  const { study, series, ...others } = row;
  return {
    ...others,
    level,
    study: JSON.parse(study),
    ...(series === undefined ? {} : { series: JSON.parse(series) }),
  };
}
