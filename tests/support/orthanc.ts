import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Debian's Orthanc, and its DICOMweb plugin: packages orthanc and orthanc-dicomweb. */
const program = ['/usr/sbin', ...(process.env['PATH'] ?? '').split(':')]
  .map((folder) => join(folder, 'Orthanc'))
  .find(existsSync);
const plugin = '/usr/share/orthanc/plugins/libOrthancDicomWeb.so';

export const hasOrthanc = program !== undefined && existsSync(plugin);
if (!hasOrthanc)
  process.stderr.write('Orthanc or its DICOMweb plugin is absent: the tests that need them are skipped\n');

export interface OrthancOptions {
  readonly aeTitle: string;
  /** DIMSE nodes that Orthanc may send to, by name. */
  readonly modalities?: Readonly<Record<string, { aeTitle: string; host: string; port: number; tls?: boolean }>>;
  /** DIMSE by TLS only: PEM files of its certificate, its key and the authorities it trusts. */
  readonly tls?: { readonly certPath: string; readonly keyPath: string; readonly caPath: string };
  /** DICOMweb servers that Orthanc may send to, by name: addresses of their roots. */
  readonly dicomWebServers?: Readonly<Record<string, string>>;
}

export interface OrthancInstance {
  /** Orthanc's own name for it. */
  readonly id: string;
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  readonly seriesInstanceUid: string;
  readonly modality: string;
}

export interface Orthanc {
  readonly aeTitle: string;
  readonly dicomPort: number;
  /** Its own REST API. */
  readonly httpUrl: string;
  readonly dicomWebUrl: string;
  /** Everything it holds. */
  instances(): Promise<OrthancInstance[]>;
  /** The PS3.10 file as Orthanc keeps it. */
  file(id: string): Promise<Buffer>;
  /** Its REST API: a POST, or a GET where no body is given; the answer as JSON. @throws what it answers instead */
  ask<T>(path: string, body?: unknown): Promise<T>;
  stop(): Promise<void>;
}

const READY_MS = 30_000;

/** A real Orthanc on free ports with a store of its own. It takes every caller; its HTTP answers this machine alone. */
export async function startOrthanc({
  aeTitle,
  modalities = {},
  dicomWebServers = {},
  tls,
}: OrthancOptions): Promise<Orthanc> {
  if (program === undefined) throw new Error('Orthanc is not installed');
  const folder = mkdtempSync(join(tmpdir(), 'voxgate-orthanc-'));
  const [dicomPort, httpPort] = await freePorts();
  const configuration = {
    Name: aeTitle,
    StorageDirectory: join(folder, 'store'),
    IndexDirectory: join(folder, 'store'),
    DicomAet: aeTitle,
    DicomPort: dicomPort,
    DicomCheckCalledAet: false,
    DicomAlwaysAllowEcho: true,
    DicomAlwaysAllowStore: true,
    DicomAlwaysAllowFind: true,
    DicomModalities: Object.fromEntries(
      Object.entries(modalities).map(([name, to]) => [
        name,
        { AET: to.aeTitle, Host: to.host, Port: to.port, UseDicomTls: to.tls === true },
      ]),
    ),
    ...(tls
      ? {
          DicomTlsEnabled: true,
          DicomTlsCertificate: tls.certPath,
          DicomTlsPrivateKey: tls.keyPath,
          DicomTlsTrustedCertificates: tls.caPath,
        }
      : {}),
    HttpPort: httpPort,
    RemoteAccessAllowed: false,
    AuthenticationEnabled: false,
    Plugins: [plugin],
    DicomWeb: {
      Enable: true,
      Root: '/dicom-web/',
      Servers: Object.fromEntries(Object.entries(dicomWebServers).map(([name, root]) => [name, [root]])),
    },
  };
  const file = join(folder, 'orthanc.json');
  writeFileSync(file, JSON.stringify(configuration));

  // DCMTK leaves Nagle's algorithm on unless told otherwise: 48 ms an object against delayed acknowledgements.
  // A test process that is killed cannot stop it any more: Linux does (prctl(2), PR_SET_PDEATHSIG).
  const child = spawn('setpriv', ['--pdeathsig', 'TERM', program, file], {
    cwd: folder,
    env: { ...process.env, TCP_NODELAY: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = lastWords(child);
  const stop = async (): Promise<void> => {
    await end(child);
    rmSync(folder, { recursive: true, force: true });
  };

  const httpUrl = `http://127.0.0.1:${httpPort}`;
  try {
    await ready(child, httpUrl, output);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    aeTitle,
    dicomPort,
    httpUrl,
    dicomWebUrl: `${httpUrl}/dicom-web`,
    async instances() {
      const ids: string[] = await getJson(`${httpUrl}/instances`);
      return Promise.all(ids.map((id) => describe(httpUrl, id)));
    },
    async file(id) {
      return Buffer.from(await (await get(`${httpUrl}/instances/${id}/file`)).arrayBuffer());
    },
    async ask(path, body) {
      const answer = await fetch(
        httpUrl + path,
        body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) },
      );
      if (!answer.ok) throw new Error(`Orthanc answered ${path} with HTTP ${answer.status}: ${await answer.text()}`);
      return JSON.parse(await answer.text());
    },
    stop,
  };
}

async function describe(httpUrl: string, id: string): Promise<OrthancInstance> {
  const tags: Readonly<Record<string, unknown>> = await getJson(`${httpUrl}/instances/${id}/simplified-tags`);
  const text = (keyword: string): string => String(tags[keyword] ?? '');
  return {
    id,
    sopClassUid: text('SOPClassUID'),
    sopInstanceUid: text('SOPInstanceUID'),
    seriesInstanceUid: text('SeriesInstanceUID'),
    modality: text('Modality'),
  };
}

async function ready(child: ChildProcess, httpUrl: string, output: () => string): Promise<void> {
  const deadline = Date.now() + READY_MS;
  while (Date.now() < deadline) {
    if (child.exitCode !== null || child.signalCode !== null)
      throw new Error(`Orthanc ended before it was ready:\n${output()}`);
    const answer = await fetch(`${httpUrl}/dicom-web/studies?limit=1`, {
      headers: { accept: 'application/dicom+json' },
    }).catch(() => undefined);
    await answer?.body?.cancel();
    if (answer?.ok) return;
    await sleep(100);
  }
  throw new Error(`Orthanc did not answer within ${READY_MS / 1000} s:\n${output()}`);
}

/** Its store is thrown away with it, so it is not asked to end: that takes it three seconds. */
async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await gone;
}

/** The end of what a process printed; read all along, so that a full pipe never stops it. */
function lastWords(child: ChildProcess): () => string {
  let words = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: Buffer) => (words = (words + chunk.toString()).slice(-4000)));
  child.on('error', (error) => (words += error.message));
  return () => words;
}

async function get(url: string): Promise<Response> {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`Orthanc answered ${url} with HTTP ${answer.status}`);
  return answer;
}

async function getJson<T>(url: string): Promise<T> {
  return JSON.parse(await (await get(url)).text());
}

/** Two ports that were free at once, so that they differ. */
async function freePorts(): Promise<[number, number]> {
  const servers = await Promise.all([listen(), listen()]);
  const ports = servers.map(({ port }) => port);
  await Promise.all(servers.map(({ close }) => close()));
  return [ports[0]!, ports[1]!];
}

function listen(): Promise<{ port: number; close: () => Promise<void> }> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' && address ? address.port : 0;
      resolve({ port, close: () => new Promise((closed) => server.close(() => closed())) });
    });
  });
}
