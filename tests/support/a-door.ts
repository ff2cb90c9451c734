import { onTestFinished } from 'vitest';
import { Archive } from '../../src/archive/archive.ts';
import { type Database, migrate, openDatabase } from '../../src/catalog/database.ts';
import type { AdmittedCaller, CallerNotes, RefusedCaller } from '../../src/dimse/callers.ts';
import { type DimseDoor, type DimseDoorOptions, openDimseDoor } from '../../src/dimse/server.ts';
import { migrateQueue } from '../../src/jobs/queue.ts';
import { createLog } from '../../src/log.ts';
import { FileStore } from '../../src/storage/file-store.ts';
import { aDatabase, aFolder } from './test-node.ts';

export const LOOPBACK = { host: '127.0.0.1', port: 0 };

export interface TestDoor extends DimseDoor {
  /** What it noted so far, the last note of each caller. */
  callers(): { readonly refused: readonly RefusedCaller[]; readonly admitted: readonly AdmittedCaller[] };
  /** Of the archive behind it. */
  readonly folder: string;
}

type Changes = Omit<Partial<DimseDoorOptions>, 'admission'> & {
  /** Whether objects are stored in the test: their jobs need the queue's tables. */
  readonly stores?: boolean;
  readonly admission?: Partial<DimseDoorOptions['admission']>;
};

/** The DIMSE door alone, with an archive of its own behind it; closed when the test is over. */
export async function aDoor({ admission, stores = false, ...changes }: Changes = {}): Promise<TestDoor> {
  const folder = aFolder();
  const connectionString = await aDatabase();
  const database: Database = openDatabase(connectionString);
  onTestFinished(() => database.destroy());
  await migrate(database);
  if (stores) await migrateQueue(connectionString);
  const store = await FileStore.open(folder);
  const archive = new Archive({ store, database, settleSeconds: 3600, idleSettleSeconds: 3600 });
  const notes: CallerNotes[] = [];
  const door = await openDimseDoor({
    plain: undefined,
    secure: undefined,
    tls: { cert: undefined, key: undefined, passphrase: undefined, ca: undefined, clientCert: 'required' },
    admission: {
      aeTitle: 'VOXGATE',
      peers: [],
      acceptUnknownPeers: true,
      unknownPeers: {},
      identities: { users: {} },
      maxAssociations: 64,
      ...admission,
    },
    memoryBudget: 256 * 1024 * 1024,
    deadlines: { artim: 30_000, idle: 60_000, write: 60_000 },
    services: [],
    archive,
    recordCallers: (one) => Promise.resolve(void notes.push(one)),
    log: createLog(process.env['VOXGATE_LOG_LEVEL'] ?? 'silent', false),
    ...changes,
  });
  onTestFinished(() => door.close(500));
  return {
    ...door,
    folder,
    callers: () => ({
      refused: notes.flatMap(({ refused }) => refused),
      admitted: notes.flatMap(({ admitted }) => admitted),
    }),
  };
}
