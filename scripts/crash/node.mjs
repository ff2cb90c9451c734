// A node that is killed and started again on the same data: its embedded PostgreSQL is part of what may die.
import { spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const READY_MS = 90_000;
const STOP_MS = 40_000;

export class CrashNode {
  #child;
  #gone;
  #environment;
  /** The end of what it logged; a node that does not come back says why. */
  #words = '';

  constructor(folder, dimsePort, httpPort, settings = {}) {
    this.folder = folder;
    this.data = join(folder, 'data');
    this.dimse = { port: dimsePort, aeTitle: 'VOXGATE' };
    this.root = `http://127.0.0.1:${httpPort}`;
    const { DATABASE_URL, ...environment } = process.env;
    this.#environment = {
      ...environment,
      VOXGATE_CONFIG: join(folder, 'config.json'),
      VOXGATE_DATA: this.data,
      VOXGATE_MODELS: join(folder, 'models'),
      VOXGATE_DIMSE: `127.0.0.1:${dimsePort}`,
      VOXGATE_HTTP: `127.0.0.1:${httpPort}`,
      VOXGATE_LOG_LEVEL: 'warn',
      ...settings,
    };
  }

  /** @param {{ config?: object, settings?: NodeJS.ProcessEnv }} [more] what stands in its settings file and environment */
  static async make({ config = {}, settings = {} } = {}) {
    const folder = mkdtempSync(join(tmpdir(), 'voxgate-crash-'));
    // The embedded PostgreSQL may run as another user, who has to enter it.
    chmodSync(folder, 0o755);
    mkdirSync(join(folder, 'models'));
    writeFileSync(join(folder, 'config.json'), JSON.stringify(config));
    const [dimsePort, httpPort] = await freePorts();
    return new CrashNode(folder, dimsePort, httpPort, settings);
  }

  /** Starts it without waiting: it may be killed before it is ready. */
  launch() {
    const child = spawn(process.execPath, ['bin/voxgate.mjs', 'serve'], {
      env: this.#environment,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    this.#gone = new Promise((resolve) => child.once('exit', resolve));
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk) => {
        this.#words = (this.#words + chunk).slice(-8000);
      });
  }

  async ready() {
    const deadline = performance.now() + READY_MS;
    while (!(await answers(`${this.root}/readyz`))) {
      if (this.hasEnded()) throw new Error(`the node ended while starting:\n${this.#words}`);
      if (performance.now() > deadline) throw new Error(`the node was not ready in time:\n${this.#words}`);
      await sleep(25);
    }
  }

  hasEnded() {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  get lastWords() {
    return this.#words;
  }

  /** kill -9, and that of PostgreSQL's whole process tree where asked; either may die first. */
  async kill({ database, databaseFirst }) {
    const tree = database ? this.#databaseProcesses() : [];
    if (!databaseFirst) this.#child.kill('SIGKILL');
    for (const pid of tree) killNow(pid);
    if (databaseFirst) this.#child.kill('SIGKILL');
    await this.#gone;
    for (const pid of tree) while (existsSync(`/proc/${pid}`)) await sleep(5);
  }

  /** @returns {Promise<number | null>} its exit code */
  async stop() {
    const late = setTimeout(() => this.#child.kill('SIGKILL'), STOP_MS);
    this.#child.kill('SIGTERM');
    await this.#gone;
    clearTimeout(late);
    return this.#child.exitCode;
  }

  /** Leaves nothing behind, whatever state it is in. */
  remove() {
    if (this.#child && !this.hasEnded()) this.#child.kill('SIGKILL');
    for (const pid of this.#databaseProcesses()) killNow(pid);
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }

  get #cluster() {
    return join(this.data, 'postgres', 'cluster');
  }

  /** Address of the embedded PostgreSQL while it runs. */
  get databaseUrl() {
    const port = readFileSync(join(this.#cluster, 'postmaster.pid'), 'utf8').split('\n')[3];
    const password = readFileSync(join(this.data, 'postgres', 'password'), 'utf8').trim();
    return `postgresql://voxgate:${password}@127.0.0.1:${port}/voxgate`;
  }

  /** Process ids of its children whose command line names this file. */
  childrenOf(file) {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
      .filter((pid) => {
        try {
          const parent = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').at(-1).split(' ')[1];
          return Number(parent) === this.#child.pid && readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes(file);
        } catch {
          return false; // ended meanwhile
        }
      });
  }

  /** The postmaster and what it started: all of them, and nobody else, work in the cluster's folder. */
  #databaseProcesses() {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
      .filter((pid) => {
        try {
          return readlinkSync(`/proc/${pid}/cwd`) === this.#cluster;
        } catch {
          return false; // ended, or not ours to look at
        }
      });
  }
}

function killNow(pid) {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}

async function answers(url) {
  try {
    const response = await fetch(url);
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
}

/** Two ports that are free at once, so that they differ. */
async function freePorts() {
  const servers = await Promise.all(
    [0, 0].map(
      () =>
        new Promise((resolve, reject) => {
          const server = createServer().once('error', reject);
          server.listen(0, '127.0.0.1', () => resolve(server));
        }),
    ),
  );
  const ports = servers.map((server) => server.address().port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
