import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { startEmbeddedPostgres } from '../../src/catalog/embedded-postgres.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** A real PostgreSQL for the whole run; each test makes a database of its own in it. */
    postgres: string;
  }
}

/** Child processes run compiled code; a run begun by hand may have none or an old one. */
function build(): void {
  if (process.env['VOXGATE_TEST_NO_BUILD'] === '1' && existsSync('dist/built')) return;
  execFileSync('npm', ['run', '--silent', 'build'], { stdio: 'inherit' });
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  build();
  const given = process.env['VOXGATE_TEST_DATABASE_URL'];
  if (given) {
    project.provide('postgres', given);
    return () => Promise.resolve();
  }
  const folder = mkdtempSync(join(tmpdir(), 'voxgate-test-postgres-'));
  chmodSync(folder, 0o755);
  const postgres = await startEmbeddedPostgres(folder);
  project.provide('postgres', postgres.connectionString);
  return async () => {
    await postgres.stop();
    rmSync(folder, { recursive: true, force: true });
  };
}
