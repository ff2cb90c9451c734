import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { lockFolder } from '../../src/storage/folder-lock.ts';
import { aFolder } from '../support/test-node.ts';

/** Another process that holds the folder until it is killed. */
async function aHolder(folder: string): Promise<ChildProcess> {
  const module = pathToFileURL(resolve('dist/src/storage/folder-lock.js')).href;
  const script = `const { lockFolder } = await import('${module}');
    lockFolder(${JSON.stringify(folder)}); console.log('held'); setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  await once(child.stdout!, 'data');
  return child;
}

describe('the lock of a data folder', () => {
  it('refuses a second node while the first one lives, and is taken over when it was killed', async () => {
    const folder = aFolder();
    const holder = await aHolder(folder);
    expect(() => lockFolder(folder)).toThrow(`${folder} is in use by another Voxgate node (process ${holder.pid})`);
    const gone = once(holder, 'exit');
    holder.kill('SIGKILL');
    await gone;
    const unlock = lockFolder(folder);
    expect(readFileSync(join(folder, 'voxgate.lock'), 'utf8')).toMatch(new RegExp(`^${process.pid} `));
    unlock();
    expect(existsSync(join(folder, 'voxgate.lock'))).toBe(false);
  });

  it.skipIf(process.platform !== 'linux')(
    'is not held by another program that was given the process id since',
    async () => {
      const folder = aFolder();
      const stranger = await aHolder(aFolder());
      writeFileSync(join(folder, 'voxgate.lock'), `${stranger.pid} 1`);
      expect(() => lockFolder(folder)).not.toThrow();
    },
  );

  it.each(['', 'garbage', '0 ', '-1 '])(
    'is not held by nobody: a file with %j, as a power cut leaves it',
    (content) => {
      const folder = aFolder();
      writeFileSync(join(folder, 'voxgate.lock'), content);
      expect(() => lockFolder(folder)).not.toThrow();
    },
  );

  it('says by the name of the setting when the folder is not there', () => {
    expect(() => lockFolder(join(aFolder(), 'absent'))).toThrow(/VOXGATE_DATA: .*absent cannot be written to/);
  });
});
