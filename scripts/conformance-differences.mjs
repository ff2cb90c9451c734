// npm run conformance:differences: the black-box suite against this node and against Orthanc, side by side, into
// conformance/differences.md. Needs Orthanc and its DICOMweb plugin (Debian: orthanc, orthanc-dicomweb).
import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { prepare } from './prepare.mjs';

const TABLE = 'conformance/differences.md';

prepare();
const voxgate = results('voxgate');
const orthanc = results('orthanc');
const [version, plugin] = orthancVersions();
const names = [...new Set([...voxgate.keys(), ...orthanc.keys()])];
const rows = names.map((name) => ({ name, ours: voxgate.get(name), theirs: orthanc.get(name) }));
const count = (side, outcome) => rows.filter((row) => row[side]?.outcome === outcome).length;
const summary = (side) =>
  `${count(side, 'passed')} passed, ${count(side, 'failed')} failed, ${count(side, 'skipped')} not offered`;
const table = `# The suite against this node and against Orthanc

Made by \`npm run conformance:differences\`: every test of \`conformance/suite\`, asked over the wire of a node of this project
and of Orthanc ${version} with its DICOMweb plugin ${plugin}, both with their defaults. A test asks what the standard says, or
what it leaves open and this project offers: then it says "not of the standard", and "not offered" is no fault.

- Voxgate: ${summary('ours')}
- Orthanc: ${summary('theirs')}

${section(
  'They differ',
  rows.filter(({ ours, theirs }) => ours?.outcome !== theirs?.outcome),
)}
${section(
  'Both fail',
  rows.filter(({ ours, theirs }) => ours?.outcome === 'failed' && theirs?.outcome === 'failed'),
)}
${section(
  'Both pass',
  rows.filter(({ ours, theirs }) => ours?.outcome === 'passed' && theirs?.outcome === 'passed'),
)}`;
writeFileSync(TABLE, `${table.trimEnd()}\n`);
console.log(`Voxgate: ${summary('ours')}\nOrthanc: ${summary('theirs')}\n${TABLE} was written`);
process.exit(count('ours', 'failed') > 0 ? 1 : 0);

/** Outcome of each test by its name; of a failed one the first line that says why. */
function results(which) {
  const report = join(tmpdir(), `voxgate-differences-${process.pid}-${which}.json`);
  const { VOXGATE_URL: _url, VOXGATE_DIMSE_URL: _dimse, ...environment } = process.env;
  spawnSync(
    process.execPath,
    [
      'node_modules/vitest/vitest.mjs',
      'run',
      '--project',
      'conformance',
      '--reporter=json',
      `--outputFile.json=${report}`,
    ],
    { stdio: ['ignore', 'ignore', 'inherit'], env: { ...environment, VOXGATE_SUITE_STARTS: which, NO_COLOR: '1' } },
  );
  const { testResults } = JSON.parse(readFileSync(report, 'utf8'));
  rmSync(report, { force: true });
  const outcomes = new Map();
  for (const { assertionResults } of testResults)
    for (const { ancestorTitles, title, status, failureMessages } of assertionResults)
      outcomes.set([...ancestorTitles, title].filter(Boolean).join(': '), {
        outcome: status === 'passed' || status === 'failed' ? status : 'skipped',
        why: reason(failureMessages?.[0] ?? ''),
      });
  if (outcomes.size === 0) throw new Error(`the suite did not run against ${which}`);
  return outcomes;
}

/** Without what differs from run to run: UIDs, ports, paths. */
function reason(message) {
  const [line = ''] = message.split('\n');
  return line
    .replace(/^\w*Error: /, '')
    .replace(/2\.25\.\d+/g, '{uid}')
    .replace(/https?:\/\/127\.0\.0\.1:\d+/g, '')
    .replace(/\s+\/\/ Object\.is equality$/, '')
    .slice(0, 140)
    .replaceAll('|', '\\|');
}

function section(title, tests) {
  if (tests.length === 0) return '';
  const said = (side) =>
    side?.outcome === 'failed' ? `no: ${side.why}` : side?.outcome === 'passed' ? 'yes' : 'not offered';
  const lines = tests.map(
    ({ name, ours, theirs }) => `| ${name.replaceAll('|', '\\|')} | ${said(ours)} | ${said(theirs)} |`,
  );
  return `## ${title}: ${tests.length}\n\n| What is asked | Voxgate | Orthanc |\n| --- | --- | --- |\n${lines.join('\n')}\n`;
}

function orthancVersions() {
  const installed = (name) =>
    /^Version: (\S+)/m.exec(spawnSync('dpkg', ['-s', name], { encoding: 'utf8' }).stdout ?? '')?.[1] ??
    '(version unknown)';
  return [installed('orthanc'), installed('orthanc-dicomweb')];
}
