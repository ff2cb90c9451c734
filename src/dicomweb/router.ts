import express, { type Request, type Response, type Router } from 'express';
import type { Archive } from '../archive/archive.ts';
import type { ChangeFeed } from '../archive/change-feed.ts';
import type { Commitments } from '../archive/commitments.ts';
import type { PixelCache } from '../imaging/pixel-cache.ts';
import type { PixelPool } from '../imaging/pixel-pool.ts';
import type { Log } from '../log.ts';
import { MemoryBudget } from './bulk-part.ts';
import { sendCapabilities } from './capabilities.ts';
import { followChanges } from './change-events.ts';
import { readChangeFeed, readLatestChange } from './changes.ts';
import { checkCommitment, requestCommitment } from './commitment.ts';
import { type DicomwebDeletion, deleteResource } from './delete-place.ts';
import { errorHandler } from './errors.ts';
import type { ObjectTranscoder } from './object-plan.ts';
import { retrieveRendered, retrieveThumbnail } from './rendered.ts';
import type { BodyLimits } from './request-body.ts';
import { retrieveBulkData } from './retrieve-bulkdata.ts';
import { retrieveFrames } from './retrieve-frames.ts';
import { retrieveInstances } from './retrieve-instances.ts';
import { retrieveMetadata } from './retrieve-metadata.ts';
import { searchTransaction } from './search.ts';
import { storeInstances } from './store-instances.ts';
import { wadoUri } from './wado-uri.ts';

export interface DicomwebParts {
  readonly archive: Archive;
  readonly commitments: Commitments;
  /** Threads for whatever touches a pixel. */
  readonly pixels: PixelPool;
  /** What they made last. */
  readonly pixelCache: PixelCache;
  /** Pictures that were made last. */
  readonly pictures: PixelCache;
  readonly changes: ChangeFeed;
  readonly deletion: DicomwebDeletion;
  readonly limits: BodyLimits;
  /** For metadata of uploads that wait for their bulk data. */
  readonly memory: MemoryBudget;
  readonly log: Log;
  /** Brings objects into other transfer syntaxes; without it they leave as they are stored. */
  readonly transcoder?: ObjectTranscoder;
}

type Handler = (parts: DicomwebParts, request: Request, response: Response) => Promise<void>;

export interface Transaction {
  readonly method: 'get' | 'post' | 'delete' | 'options';
  readonly path: string;
  readonly handler: Handler;
  /** PS3.18; "none" for what the standard does not have. */
  readonly section: string;
}

/** Metadata of uploads that are in memory at once, of all requests together. */
const UPLOAD_MEMORY = 512 * 1024 * 1024;

const STUDY = '/studies/:study';
const SERIES = `${STUDY}/series/:series`;
const INSTANCE = `${SERIES}/instances/:instance`;
const COMMITMENT = '/commitment-requests/:transaction';

const capabilities: Handler = (parts, request, response) => sendCapabilities(TRANSACTIONS, parts, request, response);

/** Every transaction of the door, each with its line in transaction-descriptions.ts. Frames first: they are asked for most. */
export const TRANSACTIONS: readonly Transaction[] = [
  { method: 'get', path: `${INSTANCE}/frames/:frames`, handler: retrieveFrames, section: '10.4' },
  { method: 'get', path: `${INSTANCE}/frames/:frames/rendered`, handler: retrieveRendered, section: '10.4.1.1.3' },
  { method: 'get', path: `${INSTANCE}/frames/:frames/thumbnail`, handler: retrieveThumbnail, section: '10.4.1.1.4' },
  { method: 'get', path: `${INSTANCE}/rendered`, handler: retrieveRendered, section: '10.4.1.1.3' },
  { method: 'get', path: `${INSTANCE}/thumbnail`, handler: retrieveThumbnail, section: '10.4.1.1.4' },
  { method: 'get', path: `${SERIES}/rendered`, handler: retrieveRendered, section: '10.4.1.1.3' },
  { method: 'get', path: `${SERIES}/thumbnail`, handler: retrieveThumbnail, section: '10.4.1.1.4' },
  { method: 'get', path: `${STUDY}/rendered`, handler: retrieveRendered, section: '10.4.1.1.3' },
  { method: 'get', path: `${STUDY}/thumbnail`, handler: retrieveThumbnail, section: '10.4.1.1.4' },
  { method: 'get', path: '/wado', handler: wadoUri, section: '9.4' },
  { method: 'get', path: INSTANCE, handler: retrieveInstances, section: '10.4.1.1.1' },
  { method: 'get', path: `${INSTANCE}/metadata`, handler: retrieveMetadata, section: '10.4.1.1.2' },
  { method: 'get', path: `${INSTANCE}/bulkdata/*path`, handler: retrieveBulkData, section: '10.4.1.1.5' },
  { method: 'get', path: `${SERIES}/metadata`, handler: retrieveMetadata, section: '10.4.1.1.2' },
  { method: 'get', path: `${STUDY}/metadata`, handler: retrieveMetadata, section: '10.4.1.1.2' },
  { method: 'get', path: `${SERIES}/instances`, handler: searchTransaction('instance'), section: '10.6.1' },
  { method: 'get', path: `${STUDY}/instances`, handler: searchTransaction('instance'), section: '10.6.1' },
  { method: 'get', path: `${STUDY}/series`, handler: searchTransaction('series'), section: '10.6.1' },
  { method: 'get', path: SERIES, handler: retrieveInstances, section: '10.4.1.1.1' },
  { method: 'get', path: '/studies', handler: searchTransaction('study'), section: '10.6.1' },
  { method: 'get', path: '/patients', handler: searchTransaction('patient'), section: 'none' },
  { method: 'get', path: '/series', handler: searchTransaction('series'), section: '10.6.1' },
  { method: 'get', path: '/instances', handler: searchTransaction('instance'), section: '10.6.1' },
  { method: 'get', path: STUDY, handler: retrieveInstances, section: '10.4.1.1.1' },
  { method: 'post', path: '/studies', handler: storeInstances, section: '10.5' },
  { method: 'post', path: STUDY, handler: storeInstances, section: '10.5' },
  { method: 'post', path: COMMITMENT, handler: requestCommitment, section: '13.4' },
  { method: 'get', path: COMMITMENT, handler: checkCommitment, section: '13.5' },
  { method: 'delete', path: STUDY, handler: deleteResource, section: 'none' },
  { method: 'delete', path: SERIES, handler: deleteResource, section: 'none' },
  { method: 'delete', path: INSTANCE, handler: deleteResource, section: 'none' },
  { method: 'get', path: '/changes', handler: readChangeFeed, section: 'none' },
  { method: 'get', path: '/changes/latest', handler: readLatestChange, section: 'none' },
  { method: 'get', path: '/changes/events', handler: followChanges, section: 'none' },
  { method: 'get', path: '/', handler: capabilities, section: '8.9' },
  { method: 'options', path: '/', handler: capabilities, section: '8.9' },
];

/** The DICOMweb server (PS3.18): store, search, retrieve, storage commitment. */
export function createDicomweb(given: Omit<DicomwebParts, 'memory'>): Router {
  const parts: DicomwebParts = { ...given, memory: new MemoryBudget(UPLOAD_MEMORY) };
  const router = express.Router();
  for (const { method, path, handler } of TRANSACTIONS) {
    router[method](path, (request: Request, response: Response) => handler(parts, request, response));
  }
  for (const path of new Set(TRANSACTIONS.map((transaction) => transaction.path))) router.all(path, refuseMethod(path));
  router.use((_request: Request, response: Response) => {
    response.status(404).json({ error: 'there is no DICOMweb resource at this address' });
  });
  router.use(errorHandler(parts.log));
  return router;
}

/** Any other method of a path that is there (RFC 9110 15.5.6); OPTIONS asks which there are. */
function refuseMethod(path: string) {
  const methods = TRANSACTIONS.filter((transaction) => transaction.path === path).flatMap(({ method }) =>
    method === 'get' ? ['GET', 'HEAD'] : method === 'options' ? [] : [method.toUpperCase()],
  );
  return (request: Request, response: Response): void => {
    response.setHeader('allow', [...methods, 'OPTIONS'].join(', '));
    if (request.method === 'OPTIONS') response.status(204).end();
    else response.status(405).json({ error: `${request.method} is not a transaction of this resource` });
  };
}
