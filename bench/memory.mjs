// Largest resident size of the main process while objects of 1 GiB are stored. One that gathered an object would need it.
import { readdirSync, statfsSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  FRAME_BYTES,
  multiFrame,
  openSender,
  sendMultiFrame,
  stowMultiFrame,
  verifyMultiFrame,
} from './multi-frame.mjs';
import { cpuSeconds, peakMegabytes, resetPeak } from './proc.mjs';
import { startVoxgate } from './servers.mjs';
import { expect, secondsSince } from './storing.mjs';

/** What the main process may take, in MB, for one object and for eight at once. */
export const LIMIT_MB = { one: 350, eight: 400 };
const EIGHT = 8;
/** What must stay free of the disk beyond the objects. */
const SPARE_BYTES = 2 ** 31;

/** One object by C-STORE, one by STOW-RS, each to a node of its own. */
export async function measureOneGibibyte(options) {
  const byDimse = await measure('C-STORE', LIMIT_MB.one, options, 1, async (server, [object]) => {
    const sender = await openSender(server);
    await sendMultiFrame(sender, object);
    await sender.release();
  });
  const byWeb = await measure('STOW-RS', LIMIT_MB.one, options, 1, (server, [object]) =>
    stowMultiFrame(server, object),
  );
  return [byDimse, byWeb];
}

/** Eight objects by C-STORE over eight associations at once. */
export async function measureEightGibibytes(options) {
  const row = await measure('C-STORE, 8 at once', LIMIT_MB.eight, options, EIGHT, async (server, objects) => {
    const senders = await Promise.all(objects.map(() => openSender(server)));
    await Promise.all(senders.map((sender, i) => sendMultiFrame(sender, objects[i])));
    await Promise.all(senders.map((sender) => sender.release()));
  });
  return [row];
}

async function measure(way, limitMb, { scale, receiver, cpuProfile }, count, store) {
  const bytes = count * scale.gibibyteFrames * FRAME_BYTES;
  const { bavail, bsize } = statfsSync(tmpdir());
  expect(
    bavail * bsize > bytes + SPARE_BYTES,
    `${tmpdir()} has ${gibibytes(bavail * bsize)} GiB left, ${gibibytes(bytes + SPARE_BYTES)} are needed`,
  );
  const server = await startVoxgate({ receiverPort: receiver.port, cpuProfile });
  try {
    const objects = Array.from({ length: count }, () => multiFrame(scale.gibibyteFrames));
    expect(resetPeak(server.pid), 'the peak of a process cannot be read on this machine');
    const cpuBefore = cpuSeconds(server.pids());
    const before = performance.now();
    await store(server, objects);
    const seconds = secondsSince(before);
    const peakMb = peakMegabytes(server.pid);
    const cpuMs = (cpuSeconds(server.pids()) - cpuBefore) * 1000;
    for (const object of objects) await verifyMultiFrame(server, object);
    const held = sizeOf(join(server.folder, 'data'));
    expect(
      held < 1.1 * bytes + SPARE_BYTES / 2,
      `${gibibytes(held)} GiB of disk hold ${gibibytes(bytes)} GiB of objects`,
    );
    return {
      way,
      mebibytes: bytes / 2 ** 20,
      seconds,
      cpuMsEach: cpuMs / count,
      peakMb,
      limitMb,
      withinLimit: peakMb <= limitMb,
    };
  } finally {
    await server.stop();
  }
}

const gibibytes = (bytes) => (bytes / 2 ** 30).toFixed(1);

function sizeOf(folder) {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, { parentPath, path, name }) => sum + statSync(join(parentPath ?? path, name)).size, 0);
}
