import { createServer, type Server, type Socket } from 'node:net';
import type { Archive } from '../archive/archive.ts';
import type { Address, TlsSettings } from '../config.ts';
import { isLoopback } from '../config.ts';
import { IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME } from '../dicom/implementation.ts';
import { VoxgateError } from '../errors.ts';
import type { Log } from '../log.ts';
import { Implementation } from '../network/library.ts';
import { Admission, type AdmissionSettings } from './admission.ts';
import { ProviderAssociation } from './association.ts';
import type { Deadlines } from './association-parts.ts';
import { ByteBudget } from './byte-budget.ts';
import { CallerBook, type CallerNotes } from './callers.ts';
import type { Service } from './service.ts';
import { verificationService } from './services/verification.ts';
import { TlsListener, type TlsReport } from './tls-listener.ts';
import { WaitingRoom } from './waiting-room.ts';

export interface DimseDoor {
  /** 0 where there is none. */
  readonly port: number;
  readonly tlsPort: number;
  /** Undefined without TLS. */
  tlsReport(): TlsReport | undefined;
  /** Takes no more callers, lets open associations end within the time given, then cuts them. */
  close(graceMs: number): Promise<void>;
}

export interface DimseDoorOptions {
  readonly plain: Address | undefined;
  readonly secure: Address | undefined;
  readonly tls: TlsSettings;
  /** How often the TLS files are looked at, in milliseconds. */
  readonly lookEvery?: number;
  readonly admission: AdmissionSettings;
  /** Bytes of messages in memory at once. */
  readonly memoryBudget: number;
  readonly deadlines: Deadlines;
  /** Besides verification and storage. */
  readonly services: readonly Service[];
  readonly archive: Archive;
  /** Keeps who called. */
  readonly recordCallers: (notes: CallerNotes) => Promise<void>;
  readonly log: Log;
}

/** For associations that were cut to put away what they had staged. */
const AFTER_CUT_MS = 5000;
/** Connections that have not been let in, for each association that may be open. */
const WAITING_PER_ASSOCIATION = 2;

/**
 * Opens the DIMSE door, with and without TLS: verification, storage, and the services given.
 * @throws VoxgateError bad-setting
 */
export async function openDimseDoor(options: DimseDoorOptions): Promise<DimseDoor> {
  Implementation.setImplementationClassUid(IMPLEMENTATION_CLASS_UID);
  Implementation.setImplementationVersion(IMPLEMENTATION_VERSION_NAME);
  const { archive, deadlines, log } = options;
  const open = new Map<Socket, Promise<void>>();
  const memory = new ByteBudget(options.memoryBudget);
  const callers = new CallerBook(options.recordCallers, log);
  const waiting = new WaitingRoom(options.admission.maxAssociations * WAITING_PER_ASSOCIATION);
  const parts = {
    ...{ archive, deadlines, log, memory, callers },
    admission: new Admission(options.admission, memory),
    services: new Map(
      [verificationService, ...options.services].flatMap((service) => service.sopClasses.map((uid) => [uid, service])),
    ),
    onAccepted: (socket: Socket) => waiting.leave(socket),
  };
  const serve = (socket: Socket): void => {
    waiting.enter(socket);
    open.set(
      socket,
      new ProviderAssociation(socket, parts).done.finally(() => open.delete(socket)),
    );
  };
  const secure =
    options.secure &&
    new TlsListener({
      ...{ settings: options.tls, artim: deadlines.artim, callers, log },
      ...(options.lookEvery === undefined ? {} : { lookEvery: options.lookEvery }),
      onConnection: (socket) => waiting.enter(socket),
      onSecure: serve,
    });
  const servers: Server[] = [];
  const listenAt = async (server: Server, address: Address, setting: string): Promise<number> => {
    servers.push(server);
    return listen(server, address, setting);
  };
  const port = options.plain ? await listenAt(createServer(serve), options.plain, 'VOXGATE_DIMSE') : 0;
  const tlsPort = secure && options.secure ? await listenAt(secure.server, options.secure, 'VOXGATE_DIMSE_TLS') : 0;
  warnOfOpenDoors(options);
  return {
    port,
    tlsPort,
    tlsReport: () => secure?.report(),
    async close(graceMs) {
      secure?.close();
      waiting.close();
      const closed = servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve())));
      const ended = Promise.all([...closed, ...open.values()]);
      if (!(await within(graceMs, ended))) {
        for (const socket of open.keys()) socket.destroy();
        // What still hangs then waits for a disk that does not answer; nothing of it was acknowledged.
        await within(AFTER_CUT_MS, ended);
      }
      await callers.close();
    },
  };
}

/** Others can reach the door, and nothing asks who they are. */
function warnOfOpenDoors({ plain, secure, tls, admission, log }: DimseDoorOptions): void {
  const { acceptUnknownPeers, unknownPeers } = admission;
  if (!acceptUnknownPeers || unknownPeers.addresses || unknownPeers.fingerprint || unknownPeers.identity) return;
  const doors: [string, Address | undefined][] = [['VOXGATE_DIMSE', plain]];
  if (tls.clientCert !== 'required') doors.push(['VOXGATE_DIMSE_TLS', secure]);
  for (const [setting, address] of doors)
    if (address && !isLoopback(address.host))
      log.warn(
        { setting, host: address.host },
        'anybody who reaches this address may store and query: set acceptUnknownPeers to false, name addresses under unknownPeers, or require client certificates',
      );
}

/** Whether it ended in time. */
async function within(ms: number, ended: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  const inTime = await Promise.race([ended.then(() => true as const), late]);
  clearTimeout(timer);
  return inTime;
}

/** Resolves to its port. */
function listen(server: Server, { host, port }: Address, setting: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) =>
      reject(
        new VoxgateError(
          'bad-setting',
          `${setting}: ${host}:${port} cannot be opened: ${cause.code ?? cause.message}`,
          {
            cause,
          },
        ),
      ),
    );
    server.listen(port, host, () => {
      const address = server.address();
      resolve(typeof address === 'object' && address ? address.port : port);
    });
  });
}
