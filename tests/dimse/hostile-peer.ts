import { connect } from 'node:net';
import type { Conversation } from './hostile-streams.ts';

export interface Reception {
  /** Whether the association was accepted. */
  readonly accepted: boolean;
  /** Messages of the node: each says that one of ours was read to its end. */
  readonly answers: number;
  /** The node itself ended the connection. */
  readonly ended: boolean;
}

const FIRST_ANSWER_MS = 500;
const HEADER_BYTES = 6;
const LAST_COMMAND = 0x03;

/**
 * Says it all in one go and leaves when the node has ended the connection, or has said nothing for a while.
 * @param graceMs silence after which the peer leaves
 */
export function speak(
  port: number,
  { bytes, mutations }: Conversation,
  graceMs: number,
  abruptly: boolean,
): Promise<Reception> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    let received: Buffer = Buffer.alloc(0);
    let [accepted, answers, ended] = [false, 0, false];
    let timer: NodeJS.Timeout | undefined;
    const leave = (): void => {
      if (abruptly) socket.resetAndDestroy();
      else socket.destroy();
    };
    // The first answer may take the while that a busy node takes for all its callers.
    let patience = FIRST_ANSWER_MS;
    const wait = (): void => {
      clearTimeout(timer);
      timer = setTimeout(leave, patience);
    };
    socket.on('connect', () => {
      socket.write(bytes);
      wait();
    });
    socket.on('data', (chunk: Buffer) => {
      patience = graceMs;
      wait();
      received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
      while (received.length >= HEADER_BYTES) {
        const end = HEADER_BYTES + received.readUInt32BE(2);
        if (received.length < end) break;
        if (received[0] === 0x02) accepted = true;
        if (received[0] === 0x04 && received[11] === LAST_COMMAND) answers += 1;
        received = received.subarray(end);
      }
      if (answers >= mutations) leave();
    });
    socket.on('end', () => {
      ended = true;
    });
    socket.on('error', () => {
      ended = true;
    });
    socket.on('close', () => {
      clearTimeout(timer);
      resolve({ accepted, answers, ended });
    });
  });
}
