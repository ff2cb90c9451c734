// Processes that are measured: each in a folder of its own, on free ports, and none outlives the benchmark.
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const READY_MS = 60_000;
const STOP_MS = 40_000;

export const findProgram = (name) =>
  ['/usr/sbin', ...(process.env.PATH ?? '').split(delimiter)].map((folder) => join(folder, name)).find(existsSync);

const setpriv = findProgram('setpriv');

const folders = new Set();
/** Of the children that run: ends one. */
const stops = new Set();

// Who interrupts the benchmark finds neither servers nor gigabytes of objects left behind.
for (const signal of ['SIGINT', 'SIGTERM'])
  process.once(signal, async () => {
    await Promise.all([...stops].map((stop) => stop('SIGTERM')));
    for (const folder of folders) rmSync(folder, { recursive: true, force: true });
    process.exit(1);
  });

export function makeFolder(name) {
  const folder = mkdtempSync(join(tmpdir(), `voxgate-bench-${name}-`));
  // A PostgreSQL may run as another user, who has to enter it.
  chmodSync(folder, 0o755);
  folders.add(folder);
  return folder;
}

/** Whom a PostgreSQL runs as, since it refuses root; undefined where there is no such user. */
export function postgresUser() {
  if (process.getuid() !== 0) return {};
  const id = (what) => spawnSync('id', [what, 'postgres'], { encoding: 'utf8' });
  const [uid, gid] = [id('-u'), id('-g')];
  return uid.status === 0 && gid.status === 0 ? { uid: Number(uid.stdout), gid: Number(gid.stdout) } : undefined;
}

/**
 * A process that does not outlive this one, even when this one is killed (prctl(2), PR_SET_PDEATHSIG).
 * @param {{ env?: object, cwd?: string, user?: { uid?: number, gid?: number } }} [options]
 */
export function startChild(program, args, { env = process.env, cwd = process.cwd(), user = {} } = {}) {
  const [file, ...rest] = setpriv ? [setpriv, '--pdeathsig', 'TERM', program, ...args] : [program, ...args];
  const child = spawn(file, rest, { env, cwd, ...user, stdio: ['ignore', 'pipe', 'pipe'] });
  let words = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => {
      words = (words + chunk).slice(-4000);
    });
  const gone = new Promise((resolve) => {
    child.once('exit', resolve);
    child.once('error', (error) => {
      words += error.message;
      resolve();
    });
  });
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null;
  const stop = async (signal, folder) => {
    if (!hasEnded()) child.kill(signal);
    const late = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
    await gone;
    clearTimeout(late);
    stops.delete(stop);
    if (folder) rmSync(folder, { recursive: true, force: true });
  };
  stops.add(stop);
  return {
    pid: child.pid,
    stop,
    async ready(isReady, folder) {
      const deadline = performance.now() + READY_MS;
      while (!(await isReady())) {
        if (hasEnded() || performance.now() > deadline) {
          await stop('SIGKILL', folder);
          throw new Error(`${program} did not start:\n${words}`);
        }
        await sleep(50);
      }
    },
  };
}

export function answers(url) {
  return fetch(url, { headers: { accept: 'application/json, application/dicom+json' } }).then(
    async (response) => {
      await response.body?.cancel();
      return response.ok;
    },
    () => false,
  );
}

/** Ports that are free at once, so that they differ. */
export async function freePorts(count) {
  const servers = await Promise.all(Array.from({ length: count }, () => listen(0)));
  const ports = servers.map((server) => server.address().port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

export async function isFree(port) {
  const server = await listen(port).catch(() => undefined);
  if (!server) return false;
  await new Promise((resolve) => server.close(resolve));
  return true;
}

function listen(port) {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
}
