// What is measured: this project's node as its users start it, and a peer where one is installed. Each has free ports
// and a data folder of its own, which is removed when it stops.
import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const READY_MS = 60_000;
const STOP_MS = 40_000;

const find = (name) =>
  ['/usr/sbin', ...(process.env.PATH ?? '').split(delimiter)].map((folder) => join(folder, name)).find(existsSync);

const programs = { Orthanc: find('Orthanc'), storescp: find('storescp'), setpriv: find('setpriv') };
const orthancDicomWeb = '/usr/share/orthanc/plugins/libOrthancDicomWeb.so';

/** Peers by name: whether they are here, and what they can be asked. */
export const PEERS = {
  orthanc: {
    absent: !(programs.Orthanc && existsSync(orthancDicomWeb)) && 'Orthanc with its DICOMweb plugin is not installed',
    speaksWeb: true,
    start: startOrthanc,
  },
  storescp: {
    absent: !programs.storescp && "DCMTK's storescp is not installed",
    speaksWeb: false,
    start: startStorescp,
  },
};

/** @typedef {{ name: string, dimse: { port: number, aeTitle: string }, web?: string, folder: string, pid: number,
 *   pids: () => number[], stop: () => Promise<void> }} Server */

/** @returns {Promise<Server>} */
export async function startVoxgate(cpuProfile) {
  const folder = makeFolder('voxgate');
  const [dimsePort, httpPort] = await freePorts();
  writeFileSync(join(folder, 'config.json'), '{}');
  // No models: a series that is sent to be measured must not be analysed beside the measurement.
  mkdirSync(join(folder, 'models'));
  const profile = cpuProfile ? ['--cpu-prof', `--cpu-prof-dir=${cpuProfile}`] : [];
  const { DATABASE_URL, ...env } = process.env;
  const child = startChild(process.execPath, [...profile, 'bin/voxgate.mjs', 'serve'], {
    ...env,
    VOXGATE_CONFIG: join(folder, 'config.json'),
    VOXGATE_DATA: join(folder, 'data'),
    VOXGATE_MODELS: join(folder, 'models'),
    VOXGATE_DIMSE: `127.0.0.1:${dimsePort}`,
    VOXGATE_HTTP: `127.0.0.1:${httpPort}`,
    VOXGATE_LOG_LEVEL: 'warn',
  });
  const root = `http://127.0.0.1:${httpPort}`;
  await child.ready(() => answers(`${root}/readyz`), folder);
  const postmaster = Number(readFileSync(join(folder, 'data/postgres/cluster/postmaster.pid'), 'utf8').split('\n')[0]);
  return {
    name: 'voxgate',
    dimse: { port: dimsePort, aeTitle: 'VOXGATE' },
    web: `${root}/dicom-web`,
    folder,
    pid: child.pid,
    pids: () => [child.pid, postmaster],
    stop: () => child.stop('SIGTERM', folder),
  };
}

/** Orthanc with its SQLite index and with fsync, as Debian ships it, but for Nagle's algorithm: that costs it 48 ms an object. */
async function startOrthanc() {
  const folder = makeFolder('orthanc');
  const [dimsePort, httpPort] = await freePorts();
  const configuration = {
    StorageDirectory: join(folder, 'store'),
    IndexDirectory: join(folder, 'store'),
    DicomAet: 'ORTHANC',
    DicomPort: dimsePort,
    // It listens on every address and cannot be told otherwise; it takes calls from this machine alone.
    DicomAlwaysAllowEcho: false,
    DicomAlwaysAllowStore: false,
    DicomAlwaysAllowFind: false,
    DicomCheckModalityHost: true,
    DicomModalities: { bench: ['VOXBENCH', '127.0.0.1', 1] },
    HttpPort: httpPort,
    RemoteAccessAllowed: false,
    AuthenticationEnabled: false,
    HttpThreadsCount: 50,
    KeepAlive: true,
    TcpNoDelay: true,
    HttpCompressionEnabled: false,
    SyncStorageArea: true,
    Plugins: [orthancDicomWeb],
    DicomWeb: { Enable: true, Root: '/dicom-web/' },
  };
  const file = join(folder, 'orthanc.json');
  writeFileSync(file, JSON.stringify(configuration));
  const child = startChild(programs.Orthanc, [file], { ...process.env, TCP_NODELAY: '1' }, folder);
  const root = `http://127.0.0.1:${httpPort}`;
  await child.ready(() => answers(`${root}/dicom-web/studies?limit=1`), folder);
  return {
    name: 'orthanc',
    dimse: { port: dimsePort, aeTitle: 'ORTHANC' },
    web: `${root}/dicom-web`,
    folder,
    pid: child.pid,
    pids: () => [child.pid],
    stop: () => child.stop('SIGKILL', folder),
  };
}

/** DCMTK's storescp writes files and nothing else: no index, no fsync. A ceiling, not an archive. */
async function startStorescp() {
  const folder = makeFolder('storescp');
  const store = join(folder, 'store');
  mkdirSync(store);
  const [port] = await freePorts();
  const args = ['--fork', '--bit-preserving', '--aetitle', 'STORESCP', '--output-directory', store, String(port)];
  const child = startChild(programs.storescp, args, { ...process.env, TCP_NODELAY: '1' }, folder);
  await child.ready(async () => !(await isFree(port)), folder);
  return {
    name: 'storescp',
    dimse: { port, aeTitle: 'STORESCP' },
    folder: store,
    pid: child.pid,
    pids: () => [child.pid],
    stop: () => child.stop('SIGKILL', folder),
  };
}

function makeFolder(name) {
  const folder = mkdtempSync(join(tmpdir(), `voxgate-bench-${name}-`));
  // The embedded PostgreSQL may run as another user, who has to enter it.
  chmodSync(folder, 0o755);
  return folder;
}

/** A process that does not outlive this one, even when this one is killed (prctl(2), PR_SET_PDEATHSIG). */
function startChild(program, args, env, cwd = process.cwd()) {
  const [file, ...rest] = programs.setpriv
    ? [programs.setpriv, '--pdeathsig', 'TERM', program, ...args]
    : [program, ...args];
  const child = spawn(file, rest, { env, cwd, stdio: ['ignore', 'pipe', 'pipe'] });
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
    rmSync(folder, { recursive: true, force: true });
  };
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

function answers(url) {
  return fetch(url, { headers: { accept: 'application/json, application/dicom+json' } }).then(
    async (response) => {
      await response.body?.cancel();
      return response.ok;
    },
    () => false,
  );
}

/** Two ports that are free at once, so that they differ. */
async function freePorts() {
  const servers = await Promise.all([listen(0), listen(0)]);
  const ports = servers.map((server) => server.address().port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

function listen(port) {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
}

async function isFree(port) {
  const server = await listen(port).catch(() => undefined);
  if (!server) return false;
  await new Promise((resolve) => server.close(resolve));
  return true;
}
