import { createServer, type Server, type Socket } from 'node:net';
import type { Archive } from '../archive/archive.ts';
import { IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME } from '../dicom/implementation.ts';
import { VoxgateError } from '../errors.ts';
import type { Log } from '../log.ts';
import { Implementation } from '../network/library.ts';
import type { AdmissionSettings } from './admission.ts';
import { type Deadlines, ProviderAssociation } from './association.ts';
import type { Service } from './service.ts';
import { verificationService } from './services/verification.ts';

export interface DimseDoor {
  readonly port: number;
  /** Takes no more callers, lets open associations end within the time given, then cuts them. */
  close(graceMs: number): Promise<void>;
}

export interface DimseDoorOptions {
  readonly host: string;
  readonly port: number;
  readonly admission: AdmissionSettings;
  readonly deadlines: Deadlines;
  /** Besides verification and storage. */
  readonly services: readonly Service[];
  readonly archive: Archive;
  readonly log: Log;
}

/** For associations that were cut to put away what they had staged. */
const AFTER_CUT_MS = 5000;

/** Opens the DIMSE door: verification, storage, and the services given. */
export async function openDimseDoor(options: DimseDoorOptions): Promise<DimseDoor> {
  Implementation.setImplementationClassUid(IMPLEMENTATION_CLASS_UID);
  Implementation.setImplementationVersion(IMPLEMENTATION_VERSION_NAME);
  const open = new Map<Socket, Promise<void>>();
  const { archive, admission, deadlines, log } = options;
  const services = new Map(
    [verificationService, ...options.services].flatMap((service) => service.sopClasses.map((uid) => [uid, service])),
  );
  const parts = { archive, admission, deadlines, services, log, openAssociations: () => open.size };
  const server = createServer((socket) => {
    open.set(
      socket,
      new ProviderAssociation(socket, parts).done.finally(() => open.delete(socket)),
    );
  });
  await listen(server, options);
  const address = server.address();
  return {
    port: typeof address === 'object' && address ? address.port : options.port,
    async close(graceMs) {
      const ended = Promise.all([new Promise<void>((resolve) => server.close(() => resolve())), ...open.values()]);
      if (await within(graceMs, ended)) return;
      for (const socket of open.keys()) socket.destroy();
      // What still hangs then waits for a disk that does not answer; nothing of it was acknowledged.
      await within(AFTER_CUT_MS, ended);
    },
  };
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

function listen(server: Server, { host, port }: DimseDoorOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) =>
      reject(
        new VoxgateError(
          'bad-setting',
          `VOXGATE_DIMSE: ${host}:${port} cannot be opened: ${cause.code ?? cause.message}`,
          { cause },
        ),
      ),
    );
    server.listen(port, host, resolve);
  });
}
