import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { aDatabase, aFolder } from '../support/test-node.ts';
import { ended, start } from './run.ts';

describe('voxgate serve', () => {
  it.each([['SIGTERM'], ['SIGINT']] as const)(
    'prints where to send and where to look, and stops cleanly on %s, handed on twice as npm does',
    async (signal) => {
      const data = aFolder();
      const child = start(['serve'], {
        DATABASE_URL: await aDatabase(),
        VOXGATE_DATA: data,
        VOXGATE_DIMSE: '127.0.0.1:0',
        VOXGATE_HTTP: '127.0.0.1:0',
      });
      onTestFinished(() => void child.kill('SIGKILL'));
      const end = ended(child);
      const screen = await new Promise<string>((resolve) => {
        let said = '';
        child.stdout?.on('data', (chunk: Buffer) => {
          said += chunk.toString();
          if (said.includes('"msg":"ready"')) resolve(said);
        });
      });
      const http = /(http:\/\/127\.0\.0\.1:\d+)\/dicom-web\/studies/.exec(screen)?.[1];
      expect(screen).toMatch(/VOXGATE at 127\.0\.0\.1:\d+ \(C-STORE\)/);
      expect((await fetch(`${http}/readyz`)).status).toBe(200);
      expect(existsSync(join(data, 'voxgate.lock'))).toBe(true);
      child.kill(signal);
      child.kill(signal);
      const { code, stdout, stderr } = await end;
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(stdout).toContain('"msg":"stopped"');
      expect(existsSync(join(data, 'voxgate.lock'))).toBe(false);
    },
  );
});
