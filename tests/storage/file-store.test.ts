import { createHash, randomBytes } from 'node:crypto';
import type * as Fs from 'node:fs';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { VoxgateError } from '../../src/errors.ts';
import { FileStore } from '../../src/storage/file-store.ts';
import { aFolder } from '../support/test-node.ts';

type Writev = (fd: number, buffers: readonly Buffer[], position: number) => Promise<{ bytesWritten: number }>;
type Fdatasync = (fd: number) => Promise<void>;

/** The disk: real, but for what a test puts in its place. */
const disk: { writev: Writev | undefined; fdatasync: Fdatasync | undefined } = vi.hoisted(() => ({
  writev: undefined,
  fdatasync: undefined,
}));
vi.mock('node:fs', async (original) => {
  const fs = await original<typeof Fs>();
  // The factory runs before the imports of this file.
  const { promisify } = await import('node:util');
  const { custom } = promisify;
  const realWritev = promisify(fs.writev);
  const realSync = promisify(fs.fdatasync);
  const refused = () => (): never => {
    throw new Error('only the promisified form is used');
  };
  const writev = Object.assign(refused(), {
    [custom]: (fd: number, buffers: Buffer[], position: number) =>
      disk.writev ? disk.writev(fd, buffers, position) : realWritev(fd, buffers, position),
  });
  const sync = Object.assign(refused(), {
    [custom]: (fd: number) => (disk.fdatasync ? disk.fdatasync(fd) : realSync(fd)),
  });
  return { ...fs, writev, fdatasync: sync };
});
afterEach(() => {
  disk.writev = undefined;
  disk.fdatasync = undefined;
});

const keyOf = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
const full = (): never => {
  throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
};

async function stagedWith(store: FileStore, bytes: Buffer, chunk = 7001) {
  const staged = await store.stage();
  for (let at = 0; at < bytes.length; at += chunk) await staged.write(bytes.subarray(at, at + chunk));
  return staged;
}

const filesUnder = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => entry.name);

describe('the file store', () => {
  it('keeps what was published, byte for byte, under the first digits of its key, after it is opened again', async () => {
    const root = aFolder();
    const objects = [randomBytes(1_000_003), Buffer.from('x')].map((bytes) => ({ bytes, key: keyOf(bytes) }));
    const store = await FileStore.open(root);
    const group = await Promise.all(
      objects.map(async ({ bytes, key }) => ({ staged: await stagedWith(store, bytes), key })),
    );
    expect(group.map(({ staged }) => staged.size)).toEqual([1_000_003, 1]);
    expect(filesUnder(join(root, 'objects'))).toEqual([]);
    await store.publish(group);
    expect(filesUnder(join(root, 'staging'))).toEqual([]);

    const again = await FileStore.open(root);
    for (const { bytes, key } of objects) {
      expect(again.pathOf(key)).toBe(join(root, 'objects', key.slice(0, 2), `${key}.dcm`));
      expect((await again.read(key, 0, bytes.length)).equals(bytes)).toBe(true);
    }
    const [{ bytes, key }] = [objects[0]!];
    expect((await again.read(key, 700_000, 1000)).equals(bytes.subarray(700_000, 701_000))).toBe(true);
    expect(Buffer.concat(await again.stream(key, 999_000, 1003).toArray()).equals(bytes.subarray(999_000))).toBe(true);
    await expect(again.read(key, 1_000_000, 4)).rejects.toMatchObject({ code: 'not-found' });
    await again.remove(key);
    await expect(again.read(key, 0, 1)).rejects.toMatchObject({ code: 'not-found' });
  });

  it('syncs every file of a group before any is moved into place', async () => {
    const root = aFolder();
    const store = await FileStore.open(root);
    const inPlace: number[] = [];
    const real = promisify((await vi.importActual<typeof Fs>('node:fs')).fdatasync);
    disk.fdatasync = async (fd) => {
      inPlace.push(filesUnder(join(root, 'objects')).length);
      await real(fd);
    };
    const bytes = [randomBytes(10), randomBytes(10), randomBytes(10)];
    await store.publish(
      await Promise.all(bytes.map(async (b) => ({ staged: await stagedWith(store, b), key: keyOf(b) }))),
    );
    expect(inPlace).toEqual([0, 0, 0]);
  });

  it('holds the same content once, however often it comes', async () => {
    const root = aFolder();
    const store = await FileStore.open(root);
    const bytes = randomBytes(300_000);
    for (let i = 0; i < 3; i++) await store.publish([{ staged: await stagedWith(store, bytes), key: keyOf(bytes) }]);
    expect(filesUnder(root)).toEqual([`${keyOf(bytes)}.dcm`]);
    expect((await store.read(keyOf(bytes), 0, bytes.length)).equals(bytes)).toBe(true);
  });

  it('goes on where the system wrote only a part of what it was given', async () => {
    const store = await FileStore.open(aFolder());
    const real = promisify((await vi.importActual<typeof Fs>('node:fs')).write);
    let calls = 0;
    disk.writev = async (fd, buffers, position) => {
      calls += 1;
      const some = Buffer.concat(buffers).subarray(0, 100_001);
      return real(fd, some, 0, some.length, position);
    };
    const bytes = randomBytes(1_000_000);
    await store.publish([{ staged: await stagedWith(store, bytes), key: keyOf(bytes) }]);
    expect(calls).toBeGreaterThan(2);
    expect((await store.read(keyOf(bytes), 0, bytes.length)).equals(bytes)).toBe(true);
  });

  it('keeps chunks in order when the sender does not wait for the disk', async () => {
    const store = await FileStore.open(aFolder());
    const staged = await store.stage();
    const bytes = randomBytes(3_000_000);
    for (let at = 0; at < bytes.length; at += 50_000) void staged.write(bytes.subarray(at, at + 50_000));
    await staged.flush();
    expect(readFileSync(staged.path).equals(bytes)).toBe(true);
    await staged.discard();
  });

  it('says out-of-resources on a full disk, keeps saying it for that object, and leaves nothing of it', async () => {
    const root = aFolder();
    const store = await FileStore.open(root);
    const staged = await store.stage();
    disk.writev = () => Promise.resolve().then(full);
    const refusal = await Promise.resolve(staged.write(randomBytes(300_000))).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(VoxgateError);
    expect(refusal).toMatchObject({ code: 'out-of-resources', message: expect.stringContaining('ENOSPC') });
    // There is room again, but not for this one: it has a hole.
    disk.writev = undefined;
    await staged.write(Buffer.from('the rest'));
    await expect(store.publish([{ staged, key: keyOf(Buffer.alloc(0)) }])).rejects.toMatchObject({
      code: 'out-of-resources',
    });
    await staged.discard();
    expect(filesUnder(root)).toEqual([]);
  });

  it('publishes none of a group of which one cannot be synced', async () => {
    const root = aFolder();
    const store = await FileStore.open(root);
    const group = await Promise.all(
      [randomBytes(9), randomBytes(9)].map(async (b) => ({ staged: await stagedWith(store, b), key: keyOf(b) })),
    );
    disk.fdatasync = (fd) => (fd === group[0]!.staged.fd ? Promise.resolve().then(full) : Promise.resolve());
    await expect(store.publish(group)).rejects.toMatchObject({ code: 'out-of-resources' });
    await Promise.all(group.map(({ staged }) => staged.discard()));
    expect(filesUnder(root)).toEqual([]);
  });

  it('closes a file that is given up only after its last write: its descriptor may be another’s by then', async () => {
    const store = await FileStore.open(aFolder());
    const [given, other] = [await store.stage(), Buffer.from('of another object')];
    let finish: () => void = () => undefined;
    const slow = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const { writeSync } = await vi.importActual<typeof Fs>('node:fs');
    disk.writev = async (fd, buffers, position) => {
      await slow;
      return { bytesWritten: writeSync(fd, Buffer.concat(buffers), 0, undefined, position) };
    };
    void given.write(randomBytes(300_000));
    const discarded = given.discard();
    disk.writev = undefined;
    const staged = await stagedWith(store, other);
    finish();
    await discarded;
    await store.publish([{ staged, key: keyOf(other) }]);
    expect(readFileSync(store.pathOf(keyOf(other))).equals(other)).toBe(true);
  });

  it('drops at opening what a crash left staged, and nothing that was published', async () => {
    const root = aFolder();
    const store = await FileStore.open(root);
    const bytes = randomBytes(100);
    await store.publish([{ staged: await stagedWith(store, bytes), key: keyOf(bytes) }]);
    mkdirSync(join(root, 'staging'), { recursive: true });
    writeFileSync(join(root, 'staging', 'left-over'), 'half an object');
    await FileStore.open(root);
    expect(filesUnder(root)).toEqual([`${keyOf(bytes)}.dcm`]);
  });

  it('knows how much room is left', async () => {
    const root = aFolder();
    expect(await (await FileStore.open(root)).freeBytes()).toBeGreaterThan(0);
    expect(existsSync(join(root, 'staging'))).toBe(true);
  });
});
