// What is measured: this project's node as its users start it, and peers where they are installed. Each has free ports
// and a data folder of its own, which is removed when it stops.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AE_TITLE } from './association.mjs';
import * as orthanc from './orthanc.mjs';
import { answers, findProgram, freePorts, isFree, makeFolder, startChild } from './processes.mjs';

const storescp = findProgram('storescp');

/** Peers by name: whether they are here, and what they can be asked. */
export const PEERS = {
  orthanc: { absent: orthanc.absent, archives: true, start: orthanc.startOrthanc },
  'orthanc-pg': { absent: orthanc.absentWithPostgres, archives: true, start: orthanc.startOrthancWithPostgres },
  storescp: { absent: !storescp && "DCMTK's storescp is not installed", archives: false, start: startStorescp },
};

/**
 * @typedef {object} Server
 * @property {string} name
 * @property {{ port: number, aeTitle: string }} dimse
 * @property {string} [web] root of its DICOMweb services
 * @property {string} folder
 * @property {number} pid its main process
 * @property {() => number[]} pids roots of the process trees that count
 * @property {boolean} [fillsAlone] it is filled over one association, more than that it refuses
 * @property {() => Promise<void>} stop
 */

/**
 * @param {{ receiverPort: number, cpuProfile?: string }} options where C-MOVE goes to; folder of CPU profiles
 * @returns {Promise<Server>}
 */
export async function startVoxgate({ receiverPort, cpuProfile }) {
  const folder = makeFolder('voxgate');
  const [dimsePort, httpPort] = await freePorts(2);
  const peers = { bench: { aeTitle: AE_TITLE, host: '127.0.0.1', port: receiverPort } };
  writeFileSync(join(folder, 'config.json'), JSON.stringify({ peers }));
  // No models: a series that is sent to be measured must not be analysed beside the measurement.
  mkdirSync(join(folder, 'models'));
  const profile = cpuProfile ? ['--cpu-prof', `--cpu-prof-dir=${cpuProfile}`] : [];
  const { DATABASE_URL, ...env } = process.env;
  const child = startChild(process.execPath, [...profile, 'bin/voxgate.mjs', 'serve'], {
    env: {
      ...env,
      VOXGATE_CONFIG: join(folder, 'config.json'),
      VOXGATE_DATA: join(folder, 'data'),
      VOXGATE_MODELS: join(folder, 'models'),
      VOXGATE_DIMSE: `127.0.0.1:${dimsePort}`,
      VOXGATE_HTTP: `127.0.0.1:${httpPort}`,
      VOXGATE_LOG_LEVEL: 'warn',
    },
  });
  const root = `http://127.0.0.1:${httpPort}`;
  await child.ready(() => answers(`${root}/readyz`), folder);
  const [postmaster, , , port] = readFileSync(join(folder, 'data/postgres/cluster/postmaster.pid'), 'utf8').split('\n');
  const password = readFileSync(join(folder, 'data/postgres/password'), 'utf8').trim();
  return {
    name: 'voxgate',
    dimse: { port: dimsePort, aeTitle: 'VOXGATE' },
    web: `${root}/dicom-web`,
    folder,
    pid: child.pid,
    pids: () => [child.pid, Number(postmaster)],
    database: `postgresql://voxgate:${password}@127.0.0.1:${port}/voxgate`,
    stop: () => child.stop('SIGTERM', folder),
  };
}

/** DCMTK's storescp writes files and nothing else: no index, no fsync. A ceiling, not an archive. */
async function startStorescp() {
  const folder = makeFolder('storescp');
  const store = join(folder, 'store');
  mkdirSync(store);
  const [port] = await freePorts(1);
  const args = ['--fork', '--bit-preserving', '--aetitle', 'STORESCP', '--output-directory', store, String(port)];
  const child = startChild(storescp, args, { env: { ...process.env, TCP_NODELAY: '1' }, cwd: folder });
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
