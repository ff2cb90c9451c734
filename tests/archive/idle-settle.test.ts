import { describe, expect, it, onTestFinished } from 'vitest';
import { Archive } from '../../src/archive/archive.ts';
import type { Transfer } from '../../src/archive/transfer.ts';
import { migrate, openDatabase } from '../../src/catalog/database.ts';
import { migrateQueue } from '../../src/jobs/queue.ts';
import { FileStore } from '../../src/storage/file-store.ts';
import { asFile } from '../support/instances.ts';
import { aDatabase, aFolder } from '../support/test-node.ts';

interface Job {
  readonly key: string;
  readonly revision: number;
  readonly seconds: number;
}

/** An archive and what it leaves in the queue, which nobody works off. */
async function anArchive({ settleSeconds = 2, idleSettleSeconds = 60 } = {}) {
  const connectionString = await aDatabase();
  const database = openDatabase(connectionString);
  onTestFinished(() => database.destroy());
  await migrate(database);
  await migrateQueue(connectionString);
  const store = await FileStore.open(aFolder());
  const archive = new Archive({ store, database, settleSeconds, idleSettleSeconds });
  const jobs = async (): Promise<Job[]> => {
    const { rows }: { rows: Job[] } = await database.raw(
      'SELECT key, revision, extract(epoch FROM run_at - now())::float AS seconds FROM graphile_worker.jobs ORDER BY key',
    );
    return rows;
  };
  return { archive, jobs };
}

async function receive(transfer: Transfer, number: number, series = '1.2.3.4.1.1'): Promise<void> {
  const incoming = await transfer.receiveFile();
  await incoming.write(asFile({ SOPInstanceUID: `${series}.${number}`, SeriesInstanceUID: series }));
  expect(await transfer.finish(incoming)).toMatchObject({ outcome: 'stored' });
}

describe('the settle job of a series under way', () => {
  it('is left with the first instance and not again with each that follows at once', async () => {
    const { archive, jobs } = await anArchive();
    const transfer = archive.ingest.begin();
    await receive(transfer, 1);
    const [first] = await jobs();
    expect(first!.seconds).toBeGreaterThan(55);
    for (const number of [2, 3, 4]) await receive(transfer, number);
    await receive(transfer, 1, '1.2.3.4.1.2');
    const [same, other] = await jobs();
    expect(same!.revision).toBe(first!.revision);
    expect(other!.seconds).toBeGreaterThan(55);
  });

  it('is left anew when a tenth of its delay has passed', async () => {
    const { archive, jobs } = await anArchive({ idleSettleSeconds: 1 });
    const transfer = archive.ingest.begin();
    await receive(transfer, 1);
    const [first] = await jobs();
    await new Promise((resolve) => setTimeout(resolve, 150));
    await receive(transfer, 2);
    expect((await jobs())[0]!.revision).toBeGreaterThan(first!.revision);
  });

  it('comes soon after the end of a transfer, and late again with the next instance', async () => {
    const { archive, jobs } = await anArchive();
    const first = archive.ingest.begin();
    await receive(first, 1);
    await first.end();
    expect((await jobs())[0]!.seconds).toBeLessThan(3);
    const second = archive.ingest.begin();
    await receive(second, 2);
    expect((await jobs())[0]!.seconds).toBeGreaterThan(55);
    await second.end();
    expect((await jobs())[0]!.seconds).toBeLessThan(3);
  });
});
