import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** Whether all these outside programs are on the PATH; says which are not. */
export function hasPrograms(...names: string[]): boolean {
  const folders = (process.env['PATH'] ?? '').split(':');
  const absent = names.filter((name) => !folders.some((folder) => existsSync(join(folder, name))));
  if (absent.length > 0) process.stderr.write(`${absent.join(', ')} absent: the tests that need them are skipped\n`);
  return absent.length === 0;
}

export interface ProgramResult {
  readonly code: number;
  /** Both streams, in the order they were written. */
  readonly output: string;
}

/** Runs a program to its end; one that takes longer than the time given is ended, with code -1. */
export function runProgram(
  program: string,
  args: readonly string[],
  { seconds = 60, env = {}, cwd }: { seconds?: number; env?: NodeJS.ProcessEnv; cwd?: string } = {},
): Promise<ProgramResult> {
  return new Promise((resolve, reject) => {
    // DCMTK leaves Nagle's algorithm on unless told otherwise: 40 ms an object against delayed acknowledgements.
    const child = spawn(program, args, {
      env: { ...process.env, TCP_NODELAY: '1', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(cwd === undefined ? {} : { cwd }),
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => (output += chunk.toString('latin1')));
    const timer = setTimeout(() => child.kill('SIGKILL'), seconds * 1000);
    child.on('error', reject);
    child.on('close', (code) => {
      clearTimeout(timer);
      resolve({ code: code ?? -1, output });
    });
  });
}

/** Starts a program that runs until the test is over; resolves when the port answers. */
export async function startProgram(
  program: string,
  args: readonly string[],
  port: number,
  env: NodeJS.ProcessEnv = {},
): Promise<void> {
  const child = spawn(program, args, { env: { ...process.env, ...env }, stdio: 'ignore' });
  onTestFinished(() => void child.kill('SIGKILL'));
  const until = Date.now() + 15_000;
  while (Date.now() < until) {
    if (await answers(port)) return;
    if (child.exitCode !== null) throw new Error(`${program} ended with ${child.exitCode} before it listened`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${program} does not listen on port ${port}`);
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}
