import { readdirSync, readlinkSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { asFile } from '../support/instances.ts';
import { ask, stored } from './client.ts';
import { aSharedNode } from './shared-node.ts';

const shared = aSharedNode();
const STUDY = '1.2.3.300';
const OBJECTS = 12;
const BYTES = 4 * 1024 * 1024;
const INSTANCE = `/dicom-web/studies/${STUDY}/series/${STUDY}.1/instances/${STUDY}.1.1`;

/** Stored objects that this process has open. */
const openObjects = (): string[] =>
  readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      const path = readlinkSync(`/proc/self/fd/${fd}`);
      return path.includes('/objects/') && path.endsWith('.dcm') ? [path] : [];
    } catch {
      return [];
    }
  });

async function until(holds: () => boolean, ms = 5000): Promise<void> {
  for (const end = Date.now() + ms; !holds() && Date.now() < end; ) await sleep(20);
}

/** Asks, reads the first bytes of the answer, and then nothing more. */
async function askAndStop(path: string): Promise<Socket> {
  const socket = connect(Number(new URL(shared.http).port), '127.0.0.1');
  socket.on('error', () => undefined);
  socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
  await new Promise((resolve) => socket.once('data', resolve));
  socket.pause();
  return socket;
}

const warnings: Error[] = [];
const note = (warning: Error): number => warnings.push(warning);

beforeAll(async () => {
  for (let i = 1; i <= OBJECTS; i += 1)
    await stored(shared.http, [
      asFile(
        {
          StudyInstanceUID: STUDY,
          SeriesInstanceUID: `${STUDY}.1`,
          SOPInstanceUID: `${STUDY}.1.${i}`,
          Rows: 2048,
          Columns: 2048,
        },
        Buffer.alloc(BYTES, i),
      ),
    ]);
});
beforeEach(() => {
  warnings.length = 0;
  process.on('warning', note);
});
afterEach(() => {
  process.off('warning', note);
});

describe.skipIf(process.platform !== 'linux')('a client that leaves in the middle of a large answer', () => {
  it.each([
    ['a study', `/dicom-web/studies/${STUDY}`],
    ['an instance', INSTANCE],
    ['a ZIP file', `/dicom-web/studies/${STUDY}?accept=application/zip`],
    ['a value', `${INSTANCE}/bulkdata/7FE00010`],
  ])('leaves no file of %s open behind it, and is no error', async (_what, path) => {
    const sockets = await Promise.all(Array.from({ length: 8 }, () => askAndStop(path)));
    await until(() => openObjects().length > 0);
    expect(openObjects().length).toBeGreaterThan(0);
    for (const socket of sockets) socket.destroy();
    await until(() => openObjects().length === 0);
    expect(openObjects()).toEqual([]);
    expect(shared.log()).not.toContain('"level":50');
    expect((await ask(shared.http, '/healthz')).status).toBe(200);
  });
});

describe('the first byte', () => {
  it('leaves before the last object is read', async () => {
    const socket = await askAndStop(`/dicom-web/studies/${STUDY}`);
    await sleep(100);
    expect(new Set(openObjects()).size).toBe(1);
    socket.destroy();
  });
});

describe('a client that reads slowly', () => {
  it('holds the node to its pace: what it has not read is not in memory', async () => {
    global.gc?.();
    const before = process.memoryUsage().arrayBuffers;
    const sockets = await Promise.all(Array.from({ length: 6 }, () => askAndStop(`/dicom-web/studies/${STUDY}`)));
    await sleep(300);
    const held = process.memoryUsage().arrayBuffers - before;
    for (const socket of sockets) socket.destroy();
    // Six studies of 48 MiB are asked for; the socket buffers and one piece each are what may be held.
    expect(held).toBeLessThan(6 * OBJECTS * BYTES * 0.25);
  });

  it('gets the whole answer in the end, and leaves no listener behind for each pause', async () => {
    const socket = await askAndStop(`/dicom-web/studies/${STUDY}`);
    let bytes = 0;
    let tail = '';
    socket.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      tail = (tail + chunk.toString('latin1')).slice(-200);
      socket.pause();
      setImmediate(() => socket.resume());
    });
    socket.resume();
    await until(() => tail.endsWith('--\r\n'), 30_000);
    expect(bytes).toBeGreaterThan(OBJECTS * BYTES - 1024 * 1024);
    expect(tail).toMatch(/\r\n--voxgate-[\w-]+--\r\n$/);
    expect(warnings.map(({ message }) => message)).toEqual([]);
    socket.destroy();
  });
});
