import type { Archive } from '../archive/archive.ts';
import { raisePriority } from '../catalog/analyses.ts';
import type { Database } from '../catalog/database.ts';
import { anyInstanceOf, readOrder, recordOrder, type StudyOrder } from '../catalog/worklist.ts';
import { sentenceOf } from '../errors.ts';
import type { JobRun } from '../jobs/queue.ts';
import type { DimseAddress } from '../peers/dimse-address.ts';
import { queryWorklist } from '../peers/worklist.ts';
import { chooseOrder, type StudyKeys, studyKeysOf, worklistQueries } from './choose-order.ts';
import { leaveAnalysis, STAT_PRIORITY } from './leave-analysis.ts';

export interface MatchParts {
  readonly database: Database;
  readonly archive: Archive;
  /** Peers that answer worklist queries, by name. */
  readonly worklists: ReadonlyMap<string, DimseAddress>;
}

/** A worklist for one patient and day is short; what gives more was not asked what we meant. */
const MOST_ANSWERS = 50;

/**
 * Looks for the order that a study was made for in the worklists of our peers, and writes down what was found and why.
 * Nothing waits for it. A worklist that does not answer is asked again by the queue, and noted when that gives up.
 */
export async function matchOrder(
  { database, archive, worklists }: MatchParts,
  { studyInstanceUid }: { studyInstanceUid: string },
  run: JobRun,
): Promise<void> {
  if ((await readOrder(database, studyInstanceUid))?.state === 'matched') return;
  const sopInstanceUid = await anyInstanceOf(database, studyInstanceUid);
  if (sopInstanceUid === undefined) return;
  const [instance] = await archive.describe({ studyInstanceUid, sopInstanceUid });
  if (!instance) return;
  const keys = studyKeysOf(studyInstanceUid, instance.dataset);
  let best: StudyOrder = { ...NOTHING, studyInstanceUid, reason: nothing(keys, worklists) };
  for (const [peer, address] of worklists) {
    try {
      const found = await search(keys, peer, address);
      if (found) best = found;
      if (found?.state === 'matched') break;
    } catch (error) {
      if (!run.lastAttempt) throw error;
      best = { ...best, reason: `The worklist of ${peer} could not be asked: ${sentenceOf(error)}` };
    }
  }
  await recordOrder(database, best);
  await hasten(database, best);
}

/** The order came after the series were planned: a STAT one is taken ahead of what it stands behind. */
async function hasten(database: Database, { studyInstanceUid, order }: StudyOrder): Promise<void> {
  if (order?.requestedProcedurePriority?.trim().toUpperCase() !== 'STAT') return;
  await database.transaction(async (tx) => {
    for (const id of await raisePriority(tx, studyInstanceUid, STAT_PRIORITY))
      await leaveAnalysis(tx, id, STAT_PRIORITY);
  });
}

const NOTHING = { state: 'none', peer: null, matchedBy: null, order: null } as const;

function nothing(keys: StudyKeys, worklists: MatchParts['worklists']): string {
  return worklistQueries(keys).length === 0
    ? 'The study has neither an accession number nor a patient ID and date to ask a worklist by.'
    : `No order of ${[...worklists.keys()].join(', ')} fits the study.`;
}

async function search(keys: StudyKeys, peer: string, address: DimseAddress): Promise<StudyOrder | undefined> {
  const queries = worklistQueries(keys);
  if (queries.length === 0) return undefined;
  const chosen = chooseOrder(keys, (await queryWorklist(address, queries, MOST_ANSWERS)).flat());
  const [order] = chosen?.orders ?? [];
  if (!chosen || !order) return undefined;
  const { studyInstanceUid } = keys;
  const { matchedBy, orders } = chosen;
  if (orders.length > 1) {
    const reason = `${orders.length} orders of ${peer} fit the study by ${matchedBy}; none is taken.`;
    return { studyInstanceUid, state: 'ambiguous', reason, peer, matchedBy, order: null };
  }
  return { studyInstanceUid, state: 'matched', reason: `Matched by ${matchedBy}.`, peer, matchedBy, order };
}
