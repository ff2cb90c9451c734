import { randomBytes } from 'node:crypto';
import { EventEmitter } from 'node:events';
import type * as Fs from 'node:fs';
import { mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { VoxgateError } from '../../src/errors.ts';
import type { Order } from '../../src/storage/disk-messages.ts';
import type { Thread } from '../../src/storage/disk-thread.ts';
import { FileStore, type StoredFile } from '../../src/storage/file-store.ts';
import { contentDigest, isKeyOf, isObjectKey, newArrivalName, sealedKey } from '../../src/storage/object-key.ts';
import { type Folders, ObjectWriter } from '../../src/storage/object-writer.ts';
import type { StagedObject } from '../../src/storage/staged-object.ts';
import { aFolder } from '../support/test-node.ts';

type Writev = (fd: number, buffers: readonly Buffer[], position: number) => number;
type Fdatasync = (fd: number) => void;

/** The disk: real, but for what a test puts in its place. */
const disk: { writev: Writev | undefined; fdatasync: Fdatasync | undefined } = vi.hoisted(() => ({
  writev: undefined,
  fdatasync: undefined,
}));
vi.mock('node:fs', async (original) => {
  const fs = await original<typeof Fs>();
  // The factory runs before the imports of this file.
  const { custom } = (await import('node:util')).promisify;
  const fdatasyncSync = (fd: number): void => (disk.fdatasync ?? fs.fdatasyncSync)(fd);
  const fdatasync = Object.assign(() => undefined, { [custom]: async (fd: number) => fdatasyncSync(fd) });
  const writevSync = (fd: number, buffers: Buffer[], position: number): number =>
    (disk.writev ?? fs.writevSync)(fd, buffers, position);
  return { ...fs, writevSync, fdatasync, fdatasyncSync };
});
afterEach(() => {
  disk.writev = undefined;
  disk.fdatasync = undefined;
});

/** Does in this thread, and in its turn, what a disk thread does: the disk of this file is its disk. */
class HereThread extends EventEmitter implements Thread {
  readonly #writer: ObjectWriter;
  #stopped: Order[] | undefined;

  constructor(folders: Folders) {
    super();
    this.#writer = new ObjectWriter(
      { postMessage: (answer) => setImmediate(() => this.emit('message', answer)) },
      folders,
    );
  }

  postMessage(order: Order): void {
    if (this.#stopped) this.#stopped.push(order);
    else setImmediate(() => this.#writer.take(order));
  }

  /** It does nothing until what is returned is called. */
  stop(): () => void {
    this.#stopped = [];
    return () => {
      const orders = this.#stopped ?? [];
      this.#stopped = undefined;
      for (const order of orders) this.postMessage(order);
    };
  }

  ref(): void {}
  unref(): void {}
  async terminate(): Promise<void> {
    this.emit('exit');
  }
}

const threads: HereThread[] = [];
const startThread = (folders: Folders): Thread => {
  const thread = new HereThread(folders);
  threads.push(thread);
  return thread;
};
const openHere = (root: string): Promise<FileStore> => FileStore.open(root, { startThread });

const linkOf = (path: string): string => {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
};

const full = (): never => {
  throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
};

async function stagedWith(store: FileStore, bytes: Buffer, chunk = 7001) {
  const staged = store.stage(0);
  for (let at = 0; at < bytes.length; at += chunk) await staged.write(bytes.subarray(at, at + chunk));
  return staged;
}

async function finished(group: readonly StagedObject[]): Promise<void> {
  for (const staged of group) staged.finish();
  await Promise.all(group.map((staged) => staged.content()));
}

const filesUnder = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => entry.name);

const folderUnder = (root: string): string => {
  const [day] = readdirSync(join(root, 'objects'));
  return join(root, 'objects', day!, readdirSync(join(root, 'objects', day!))[0]!);
};

async function walked(store: FileStore): Promise<StoredFile[]> {
  const found: StoredFile[] = [];
  for await (const file of store.walk()) found.push(file);
  return found;
}

describe('the file store', () => {
  it('keeps what was published, byte for byte, in a folder of its ten minutes, after it is opened again', async () => {
    const root = aFolder();
    const contents = [randomBytes(1_000_003), randomBytes(3_000_001), Buffer.from('x'), Buffer.alloc(0)];
    const store = await openHere(root);
    const group = await Promise.all(contents.map((bytes) => stagedWith(store, bytes)));
    expect(group.map(({ size }) => size)).toEqual([1_000_003, 3_000_001, 1, 0]);
    expect(filesUnder(join(root, 'objects'))).toEqual([]);
    await finished(group);
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
    const store = await openHere(root);
    const bytes = randomBytes(300_000);
    const [first, second] = [await stagedWith(store, bytes), await stagedWith(store, bytes)];
    await finished([first, second]);
    await store.publish([first, second]);
    first.settle();
    await second.discard();
    expect(filesUnder(join(root, 'objects'))).toEqual([`${first.key}.dcm`]);
    expect((await store.read(first.key, 0, bytes.length)).equals(bytes)).toBe(true);
    await first.discard();
    expect(filesUnder(join(root, 'objects'))).toEqual([`${first.key}.dcm`]);
  });

  it('syncs every file, and then the folder once, of those that ended together', async () => {
    const root = aFolder();
    const store = await openHere(root);
    const group = await Promise.all([10, 2_500_000, 30].map((length) => stagedWith(store, randomBytes(length))));
    const real = (await vi.importActual<typeof Fs>('node:fs')).fdatasyncSync;
    const sizes: number[][] = [];
    disk.fdatasync = (fd) => {
      // Under the names they keep.
      sizes.push(filesUnder(join(root, 'objects')).map((name) => statSync(join(folderUnder(root), name)).size));
      real(fd);
    };
    await finished(group);
    await store.publish(group);
    expect(sizes.map((all) => all.sort((a, b) => a - b))).toEqual(Array(3).fill([10, 30, 2_500_000]));
  });

  it('syncs a large object while it comes', async () => {
    const store = await openHere(aFolder());
    let syncs = 0;
    disk.fdatasync = () => {
      syncs += 1;
    };
    const staged = await stagedWith(store, Buffer.alloc(100 * 1024 * 1024), 1024 * 1024);
    expect(syncs).toBeGreaterThanOrEqual(3);
    disk.fdatasync = full;
    staged.finish();
    await expect(store.publish([staged])).rejects.toMatchObject({ code: 'out-of-resources' });
    await staged.discard();
  });

  it('goes on where the system wrote only a part of what it was given', async () => {
    const store = await openHere(aFolder());
    const real = (await vi.importActual<typeof Fs>('node:fs')).writeSync;
    let calls = 0;
    disk.writev = (fd, buffers, position) => {
      calls += 1;
      const some = Buffer.concat(buffers).subarray(0, 100_001);
      return real(fd, some, 0, some.length, position);
    };
    const bytes = randomBytes(3_000_000);
    const staged = await stagedWith(store, bytes);
    await finished([staged]);
    await store.publish([staged]);
    expect(calls).toBeGreaterThan(2);
    expect((await store.read(staged.key, 0, bytes.length)).equals(bytes)).toBe(true);
  });

  it('keeps chunks in order when the sender does not wait for the disk, and reads them from wherever they are', async () => {
    const store = await openHere(aFolder());
    const staged = store.stage();
    const bytes = randomBytes(3_210_000);
    for (let at = 0; at < bytes.length; at += 50_000) void staged.write(bytes.subarray(at, at + 50_000));
    await staged.flush();
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
    const store = await openHere(root);
    const staged = store.stage();
    disk.writev = full;
    const refusal = await Promise.resolve(staged.write(randomBytes(2_000_000))).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(VoxgateError);
    expect(refusal).toMatchObject({ code: 'out-of-resources', message: expect.stringContaining('ENOSPC') });
    // There is room again, but not for this one: it has a hole.
    disk.writev = undefined;
    await expect(staged.write(Buffer.from('the rest'))).rejects.toMatchObject({ code: 'out-of-resources' });
    staged.finish();
    await expect(store.publish([staged])).rejects.toMatchObject({ code: 'out-of-resources' });
    await staged.discard();
    expect(filesUnder(root)).toEqual([]);
    expect(store.isUnderWay(staged.key)).toBe(false);
  });

  it('publishes none of a group of which one cannot be synced', async () => {
    const root = aFolder();
    const store = await openHere(root);
    const group = await Promise.all([randomBytes(9), randomBytes(9)].map((bytes) => stagedWith(store, bytes)));
    let syncs = 0;
    disk.fdatasync = () => (syncs++ === 0 ? full() : undefined);
    await finished(group);
    await expect(store.publish(group)).rejects.toMatchObject({ code: 'out-of-resources' });
    await Promise.all(group.map((staged) => staged.discard()));
    expect(filesUnder(root)).toEqual([]);
  });

  it('gives an object up in whatever state it is, and leaves nothing of it and nothing to others', async () => {
    const root = aFolder();
    const store = await openHere(root);
    const kept = await stagedWith(store, Buffer.from('of another object'));
    const [empty, begun, half, ended, moved, synced] = [
      store.stage(0),
      ...(await Promise.all([10, 700_000, 700_000, 20, 6_000_000].map((size) => stagedWith(store, randomBytes(size))))),
    ] as const;
    moved!.finish();
    await store.publish([moved!]);
    synced!.finish();
    await synced!.content();
    const goOn = threads.at(-1)!.stop();
    ended!.finish();
    const discarded = Promise.all([empty, begun, half, ended, moved, synced].map((staged) => staged!.discard()));
    goOn();
    await discarded;
    await finished([kept]);
    await store.publish([kept]);
    kept.settle();
    expect(filesUnder(root)).toEqual([`${kept.key}.dcm`]);
    expect(readFileSync(store.pathOf(kept.key)).toString()).toBe('of another object');
    // Nothing is left open but the folder.
    const open = readdirSync('/proc/self/fd').map((fd) => linkOf(`/proc/self/fd/${fd}`));
    expect(open.filter((path) => path.startsWith(root) && path.endsWith('.dcm'))).toEqual([]);
  });

  it('takes nothing in when the disk has less left than it must keep, and stops what is coming', async () => {
    const store = await FileStore.open(aFolder(), { minFreeBytes: 2 ** 60 });
    expect(() => store.stage()).toThrow(expect.objectContaining({ code: 'out-of-resources' }));
    const roomy = await FileStore.open(aFolder(), { minFreeBytes: 1, startThread });
    const staged = roomy.stage();
    vi.spyOn(roomy, 'requireRoom').mockImplementation(full);
    await expect(staged.write(randomBytes(2_000_000))).rejects.toMatchObject({ code: 'ENOSPC' });
    await staged.discard();
  });

  it('tells every file there is, and which of them are on their way and no left-overs', async () => {
    const root = aFolder();
    const store = await openHere(root);
    const [kept, coming] = [await stagedWith(store, randomBytes(100)), await stagedWith(store, randomBytes(50))];
    await finished([kept, coming]);
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
