// What has to be true of a node that came back: judged by its own door, by its rows and by its files.
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { Client } from '../../bench/http.mjs';
import { dataSetDigest } from './objects.mjs';

const AT_ONCE = 8;

/** Asks for every object by WADO-RS; @returns {Promise<string[]>} a sentence for each that is lost or changed */
export async function retrieveAll(root, objects) {
  const faults = [];
  const client = new Client(`${root}/dicom-web`, AT_ONCE);
  const left = objects.values();
  const ask = async () => {
    for (const { sop, study, series, digest } of left) {
      const path = `/studies/${study}/series/${series}/instances/${sop}`;
      const { status, body } = await client.send('GET', path, { accept: 'application/dicom; transfer-syntax=*' });
      if (status !== 200) faults.push(`${sop} was acknowledged and is answered with HTTP ${status}`);
      else if (dataSetDigest(body()) !== digest) faults.push(`${sop} was acknowledged and has other bytes now`);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, ask));
  client.close();
  return faults;
}

/** Files that a crash may leave half written; none may outlive a start. */
export function stagedFiles(data) {
  return readdirSync(join(data, 'staging'));
}

/**
 * Rows against files.
 * @returns {Promise<{ rows: number, faults: string[], orphans: string[] }>}
 */
export async function compareStore({ data, databaseUrl }, sent) {
  const held = await rowsOf(databaseUrl);
  const files = new Map(storedFiles(data));
  const faults = [];
  const named = new Set();
  for (const { sop, key, size } of held) {
    named.add(key);
    const path = files.get(key);
    if (path === undefined) faults.push(`${sop} has a row and no bytes`);
    else if (statSync(path).size !== Number(size)) faults.push(`${sop} has ${statSync(path).size} bytes for ${size}`);
    if (!sent.has(sop)) faults.push(`${sop} has a row and was never sent`);
  }
  return { rows: held.length, faults, orphans: [...files.keys()].filter((key) => !named.has(key)) };
}

async function rowsOf(connectionString) {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    const { rows } = await client.query(`
      SELECT sop_instance_uid AS sop, storage_key AS key, size FROM instances
      UNION ALL
      SELECT sop_instance_uid, storage_key, size FROM conflicts`);
    return rows;
  } finally {
    await client.end();
  }
}

/** Counters of a study or series are kept by the same transactions as the rows: they must agree. */
export async function miscounted(connectionString) {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    const { rows } = await client.query(`
      SELECT series_instance_uid AS uid FROM series s
      WHERE number_of_instances <> (SELECT count(*) FROM instances i WHERE i.series_id = s.id)
      UNION ALL
      SELECT study_instance_uid FROM studies t
      WHERE number_of_instances <> (SELECT count(*) FROM instances i JOIN series s ON s.id = i.series_id WHERE s.study_id = t.id)
         OR number_of_series <> (SELECT count(*) FROM series s WHERE s.study_id = t.id)`);
    return rows.map(({ uid }) => `${uid} has counters that differ from its rows`);
  } finally {
    await client.end();
  }
}

/** [key, path] of every stored file. */
function storedFiles(data) {
  const root = join(data, 'objects');
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => [entry.name.replace(/\.dcm$/, ''), join(entry.parentPath, entry.name)]);
}
