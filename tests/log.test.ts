import { execFileSync } from 'node:child_process';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it, vi } from 'vitest';
import { createLog } from '../src/log.ts';

describe('the log', () => {
  it('is JSON lines on stdout when that is no terminal, without what names the machine, from the level on', () => {
    const module = pathToFileURL(resolve('dist/src/log.js')).href;
    const script = `const { createLog } = await import('${module}');
      const log = createLog('info'); log.debug('quiet'); log.warn({ peer: 'pacs', attempt: 2 }, 'a delivery failed');`;
    const output = execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
    const lines = output.trimEnd().split('\n');
    expect(lines).toHaveLength(1);
    const { time, ...rest } = JSON.parse(lines[0]!);
    expect(rest).toEqual({ level: 40, peer: 'pacs', attempt: 2, msg: 'a delivery failed' });
    expect(new Date(time).toISOString()).toBe(time);
  });

  it('is one short line at a terminal, and what a peer said cannot steer that terminal', () => {
    const written: string[] = [];
    const write = vi.spyOn(process.stdout, 'write').mockImplementation((text) => written.push(String(text)) > 0);
    createLog('info', true).error(
      { job: 3, reason: 'no\n12:00:00 info all is well \u001b[2J\u009b2J' },
      'a job failed',
    );
    write.mockRestore();
    expect(written).toHaveLength(1);
    expect(written[0]).toMatch(
      /^\d\d:\d\d:\d\d ERROR a job failed job=3 reason=no\?12:00:00 info all is well \?\[2J\?2J\n$/,
    );
  });
});
