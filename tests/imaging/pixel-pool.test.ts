import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { PixelPool, type PixelPoolOptions } from '../../src/imaging/pixel-pool.ts';

/** A worker whose tasks do what their path says. */
const WORKER = `
import { parentPort, threadId } from 'node:worker_threads';
parentPort.on('message', ({ input }) => {
  const what = input.file.path;
  if (what === 'hang') for (;;);
  if (what === 'exhaust') { const all = []; for (;;) all.push(new Array(100000).fill({})); }
  if (what === 'crash') throw new Error('the codec crashed');
  if (what === 'refuse') return parentPort.postMessage({ ok: false, code: 'undecodable', message: 'no' });
  const wait = what === 'slow' ? 300 : 0;
  setTimeout(() => parentPort.postMessage({ ok: true, output: { thread: threadId } }), wait);
});
`;

describe('the pixel pool', () => {
  let folder: string;
  let pool: PixelPool | undefined;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'pixel-pool-'));
    writeFileSync(join(folder, 'worker.mjs'), WORKER);
  });
  afterEach(() => pool?.close());
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const open = (options: PixelPoolOptions = {}): PixelPool => {
    pool = new PixelPool({ threads: 1, workerFile: join(folder, 'worker.mjs'), ...options });
    return pool;
  };
  const order = (path: string) => ({
    file: { path, size: 0 },
    frame: 1,
    ranges: undefined,
    transferSyntaxUid: '1.2.840.10008.1.2.1',
  });
  const run = (path: string, options = {}) => pool!.run('deliver-frame', order(path), options);

  it('gives each task a thread, and keeps that for the next', async () => {
    open();
    expect(await run('ok')).toEqual(await run('ok'));
  });

  it('passes on what a task refuses, and its thread goes on', async () => {
    open();
    const before = await run('ok');
    await expect(run('refuse')).rejects.toMatchObject({ code: 'undecodable', message: 'no' });
    expect(await run('ok')).toEqual(before);
  });

  it.each([
    ['crash', 'the codec crashed'],
    ['exhaust', 'memory'],
  ])('lets only the task fail whose codec does: %s', { timeout: 60_000 }, async (what, reason) => {
    open();
    const [failed, next] = await Promise.allSettled([run(what), run('ok')]);
    expect(failed).toMatchObject({
      status: 'rejected',
      reason: { code: 'undecodable', message: expect.stringContaining(reason) },
    });
    expect(next.status).toBe('fulfilled');
  });

  it('ends a task that takes too long, and goes on with the next', async () => {
    open();
    const hanging = run('hang', { deadlineMs: 200 });
    const next = run('ok');
    await expect(hanging).rejects.toMatchObject({
      code: 'undecodable',
      message: expect.stringContaining('over 0.2 s'),
    });
    await next;
  });

  it('ends a running task that nobody wants any more, and takes a waiting one back', async () => {
    open();
    const leaving = new AbortController();
    const never = new AbortController();
    const running = run('hang', { signal: leaving.signal });
    const waiting = run('hang', { signal: never.signal });
    const next = run('ok');
    never.abort(new Error('left while it waited'));
    await expect(waiting).rejects.toThrow('left while it waited');
    leaving.abort(new Error('left'));
    await expect(running).rejects.toThrow('left');
    await next;
    await expect(run('ok', { signal: leaving.signal })).rejects.toThrow('left');
  });

  it('refuses what it has no room for', async () => {
    open({ queued: 1 });
    const first = run('slow');
    const second = run('ok');
    await expect(run('ok')).rejects.toMatchObject({ code: 'out-of-resources' });
    await Promise.all([first, second]);
    await run('ok');
  });

  it('works on as many at once as it has threads', async () => {
    open({ threads: 2 });
    await Promise.all([run('ok'), run('ok')]);
    const begun = performance.now();
    await Promise.all([run('slow'), run('slow')]);
    expect(performance.now() - begun).toBeLessThan(590);
  });

  it('says so when it is closed', async () => {
    open();
    const cut = Promise.allSettled([run('hang'), run('ok')]);
    await sleep(100);
    await pool!.close();
    const refused = { status: 'rejected', reason: { code: 'out-of-resources', message: 'the node is closing' } };
    expect(await cut).toMatchObject([refused, refused]);
    await expect(run('ok')).rejects.toMatchObject({ code: 'out-of-resources' });
  });
});
