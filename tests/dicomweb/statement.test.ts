import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';

describe('the conformance statement', () => {
  it('says what the code does: its tables are those that the code makes (PS3.2)', () => {
    const check = spawnSync(process.execPath, ['scripts/generate-statement.mjs', '--check'], { encoding: 'utf8' });
    expect(check.stderr).toBe('');
    expect(check.status).toBe(0);
  });
});
