import { tagOf, vrOf } from '../dicom/dictionary.ts';
import type { Query, QueryLevel } from '../dicom/query.ts';
import type { Match } from '../dicom/query-match.ts';
import { Bindings, combinedRange, conditionOf } from './conditions.ts';
import type { Place } from './found.ts';
import { KEPT } from './kept-attributes.ts';
import { DATE_AND_TIME, DEPTH, patientKey, queryKeyOf, SOP_CLASSES, STUDY_DATE } from './query-keys.ts';
import type { Statement } from './statement.ts';

export interface PageOf {
  readonly size: number;
  readonly offset: number;
  /** The place of the last row of the page before. */
  readonly after: Place | undefined;
}

/** The one statement that a page of a query takes. */
export function statementOf(query: Query, { size, offset, after }: PageOf): Statement {
  const bindings = new Bindings();
  const where = whereOf(query, after, bindings);
  const limit = `LIMIT ${bindings.add(size)}${offset === 0 ? '' : ` OFFSET ${bindings.add(offset)}`}`;
  const text = query.level === 'patient' ? patientsSql(where, limit) : levelSql(query, where, limit);
  return { text, values: bindings.values, hot: isPlain(query) };
}

/** How many match behind a place, counted up to a number and no further: the time it takes has a bound. */
export function countStatementOf(query: Query, { size, offset, after }: PageOf): Statement {
  const bindings = new Bindings();
  const where = whereOf(query, after, bindings);
  const columns = query.level === 'patient' ? `DISTINCT ${patientKey('s')}` : '';
  const tables = TABLES[Math.max(DEPTH[query.level], 1) - 1]!;
  const limit = `LIMIT ${bindings.add(size)} OFFSET ${bindings.add(offset)}`;
  const text = `SELECT count(*)::integer AS n FROM (SELECT ${columns} ${tables} ${where} ${limit}) c`;
  return { text, values: bindings.values, hot: isPlain(query) };
}

function whereOf(query: Query, after: Place | undefined, bindings: Bindings): string {
  const conditions = conditionsOf(query, bindings);
  if (after !== undefined) conditions.push(behind(query.level, after, bindings));
  return conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;
}

const STUDY_DATE_TAG = tagOf('StudyDate')!;

/**
 * Plans for patterns depend on their values, those for single values do not; a range of dates is in the order of the
 * answers, so that its index is always right.
 */
function isPlain({ filters }: Query): boolean {
  return [...filters].every(
    ([path, { kind }]) => kind === 'any' || kind === 'equals' || (kind === 'range' && path === STUDY_DATE_TAG),
  );
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
     i.shape,
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

/** The rows that follow one in the order. The first comparison alone can go by the index, so it stands for itself. */
function behind(level: QueryLevel, after: Place, bindings: Bindings): string {
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
