import { VoxgateError } from '../errors.ts';
import {
  COMMAND_FIELDS,
  type Command,
  type CommandValues,
  encodeCommand,
  RESPONSE,
  type RequestName,
  readCommand,
} from './command-set.ts';
import type { MessageWriter, Payload } from './message-writer.ts';
import { PduError } from './pdu-reader.ts';

/** Takes a data set as it comes, instead of having it gathered: C-STORE. */
export interface DataSetSink {
  /** Awaiting what it returns slows the sender. */
  take(piece: Buffer): Promise<void> | undefined;
  /** The data set is complete: answers the request. */
  end(): Promise<void>;
  /** The sender left in the middle of it. */
  abandon(): Promise<void>;
}

/** A request from the peer, with all that belongs to answering it. */
export interface IncomingRequest {
  readonly command: Command;
  readonly contextId: number;
  /** Undefined where the command says that none follows. */
  readonly dataSet: Buffer | undefined;
  /** Aborted by a C-CANCEL-RQ (PS3.7 9.3.2.3), and when the association is over. */
  readonly signal: AbortSignal;
  /** Resolves when the peer has taken it. @throws VoxgateError peer-failed */
  respond(values: CommandValues, dataSet?: Buffer): Promise<void>;
}

export interface ExchangeHandlers {
  /** A sink for the data set of a request, where it is not to be gathered. */
  openSink(command: Command, contextId: number): Promise<DataSetSink> | undefined;
  /** One at a time, in the order they came; C-STORE goes by its sink and waits for none of them. */
  perform(request: IncomingRequest): Promise<void>;
}

/** A response to a request of ours. */
export interface IncomingResponse {
  readonly command: Command;
  readonly dataSet: Buffer | undefined;
}

const LARGEST_COMMAND = 64 * 1024;
/** Identifiers and N-service data sets: a storage commitment of 100,000 instances is 12 MB. */
const LARGEST_DATA_SET = 16 * 1024 * 1024;
/** Requests that wait behind one that takes its time; without an asynchronous window no peer sends a second. */
const MOST_WAITING = 8;

/** PS3.7 9.3.2.3, 9.3.3.3 and 9.3.4.3. */
const CANCELLABLE: ReadonlySet<RequestName> = new Set(['C-FIND-RQ', 'C-GET-RQ', 'C-MOVE-RQ']);

interface Gathering {
  readonly pieces: Buffer[];
  bytes: number;
}

interface Running {
  readonly id: number;
  readonly controller: AbortController;
  /** Of its data set. */
  readonly bytes: number;
}

interface Pending {
  take(response: IncomingResponse): void;
  fail(error: Error): void;
}

/** PS3.7 Annex E: C-FIND, C-GET, C-MOVE: more responses follow. */
export function isPending(status: number): boolean {
  return status === 0xff00 || status === 0xff01;
}

/**
 * The messages of one association, whoever opened it (PS3.7 6.3): fragments become commands and data sets, requests go
 * to their handler, responses to whoever asked. The reader waits for what `takeFragment` returns.
 */
export class MessageExchange {
  readonly #writer: MessageWriter;
  readonly #handlers: ExchangeHandlers;
  #gathering: Gathering = { pieces: [], bytes: 0 };
  /** A command whose data set is to come, on this context. */
  #open: { readonly command: Command; readonly contextId: number; readonly sink?: DataSetSink } | undefined;
  /** The sink of the last object, until it has answered. */
  #ending: Promise<void> | undefined;
  readonly #running: Running[] = [];
  #performing: Promise<void> = Promise.resolve();
  readonly #pending = new Map<number, Pending>();
  /** Requests given up before their final response, which may still come. */
  readonly #givenUp = new Set<number>();
  #lastId = 0;
  #over = false;
  readonly #fail: (error: unknown) => void;

  /** @param fail is told of an error in a handler: the association cannot go on */
  constructor(writer: MessageWriter, handlers: ExchangeHandlers, fail: (error: unknown) => void) {
    this.#writer = writer;
    this.#handlers = handlers;
    this.#fail = fail;
  }

  /** True while a request is being answered or a response awaited: silence is ours then. */
  get performing(): boolean {
    return this.#running.length > 0 || this.#pending.size > 0;
  }

  /** True while a message has begun to come and has not ended. */
  get receiving(): boolean {
    return this.#open !== undefined || this.#gathering.pieces.length > 0;
  }

  /** Of messages that are gathered, and of requests until they are answered. */
  get heldBytes(): number {
    return this.#running.reduce((sum, { bytes }) => sum + bytes, this.#gathering.bytes);
  }

  /** @throws PduError for what is no message */
  takeFragment(contextId: number, isCommand: boolean, piece: Buffer, last: boolean): Promise<void> | undefined {
    if (isCommand) return this.#takeCommand(contextId, piece, last);
    const open = this.#open;
    if (!open) throw new PduError('a data set came without a command', 6);
    if (open.contextId !== contextId) throw new PduError('a data set came in another context than its command', 6);
    if (open.sink) {
      const taken = open.sink.take(piece);
      return last ? this.#endSink(open.sink, taken) : taken;
    }
    const dataSet = this.#gather(piece, last, LARGEST_DATA_SET, 'a data set');
    if (!dataSet) return undefined;
    this.#open = undefined;
    this.#deliver(open.command, contextId, dataSet);
    return undefined;
  }

  #takeCommand(contextId: number, piece: Buffer, last: boolean): Promise<void> | undefined {
    if (this.#open) throw new PduError('a command came before the end of the data set', 6);
    const bytes = this.#gather(piece, last, LARGEST_COMMAND, 'a command set');
    if (!bytes) return undefined;
    const command = readCommand(bytes);
    if (command.commandField === COMMAND_FIELDS['C-CANCEL-RQ']) {
      for (const { id, controller } of this.#running) if (id === command.id) controller.abort();
      return undefined;
    }
    if (!command.hasDataSet) {
      this.#deliver(command, contextId, undefined);
      return undefined;
    }
    this.#open = { command, contextId };
    const opening = command.isResponse ? undefined : this.#handlers.openSink(command, contextId);
    return opening?.then(async (sink) => {
      if (this.#over) await sink.abandon();
      else this.#open = { command, contextId, sink };
    });
  }

  async #endSink(sink: DataSetSink, taken: Promise<void> | undefined): Promise<void> {
    await taken;
    // All of it has come: who leaves now has left behind an object, and it is on its way with those of others.
    this.#open = undefined;
    this.#ending = sink.end();
    await this.#ending;
  }

  /** The whole message with its last fragment, undefined before. */
  #gather(piece: Buffer, last: boolean, limit: number, what: string): Buffer | undefined {
    const { pieces, bytes } = this.#gathering;
    if (bytes + piece.length > limit) throw new PduError(`${what} is longer than ${limit} bytes`, 6);
    if (!last) {
      // Copied: a few bytes would keep the whole socket read that they came with.
      if (piece.length > 0) pieces.push(Buffer.from(piece));
      this.#gathering.bytes += piece.length;
      return undefined;
    }
    this.#gathering = { pieces: [], bytes: 0 };
    return pieces.length === 0 ? piece : Buffer.concat([...pieces, piece]);
  }

  #deliver(command: Command, contextId: number, dataSet: Buffer | undefined): void {
    if (command.isResponse) {
      const isLast = !isPending(command.status ?? 0);
      if (this.#givenUp.has(command.id)) {
        if (isLast) this.#givenUp.delete(command.id);
        return;
      }
      const waiting = this.#pending.get(command.id);
      if (!waiting) throw new PduError('a response came to a request that was not made', 6);
      if (isLast) this.#pending.delete(command.id);
      // A small data set would keep the whole socket read that it came with.
      waiting.take({ command, dataSet });
      return;
    }
    if (this.#running.length > MOST_WAITING)
      throw new PduError('too many requests came before the first was answered', 6);
    const running: Running = { id: command.id, controller: new AbortController(), bytes: dataSet?.length ?? 0 };
    this.#running.push(running);
    const request: IncomingRequest = {
      command,
      contextId,
      dataSet,
      signal: running.controller.signal,
      respond: (values, answer) => this.respond(contextId, command, values, answer),
    };
    this.#performing = this.#performing
      .then(() => (this.#over ? undefined : this.#handlers.perform(request)))
      .catch(this.#fail)
      .finally(() => this.#running.splice(this.#running.indexOf(running), 1));
  }

  /** Answers a request of the peer: its SOP class and instance come with it. */
  respond(contextId: number, command: Command, values: CommandValues, dataSet?: Buffer): Promise<void> {
    const { affectedSopClassUid, affectedSopInstanceUid, requestedSopClassUid, requestedSopInstanceUid } = command;
    const answer = encodeCommand(
      command.commandField | RESPONSE,
      {
        affectedSopClassUid: affectedSopClassUid ?? requestedSopClassUid,
        affectedSopInstanceUid: affectedSopInstanceUid ?? requestedSopInstanceUid,
        actionTypeId: command.actionTypeId,
        eventTypeId: command.eventTypeId,
        respondsTo: command.id,
        ...values,
      },
      dataSet !== undefined,
    );
    return this.#writer.write(contextId, answer, dataSet);
  }

  /**
   * Sends a request and waits for its response.
   * @param deadlineMs from the end of sending to the response
   * @throws VoxgateError peer-failed when none comes in time, or the association ends
   */
  async request(
    contextId: number,
    name: RequestName,
    values: CommandValues,
    payload: Payload | undefined,
    deadlineMs: number,
  ): Promise<IncomingResponse> {
    for await (const response of this.requestMany(contextId, name, values, payload, deadlineMs))
      if (!isPending(response.command.status ?? 0)) return response;
    throw new VoxgateError('peer-failed', `no final response came to a ${name}`);
  }

  /**
   * Sends a request and yields its responses, the pending ones and the last. Left early, it sends C-CANCEL-RQ where
   * there is one; what still comes is dropped.
   * @throws VoxgateError peer-failed as `request`; the deadline is that of each response
   */
  async *requestMany(
    contextId: number,
    name: RequestName,
    values: CommandValues,
    payload: Payload | undefined,
    deadlineMs: number,
  ): AsyncGenerator<IncomingResponse, void> {
    if (this.#over) throw new VoxgateError('peer-failed', 'the association is over');
    const id = this.#nextId();
    const arrived: (IncomingResponse | Error)[] = [];
    let wake = (): void => undefined;
    const add = (one: IncomingResponse | Error): void => {
      arrived.push(one);
      wake();
    };
    this.#pending.set(id, { take: add, fail: add });
    let ended = false;
    try {
      await this.#writer.write(
        contextId,
        encodeCommand(COMMAND_FIELDS[name], { messageId: id, ...values }, payload !== undefined),
        payload,
      );
      while (!ended) {
        if (arrived.length === 0)
          await withDeadline(new Promise<void>((resolve) => (wake = resolve)), deadlineMs, name);
        const next = arrived.shift();
        if (next instanceof Error) throw next;
        if (!next) continue;
        ended = !isPending(next.command.status ?? 0);
        yield next;
      }
    } finally {
      // Not awaited any more: a peer that stays silent now is idle, and its association is ended for it.
      if (!ended && this.#pending.delete(id) && !this.#over) {
        this.#givenUp.add(id);
        if (CANCELLABLE.has(name))
          await this.#writer
            .write(contextId, encodeCommand(COMMAND_FIELDS['C-CANCEL-RQ'], { respondsTo: id }, false))
            .catch(() => undefined);
      }
    }
  }

  #nextId(): number {
    do this.#lastId = (this.#lastId % 0xffff) + 1;
    while (this.#pending.has(this.#lastId) || this.#givenUp.has(this.#lastId));
    return this.#lastId;
  }

  /** The association is over: what runs is cancelled, what is awaited fails, an open object is dropped. */
  async end(): Promise<void> {
    this.#over = true;
    for (const { controller } of this.#running) controller.abort();
    const error = new VoxgateError('peer-failed', 'the association ended before the response');
    for (const pending of this.#pending.values()) pending.fail(error);
    this.#pending.clear();
    const open = this.#open;
    this.#open = undefined;
    await open?.sink?.abandon();
    await this.#ending?.catch(() => undefined);
    await this.#performing;
  }
}

async function withDeadline(work: Promise<void>, deadlineMs: number, name: RequestName): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new VoxgateError('peer-failed', `no response to a ${name} within ${deadlineMs / 1000} s`)),
      deadlineMs,
    );
  });
  try {
    await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
