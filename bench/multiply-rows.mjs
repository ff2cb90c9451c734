// A large index without the days it takes to fill one: the rows of real objects again and again, with UIDs and Patient
// IDs of their own. All indexes grow as they would; the object files do not, which are found by name and not searched.
import pg from 'pg';

/** Tables from the top down: what must differ in a copy, and which column leads to the table above. */
const TABLES = [
  { table: 'studies', differs: ['study_instance_uid', 'patient_id'] },
  { table: 'series', differs: ['series_instance_uid'], above: { table: 'studies', column: 'study_id' } },
  { table: 'instances', differs: ['sop_instance_uid'], above: { table: 'series', column: 'series_id' } },
];

/** After it there are `times` as many studies, series and instances. */
export async function multiplyRows(connectionString, times) {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    // One transaction may not hold a lock for each of a hundred thousand studies.
    await client.query('ALTER TABLE studies DISABLE TRIGGER USER');
    await client.query('CREATE UNLOGGED TABLE bench_copies (made_of bigint, copy integer, id bigint, level text)');
    for (const level of TABLES) await multiplyTable(client, level, times);
    await client.query('DROP TABLE bench_copies');
    await client.query('ALTER TABLE studies ENABLE TRIGGER USER');
    await client.query('VACUUM ANALYZE');
    await client.query('CHECKPOINT');
  } finally {
    await client.end();
  }
}

async function multiplyTable(client, { table, differs, above }, times) {
  const { rows } = await client.query(
    `SELECT column_name AS name, is_generated = 'ALWAYS' AS made, data_type AS type FROM information_schema.columns
     WHERE table_schema = 'public' AND table_name = $1 AND column_name <> 'id'`,
    [table],
  );
  const columns = rows.filter(({ made }) => !made).map(({ name }) => name);
  if (!columns.length) throw new Error(`there is no table ${table} to multiply`);
  const value = (name) => {
    if (differs.includes(name)) return `row.${name} || '.' || places.copy`;
    return name === above?.column ? 'places.above' : `row.${name}`;
  };
  // Ids are given beforehand, so that the level below finds the copies it belongs to.
  await client.query(
    `INSERT INTO bench_copies (made_of, copy, id, level)
     SELECT row.id, copy, nextval(pg_get_serial_sequence('${table}', 'id')), '${table}'
     FROM generate_series(1, ${times - 1}) AS copy, ${table} AS row`,
  );
  await client.query(`CREATE INDEX ON bench_copies (made_of, copy) WHERE level = '${table}'`);
  await client.query('ANALYZE bench_copies');
  const join = above
    ? `JOIN bench_copies AS upper ON upper.level = '${above.table}' AND upper.made_of = row.${above.column} AND upper.copy = own.copy`
    : '';
  await client.query(
    `INSERT INTO ${table} (id, ${columns.join(', ')}) OVERRIDING SYSTEM VALUE
     SELECT places.id, ${columns.map(value).join(', ')}
     FROM (SELECT own.id, own.copy, own.made_of${above ? ', upper.id AS above' : ''}
           FROM bench_copies AS own JOIN ${table} AS row ON row.id = own.made_of ${join}
           WHERE own.level = '${table}') AS places
     JOIN ${table} AS row ON row.id = places.made_of
     ORDER BY places.id`,
  );
}
