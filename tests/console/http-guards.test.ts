import { connect } from 'node:net';
import { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import express from 'express';
import { pino } from 'pino';
import { describe, expect, it, onTestFinished } from 'vitest';
import { loadSettings } from '../../src/config.ts';
import { openHttpDoor } from '../../src/http-door.ts';
import type { HttpSettings } from '../../src/http-settings.ts';
import { ask } from '../dicomweb/client.ts';

/** The door alone; what the rooms behind it see comes back as JSON. */
async function aDoor(environment: Record<string, string> = {}, changes: Partial<HttpSettings> = {}, level = 'debug') {
  const lines: string[] = [];
  const sink = new Writable({
    write(chunk, _encoding, done) {
      lines.push(String(chunk));
      done();
    },
  });
  const room = express.Router();
  room.all('/seen', (request, response) => {
    response.json({ headers: request.headers });
  });
  room.all('/item/:name', (_request, response) => {
    response.json({});
  });
  room.post('/read', async (request, response) => {
    let bytes = 0;
    for await (const chunk of request.iterator({ destroyOnReturn: false })) bytes += chunk.length;
    response.json({ bytes });
  });
  room.post('/refuse', (_request, response) => {
    response.status(415).json({});
  });
  room.post('/late', async (request, response) => {
    await sleep(600);
    let bytes = 0;
    for await (const chunk of request) bytes += chunk.length;
    response.json({ bytes });
  });
  const door = await openHttpDoor({
    host: '127.0.0.1',
    port: 0,
    log: pino({ level }, sink),
    dicomweb: room,
    console: room,
    settings: { ...loadSettings(environment).httpDoor, ...changes },
  });
  onTestFinished(() => door.close(0));
  return { root: `http://127.0.0.1:${door.port}`, port: door.port, log: () => lines.join('') };
}

/** Sends bytes as they are and gathers what comes back until the connection ends or the time is over. */
function raw(port: number, text: string, ms = 500): Promise<{ seen: string; closed: boolean }> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    let seen = '';
    socket.on('data', (chunk: Buffer) => {
      seen += chunk.toString('latin1');
    });
    socket.on('error', () => undefined);
    const timer = setTimeout(() => {
      resolve({ seen, closed: false });
      socket.destroy();
    }, ms);
    socket.once('close', () => {
      clearTimeout(timer);
      resolve({ seen, closed: true });
    });
    socket.write(text);
  });
}

describe('the name that a request calls the node by', () => {
  it.each([
    ['127.0.0.1:8080', 200],
    ['localhost', 200],
    ['[::1]:8080', 200],
    ['pacs', 200],
    ['node.localhost:80', 200],
    ['attacker.example.org', 421],
    ['127.0.0.1.attacker.example.org:8080', 421],
    ['attacker.example.org.', 421],
  ])('%s on a loopback address: %i (DNS rebinding)', async (host, status) => {
    const { root } = await aDoor();
    const answer = await ask(root, '/seen', { headers: { host } });
    expect(answer.status).toBe(status);
    if (status === 421) expect(JSON.parse(answer.text).error).toContain('VOXGATE_HTTP_NAMES');
  });

  it('may be named by VOXGATE_HTTP_NAMES, and is any where the node listens to all or was told "*"', async () => {
    const named = await aDoor({ VOXGATE_HTTP_NAMES: 'pacs.example.org, other.example.org' });
    const host = 'Pacs.Example.org:443';
    expect((await ask(named.root, '/seen', { headers: { host } })).status).toBe(200);
    expect((await ask(named.root, '/seen', { headers: { host: 'third.example.org' } })).status).toBe(421);
    expect(loadSettings({ VOXGATE_HTTP_NAMES: '*' }).httpDoor.names).toBeUndefined();
    expect(loadSettings({ VOXGATE_HTTP: '0.0.0.0:80', VOXGATE_INSECURE: '1' }).httpDoor.names).toBeUndefined();
  });
});

describe('CORS', () => {
  const ORIGIN = 'https://viewer.example.org';
  const preflight = { origin: ORIGIN, 'access-control-request-method': 'POST' };

  it('is off unless origins are named', async () => {
    const { root } = await aDoor();
    const answer = await ask(root, '/dicom-web/seen', { method: 'OPTIONS', headers: preflight });
    expect(Object.keys(answer.headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
  });

  it('answers the preflight of a named origin, and exposes what viewers read', async () => {
    const { root } = await aDoor({ VOXGATE_CORS_ORIGINS: `https://a.example.org,${ORIGIN}` });
    const asked = await ask(root, '/dicom-web/seen', { method: 'OPTIONS', headers: preflight });
    expect(asked.status).toBe(204);
    expect(asked.headers['access-control-allow-origin']).toBe(ORIGIN);
    expect(asked.headers['access-control-allow-methods']).toContain('POST');
    expect(asked.headers['access-control-allow-headers']).toMatch(/Content-Type.*Range/);
    expect(asked.headers['vary']).toContain('Origin');
    const got = await ask(root, '/dicom-web/seen', { headers: { origin: ORIGIN } });
    expect(got.headers['access-control-allow-origin']).toBe(ORIGIN);
    expect(got.headers['access-control-expose-headers']).toMatch(/ETag.*Warning/);
    expect(got.headers['access-control-allow-credentials']).toBeUndefined();
  });

  it.each(['https://viewer.example.org.evil.example', 'http://viewer.example.org', 'null', `${ORIGIN}:8443`])(
    'gives nothing to %s, nor outside /dicom-web/',
    async (origin) => {
      const { root } = await aDoor({ VOXGATE_CORS_ORIGINS: ORIGIN });
      const answer = await ask(root, '/dicom-web/seen', { headers: { origin } });
      expect(answer.headers['access-control-allow-origin']).toBeUndefined();
      expect(answer.headers['vary']).toContain('Origin');
      const outside = await ask(root, '/seen', { headers: { origin: ORIGIN } });
      expect(outside.headers['access-control-allow-origin']).toBeUndefined();
    },
  );

  it('refuses settings that are no origins', () => {
    for (const wrong of ['*', 'viewer.example.org', 'https://viewer.example.org/', 'https://a/b', 'ftp://a'])
      expect(() => loadSettings({ VOXGATE_CORS_ORIGINS: wrong })).toThrow('VOXGATE_CORS_ORIGINS');
  });
});

describe('pages of other sites', () => {
  it('may not change anything, and pages of this node may', async () => {
    const { root, port } = await aDoor({ VOXGATE_CORS_ORIGINS: 'https://viewer.example.org' });
    const post = async (headers: Record<string, string>): Promise<number> =>
      (await ask(root, '/seen', { method: 'POST', headers })).status;
    expect(await post({ origin: 'https://evil.example' })).toBe(403);
    expect(await post({ origin: 'null' })).toBe(403);
    expect(await post({ origin: `http://127.0.0.1:${port}` })).toBe(200);
    expect(await post({ origin: 'https://viewer.example.org' })).toBe(200);
    expect(await post({})).toBe(200);
    const proxied = { origin: 'https://pacs.example.org', forwarded: 'for=10.0.0.1;host=pacs.example.org;proto=https' };
    expect(await post(proxied)).toBe(200);
    expect((await ask(root, '/seen', { headers: { origin: 'https://evil.example' } })).status).toBe(200);
  });
});

describe('Forwarded headers', () => {
  const headers = { forwarded: 'host=a.example.org', 'x-forwarded-host': 'b', 'x-forwarded-proto': 'https' };
  const seenBy = async (environment: Record<string, string>): Promise<Record<string, unknown>> => {
    const { root } = await aDoor(environment);
    return JSON.parse((await ask(root, '/seen', { headers })).text).headers;
  };

  it('are believed of trusted proxies alone: this machine and private networks unless said otherwise', async () => {
    expect(await seenBy({})).toMatchObject(headers);
    expect(await seenBy({ VOXGATE_TRUSTED_PROXIES: '127.0.0.0/8' })).toMatchObject(headers);
    for (const trusted of ['none', '10.0.0.0/8,::1']) {
      const seen = await seenBy({ VOXGATE_TRUSTED_PROXIES: trusted });
      expect(Object.keys(seen).filter((name) => name.includes('forwarded'))).toEqual([]);
    }
    expect(() => loadSettings({ VOXGATE_TRUSTED_PROXIES: 'pacs' })).toThrow('VOXGATE_TRUSTED_PROXIES');
  });
});

describe('every answer', () => {
  it('keeps browsers from guessing, telling and framing, and patients out of caches', async () => {
    const { root } = await aDoor();
    expect((await ask(root, '/api/nothing')).headers['cache-control']).toBe('private, no-store');
    for (const path of ['/dicom-web/seen', '/DICOM-web/seen']) {
      const { headers } = await ask(root, path);
      expect(headers['cache-control']).toBe('private, no-store');
      expect(headers['x-content-type-options']).toBe('nosniff');
      expect(headers['referrer-policy']).toBe('no-referrer');
      expect(headers['content-security-policy']).toContain("frame-ancestors 'self'");
      expect(headers['cross-origin-resource-policy']).toBe('same-origin');
    }
    expect((await ask(root, '/dicom-web/seen')).headers['content-security-policy']).toContain("script-src 'none'");
  });

  it('has a number that the log has, too; the log has the route, and no word of the address or the query', async () => {
    const { root, log } = await aDoor();
    const answer = await ask(root, '/item/DOE?PatientName=DOE^JOHN&PatientID=4711');
    expect(answer.headers['x-request-id']).toMatch(/^[0-9a-f]{8}-\w+$/);
    await sleep(20);
    const line = JSON.parse(log().trim());
    expect(line).toMatchObject({ requestId: answer.headers['x-request-id'], route: '/item/:name', status: 200 });
    expect(log()).not.toMatch(/DOE|4711|Patient/);
  });
});

describe('requests that are not taken', () => {
  it('TRACE, more headers than may be, and a request without Host', async () => {
    const { root, port } = await aDoor();
    expect((await ask(root, '/seen', { method: 'TRACE' })).status).toBe(405);
    const many = Array.from({ length: 150 }, (_, i) => `X-${i}: y\r\n`).join('');
    expect((await raw(port, `GET /seen HTTP/1.1\r\nHost: x\r\n${many}\r\n`)).seen).toMatch(/^HTTP\/1.1 431/);
    expect((await raw(port, 'GET /seen HTTP/1.1\r\n\r\n')).seen).toMatch(/^HTTP\/1.1 400/);
  });

  it.each([
    ['two lengths', 'Content-Length: 3\r\nContent-Length: 4\r\n'],
    ['a length and chunks', 'Content-Length: 3\r\nTransfer-Encoding: chunked\r\n'],
    ['an unknown transfer coding', 'Transfer-Encoding: gzip, nonsense\r\n'],
  ])('bodies with %s, which another server would read in another way', async (_what, lines) => {
    const { port } = await aDoor();
    const { seen, closed } = await raw(port, `POST /read HTTP/1.1\r\nHost: x\r\n${lines}\r\nabc`);
    expect([seen.slice(0, 12), closed]).toEqual(['HTTP/1.1 400', true]);
  });

  it('connections beyond those of one address', async () => {
    const { port, root, log } = await aDoor({ VOXGATE_HTTP_CONNECTIONS_PER_ADDRESS: '3' });
    const sockets = Array.from({ length: 3 }, () => connect(port, '127.0.0.1').on('error', () => undefined));
    await sleep(50);
    await expect(ask(root, '/seen')).rejects.toThrow();
    expect(log()).toContain('its address has too many open');
    sockets[0]!.destroy();
    await sleep(50);
    expect((await ask(root, '/seen')).status).toBe(200);
    for (const socket of sockets) socket.destroy();
  });
});

describe('Expect: 100-continue (RFC 9110 10.1.1)', () => {
  const head = (path: string): string =>
    `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n`;

  it('is answered when the body is read, and not where the headers are enough to refuse', async () => {
    const { port } = await aDoor();
    const read = await raw(port, `${head('/read')}hello`);
    expect(read.seen).toMatch(/^HTTP\/1.1 100 Continue\r\n\r\nHTTP\/1.1 200 OK[\s\S]*\{"bytes":5\}$/);
    const refused = await raw(port, head('/refuse'));
    expect(refused.seen).toMatch(/^HTTP\/1.1 415/);
    expect(refused.closed).toBe(true);
  });
});

describe('bodies that come slowly', () => {
  const slowly = async (port: number, path: string, pause: number): Promise<{ seen: string; closed: boolean }> => {
    const socket = connect(port, '127.0.0.1').on('error', () => undefined);
    let seen = '';
    let closed = false;
    socket.on('data', (chunk: Buffer) => {
      seen += chunk.toString();
    });
    socket.once('close', () => {
      closed = true;
    });
    socket.write(`POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\n`);
    for (let i = 0; i < 20 && !closed; i += 1) {
      await sleep(pause);
      socket.write('x');
    }
    await sleep(50);
    socket.destroy();
    return { seen, closed };
  };

  it('are cut off below the rate, and not above it, nor where the node is the slow one', async () => {
    const { port, log } = await aDoor({}, { uploadRate: 100, rateWindowMs: 200 }, 'warn');
    const slow = await slowly(port, '/read', 50);
    expect([slow.seen, slow.closed]).toEqual(['', true]);
    expect(log()).toContain('its body came too slowly');
    const patient = await aDoor({}, { uploadRate: 1, rateWindowMs: 2000 });
    const quick = await slowly(patient.port, '/read', 5);
    expect(quick.seen).toContain('{"bytes":20}');
    const waiting = await raw(port, `POST /late HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello`, 1000);
    expect(waiting.seen).toContain('{"bytes":5}');
  });
});
