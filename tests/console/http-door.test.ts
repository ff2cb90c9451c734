import { connect, type Socket } from 'node:net';
import { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import express from 'express';
import { pino } from 'pino';
import { describe, expect, it, onTestFinished } from 'vitest';
import { loadSettings } from '../../src/config.ts';
import { type HttpDoor, openHttpDoor } from '../../src/http-door.ts';
import type { HttpSettings } from '../../src/http-settings.ts';
import { ask } from '../dicomweb/client.ts';

/** More than the sockets of both sides hold. */
const LARGE = 32 * 1024 * 1024;

/** The door alone, before rooms of the test's own. */
async function aDoor(changes: Partial<HttpSettings> = {}) {
  const lines: string[] = [];
  const sink = new Writable({
    write(chunk, _encoding, done) {
      lines.push(String(chunk));
      done();
    },
  });
  const console = express.Router();
  console.get('/quick', (_request, response) => {
    response.json({ quick: true });
  });
  console.get('/slow', async (_request, response) => {
    response.write('begun');
    await sleep(400);
    response.end(' ended');
  });
  console.get('/large', (_request, response) => {
    response.setHeader('content-length', LARGE + 7);
    response.end(Buffer.concat([Buffer.alloc(LARGE), Buffer.from('the end')]));
  });
  console.get('/forever', (_request, response) => {
    response.write('begun');
  });
  console.get('/bug', () => {
    throw new TypeError('cannot read DOE^JOHN of undefined');
  });
  console.get('/late-bug', async (_request, response) => {
    response.write('half');
    await sleep(10);
    throw new Error('too late for a status');
  });
  console.get('/item/:id', (request, response) => {
    response.json(request.params);
  });
  console.post('/body', async (request, response) => {
    let bytes = 0;
    for await (const chunk of request) bytes += chunk.length;
    response.json({ bytes });
  });
  const door = await openHttpDoor({
    host: '127.0.0.1',
    port: 0,
    log: pino({ level: 'info' }, sink),
    dicomweb: console,
    console,
    settings: { ...loadSettings({}).httpDoor, ...changes },
  });
  onTestFinished(() => door.close(0));
  return { door, root: `http://127.0.0.1:${door.port}`, log: () => lines.join('') };
}

interface Line {
  readonly socket: Socket;
  seen(): string;
  readonly closed: Promise<void>;
}

function dial({ port }: HttpDoor): Line {
  const socket = connect(port, '127.0.0.1');
  let text = '';
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
  });
  socket.on('error', () => undefined);
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  onTestFinished(() => {
    socket.destroy();
  });
  return { socket, seen: () => text, closed };
}

async function within(ms: number, promise: Promise<void>): Promise<boolean> {
  return Promise.race([promise.then(() => true), sleep(ms).then(() => false)]);
}

describe('the HTTP door', () => {
  it('answers a bug of ours with JSON 500 and no word of it; the log has the whole story', async () => {
    const { root, log } = await aDoor();
    const answer = await ask(root, '/bug');
    expect(answer.status).toBe(500);
    expect(answer.type).toContain('application/json');
    expect(answer.text).not.toMatch(/DOE|TypeError|\.ts|undefined/);
    expect(log()).toContain('TypeError');
  });

  it('breaks off an answer that fails when it has begun, so that nobody takes it for whole', async () => {
    const { root, log } = await aDoor();
    await expect(ask(root, '/late-bug')).rejects.toThrow();
    expect(log()).toContain('too late for a status');
  });

  it('answers a path that is not well-formed with 400, and does not log it as our bug', async () => {
    const { root, log } = await aDoor();
    expect((await ask(root, '/item/%zz')).status).toBe(400);
    expect(log()).toBe('');
  });

  it('answers what is no HTTP with 400, headers beyond the limit with 431', async () => {
    const { door } = await aDoor({ headerBytes: 4096 });
    const garbage = dial(door);
    garbage.socket.write('\x16\x03\x01 hello\r\n\r\n');
    await garbage.closed;
    expect(garbage.seen()).toContain('400 Bad Request');
    const long = dial(door);
    long.socket.write(`GET /quick HTTP/1.1\r\nHost: x\r\nX-Long: ${'y'.repeat(8000)}\r\n\r\n`);
    await long.closed;
    expect(long.seen()).toContain('431');
  });

  it('tells nobody which software it is made of', async () => {
    const { root } = await aDoor();
    const { headers } = await ask(root, '/quick');
    expect(headers['x-powered-by']).toBeUndefined();
    expect(headers['server']).toBeUndefined();
  });
});

describe('slow clients of the HTTP door', () => {
  it('are cut when they send their headers byte by byte (slowloris), and others are served meanwhile', async () => {
    const { door, root } = await aDoor({ headersMs: 500 });
    const lines = Array.from({ length: 20 }, () => dial(door));
    for (const { socket } of lines) socket.write('GET /quick HTTP/1.1\r\nHost: x\r\n');
    const drip = setInterval(() => {
      for (const { socket } of lines) socket.write('X-A: b\r\n');
    }, 50);
    onTestFinished(() => clearInterval(drip));
    expect((await ask(root, '/quick')).status).toBe(200);
    expect(
      await within(
        3000,
        Promise.all(lines.map(({ closed }) => closed)).then(() => undefined),
      ),
    ).toBe(true);
    expect(lines.map(({ seen }) => seen().slice(0, 12))).toEqual(lines.map(() => 'HTTP/1.1 408'));
  });

  it('are cut when they connect and say nothing', async () => {
    const { door } = await aDoor({ idleMs: 300 });
    expect(await within(2000, dial(door).closed)).toBe(true);
  });

  it('are cut when their body stands still, and not while it moves, however long it takes', async () => {
    const { door } = await aDoor({ idleMs: 400, headersMs: 300 });
    const head = 'POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\n';
    const still = dial(door);
    still.socket.write(`${head}x`);
    const moving = dial(door);
    moving.socket.write(head);
    for (let i = 0; i < 20; i += 1) {
      await sleep(60);
      moving.socket.write('x');
    }
    await sleep(100);
    expect(moving.seen()).toContain('{"bytes":20}');
    expect(await within(1000, still.closed)).toBe(true);
    expect(still.seen()).toBe('');
  });

  it('are refused beyond the number of connections, and served again when there is room', async () => {
    const { door, root, log } = await aDoor({ connections: 3 });
    const lines = Array.from({ length: 3 }, () => dial(door));
    await sleep(100);
    await expect(ask(root, '/quick')).rejects.toThrow();
    expect(log()).toContain('too many are open');
    lines[0]!.socket.destroy();
    await sleep(100);
    expect((await ask(root, '/quick')).status).toBe(200);
  });
});

describe('closing the HTTP door', () => {
  it('lets an answer that has begun come to its end, and takes no more callers', async () => {
    const { door, root } = await aDoor();
    const slow = ask(root, '/slow');
    await sleep(100);
    const closing = door.close(10_000);
    await expect(ask(root, '/quick')).rejects.toThrow();
    expect((await slow).text).toBe('begun ended');
    expect(await within(1000, closing)).toBe(true);
  });

  it('does not wait for connections that are kept open and do nothing', async () => {
    const { door } = await aDoor();
    const line = dial(door);
    line.socket.write('GET /quick HTTP/1.1\r\nHost: x\r\n\r\n');
    const atWork = dial(door);
    atWork.socket.write('GET /slow HTTP/1.1\r\nHost: x\r\n\r\n');
    await sleep(100);
    expect(line.seen()).toContain('quick');
    const began = Date.now();
    await door.close(10_000);
    expect(Date.now() - began).toBeLessThan(1500);
    await atWork.closed;
    expect(atWork.seen()).toContain('ended');
  });

  it('lets an answer that has been handed over reach a client that reads slowly', async () => {
    const { door } = await aDoor();
    const line = dial(door);
    line.socket.pause();
    line.socket.write('GET /large HTTP/1.1\r\nHost: x\r\n\r\n');
    await sleep(200);
    const closing = door.close(10_000);
    await sleep(200);
    line.socket.resume();
    await line.closed;
    await closing;
    expect(line.seen().length).toBeGreaterThan(LARGE);
    expect(line.seen().endsWith('the end')).toBe(true);
  });

  it('cuts what is still open after the grace time', async () => {
    const { door } = await aDoor();
    const line = dial(door);
    line.socket.write('GET /forever HTTP/1.1\r\nHost: x\r\n\r\n');
    await sleep(100);
    const began = Date.now();
    await door.close(300);
    expect(Date.now() - began).toBeLessThan(1500);
    await line.closed;
  });

  it('says which setting is wrong when the address cannot be had', async () => {
    const { door } = await aDoor();
    const second = openHttpDoor({
      host: '127.0.0.1',
      port: door.port,
      log: pino({ level: 'silent' }),
      dicomweb: express.Router(),
      console: express.Router(),
      settings: loadSettings({}).httpDoor,
    });
    await expect(second).rejects.toThrow(/VOXGATE_HTTP: 127\.0\.0\.1:\d+ cannot be opened: EADDRINUSE/);
  });
});
