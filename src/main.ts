import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, hostname } from 'node:os';
import { join } from 'node:path';
import { Archive } from './archive/archive.ts';
import { takeNotice } from './archive/availability-notices.ts';
import { ChangeFeed } from './archive/change-feed.ts';
import { Commitments } from './archive/commitments.ts';
import { purgeDeletion } from './archive/delete-purge.ts';
import { ProcedureSteps } from './archive/procedure-steps.ts';
import { RequestedCommitments } from './archive/requested-commitments.ts';
import { diskOf } from './archive/retention.ts';
import { startUpkeep } from './archive/retention-timer.ts';
import type { Analysis } from './catalog/analyses.ts';
import { recordCallers } from './catalog/callers.ts';
import { type Database, migrate, openDatabase, requireAnswer } from './catalog/database.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from './catalog/embedded-postgres.ts';
import type { Settings } from './config.ts';
import { createConsole } from './console/router.ts';
import { deterministicUid } from './dicom/uid.ts';
import { createDicomweb } from './dicomweb/router.ts';
import { objectTranscoder } from './dicomweb/transcode-objects.ts';
import { type DimseDoor, openDimseDoor } from './dimse/server.ts';
import { commitmentService } from './dimse/services/commitment.ts';
import { findService } from './dimse/services/find.ts';
import { getService } from './dimse/services/get.ts';
import { moveService } from './dimse/services/move.ts';
import { ianService, mppsService } from './dimse/services/mpps.ts';
import { leaveRoomInHeap } from './heap.ts';
import { type HttpDoor, openHttpDoor } from './http-door.ts';
import { PixelCache } from './imaging/pixel-cache.ts';
import { PixelPool } from './imaging/pixel-pool.ts';
import { TranscodeClient } from './imaging/transcode-client.ts';
import { Lanes } from './inference/lanes/lanes.ts';
import type { ModelLibrary } from './inference/model-library.ts';
import { migrateQueue, type Queue, startQueue } from './jobs/queue.ts';
import type { Log } from './log.ts';
import { isReachable } from './peer-settings.ts';
import { moveDestinations } from './peers/destinations.ts';
import { openPeers, openPriorPeers } from './peers/open-peers.ts';
import { afterDelivery } from './pipeline/after-delivery.ts';
import { askSource } from './pipeline/ask-source.ts';
import { completenessLimits } from './pipeline/completeness.ts';
import { deliverResults } from './pipeline/deliver-results.ts';
import { fetchPriors } from './pipeline/fetch-priors.ts';
import { keepFailures } from './pipeline/job-failures.ts';
import { keepModels } from './pipeline/keep-models.ts';
import { unknownModels } from './pipeline/plan-analyses.ts';
import { rejectSuperseded } from './pipeline/reject-superseded.ts';
import { runAnalysis } from './pipeline/run-analysis.ts';
import { settleSeries } from './pipeline/settle-series.ts';
import { sweepMasks } from './pipeline/shadow-agreement.ts';
import { watchAnalyses } from './pipeline/watch-analyses.ts';
import { OverloadWatch } from './pipeline/watch-overload.ts';
import { workflowJobs } from './pipeline/workflow-jobs.ts';
import type { Device } from './results/types.ts';
import { FileStore } from './storage/file-store.ts';
import { lockFolder } from './storage/folder-lock.ts';
import { VERSION } from './version.ts';

export interface Node {
  readonly settings: Settings;
  readonly library: ModelLibrary;
  /** 0 where there is none. */
  readonly dimsePort: number;
  readonly dimseTlsPort: number;
  readonly httpPort: number;
  /** Takes no more callers, lets what is under way end, closes every room in reverse. */
  stop(): Promise<void>;
}

const DRAIN_MS = 20_000;
/** Series that are settled and results that are delivered at once. */
const PROMPT_JOBS = 4;
/** Rendered pictures that were asked for last: about a thousand of a CT, or all thumbnails of a day's studies. */
const PICTURE_CACHE_BYTES = 64 * 2 ** 20;
/** Objects that are decoded at once for peers that take them only without compression. */
const TRANSCODING_PROCESSES = Math.max(1, Math.min(4, availableParallelism() - 1));

/**
 * Builds the rooms, opens the doors. The only place that knows everybody.
 * @throws VoxgateError bad-setting; whatever was opened before is closed again
 */
export async function startNode(settings: Settings, log: Log): Promise<Node> {
  leaveRoomInHeap();
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

  const store = await FileStore.open(settings.data, { minFreeBytes: settings.minFreeBytes });
  const overload = new OverloadWatch(settings);
  const archive = new Archive({
    store,
    database,
    settleSeconds: settings.settleSeconds,
    idleSettleSeconds: settings.idleSettleSeconds,
    leastQuietSeconds: settings.leastQuietSeconds,
    overload: () => overload.reason,
  });
  const workFolder = join(settings.data, 'work');
  await rm(workFolder, { recursive: true, force: true });
  await mkdir(workFolder, { recursive: true });
  const transcoder = new TranscodeClient({ folder: join(workFolder, 'transcoded'), processes: TRANSCODING_PROCESSES });
  closers.push(() => transcoder.close());
  const pixels = new PixelPool({ log });
  closers.push(() => pixels.close());
  const peers = openPeers(settings.peers, settings.aeTitle, transcoder);

  const engine = new Lanes();
  closers.push(() => engine.close());
  const { models: folders, modelsLookSeconds: lookSeconds, data } = settings;
  const models = await keepModels({ folders, lookSeconds, data, workFolder, database, engine, log });
  closers.push(() => models.close());
  const { library } = models;
  reportRoutes(library, settings, log);
  // Loaded now rather than when the first series waits for it.
  void engine.ready();
  const routing = {
    library,
    routes: settings.routes,
    peers: settings.peers.filter(isReachable).map(({ name }) => name),
  };
  const shadowFolder = join(settings.data, 'shadow');
  await sweepMasks({ folder: shadowFolder });
  const analyzeParts = {
    database,
    archive,
    library,
    engine,
    log,
    workFolder,
    shadowFolder,
    researchPeers: new Set(settings.peers.filter(({ research }) => research).map(({ name }) => name)),
    device: await describeDevice(settings),
    routing,
  };
  const commitments = new Commitments({ store, database, log });
  const requested = new RequestedCommitments(database);
  const matchOrders = settings.peers.some(({ worklist }) => worklist);
  const followUp = afterDelivery(settings.peers);
  const priorPeers = openPriorPeers(settings.peers, settings.aeTitle);
  const limits = completenessLimits(settings);
  const settling = {
    ...{ database, archive, routing, matchOrders, limits, priorPeers: priorPeers.length > 0 },
    askSource: askSource(settings.peers, settings.aeTitle),
  };
  const reject = (analysis: Analysis) => rejectSuperseded(analyzeParts, analysis);
  const queue: Queue = await startQueue({
    connectionString,
    log,
    concurrency: PROMPT_JOBS,
    analyses: settings.analyses,
    alone: settings.databaseUrl === undefined,
    timeLimitsMs: { 'analyze-series': settings.analysisMs, 'analyze-urgent': settings.analysisMs },
    onFailure: keepFailures(database),
    handlers: {
      'settle-series': (place) =>
        settleSeries({ ...settling, cancelRunning: (key, reason) => queue.cancel(key, reason) }, place),
      'fetch-priors': (job) => fetchPriors({ database, archive, peers: priorPeers }, job),
      'analyze-series': (job, run) => runAnalysis(analyzeParts, job, run),
      'analyze-urgent': (job, run) => runAnalysis(analyzeParts, job, run),
      'deliver-results': (job, run) => deliverResults({ database, archive, peers, followUp, reject }, job, run),
      ...workflowJobs({ database, archive, commitments, requested, peers, settings }),
      'purge-deletion': async ({ deletionId, ...told }) => {
        await purgeDeletion({ database, store }, deletionId, told);
      },
    },
  });
  closers.push(() => queue.stop());
  closers.push(() => commitments.close());
  const { undoDays, settleSeconds, retention: rules } = settings;
  const disk = () => diskOf(settings.data);
  const retention = { database, store, undoDays, rules, disk, log };
  closers.push(startUpkeep({ database, log, retention, sweep: { database, store }, changeDays: settings.changeDays }));
  closers.push(watchAnalyses(database, queue, log));
  closers.push(overload.start(database, log));

  const dimse: DimseDoor = await openDimseDoor({
    plain: settings.dimse,
    secure: settings.dimseTls,
    tls: settings.tls,
    admission: settings,
    memoryBudget: settings.memoryBudget,
    recordCallers: (notes) => recordCallers(database, notes),
    deadlines: {
      artim: settings.dimseArtimSeconds * 1000,
      idle: settings.dimseIdleSeconds * 1000,
      write: settings.dimseWriteSeconds * 1000,
    },
    services: [
      findService({ archive, retrieveAeTitle: settings.aeTitle, log }),
      getService({ archive, transcoder, responseMs: settings.dimseWriteSeconds * 1000, log }),
      moveService({ archive, destination: moveDestinations(settings.peers, settings.aeTitle, transcoder), log }),
      commitmentService({ commitments, requested, retrieveAeTitle: settings.aeTitle, log }),
      mppsService({ steps: new ProcedureSteps(database), log }),
      ianService({ takeNotice: (uid, by, notice) => takeNotice(database, uid, by, notice), log }),
    ],
    archive,
    log,
  });
  closers.push(() => dimse.close(DRAIN_MS));
  const changes = new ChangeFeed({ database, log });
  const http: HttpDoor = await openHttpDoor({
    ...settings.http,
    settings: settings.httpDoor,
    log,
    dicomweb: createDicomweb({
      archive,
      commitments,
      changes,
      pixels,
      pixelCache: new PixelCache(settings.pixelCache),
      transcoder: objectTranscoder(archive, transcoder),
      pictures: new PixelCache(PICTURE_CACHE_BYTES),
      limits: settings.httpDoor,
      deletion: { database, undoDays, allowed: settings.dicomwebDelete },
      log,
    }),
    console: createConsole({
      database,
      commitments,
      archive,
      models,
      settings,
      laneReady: () => engine.ready(),
      tls: () => dimse.tlsReport(),
      cancelRunning: (key, reason) => queue.cancel(key, reason),
      keeping: { database, store, undoDays, settleSeconds, retention: rules },
    }),
  });
  closers.push(() => http.close(DRAIN_MS));
  // Before the door: its listeners never end by themselves.
  closers.push(() => changes.close());
  const { port: dimsePort, tlsPort: dimseTlsPort } = dimse;
  return { settings, library, dimsePort, dimseTlsPort, httpPort: http.port, stop };
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

function reportRoutes(library: ModelLibrary, settings: Settings, log: Log): void {
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
