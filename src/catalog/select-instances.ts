import type { Database } from './database.ts';
import { INSTANCE_COLUMNS, INSTANCE_TABLES, type LocatedInstance } from './locate.ts';
import { queryKeyOf } from './query-keys.ts';

/** Values of unique keys by tag (PS3.4 C.6): an instance is meant where each key has one of its values. */
export type UniqueKeys = ReadonlyMap<string, readonly string[]>;

/** Instances by their row numbers, in the order of their series and instance numbers. */
export interface SelectedRows {
  readonly ids: readonly number[];
  /** What kinds of objects are among them. */
  readonly kinds: readonly { readonly sopClassUid: string; readonly transferSyntaxUid: string }[];
}

/**
 * Which instances there are under the keys; a hundred thousand are a hundred thousand numbers.
 * @throws Error for a key that is none, or for no key: that would be everything
 */
export async function selectInstances(database: Database, keys: UniqueKeys): Promise<SelectedRows> {
  const columns = [...keys.keys()].map((tag) => queryKeyOf(tag, 'instance')?.column);
  if (columns.length === 0 || columns.includes(undefined)) throw new Error('instances are selected by unique keys');
  const { rows }: { rows: { ids: readonly (string | number)[] | null; kinds: readonly string[] | null }[] } =
    await database.raw(
      `WITH meant AS (
         SELECT i.id, i.series_id, i.instance_number, i.sop_class_uid || ' ' || i.transfer_syntax_uid AS kind
         ${INSTANCE_TABLES} WHERE ${columns.map((column) => `${column} = ANY(?::text[])`).join(' AND ')})
       SELECT (SELECT array_agg(id ORDER BY series_id, instance_number, id) FROM meant) AS ids,
              (SELECT array_agg(DISTINCT kind) FROM meant) AS kinds`,
      [...keys.values()].map((values) => values.map(storable)),
    );
  const [{ ids, kinds } = { ids: null, kinds: null }] = rows;
  return { ids: (ids ?? []).map(Number), kinds: (kinds ?? []).map(kindOf) };
}

/** As texts are recorded: PostgreSQL holds no NUL. */
function storable(text: string): string {
  return text.replaceAll('\0', '').toWellFormed();
}

function kindOf(text: string): { sopClassUid: string; transferSyntaxUid: string } {
  const [sopClassUid = '', transferSyntaxUid = ''] = text.split(' ');
  return { sopClassUid, transferSyntaxUid };
}

/** The instances of some row numbers, in their order; what is gone meanwhile is left out. */
export async function locateRows(database: Database, ids: readonly number[]): Promise<LocatedInstance[]> {
  const { rows }: { rows: (LocatedInstance & { readonly row: number })[] } = await database.raw(
    `SELECT i.id AS row, ${INSTANCE_COLUMNS} ${INSTANCE_TABLES} WHERE i.id = ANY(?::bigint[])`,
    [[...ids]],
  );
  const byRow = new Map(rows.map(({ row, ...located }) => [row, located]));
  return ids.flatMap((id) => byRow.get(id) ?? []);
}
