import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, hostname } from 'node:os';
import { join } from 'node:path';
import { Archive } from './archive/archive.ts';
import { type Database, migrate, openDatabase, requireAnswer } from './catalog/database.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from './catalog/embedded-postgres.ts';
import type { Settings } from './config.ts';
import { createConsole } from './console/router.ts';
import { deterministicUid } from './dicom/uid.ts';
import { createDicomweb } from './dicomweb/router.ts';
import { type DimseDoor, openDimseDoor } from './dimse/server.ts';
import { findService } from './dimse/services/find.ts';
import { type HttpDoor, openHttpDoor } from './http-door.ts';
import { Lane } from './inference/lane.ts';
import { loadModels, type ModelLibrary } from './inference/model-library.ts';
import { migrateQueue, type Queue, startQueue } from './jobs/queue.ts';
import type { Log } from './log.ts';
import { openPeers } from './peers/open-peers.ts';
import { analyzeSeries } from './pipeline/analyze-series.ts';
import { deliverResults } from './pipeline/deliver-results.ts';
import { unknownModels } from './pipeline/route-series.ts';
import { settleSeries } from './pipeline/settle-series.ts';
import { watchLostAnalyses } from './pipeline/watch-lost-analyses.ts';
import type { Device } from './results/types.ts';
import { FileStore } from './storage/file-store.ts';
import { lockFolder } from './storage/folder-lock.ts';
import { VERSION } from './version.ts';

export interface Node {
  readonly settings: Settings;
  readonly library: ModelLibrary;
  readonly dimsePort: number;
  readonly httpPort: number;
  /** Takes no more callers, lets what is under way end, closes every room in reverse. */
  stop(): Promise<void>;
}

const DRAIN_MS = 20_000;

/**
 * Builds the rooms, opens the doors. The only place that knows everybody.
 * @throws VoxgateError bad-setting; whatever was opened before is closed again
 */
export async function startNode(settings: Settings, log: Log): Promise<Node> {
  const closers: (() => Promise<void> | void)[] = [];
  const stop = async (): Promise<void> => {
    for (const close of closers.splice(0).reverse()) await close();
  };
  try {
    return await build(settings, log, closers, stop);
  } catch (error) {
    await stop();
    throw error;
  }
}

async function build(
  settings: Settings,
  log: Log,
  closers: (() => Promise<void> | void)[],
  stop: () => Promise<void>,
): Promise<Node> {
  await mkdir(settings.data, { recursive: true });
  closers.push(lockFolder(settings.data));
  const { connectionString, database } = await openDatabases(settings, closers);
  const applied = await migrate(database);
  await migrateQueue(connectionString);
  if (applied.length > 0) log.info({ migrations: applied }, 'the database schema was brought up to date');

  const store = await FileStore.open(settings.data);
  const archive = new Archive({
    store,
    database,
    settleSeconds: settings.settleSeconds,
    idleSettleSeconds: settings.idleSettleSeconds,
  });
  const library = await loadModels(settings.models);
  reportModels(library, settings, log);
  const peers = openPeers(settings.peers, settings.aeTitle);
  const workFolder = join(settings.data, 'work');
  await rm(workFolder, { recursive: true, force: true });
  await mkdir(workFolder, { recursive: true });

  const lane = new Lane();
  closers.push(() => lane.close());
  // Loaded now rather than when the first series waits for it.
  void lane.ready();
  const routing = { library, routes: settings.routes, peers: settings.peers.map(({ name }) => name) };
  const analyzeParts = {
    database,
    archive,
    library,
    lane,
    log,
    workFolder,
    device: await describeDevice(settings),
    threads: Math.max(1, availableParallelism() - 1),
  };
  const queue: Queue = await startQueue({
    connectionString,
    log,
    concurrency: 2,
    handlers: {
      'settle-series': (place) => settleSeries({ database, archive, routing }, place),
      'analyze-series': ({ analysisId }, run) => analyzeSeries(analyzeParts, analysisId, run),
      'deliver-results': (job, run) => deliverResults({ database, archive, peers }, job, run),
    },
  });
  closers.push(() => queue.stop());
  closers.push(watchLostAnalyses(database, log));

  const dimse: DimseDoor = await openDimseDoor({
    host: settings.dimse.host,
    port: settings.dimse.port,
    admission: {
      aeTitle: settings.aeTitle,
      allowedCallers: settings.acceptUnknownPeers
        ? undefined
        : new Set(settings.peers.flatMap(({ aeTitle }) => aeTitle ?? [])),
      maxAssociations: settings.maxAssociations,
    },
    deadlines: {
      artim: settings.dimseArtimSeconds * 1000,
      idle: settings.dimseIdleSeconds * 1000,
      write: settings.dimseWriteSeconds * 1000,
    },
    services: [findService({ archive, retrieveAeTitle: settings.aeTitle, log })],
    archive,
    log,
  });
  closers.push(() => dimse.close(DRAIN_MS));
  const http: HttpDoor = await openHttpDoor({
    ...settings.http,
    log,
    dicomweb: createDicomweb({ archive, log }),
    console: createConsole({ database, archive, library, settings, laneReady: () => lane.ready() }),
  });
  closers.push(() => http.close(DRAIN_MS));
  return { settings, library, dimsePort: dimse.port, httpPort: http.port, stop };
}

async function openDatabases(
  settings: Settings,
  closers: (() => Promise<void> | void)[],
): Promise<{ connectionString: string; database: Database }> {
  let connectionString = settings.databaseUrl;
  if (connectionString === undefined) {
    const embedded: EmbeddedPostgres = await startEmbeddedPostgres(settings.data);
    closers.push(() => embedded.stop());
    connectionString = embedded.connectionString;
  }
  const database = openDatabase(connectionString);
  closers.push(() => database.destroy());
  await requireAnswer(database);
  return { connectionString, database };
}

function reportModels(library: ModelLibrary, settings: Settings, log: Log): void {
  for (const { folder, reason } of library.broken) log.error({ folder, reason }, 'a model package was left out');
  for (const { route, model } of unknownModels(settings.routes, library))
    log.error({ route, model }, 'a route names a model that is not in the library; it does nothing');
}

/** This node as a device: the same after every restart, another on every installation. */
async function describeDevice(settings: Settings): Promise<Device> {
  const path = join(settings.data, 'node-id');
  const known = await readFile(path, 'utf8').catch(() => undefined);
  const id = known?.trim() || randomUUID();
  if (!known) await writeFile(path, `${id}\n`);
  return {
    uid: deterministicUid('voxgate device', id),
    name: `${settings.aeTitle} on ${hostname()}`.slice(0, 64),
    manufacturer: 'Voxgate contributors',
    modelName: 'Voxgate',
    serialNumber: id,
    softwareVersion: VERSION,
  };
}
