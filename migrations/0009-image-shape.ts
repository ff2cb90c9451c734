import type { Knex } from 'knex';

/**
 * Rows, columns, bits and frames of an image stand in its row (src/catalog/image-shape.ts), because QIDO-RS tells them
 * of every instance (PS3.18 Table 10.6.3-5). NULL in rows from before: there they are read from the metadata.
 *
 * `record_instances` is changed in three places of what it has become (0002, 0008) and not written out anew.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw('ALTER TABLE instances ADD COLUMN shape text');
  await replaceIn(knex, PLACES);
}

export async function down(knex: Knex): Promise<void> {
  await replaceIn(
    knex,
    PLACES.map(([before, after]): [string, string] => [after, before]),
  );
  await knex.raw('ALTER TABLE instances DROP COLUMN shape');
}

const PLACES: readonly (readonly [before: string, after: string])[] = [
  ['metadata_length, warnings, origin)', 'metadata_length, warnings, origin, shape)'],
  ['r.warnings, r.origin\n', 'r.warnings, r.origin, r.shape\n'],
  ['warnings text, origin text)', 'warnings text, origin text, shape text)'],
];

async function replaceIn(knex: Knex, places: readonly (readonly [string, string])[]): Promise<void> {
  const { rows } = await knex.raw("SELECT pg_get_functiondef('record_instances(jsonb)'::regprocedure) AS text");
  let text: string = rows[0].text;
  for (const [before, after] of places) {
    if (text.split(before).length !== 2) throw new Error(`record_instances does not have "${before}" once`);
    text = text.replace(before, () => after);
  }
  // "?" stands for a value in knex; none is meant here
  await knex.raw(text.replaceAll('?', '\\?'));
}
