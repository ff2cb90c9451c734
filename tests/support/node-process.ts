import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { aDatabase, aFolder } from './test-node.ts';

/** `voxgate serve` as a process of its own, which can be killed and started again on the same data. */
export class NodeProcess {
  readonly dimsePort: number;
  readonly http: string;
  readonly #environment: NodeJS.ProcessEnv;
  #child: ChildProcess | undefined;
  /** Everything it printed. */
  output = '';

  private constructor(dimsePort: number, httpPort: number, environment: NodeJS.ProcessEnv) {
    this.dimsePort = dimsePort;
    this.http = `http://127.0.0.1:${httpPort}`;
    this.#environment = environment;
  }

  /**
   * @param configuration what stands in voxgate.config.json
   * @param port of the DIMSE door, where others have been told of it before
   */
  static async start(configuration: object = {}, port?: number): Promise<NodeProcess> {
    const folder = aFolder();
    const [dimsePort, httpPort] = [port ?? (await freePort()), await freePort()];
    writeFileSync(join(folder, 'voxgate.config.json'), JSON.stringify(configuration));
    const node = new NodeProcess(dimsePort, httpPort, {
      ...process.env,
      VOXGATE_CONFIG: join(folder, 'voxgate.config.json'),
      VOXGATE_DATA: join(folder, 'data'),
      VOXGATE_DIMSE: `127.0.0.1:${dimsePort}`,
      VOXGATE_HTTP: `127.0.0.1:${httpPort}`,
      DATABASE_URL: await aDatabase(),
    });
    onTestFinished(() => node.stop());
    await node.run();
    return node;
  }

  async run(): Promise<void> {
    const child = spawn(process.execPath, ['bin/voxgate.mjs', 'serve'], {
      env: this.#environment,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => (this.output += chunk.toString()));
    const until = Date.now() + 30_000;
    while (Date.now() < until) {
      if (child.exitCode !== null) throw new Error(`the node ended at start: ${this.output}`);
      const ready = await fetch(`${this.http}/readyz`).then(
        (response) => response.ok,
        () => false,
      );
      if (ready) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`the node was not ready within 30 s: ${this.output}`);
  }

  /** Its VOXGATE_DATA. */
  get data(): string {
    return this.#environment['VOXGATE_DATA'] ?? '';
  }

  /** Its settings file, for commands that are to have the same peers. */
  get configurationFile(): string {
    return this.#environment['VOXGATE_CONFIG'] ?? '';
  }

  get databaseUrl(): string {
    return this.#environment['DATABASE_URL'] ?? '';
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  async kill(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill(signal);
    await gone;
  }

  async stop(): Promise<void> {
    const late = setTimeout(() => this.#child?.kill('SIGKILL'), 40_000);
    await this.kill('SIGTERM');
    clearTimeout(late);
  }

  async analyses(seriesInstanceUid: string): Promise<SeriesReport> {
    const response = await fetch(`${this.http}/api/series/${seriesInstanceUid}/analyses`);
    return response.ok
      ? ((await response.json()) as SeriesReport)
      : { analyses: [], outcome: `HTTP ${response.status}` };
  }

  /** Waits until every analysis of the series has come to an end. */
  async settled(seriesInstanceUid: string, seconds: number): Promise<SeriesReport> {
    const until = Date.now() + seconds * 1000;
    for (;;) {
      const report = await this.analyses(seriesInstanceUid);
      const ended =
        report.analyses.length > 0 &&
        report.analyses.every(({ state }) => ['skipped', 'delivered', 'failed'].includes(state));
      if (ended) return report;
      if (Date.now() > until)
        throw new Error(`series not settled within ${seconds} s: ${JSON.stringify(report)} ${this.output}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

export interface SeriesReport {
  readonly outcome: string;
  readonly analyses: readonly {
    readonly version: string;
    readonly state: string;
    readonly reason: string;
    readonly results: readonly string[];
    readonly timings: Readonly<Record<string, string | null>>;
    readonly findings:
      | readonly {
          segment: number;
          voxels: number;
          volumeMl: number;
          statistics?: { mean: number };
          centroid: readonly number[];
        }[]
      | null;
  }[];
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address ? address.port : 0;
}

/** What an address answers; the test's own expectations judge it. */
export async function getJson<T = unknown>(url: string): Promise<T> {
  return (await (await fetch(url)).json()) as T;
}
