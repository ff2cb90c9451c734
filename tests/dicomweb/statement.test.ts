import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';

interface Proof {
  readonly file: string;
  readonly test: string;
}

const CLAIMS: Readonly<Record<string, Proof>> = JSON.parse(readFileSync('conformance/claims.json', 'utf8'));

function check(...args: string[]): { stderr: string; status: number | null } {
  return spawnSync(process.execPath, ['scripts/generate-statement.mjs', '--check', ...args], { encoding: 'utf8' });
}

function withClaims(claims: Readonly<Record<string, Proof>>) {
  const folder = mkdtempSync(join(tmpdir(), 'voxgate-test-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'claims.json');
  writeFileSync(file, JSON.stringify(claims));
  return check('--claims', file);
}

describe('the conformance statement', () => {
  it('says what the code does, and each claim names a test that is there (PS3.2)', () => {
    const { stderr, status } = check();
    expect(stderr).toBe('');
    expect(status).toBe(0);
  });

  it('is refused where a claim has no proof, with the line to add', () => {
    const { verification: _, ...others } = CLAIMS;
    const { stderr, status } = withClaims(others);
    expect(status).toBe(1);
    expect(stderr).toContain('nobody proves "verification"');
    expect(stderr).toContain('"verification": { "file":');
  });

  it('is refused where a proof is no test, is skipped, or proves what is not claimed', () => {
    const named = (test: string, file = 'tests/dicomweb/statement.test.ts') =>
      withClaims({ ...CLAIMS, verification: { file, test } }).stderr;
    expect(named('does what nobody tests')).toContain('there is no test "does what nobody tests"');
    expect(named('is refused where a claim has no proof, with the line to add')).not.toContain('there is no test');
    expect(named('x', 'tests/nowhere.test.ts')).toContain('there is no test "x" in tests/nowhere.test.ts');
    expect(withClaims({ ...CLAIMS, invented: CLAIMS['verification']! }).stderr).toContain('"invented" is in');
  });
});
