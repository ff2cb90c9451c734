import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import { PixelCache } from '../../src/imaging/pixel-cache.ts';

const some = (size: number) => ({ bytes: new Uint8Array(size) });

describe('the pixel cache', () => {
  it('keeps what was used last, up to its bytes', async () => {
    const cache = new PixelCache(100);
    const make = vi.fn(async () => some(20));
    for (const key of ['a', 'b', 'c', 'd', 'e']) await cache.get(key, make);
    await cache.get('a', make);
    expect(make).toHaveBeenCalledTimes(5);
    await cache.get('f', make);
    expect(cache.bytes).toBe(100);
    await cache.get('a', make);
    expect(make).toHaveBeenCalledTimes(6);
    await cache.get('b', make);
    expect(make).toHaveBeenCalledTimes(7);
  });

  it('keeps nothing that would push out all others', async () => {
    const cache = new PixelCache(100);
    await cache.get('a', async () => some(30));
    expect(cache.bytes).toBe(0);
  });

  it('keeps what is cheap from its second use on', async () => {
    const cache = new PixelCache(100);
    const make = vi.fn(async () => some(20));
    for (let i = 0; i < 4; i++) await cache.getCheap('a', make);
    expect(make).toHaveBeenCalledTimes(2);
    for (let i = 0; i < 10; i++) await cache.getCheap(`once ${i}`, make);
    expect(cache.bytes).toBe(20);
  });

  it('makes once what two ask for at the same time', async () => {
    const cache = new PixelCache(100);
    const make = vi.fn(() => sleep(10, some(1)));
    const [one, other] = await Promise.all([cache.get('a', make), cache.get('a', make)]);
    expect(one).toBe(other);
    expect(make).toHaveBeenCalledTimes(1);
  });

  it('does not remember a failure', async () => {
    const cache = new PixelCache(100);
    const fail = () => cache.get('a', () => Promise.reject(new Error('broken')));
    await expect(Promise.all([fail(), fail()])).rejects.toThrow('broken');
    expect(await cache.get('a', async () => some(1))).toEqual(some(1));
  });

  it('gives up when the last who waited has left, and not before', async () => {
    const cache = new PixelCache(100);
    const [first, second] = [new AbortController(), new AbortController()];
    let stopped: AbortSignal | undefined;
    const make = (signal: AbortSignal) => {
      stopped = signal;
      return sleep(50, some(1), { signal });
    };
    const one = cache.get('a', make, first.signal);
    const other = cache.get('a', make, second.signal);
    first.abort(new Error('left'));
    await expect(one).rejects.toThrow('left');
    expect(stopped?.aborted).toBe(false);
    second.abort(new Error('left, too'));
    await expect(other).rejects.toThrow('left, too');
    expect(stopped?.aborted).toBe(true);
    expect(await cache.get('a', async () => some(2))).toEqual(some(2));
  });
});
