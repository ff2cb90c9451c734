import { connect as connectPlain, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { DimseAddress } from './dimse-address.ts';

/**
 * Connects, plainly or by TLS; resolves when the connection, TLS included, stands.
 * @throws Error with the reason in words, such as "ECONNREFUSED"
 */
export function connect({ host, port, tls }: DimseAddress, deadlineMs: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    // A name is for SNI and for the certificate to be checked against; an IP address may not be sent as one.
    const servername = isIP(host) === 0 ? { servername: host } : {};
    const socket = tls ? connectTls({ ...servername, ...tls, host, port }) : connectPlain({ host, port });
    socket.setNoDelay(true);
    const settle = (act: () => void): void => {
      clearTimeout(timer);
      socket.off('error', onError);
      // What goes wrong later is told by "close".
      socket.on('error', () => undefined);
      act();
    };
    const onError = (error: NodeJS.ErrnoException): void =>
      settle(() => {
        socket.destroy();
        reject(new Error(error.code ?? error.message, { cause: error }));
      });
    const timer = setTimeout(() => onError(new Error(`no connection within ${deadlineMs / 1000} s`)), deadlineMs);
    socket.on('error', onError);
    socket.once(tls ? 'secureConnect' : 'connect', () => settle(() => resolve(socket)));
  });
}
