// npm test: installs and builds what is missing, runs a project of vitest.config.ts, ends with "N passed, N failed, N skipped".
import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { prepare } from './prepare.mjs';

prepare();
const args = process.argv.slice(2);
const project = args.includes('--project') ? [] : ['--project', 'unit'];
const report = join(tmpdir(), `voxgate-test-${process.pid}.json`);
const { status } = spawnSync(
  process.execPath,
  [
    'node_modules/vitest/vitest.mjs',
    'run',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
    ...project,
    ...args,
  ],
  { stdio: 'inherit', env: { ...process.env, NO_COLOR: '1' } },
);
let counts;
try {
  counts = JSON.parse(readFileSync(report, 'utf8'));
} catch {
  console.error('The test runner ended without a report.');
  process.exit(status || 1);
}
rmSync(report, { force: true });
// A test file that cannot be loaded has no failed test in it; it has failed all the same.
const broken = counts.testResults.filter(
  ({ status, assertionResults }) => status === 'failed' && assertionResults.every((test) => test.status !== 'failed'),
).length;
const failed = counts.numFailedTests + broken;
console.log(
  `${counts.numPassedTests} passed, ${failed} failed, ${counts.numPendingTests + counts.numTodoTests} skipped`,
);
process.exit(failed > 0 || counts.numPassedTests === 0 ? 1 : status);
