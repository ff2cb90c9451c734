import { randomBytes } from 'node:crypto';
import type * as Fs from 'node:fs';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { VoxgateError } from '../../src/errors.ts';
import { FileStore, type StoredFile } from '../../src/storage/file-store.ts';
import { contentDigest, isKeyOf, isObjectKey, newArrivalName, sealedKey } from '../../src/storage/object-key.ts';
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

const full = (): never => {
  throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
};

async function stagedWith(store: FileStore, bytes: Buffer, chunk = 7001) {
  const staged = store.stage();
  for (let at = 0; at < bytes.length; at += chunk) await staged.write(bytes.subarray(at, at + chunk));
  staged.seal(contentDigest(bytes, Buffer.alloc(0)));
  return staged;
}

const filesUnder = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => entry.name);

async function walked(store: FileStore): Promise<StoredFile[]> {
  const found: StoredFile[] = [];
  for await (const file of store.walk()) found.push(file);
  return found;
}

describe('the file store', () => {
  it('keeps what was published, byte for byte, in a folder of its ten minutes, after it is opened again', async () => {
    const root = aFolder();
    const contents = [randomBytes(1_000_003), randomBytes(3_000_001), Buffer.from('x'), Buffer.alloc(0)];
    const store = await FileStore.open(root);
    const group = await Promise.all(contents.map((bytes) => stagedWith(store, bytes)));
    expect(group.map(({ size }) => size)).toEqual([1_000_003, 3_000_001, 1, 0]);
    expect(filesUnder(join(root, 'objects'))).toEqual([]);
    await store.publish(group);
    expect(filesUnder(join(root, 'staging'))).toEqual([]);
    for (const staged of group) staged.settle();

    const again = await FileStore.open(root);
    for (const [i, { key }] of group.entries()) {
      const bytes = contents[i]!;
      expect(again.pathOf(key).slice(root.length)).toMatch(
        /^\/objects\/\d{4}-\d\d-\d\d\/\d\d-[0-5]0\/[0-9a-f]{32}\.dcm$/,
      );
      expect((await again.read(key, 0, bytes.length)).equals(bytes)).toBe(true);
    }
    const [{ key }, bytes] = [group[0]!, contents[0]!];
    expect((await again.read(key, 700_000, 1000)).equals(bytes.subarray(700_000, 701_000))).toBe(true);
    expect(Buffer.concat(await again.stream(key, 999_000, 1003).toArray()).equals(bytes.subarray(999_000))).toBe(true);
    await expect(again.read(key, 1_000_000, 4)).rejects.toMatchObject({ code: 'not-found' });
    await again.remove(key);
    await expect(again.read(key, 0, 1)).rejects.toMatchObject({ code: 'not-found' });
  });

  it('says where an object of a given time lies, and where those named by a digest do', async () => {
    const store = await FileStore.open('/tmp/voxgate-no-such-store');
    const content = contentDigest(Buffer.from('head'), Buffer.from('digest'));
    const key = sealedKey(newArrivalName(Date.UTC(2026, 10, 22, 23, 59, 59, 999)), content);
    expect(isObjectKey(key)).toBe(true);
    expect([isKeyOf(key, content), isKeyOf(key, contentDigest(Buffer.from('heap'), Buffer.from('digest')))]).toEqual([
      true,
      false,
    ]);
    expect(isKeyOf(content, content)).toBe(true);
    expect(store.pathOf(key)).toBe(`/tmp/voxgate-no-such-store/objects/2026-11-22/23-50/${key}.dcm`);
    const digest = 'ab'.repeat(32);
    expect(store.pathOf(digest)).toBe(`/tmp/voxgate-no-such-store/objects/ab/${digest}.dcm`);
    rmSync('/tmp/voxgate-no-such-store', { recursive: true });
    const names = Array.from({ length: 2000 }, () => newArrivalName());
    expect(new Set(names).size).toBe(2000);
  });

  it('gives every object a file of its own: no object can take another one’s away', async () => {
    const root = aFolder();
    const store = await FileStore.open(root);
    const bytes = randomBytes(300_000);
    const [first, second] = [await stagedWith(store, bytes), await stagedWith(store, bytes)];
    await store.publish([first, second]);
    first.settle();
    await second.discard();
    expect(filesUnder(join(root, 'objects'))).toEqual([`${first.key}.dcm`]);
    expect((await store.read(first.key, 0, bytes.length)).equals(bytes)).toBe(true);
    await first.discard();
    expect(filesUnder(join(root, 'objects'))).toEqual([`${first.key}.dcm`]);
  });

  it('syncs every file of a group when all of them are written', async () => {
    const store = await FileStore.open(aFolder());
    const real = promisify((await vi.importActual<typeof Fs>('node:fs')).fdatasync);
    const sizes: number[][] = [];
    const group = await Promise.all([10, 2_500_000, 30].map((length) => stagedWith(store, randomBytes(length))));
    disk.fdatasync = async (fd) => {
      sizes.push(group.map(({ path }) => statSync(path).size));
      await real(fd);
    };
    await store.publish(group);
    expect(sizes).toEqual(Array(3).fill([10, 2_500_000, 30]));
  });

  it('syncs a large object while it comes', async () => {
    const store = await FileStore.open(aFolder());
    let syncs = 0;
    disk.fdatasync = () => {
      syncs += 1;
      return Promise.resolve();
    };
    const staged = await stagedWith(store, Buffer.alloc(100 * 1024 * 1024), 1024 * 1024);
    expect(syncs).toBeGreaterThanOrEqual(3);
    disk.fdatasync = () => Promise.resolve().then(full);
    await expect(store.publish([staged])).rejects.toMatchObject({ code: 'out-of-resources' });
    await staged.discard();
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
    const bytes = randomBytes(3_000_000);
    const staged = await stagedWith(store, bytes);
    await store.publish([staged]);
    expect(calls).toBeGreaterThan(2);
    expect((await store.read(staged.key, 0, bytes.length)).equals(bytes)).toBe(true);
  });

  it('keeps chunks in order when the sender does not wait for the disk, and reads them from wherever they are', async () => {
    const store = await FileStore.open(aFolder());
    const staged = store.stage();
    const bytes = randomBytes(3_210_000);
    for (let at = 0; at < bytes.length; at += 50_000) void staged.write(bytes.subarray(at, at + 50_000));
    await vi.waitUntil(() => staged.canRead(0, bytes.length));
    for (const [offset, length] of [
      [0, 10],
      [60_000, 20_000],
      [1_000_000, 2_000_000],
      [3_100_000, 50_000],
      [3_200_000, 99_999],
      [4_000_000, 1],
    ] as const)
      expect(staged.read(offset, length).equals(bytes.subarray(offset, offset + length))).toBe(true);
    await staged.flush();
    expect(readFileSync(staged.path).equals(bytes)).toBe(true);
    await staged.discard();
  });

  it('says out-of-resources on a full disk, keeps saying it for that object, and leaves nothing of it', async () => {
    const root = aFolder();
    const store = await FileStore.open(root);
    const staged = store.stage();
    disk.writev = () => Promise.resolve().then(full);
    const refusal = await Promise.resolve(staged.write(randomBytes(2_000_000))).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(VoxgateError);
    expect(refusal).toMatchObject({ code: 'out-of-resources', message: expect.stringContaining('ENOSPC') });
    // There is room again, but not for this one: it has a hole.
    disk.writev = undefined;
    await expect(staged.write(Buffer.from('the rest'))).rejects.toMatchObject({ code: 'out-of-resources' });
    await expect(store.publish([staged])).rejects.toMatchObject({ code: 'out-of-resources' });
    await staged.discard();
    expect(filesUnder(root)).toEqual([]);
    expect(store.isUnderWay(staged.key)).toBe(false);
  });

  it('publishes none of a group of which one cannot be synced', async () => {
    const root = aFolder();
    const store = await FileStore.open(root);
    const group = await Promise.all([randomBytes(9), randomBytes(9)].map((bytes) => stagedWith(store, bytes)));
    let syncs = 0;
    disk.fdatasync = () => (syncs++ === 0 ? Promise.resolve().then(full) : Promise.resolve());
    await expect(store.publish(group)).rejects.toMatchObject({ code: 'out-of-resources' });
    await Promise.all(group.map((staged) => staged.discard()));
    expect(filesUnder(root)).toEqual([]);
  });

  it('closes a file that is given up only after its last write: its descriptor may be another’s by then', async () => {
    const store = await FileStore.open(aFolder());
    const [given, other] = [store.stage(), Buffer.from('of another object')];
    let finish: () => void = () => undefined;
    const slow = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const { writeSync } = await vi.importActual<typeof Fs>('node:fs');
    let writes = 0;
    disk.writev = async (fd, buffers, position) => {
      writes += 1;
      await slow;
      return { bytesWritten: writeSync(fd, Buffer.concat(buffers), 0, undefined, position) };
    };
    void given.write(randomBytes(2_000_000));
    await vi.waitFor(() => expect(writes).toBe(1));
    const discarded = given.discard();
    disk.writev = undefined;
    const staged = await stagedWith(store, other);
    finish();
    await discarded;
    await store.publish([staged]);
    expect(readFileSync(store.pathOf(staged.key)).equals(other)).toBe(true);
  });

  it('takes nothing in when the disk has less left than it must keep, and stops what is coming', async () => {
    const store = await FileStore.open(aFolder(), { minFreeBytes: 2 ** 60 });
    expect(() => store.stage()).toThrow(expect.objectContaining({ code: 'out-of-resources' }));
    const roomy = await FileStore.open(aFolder(), { minFreeBytes: 1 });
    const staged = roomy.stage();
    vi.spyOn(roomy, 'requireRoom').mockImplementation(full);
    await expect(staged.write(randomBytes(2_000_000))).rejects.toMatchObject({ code: 'ENOSPC' });
    await staged.discard();
  });

  it('tells every file there is, and which of them are on their way and no left-overs', async () => {
    const root = aFolder();
    const store = await FileStore.open(root);
    const [kept, coming] = [await stagedWith(store, randomBytes(100)), await stagedWith(store, randomBytes(50))];
    await store.publish([kept, coming]);
    kept.settle();
    mkdirSync(join(root, 'objects', 'ab'));
    writeFileSync(join(root, 'objects', 'ab', `${'ab'.repeat(32)}.dcm`), 'of an archive begun before');
    writeFileSync(join(root, 'objects', 'README.txt'), 'no object');
    const found = (await walked(store)).sort((a, b) => a.size - b.size);
    expect(found.map(({ key, size }) => [key, size])).toEqual([
      ['ab'.repeat(32), 26],
      [coming.key, 50],
      [kept.key, 100],
    ]);
    expect(found[2]!.modifiedAt.getTime()).toBeGreaterThan(Date.now() - 60_000);
    expect([kept, coming].map(({ key }) => store.isUnderWay(key))).toEqual([false, true]);
  });

  it('drops at opening what a crash left staged, and knows how much room is left', async () => {
    const root = aFolder();
    mkdirSync(join(root, 'staging'));
    writeFileSync(join(root, 'staging', 'left-over'), 'half an object');
    expect(await (await FileStore.open(root)).freeBytes()).toBeGreaterThan(0);
    expect(filesUnder(root)).toEqual([]);
  });
});
