import type { Socket } from 'node:net';
import { VoxgateError } from '../errors.ts';

/** A data set on its way out: bytes that are there, or a source of them (a file) of known length. */
export type Payload = Buffer | PayloadSource;

export interface PayloadSource {
  /** Bytes altogether; at least 1. */
  readonly length: number;
  /** The pieces in order; each is written before the next is asked for. */
  pieces(): AsyncIterable<Buffer>;
}

/** Message control header of a presentation data value (PS3.8 E.2). */
const DATA_SET = 0;
const COMMAND = 1;
const LAST_FRAGMENT = 2;

const PDU_HEADER_BYTES = 6;
const PDV_HEADER_BYTES = 6;
const HEADER_BYTES = PDU_HEADER_BYTES + PDV_HEADER_BYTES;
/** Longer fragments do not pay: a peer that takes any length still has to buffer it. */
const LARGEST_FRAGMENT = 128 * 1024;
/** A peer that states less than this (PS3.8 D.1 names no lower bound) would cost a PDU for a few bytes. */
const SMALLEST_FRAGMENT = 128;

/**
 * Writes messages to a socket one after another: a message's fragments are never mixed with another's, command and data
 * set go in separate PDUs (some peers refuse both in one), and whoever writes waits for the peer to take it. A peer that
 * takes nothing for too long is cut off.
 */
export class MessageWriter {
  readonly #socket: Socket;
  readonly #deadlineMs: number;
  #fragmentBytes = LARGEST_FRAGMENT;
  #last: Promise<void> = Promise.resolve();
  #corked = false;

  constructor(socket: Socket, deadlineMs: number) {
    this.#socket = socket;
    this.#deadlineMs = deadlineMs;
  }

  /** What the peer takes in one PDU (Maximum Length, PS3.8 D.1); 0 is any length. */
  set maxPduLength(length: number) {
    this.#fragmentBytes =
      length === 0
        ? LARGEST_FRAGMENT
        : Math.max(SMALLEST_FRAGMENT, Math.min(length - PDV_HEADER_BYTES, LARGEST_FRAGMENT));
  }

  /**
   * Resolves when the socket has taken all of it.
   * @throws VoxgateError peer-failed when the connection is over, or the peer reads nothing within the deadline
   */
  write(contextId: number, command: Buffer, payload?: Payload): Promise<void> {
    const written = this.#last.then(() => this.#writeMessage(contextId, command, payload));
    this.#last = written.catch(() => undefined);
    return written;
  }

  async #writeMessage(contextId: number, command: Buffer, payload: Payload | undefined): Promise<void> {
    const pieces = this.#fragments(contextId, COMMAND, command, true);
    if (payload === undefined) return this.#send(pieces);
    if (Buffer.isBuffer(payload))
      return this.#send([...pieces, ...this.#fragments(contextId, DATA_SET, payload, true)]);
    let left = payload.length;
    let first = true;
    try {
      for await (const piece of payload.pieces()) {
        left -= piece.length;
        const fragments = this.#fragments(contextId, DATA_SET, piece, left <= 0);
        const written = this.#send(first ? [...pieces, ...fragments] : fragments, true);
        first = false;
        await written;
      }
    } catch (error) {
      if (!first) this.#socket.destroy();
      throw error;
    }
    // The peer waits for bytes that do not come: nothing but an abort gets us out.
    if (left !== 0) throw this.#cut('an object was shorter or longer on disk than it is recorded');
  }

  /** P-DATA-TF PDUs of one presentation data value each (PS3.8 9.3.5). */
  #fragments(contextId: number, kind: typeof COMMAND | typeof DATA_SET, bytes: Buffer, last: boolean): Buffer[] {
    const size = this.#fragmentBytes;
    const count = Math.max(1, Math.ceil(bytes.length / size));
    const heads = Buffer.allocUnsafe(count * HEADER_BYTES);
    const written: Buffer[] = [];
    for (let i = 0; i < count; i++) {
      const fragment = bytes.subarray(i * size, (i + 1) * size);
      const head = heads.subarray(i * HEADER_BYTES, (i + 1) * HEADER_BYTES);
      head.writeUInt16BE(0x0400, 0);
      head.writeUInt32BE(PDV_HEADER_BYTES + fragment.length, 2);
      head.writeUInt32BE(2 + fragment.length, 6);
      head.writeUInt8(contextId, 10);
      head.writeUInt8(last && i === count - 1 ? kind | LAST_FRAGMENT : kind, 11);
      written.push(head, fragment);
    }
    return written;
  }

  /** @param whole waits until the network has all of it, so that its memory may be used anew */
  #send(buffers: readonly Buffer[], whole = false): Promise<void> {
    const socket = this.#socket;
    if (!socket.writable) return Promise.reject(gone());
    this.#gather();
    for (const buffer of buffers.slice(0, -1)) socket.write(buffer);
    const last = buffers[buffers.length - 1]!;
    if (whole) {
      return this.#taken((taken) => {
        socket.write(last, (error) => error ?? taken());
        this.#flush();
      });
    }
    socket.write(last);
    if (!socket.writableNeedDrain) return Promise.resolve();
    this.#flush();
    return socket.writableNeedDrain ? this.#taken((taken) => socket.once('drain', taken)) : Promise.resolve();
  }

  /**
   * Small messages that follow each other at once, as the answers to a query do, go out by one system call: that call
   * was a third of a query's CPU time.
   */
  #gather(): void {
    if (this.#corked) return;
    this.#corked = true;
    this.#socket.cork();
    setImmediate(() => this.#flush());
  }

  #flush(): void {
    if (!this.#corked) return;
    this.#corked = false;
    this.#socket.uncork();
  }

  /** Until it is told, the connection is over, or the peer takes nothing for too long. */
  #taken(tell: (taken: () => void) => void): Promise<void> {
    const socket = this.#socket;
    return new Promise((resolve, reject) => {
      const settle = (act: () => void): void => {
        clearTimeout(timer);
        socket.off('close', onClose);
        act();
      };
      const onClose = (): void => settle(() => reject(gone()));
      const timer = setTimeout(
        () => settle(() => reject(this.#cut(`the peer took nothing for ${this.#deadlineMs / 1000} s`))),
        this.#deadlineMs,
      );
      socket.on('close', onClose);
      tell(() => settle(resolve));
    });
  }

  #cut(sentence: string): VoxgateError {
    this.#socket.destroy();
    return new VoxgateError('peer-failed', sentence);
  }
}

function gone(): VoxgateError {
  return new VoxgateError('peer-failed', 'the connection is over');
}
