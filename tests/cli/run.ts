import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { aFolder } from '../support/test-node.ts';

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The voxgate command in an empty folder, with nothing of this machine's settings. */
export function start(args: readonly string[], environment: NodeJS.ProcessEnv = {}): ChildProcess {
  const folder = aFolder();
  const config = join(folder, 'voxgate.config.json');
  writeFileSync(config, '{}');
  return spawn(process.execPath, [resolve('bin/voxgate.mjs'), ...args], {
    cwd: folder,
    env: { PATH: process.env['PATH'], VOXGATE_CONFIG: config, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

export async function ended(child: ChildProcess): Promise<Ended> {
  let [stdout, stderr] = ['', ''];
  child.stdout?.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const [code]: (number | null)[] = await once(child, 'close');
  return { code: code ?? null, stdout, stderr };
}

export const run = (args: readonly string[], environment?: NodeJS.ProcessEnv): Promise<Ended> =>
  ended(start(args, environment));
