import { Command } from 'commander';
import { sentenceOf } from '../errors.ts';
import { VERSION } from '../version.ts';
import { addEcho } from './echo.ts';
import { addJobs } from './jobs.ts';
import { addMigrate } from './migrate.ts';
import { addModels } from './models.ts';
import { addPasscode } from './passcode.ts';
import { addPhantom } from './phantom.ts';
import { addRoutes } from './routes.ts';
import { addSend } from './send.ts';
import { addServe } from './serve.ts';
import { addVerify } from './verify.ts';

/** The voxgate command: exit code 0 only on success; errors on stderr in one sentence. */
const program = new Command('voxgate').description('DICOMweb-compliant PACS plugin and AI node').version(VERSION);
// Otherwise `models import --version 1.0.0` would tell the version of the program.
program.enablePositionalOptions();
for (const add of [
  addServe,
  addMigrate,
  addSend,
  addEcho,
  addPhantom,
  addModels,
  addVerify,
  addPasscode,
  addJobs,
  addRoutes,
])
  add(program);

try {
  await program.parseAsync();
} catch (error) {
  process.stderr.write(`voxgate: ${sentenceOf(error)}\n`);
  process.exitCode = 1;
}
