import type { Archive } from '../../archive/archive.ts';
import type { Log } from '../../log.ts';
import type { Kind } from '../../network/send-object.ts';
import type { Service, ServiceRequest } from '../service.ts';
import { comment } from '../store-status.ts';
import { MOVE_SOP_CLASSES } from './retrieve-identifier.ts';
import { RETRIEVE_STATUS } from './retrieve-progress.ts';
import { type RetrieveLink, retrieve } from './retrieve-run.ts';

/** A node that objects can be moved to. */
export interface MoveDestination {
  /** One association for all objects of one move. @throws VoxgateError peer-failed */
  open(kinds: readonly Kind[]): Promise<RetrieveLink>;
}

export interface MoveParts {
  readonly archive: Pick<Archive, 'select'>;
  /** The configured peer of that AE title, if there is one. */
  readonly destination: (aeTitle: string) => MoveDestination | undefined;
  readonly log: Log;
}

/** C-MOVE (PS3.4 C.4.2): what is meant is sent to a third node, which has to be one of the configured peers. */
export function moveService(parts: MoveParts): Service {
  return {
    sopClasses: MOVE_SOP_CLASSES,
    requests: ['C-MOVE-RQ'],
    perform: (request) => answerMove(parts, request),
  };
}

async function answerMove(parts: MoveParts, request: ServiceRequest): Promise<void> {
  const { command, association } = request;
  const aeTitle = command.moveDestination ?? '';
  const destination = parts.destination(aeTitle);
  if (!destination) {
    const { callingAe } = association;
    parts.log.warn({ callingAe, destination: aeTitle }, 'a C-MOVE was refused: its destination is not among the peers');
    const errorComment = comment('the move destination is not a peer of this node');
    return request.respond({ status: RETRIEVE_STATUS.destinationUnknown, errorComment });
  }
  return retrieve(request, {
    archive: parts.archive,
    log: parts.log,
    destination: aeTitle,
    originator: { aeTitle: association.callingAe, messageId: command.id },
    open: ({ kinds }) => destination.open(kinds),
  });
}
