import type { Socket } from 'node:net';

/**
 * Connections whose callers have not been let in yet, by the other end's address and port: with TLS a connection has two
 * sockets, its own and what TLS makes of it. Where there are too many, the one that has waited longest goes: who opens
 * connections and says nothing keeps nobody out.
 */
export class WaitingRoom {
  readonly #most: number;
  readonly #waiting = new Map<string, Socket>();

  constructor(most: number) {
    this.#most = most;
  }

  enter(socket: Socket): void {
    const end = farEnd(socket);
    this.#waiting.set(end, socket);
    socket.once('close', () => this.#waiting.delete(end));
    const [longest] = this.#waiting.values();
    if (this.#waiting.size > this.#most) longest?.destroy();
  }

  leave(socket: Socket): void {
    this.#waiting.delete(farEnd(socket));
  }

  /** Nobody is let in any more. */
  close(): void {
    for (const socket of this.#waiting.values()) socket.destroy();
  }
}

function farEnd({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
