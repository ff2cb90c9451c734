import { openDatabase } from '../../src/catalog/database.ts';
import { stored } from '../dicomweb/client.ts';
import { asFile, SECONDARY_CAPTURE } from '../support/instances.ts';
import type { TestNode } from '../support/test-node.ts';

export interface Delivered {
  readonly analysisId: number;
  readonly instances: readonly string[];
}

/** An analysis with these results, and the job that delivers them, as the pipeline leaves them behind. */
export async function deliver(node: TestNode, peer: string, instances: readonly string[]): Promise<Delivered> {
  await stored(
    node.http,
    instances.map((SOPInstanceUID) => asFile({ SOPInstanceUID })),
  );
  const database = openDatabase(node.settings.databaseUrl ?? '');
  try {
    return await database.transaction(async (tx) => {
      const { rows }: { rows: { id: number }[] } = await tx.raw(
        `INSERT INTO analyses (study_instance_uid, series_instance_uid, input_digest, model_id, model_version, model_digest,
           deliver_to, state, reason, conclusion)
         VALUES ('1.2.3.4.1', '1.2.3.4.1.9', 'd', 'm', '1', 'd', ARRAY[?], 'running', 'Running.', 'Done.') RETURNING id`,
        [peer],
      );
      const analysisId = rows[0]!.id;
      await tx.raw('INSERT INTO deliveries (analysis_id, peer) VALUES (?, ?)', [analysisId, peer]);
      for (const uid of instances)
        await tx.raw('INSERT INTO results VALUES (?, ?, ?, ?)', [analysisId, uid, '1.2.3.4.1.1', SECONDARY_CAPTURE]);
      await tx.raw(`SELECT graphile_worker.add_job('deliver-results', payload => ?::json)`, [
        JSON.stringify({ analysisId, peer }),
      ]);
      return { analysisId, instances };
    });
  } finally {
    await database.destroy();
  }
}

/** The first row of a statement that has one. */
export async function eventually<T>(
  node: TestNode,
  statement: string,
  values: readonly (string | number)[],
  seconds = 20,
): Promise<T> {
  const database = openDatabase(node.settings.databaseUrl ?? '');
  const until = Date.now() + seconds * 1000;
  try {
    for (;;) {
      const { rows }: { rows: T[] } = await database.raw(statement, [...values]);
      if (rows[0]) return rows[0];
      if (Date.now() > until) throw new Error(`no row within ${seconds} s: ${statement}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  } finally {
    await database.destroy();
  }
}
