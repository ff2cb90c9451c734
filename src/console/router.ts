import express, { type Request, type Response, type Router } from 'express';
import type { Archive } from '../archive/archive.ts';
import type { Commitments } from '../archive/commitments.ts';
import type { ReconcileParts } from '../archive/reconcile-conflicts.ts';
import { type AnalysisReport, reportNewest, reportSeries } from '../catalog/analyses.ts';
import { readRefused } from '../catalog/callers.ts';
import type { Database } from '../catalog/database.ts';
import { readHolds } from '../catalog/deletions-holds.ts';
import { readDeletions } from '../catalog/deletions-list.ts';
import { readTotals } from '../catalog/overview.ts';
import { readKeptApart } from '../catalog/reconcile.ts';
import { readSettlement, type Settlement } from '../catalog/settlements.ts';
import type { Settings } from '../config.ts';
import { isUsableAsUid } from '../dicom/uid.ts';
import type { ModelLibrary } from '../inference/model-library.ts';
import type { KeptModels } from '../pipeline/keep-models.ts';
import { createReconcileApi } from './archive-reconcile-api.ts';
import { callerRoutes, type TlsReport } from './callers.ts';
import { createDeletionsApi, type DeletionsParts } from './deletions-api.ts';
import { createJobsApi } from './jobs-api.ts';
import { createModelsApi } from './models-api.ts';
import { openApi } from './openapi.ts';
import { createRoutesApi } from './routes-api.ts';
import { statusPage } from './status-page.ts';
import { createViewer, VIEWER_PATH } from './viewer.ts';
import { createWorkflowApi } from './workflow-api.ts';

export interface ConsoleParts {
  readonly database: Database;
  readonly commitments: Pick<Commitments, 'reportAgain'>;
  readonly archive: Archive;
  readonly models: KeptModels;
  readonly settings: Settings;
  /** Whether an inference lane is up. */
  readonly laneReady: () => Promise<boolean>;
  /** The certificate of the DIMSE door; undefined without TLS. */
  readonly tls: () => TlsReport | undefined;
  /** Ends the job of this key where it runs in this process. */
  readonly cancelRunning: (key: string, reason: string) => void;
  /** What deleting, holding and reconciling need. */
  readonly keeping: DeletionsParts & ReconcileParts;
}

const NEWEST = 50;

/** The admin API, the health probes and the status page. */
export function createConsole({
  database,
  commitments,
  archive,
  models,
  settings,
  laneReady,
  tls,
  cancelRunning,
  keeping,
}: ConsoleParts): Router {
  const router = express.Router();
  const { library } = models;

  router.get('/healthz', (_request, response) => {
    response.json({ live: true });
  });

  router.get('/readyz', async (_request, response) => {
    const [hasDatabase, hasStorage, hasLane] = await Promise.all([
      holds(database.raw('SELECT 1')),
      holds(archive.freeBytes()),
      laneReady(),
    ]);
    const ready = hasDatabase && hasStorage && hasLane;
    response
      .status(ready ? 200 : 503)
      .json({ ready, database: hasDatabase, storage: hasStorage, lane: hasLane, models: library.models.length > 0 });
  });

  router.get('/api/series/:uid/analyses', async (request: Request<{ uid: string }>, response) => {
    const { uid } = request.params;
    if (!isUsableAsUid(uid)) return refuse(response, 400, 'the Series Instance UID is not a UID (PS3.5 9.1)');
    const instances = await archive.locate({ seriesInstanceUid: uid });
    if (instances.length === 0) return refuse(response, 404, 'no series of that UID is held here');
    const [analyses, settlement] = await Promise.all([reportSeries(database, uid), readSettlement(database, uid)]);
    response.json({
      seriesInstanceUid: uid,
      instances: instances.length,
      completeness: settlement ?? null,
      outcome: outcome(analyses, library, settlement),
      analyses: analyses.map(present),
    });
  });

  router.get('/api/analyses', async (_request, response) => {
    response.json({ analyses: (await reportNewest(database, NEWEST)).map(present) });
  });

  router.use('/api', createRoutesApi({ database, archive, library, settings }));
  router.use('/api', createWorkflowApi(database, commitments));
  router.use('/api', createJobsApi({ database, cancelRunning }));
  router.use(callerRoutes(database, tls));
  router.use('/api', createDeletionsApi(keeping));
  router.use('/api', createReconcileApi(keeping));

  router.use('/api', createModelsApi(database, models, settings.routes));

  router.get('/api/openapi.json', (_request, response) => {
    response.json(openApi());
  });

  router.use(VIEWER_PATH, createViewer(settings.viewer));

  router.get('/', async (_request, response) => {
    const [totals, analyses, conflicts, deletions, holds, refused] = await Promise.all([
      readTotals(database),
      reportNewest(database, NEWEST),
      readKeptApart(database, NEWEST),
      readDeletions(database, NEWEST),
      readHolds(database),
      readRefused(database, NEWEST),
    ]);
    response
      .setHeader(
        'content-security-policy',
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
      )
      .type('html')
      .send(statusPage({ settings, library, totals, analyses, conflicts, deletions, holds, refused, tls: tls() }));
  });

  router.use((_request: Request, response: Response) => refuse(response, 404, 'there is nothing at this address'));
  return router;
}

function refuse(response: Response, status: number, reason: string): void {
  response.status(status).json({ error: reason });
}

/** A probe is answered within seconds, also when the database is not. */
const PROBE_MS = 2000;

async function holds(check: PromiseLike<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), PROBE_MS);
  });
  const held = Promise.resolve(check).then(
    () => true,
    () => false,
  );
  try {
    return await Promise.race([held, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** One sentence for the whole series, also when no model was considered. */
function outcome(
  analyses: readonly AnalysisReport[],
  library: ModelLibrary,
  settlement: Settlement | undefined,
): string {
  if (analyses.length > 0) return analyses.map(({ modelId, reason }) => `${modelId}: ${reason}`).join(' ');
  return library.models.length === 0
    ? 'Not run: there is no model in the library.'
    : settlement?.state === 'waiting'
      ? `Not settled yet. ${settlement.reason}`
      : 'Not settled yet: waiting for the sender to finish, or no route asks for this series.';
}

/** As the contract promises it: state, reason, timings in ISO 8601, SOP Instance UIDs of the results. */
function present(analysis: AnalysisReport) {
  return {
    id: analysis.id,
    model: analysis.modelId,
    version: analysis.modelVersion,
    revision: analysis.revision,
    supersedes: analysis.supersedesId,
    priority: analysis.priority,
    evidence: analysis.evidence,
    route: analysis.route,
    mode: analysis.mode,
    seriesInstanceUid: analysis.seriesInstanceUid,
    studyInstanceUid: analysis.studyInstanceUid,
    state: analysis.state,
    reason: analysis.reason,
    timings: {
      received: analysis.receivedAt,
      settled: analysis.settledAt,
      started: analysis.startedAt,
      inferred: analysis.inferredAt,
      delivered: analysis.deliveredAt,
    },
    results: analysis.results.map(({ sopInstanceUid }) => sopInstanceUid),
    resultObjects: analysis.results,
    deliveries: analysis.deliveries,
    findings: analysis.findings === null ? null : JSON.parse(analysis.findings),
  };
}
