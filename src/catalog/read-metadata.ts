import { gunzipSync } from 'node:zlib';
import type { JsonDataset } from '../dicom/dataset.ts';
import type { Database } from './database.ts';

/** The own attributes of instances, by the rows that `search` names, in the order asked. */
export async function readMetadataOf(database: Database, instanceIds: readonly number[]): Promise<JsonDataset[]> {
  const { rows }: { rows: { id: number; metadata: Buffer }[] } = await database.raw(
    'SELECT id, metadata FROM instances WHERE id = ANY(?::bigint[])',
    [[...instanceIds]],
  );
  const read = new Map(rows.map(({ id, metadata }) => [id, JSON.parse(gunzipSync(metadata).toString('utf8'))]));
  return instanceIds.map((id) => read.get(id) ?? {});
}
