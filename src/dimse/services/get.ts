import type { Archive } from '../../archive/archive.ts';
import type { Log } from '../../log.ts';
import { prepareObject, type StoreChannel, type Transcoder } from '../../network/send-object.ts';
import type { OpenAssociation, Service, ServiceRequest } from '../service.ts';
import { GET_SOP_CLASSES } from './retrieve-identifier.ts';
import { type RetrieveLink, retrieve } from './retrieve-run.ts';

export interface GetParts {
  readonly archive: Pick<Archive, 'select'>;
  readonly transcoder: Transcoder | undefined;
  /** For a caller to answer one C-STORE, in milliseconds. */
  readonly responseMs: number;
  readonly log: Log;
}

/** C-GET (PS3.4 C.4.3): what is meant is stored on the association that it was asked for on. */
export function getService(parts: GetParts): Service {
  return {
    sopClasses: GET_SOP_CLASSES,
    requests: ['C-GET-RQ'],
    perform: (request) => answerGet(parts, request),
  };
}

function answerGet({ archive, transcoder, responseMs, log }: GetParts, request: ServiceRequest): Promise<void> {
  const { association, signal } = request;
  const channel = storeChannel(association, signal, responseMs);
  const link: RetrieveLink = {
    prepare: (object) => prepareObject(channel, object, transcoder),
    release: () => Promise.resolve(),
    // The association is the caller's: what is on its way on it ends as it ends.
    abort: () => undefined,
  };
  const destination = association.callingAe;
  const open = (): Promise<RetrieveLink> => {
    if (!association.contexts.some((context) => context.peerIsProvider))
      log.warn({ destination }, 'a C-GET came without role selection; objects are sent in whatever context fits');
    return Promise.resolve(link);
  };
  return retrieve(request, { archive, log, destination, open });
}

/**
 * Contexts of SOP classes for which the caller offered to be the provider (PS3.7 D.3.3.4); of others only where it
 * offered that for none, since some callers never do and expect the objects all the same.
 */
function storeChannel(association: OpenAssociation, signal: AbortSignal, responseMs: number): StoreChannel {
  const offered = association.contexts.filter((context) => context.peerIsProvider);
  return {
    contexts: offered.length > 0 ? offered : association.contexts,
    get isOpen() {
      return !signal.aborted && association.isOpen;
    },
    request: (contextId, name, values, payload, deadlineMs = responseMs) =>
      association.request(contextId, name, values, payload, deadlineMs),
  };
}
