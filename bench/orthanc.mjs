// Orthanc as Debian ships it, with fsync, but for Nagle's algorithm: that costs it 48 ms an object. With its SQLite
// index, or with its PostgreSQL index on a cluster of its own.
import { spawnSync } from 'node:child_process';
import { appendFileSync, chownSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AE_TITLE } from './association.mjs';
import { answers, findProgram, freePorts, isFree, makeFolder, postgresUser, startChild } from './processes.mjs';

const program = findProgram('Orthanc');
const PLUGINS = '/usr/share/orthanc/plugins';
const DICOM_WEB = join(PLUGINS, 'libOrthancDicomWeb.so');
const POSTGRESQL_INDEX = join(PLUGINS, 'libOrthancPostgreSQLIndex.so');
const POSTGRESQL = '/usr/lib/postgresql';
const DATABASE = 'orthanc';

const postgresPrograms = existsSync(POSTGRESQL)
  ? readdirSync(POSTGRESQL)
      .sort((a, b) => Number(a) - Number(b))
      .map((version) => join(POSTGRESQL, version, 'bin'))
      .findLast((folder) => existsSync(join(folder, 'initdb')))
  : undefined;

const hasOrthanc = program && existsSync(DICOM_WEB);
export const absent = !hasOrthanc && 'Orthanc with its DICOMweb plugin is not installed';
export const absentWithPostgres =
  absent ||
  (!existsSync(POSTGRESQL_INDEX) && 'the PostgreSQL index of Orthanc (orthanc-postgresql) is not installed') ||
  (!(postgresPrograms && postgresUser()) && 'there is no PostgreSQL server for Orthanc');

/** What the peer is told of who calls; it takes calls from this machine alone, though it listens on every address. */
const settingsOf = ({ folder, dimsePort, httpPort, receiverPort }) => ({
  StorageDirectory: join(folder, 'store'),
  IndexDirectory: join(folder, 'store'),
  DicomAet: 'ORTHANC',
  DicomPort: dimsePort,
  DicomAlwaysAllowEcho: false,
  DicomAlwaysAllowStore: false,
  DicomAlwaysAllowFind: false,
  DicomCheckModalityHost: true,
  DicomModalities: {
    bench: { AET: AE_TITLE, Host: '127.0.0.1', Port: receiverPort, AllowGet: true, AllowMove: true, AllowFind: true },
  },
  DicomThreadsCount: 4,
  MaximumPduLength: 131_072,
  HttpPort: httpPort,
  RemoteAccessAllowed: false,
  AuthenticationEnabled: false,
  HttpThreadsCount: 50,
  KeepAlive: true,
  TcpNoDelay: true,
  HttpCompressionEnabled: false,
  SyncStorageArea: true,
  SaveJobs: false,
  Plugins: [DICOM_WEB],
  DicomWeb: { Enable: true, Root: '/dicom-web/' },
});

export async function startOrthanc({ receiverPort }) {
  const folder = makeFolder('orthanc');
  return serve('orthanc', { folder, receiverPort });
}

/**
 * Its index was seen to refuse objects (A700H, "could not serialize access") that are stored in parallel over several
 * connections to PostgreSQL: it has one, the plugin's default, where it is stored to, and five where it is only asked.
 */
export async function startOrthancWithPostgres({ receiverPort, parallelStores }) {
  const folder = makeFolder('orthanc-pg');
  const cluster = await startCluster(folder);
  const index = {
    EnableIndex: true,
    EnableStorage: false,
    Host: '127.0.0.1',
    Port: cluster.port,
    Database: DATABASE,
    Username: 'postgres',
    Password: '',
    Lock: false,
    IndexConnectionsCount: parallelStores ? 1 : 5,
  };
  try {
    const server = await serve('orthanc-pg', {
      folder,
      receiverPort,
      plugins: [DICOM_WEB, POSTGRESQL_INDEX],
      more: { PostgreSQL: index },
      otherPids: [cluster.pid],
      beforeRemoval: () => cluster.stop('SIGINT'),
    });
    // With five connections it refuses objects of four associations at once.
    return { ...server, fillsAlone: true };
  } catch (error) {
    await cluster.stop('SIGINT', folder);
    throw error;
  }
}

async function serve(name, { folder, receiverPort, plugins = [DICOM_WEB], more = {}, otherPids = [], beforeRemoval }) {
  const [dimsePort, httpPort] = await freePorts(2);
  const settings = { ...settingsOf({ folder, dimsePort, httpPort, receiverPort }), Plugins: plugins, ...more };
  const file = join(folder, 'orthanc.json');
  writeFileSync(file, JSON.stringify(settings));
  const child = startChild(program, [file], { env: { ...process.env, TCP_NODELAY: '1' }, cwd: folder });
  const root = `http://127.0.0.1:${httpPort}/dicom-web`;
  await child.ready(() => answers(`${root}/studies?limit=1`), folder);
  return {
    name,
    dimse: { port: dimsePort, aeTitle: 'ORTHANC' },
    web: root,
    folder,
    pid: child.pid,
    pids: () => [child.pid, ...otherPids],
    async stop() {
      await child.stop('SIGKILL');
      await beforeRemoval?.();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function startCluster(folder) {
  const data = join(folder, 'postgres');
  const user = postgresUser();
  mkdirSync(data);
  if (user.uid !== undefined) chownSync(data, user.uid, user.gid);
  run('initdb', ['--pgdata', data, '--auth=trust', '--encoding=UTF8', '--locale=C', '--username=postgres'], user);
  const [port] = await freePorts(1);
  appendFileSync(
    join(data, 'postgresql.conf'),
    `port = ${port}\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = ''\nshared_buffers = 512MB\nmax_wal_size = 4GB\n`,
  );
  const child = startChild(join(postgresPrograms, 'postgres'), ['-D', data], { cwd: '/', user });
  await child.ready(async () => !(await isFree(port)), folder);
  const connect = ['--host=127.0.0.1', `--port=${port}`, '--username=postgres'];
  await child.ready(async () => attempt('createdb', [...connect, DATABASE], user), folder);
  return { port, ...child };
}

function attempt(name, args, user) {
  return spawnSync(join(postgresPrograms, name), args, { ...user, cwd: '/', encoding: 'utf8' }).status === 0;
}

function run(name, args, user) {
  const { status, stderr } = spawnSync(join(postgresPrograms, name), args, { ...user, cwd: '/', encoding: 'utf8' });
  if (status !== 0) throw new Error(`${name} failed: ${stderr}`);
}
