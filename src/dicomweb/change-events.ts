import type { Request, Response } from 'express';
import type { ChangeFeed, Follower } from '../archive/change-feed.ts';
import { includesType } from '../dicom/media-types.ts';
import { VoxgateError } from '../errors.ts';
import { acceptedBy } from './accept.ts';
import { parametersOf } from './addresses.ts';
import { isOutOfRange, numberOf, refuseRange, told } from './changes.ts';
import type { DicomwebParts } from './router.ts';

/** Shorter than what proxies and the HTTP door allow for silence. */
const HEARTBEAT_MS = 15_000;
/** Who takes nothing for so long is cut; he comes back with the number of the last event that he has. */
const SLOWEST_MS = 30_000;
const COME_BACK_AFTER_MS = 3000;
const PAGE = 200;

/**
 * The change feed as server-sent events (HTML Living Standard 9.2), without end. Begins after the number in
 * Last-Event-ID, which a browser sends when it comes back, or in `since`; without either with what comes from now on.
 */
export async function followChanges({ changes }: DicomwebParts, request: Request, response: Response): Promise<void> {
  if (!acceptedBy(request).some(({ type }) => includesType(type, 'text/event-stream')))
    throw new VoxgateError('not-acceptable', 'events are text/event-stream, and the Accept header takes none of it');
  const asked = request.get('last-event-id') || parametersOf(request).get('since');
  const since = asked ? numberOf('Last-Event-ID', asked) : (await changes.range()).newest;
  const first = await changes.page(since, 1);
  if (isOutOfRange(first)) return refuseRange(response, since, first);
  const place = changes.follow();
  if (!place) throw new VoxgateError('out-of-resources', 'as many listen to the changes as this node can tell');
  response.on('close', place.end);
  response.writeHead(200, {
    'content-type': 'text/event-stream',
    'cache-control': 'no-store',
    // A proxy that gathers what it passes on would keep the events back.
    'x-accel-buffering': 'no',
  });
  try {
    if (request.method !== 'HEAD') await tell(changes, place, response, since);
  } finally {
    place.end();
    response.end();
  }
}

async function tell(changes: ChangeFeed, place: Follower, response: Response, since: number): Promise<void> {
  let last = since;
  await send(response, `retry: ${COME_BACK_AFTER_MS}\n\n`);
  let spoke = Date.now();
  while (!place.stopping.aborted && !response.destroyed) {
    const page = await changes.page(last, PAGE);
    // It was set back, or has forgotten what was not told yet: the same question again is answered 410.
    if (isOutOfRange(page)) return;
    if (page.changes.length > 0) {
      const events = page.changes.map((change) => `id: ${change.sequence}\ndata: ${JSON.stringify(told(change))}\n\n`);
      await send(response, events.join(''));
      spoke = Date.now();
      last = page.last;
    }
    if (!page.done) continue;
    await place.news(last, Math.max(0, spoke + HEARTBEAT_MS - Date.now()));
    if (Date.now() - spoke < HEARTBEAT_MS) continue;
    await send(response, ': nothing new\n\n');
    spoke = Date.now();
  }
}

/** Waits while the client is slow, and cuts it where it takes nothing. */
async function send(response: Response, text: string): Promise<void> {
  if (response.destroyed || response.write(text)) return;
  await new Promise<void>((resolve) => {
    const cut = setTimeout(() => response.destroy(), SLOWEST_MS);
    const goOn = (): void => {
      clearTimeout(cut);
      response.off('drain', goOn).off('close', goOn);
      resolve();
    };
    response.on('drain', goOn).on('close', goOn);
  });
}
