import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startThread, type Thread } from '../../src/storage/disk-thread.ts';
import { FileStore } from '../../src/storage/file-store.ts';
import type { StagedObject } from '../../src/storage/staged-object.ts';
import { aFolder } from '../support/test-node.ts';

const MB = 1_000_000;

/** A store of which the real threads can be reached. */
async function aStore(root = aFolder()): Promise<{ root: string; store: FileStore; threads: Thread[] }> {
  const threads: Thread[] = [];
  const store = await FileStore.open(root, {
    startThread: (folders) => {
      const thread = startThread(folders);
      threads.push(thread);
      return thread;
    },
  });
  return { root, store, threads };
}

async function received(store: FileStore, bytes: Buffer, chunk = 50_000): Promise<StagedObject> {
  const staged = store.stage(0);
  for (let at = 0; at < bytes.length; at += chunk) await staged.write(bytes.subarray(at, at + chunk));
  return staged;
}

async function stored(store: FileStore, bytes: Buffer): Promise<StagedObject> {
  const staged = await received(store, bytes);
  staged.finish();
  await staged.content();
  await store.publish([staged]);
  staged.settle();
  return staged;
}

const filesUnder = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => entry.name);

const bytesOf = (store: FileStore, { key }: StagedObject): Buffer => readFileSync(store.pathOf(key));

describe('the thread that writes objects', () => {
  it('keeps large and small ones byte for byte, whatever the order in which they come and end', async () => {
    const { store, root } = await aStore();
    const contents = Array.from({ length: 40 }, (_, i) => randomBytes([1, 700, 65_536, 300_001, 5 * MB][i % 5]! + i));
    const group = contents.map(() => store.stage(0));
    const left = contents.map((bytes) => bytes);
    // Interleaved, some waiting for the disk and some not.
    while (left.some((bytes) => bytes.length > 0)) {
      for (const [i, staged] of group.entries()) {
        const some = left[i]!.subarray(0, 1 + Math.floor(Math.random() * 200_000));
        left[i] = left[i]!.subarray(some.length);
        const written = some.length > 0 ? staged.write(some) : undefined;
        if (i % 2 === 0) await written;
      }
    }
    for (const staged of [...group].reverse()) staged.finish();
    await Promise.all(group.map((staged) => staged.content()));
    await store.publish(group);
    for (const [i, staged] of group.entries()) {
      staged.settle();
      expect(bytesOf(store, staged).equals(contents[i]!)).toBe(true);
    }
    expect(filesUnder(join(root, 'staging'))).toEqual([]);
    await store.close();
  });

  it('refuses its objects when it dies, keeps what was durable, and is followed by another', async () => {
    const { store, root, threads } = await aStore();
    const kept = await received(store, randomBytes(300_000));
    kept.finish();
    await store.publish([kept]);
    const [coming, small, ended] = await Promise.all(
      [700_000, 10, 700_000].map((size) => received(store, randomBytes(size))),
    );
    ended!.finish();
    await threads[0]!.terminate();
    const refusal = { code: 'out-of-resources', message: expect.stringContaining('the thread that writes objects') };
    await expect(coming!.write(Buffer.alloc(9))).rejects.toMatchObject(refusal);
    small!.finish();
    await expect(small!.content()).rejects.toMatchObject(refusal);
    await expect(store.publish([ended!])).rejects.toMatchObject(refusal);
    expect(kept.failure).toBeUndefined();
    await store.publish([kept]);
    kept.settle();
    for (const staged of [coming, small, ended]) {
      await staged!.discard();
      expect(store.isUnderWay(staged!.key)).toBe(false);
    }
    expect(filesUnder(join(root, 'staging'))).toEqual([]);
    const next = await stored(store, Buffer.from('the next'));
    expect(threads).toHaveLength(2);
    expect(bytesOf(store, next).toString()).toBe('the next');
    expect(filesUnder(join(root, 'objects'))).toContain(`${kept.key}.dcm`);
    await store.close();
  });

  it('is not started again at once when it ends before it has stored anything', async () => {
    const { store, threads } = await aStore();
    await (await received(store, randomBytes(10))).discard();
    for (let deaths = 1; deaths <= 3; deaths += 1) {
      await threads.at(-1)!.terminate();
      expect(() => store.stage()).toThrow(expect.objectContaining({ code: 'out-of-resources' }));
      const died = performance.now();
      let staged: StagedObject | undefined;
      while (staged === undefined) {
        await new Promise((resolve) => setTimeout(resolve, 5));
        try {
          staged = store.stage();
        } catch (error) {
          expect(error).toMatchObject({ message: expect.stringContaining('started again soon') });
        }
      }
      expect(performance.now() - died).toBeGreaterThan(100 * 2 ** (deaths - 1) - 20);
      await staged.discard();
    }
    await stored(store, Buffer.from('it has come to itself'));
    await store.close();
  });

  it('ends what is on its way before it closes, and takes nothing thereafter', async () => {
    const { store } = await aStore();
    const bytes = randomBytes(20 * MB);
    const staged = await received(store, bytes);
    staged.finish();
    const published = store.publish([staged]).then(() => staged.settle());
    await store.close();
    await published;
    expect(bytesOf(store, staged).equals(bytes)).toBe(true);
    expect(() => store.stage()).toThrow(expect.objectContaining({ code: 'out-of-resources' }));
  });

  it('holds little of a thousand objects that come at once, and of large ones whose senders do not wait', async () => {
    const { store } = await aStore();
    const before = process.memoryUsage();
    const chunk = randomBytes(300_000);
    const group = Array.from({ length: 1000 }, () => store.stage(0));
    for (const staged of group) await staged.write(chunk);
    for (const staged of group) await staged.write(chunk);
    // One slab each, and what all hold together beyond that.
    const grown = process.memoryUsage().arrayBuffers - before.arrayBuffers;
    expect(grown).toBeLessThan(1000 * 64 * 1024 + 64 * 1024 * 1024);
    const last = group.at(-1)!;
    expect(last.read(299_990, 20).equals(Buffer.concat([chunk.subarray(-10), chunk.subarray(0, 10)]))).toBe(true);
    last.finish();
    expect(await last.content()).toMatchObject({ dataSetOffset: 0 });
    await store.publish([last]);
    expect(bytesOf(store, last).equals(Buffer.concat([chunk, chunk]))).toBe(true);
    await Promise.all(group.map((staged) => staged.discard()));
    await store.close();
  });
});

/** A file system of 4 MiB; undefined where this process may not mount one. */
function aSmallDisk(): string | undefined {
  const disk = aFolder();
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', disk], { stdio: 'ignore' });
  } catch {
    console.warn('no file system can be mounted here: the test of a full disk is left out');
    return undefined;
  }
  onTestFinished(() => {
    execFileSync('umount', ['--lazy', disk]);
  });
  return disk;
}

describe('a disk that is full', () => {
  it('is out-of-resources for the object that does not fit; the others and the next are stored', async (context) => {
    const disk = aSmallDisk();
    if (disk === undefined) return context.skip();
    const { store, threads } = await aStore(join(disk, 'data'));
    const fits = await received(store, randomBytes(MB));
    const large = store.stage(0);
    const refusal = { code: 'out-of-resources', message: expect.stringContaining('ENOSPC') };
    const writing = async (): Promise<void> => {
      for (let i = 0; i < 200; i += 1) await large.write(randomBytes(50_000));
    };
    await expect(writing()).rejects.toMatchObject(refusal);
    await large.discard();
    fits.finish();
    await store.publish([fits]);
    fits.settle();
    // Now one that ends before it is known that there is no room for it.
    const short = await received(store, randomBytes(200_000));
    const filler = await received(store, randomBytes(900_000));
    const many = await Promise.all(Array.from({ length: 14 }, () => received(store, randomBytes(250_000))));
    for (const staged of [short, filler, ...many]) staged.finish();
    const results = await Promise.allSettled([short, filler, ...many].map((staged) => store.publish([staged])));
    const failed = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
    expect(failed.length).toBeGreaterThan(0);
    expect(failed.length).toBeLessThan(results.length);
    for (const reason of failed) expect(reason).toMatchObject(refusal);
    for (const staged of [short, filler, ...many]) await staged.discard();
    expect(filesUnder(join(disk, 'data', 'staging'))).toEqual([]);
    expect(filesUnder(join(disk, 'data', 'objects'))).toEqual([`${fits.key}.dcm`]);
    await stored(store, randomBytes(MB));
    expect(threads).toHaveLength(1);
    await store.close();
    expect(existsSync(store.pathOf(fits.key))).toBe(true);
  });
});
