import { createReadStream, existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { type Fault, type VerifiedStore, type VerifyOptions, verifyObjects } from '../../src/archive/verify-objects.ts';
import { openDatabase } from '../../src/catalog/database.ts';
import { objectPath, walkFolder } from '../../src/storage/file-store.ts';
import { ask, partsOf } from '../dicomweb/client.ts';
import type { SharedNode } from '../dicomweb/shared-node.ts';

/** Asks the admin API as a program does; resolves to the answer, status and all. */
export async function api(
  { http }: Pick<SharedNode, 'http'>,
  method: string,
  path: string,
  body: object = {},
): Promise<{ status: number; said: Record<string, unknown> }> {
  const asked = JSON.stringify(body);
  const headers = { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(asked)) };
  const { status, text } = await ask(http, `/api${path}`, {
    method,
    ...(method === 'GET' ? {} : { headers, body: asked }),
  });
  return { status, said: JSON.parse(text) };
}

/** Deletes and says that it must succeed; resolves to the number of the deletion. */
export async function deleted(node: Pick<SharedNode, 'http'>, path: string, reason = 'a test'): Promise<number> {
  const { status, said } = await api(node, 'DELETE', path, { reason });
  expect([status, said]).toEqual([200, expect.objectContaining({ deletionId: expect.any(Number) })]);
  return Number(said['deletionId']);
}

/** The stored bytes of every instance of a place, by no order; empty where nothing is held. */
export async function retrieved({ http }: Pick<SharedNode, 'http'>, path: string): Promise<string[]> {
  const answer = await ask(http, `/dicom-web${path}`, {
    headers: { accept: 'multipart/related; type="application/dicom"; transfer-syntax=*' },
  });
  if (answer.status === 404) return [];
  expect(answer.status, answer.text.slice(0, 200)).toBe(200);
  return partsOf(answer)
    .map(({ body }) => body.toString('base64'))
    .sort();
}

export const asText = (files: readonly Buffer[]): string[] => files.map((file) => file.toString('base64')).sort();

/** Names of the object files in a data folder. */
export function objectFiles(data: string): string[] {
  const objects = join(data, 'objects');
  if (!existsSync(objects)) return [];
  return readdirSync(objects, { recursive: true, encoding: 'utf8' }).filter((name) =>
    statSync(join(objects, name)).isFile(),
  );
}

/** Counts as they stand in the rows of studies and series, against what is there when it is counted. */
export async function expectTrueCounts({ sql }: Pick<SharedNode, 'sql'>): Promise<void> {
  const wrongSeries = await sql(
    `SELECT e.series_instance_uid, e.number_of_instances, count(i.id) FROM series e LEFT JOIN instances i ON i.series_id = e.id
     GROUP BY e.id HAVING e.number_of_instances <> count(i.id) OR count(i.id) = 0`,
  );
  const wrongStudies = await sql(
    `SELECT s.study_instance_uid, s.number_of_series, s.number_of_instances, s.modalities FROM studies s
       LEFT JOIN LATERAL (SELECT count(DISTINCT e.id) AS series, count(i.id) AS instances,
         coalesce(array_agg(DISTINCT e.modality ORDER BY e.modality) FILTER (WHERE e.modality IS NOT NULL), '{}') AS modalities
         FROM series e JOIN instances i ON i.series_id = e.id WHERE e.study_id = s.id) c ON true
     WHERE s.number_of_series <> c.series OR s.number_of_instances <> c.instances OR s.modalities <> c.modalities
       OR c.instances = 0`,
  );
  expect([wrongSeries, wrongStudies]).toEqual([[], []]);
}

/** The file of an object, where it lies in a data folder. */
export const fileOf = (data: string, key: string): string => objectPath(join(data, 'objects'), key);

/** A data folder as who only reads sees it. */
export function readOnly(data: string): VerifiedStore {
  return {
    pathOf: (key) => fileOf(data, key),
    walk: () => walkFolder(join(data, 'objects')),
    stream: (key, start, length) => createReadStream(fileOf(data, key), { start, end: start + length - 1 }),
  };
}

/** Every fault of every file and row; also files that no row names, however young. */
export async function faults({ node }: Pick<SharedNode, 'node'>, options: VerifyOptions = {}): Promise<Fault[]> {
  const { data, databaseUrl } = node.settings;
  const database = openDatabase(databaseUrl ?? '');
  try {
    const found: Fault[] = [];
    await verifyObjects({ database, store: readOnly(data), orphanAgeMs: -60_000 }, options, (fault) =>
      found.push(fault),
    );
    return found;
  } finally {
    await database.destroy();
  }
}
