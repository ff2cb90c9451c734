// npm start: installs what is missing, builds what is stale, serves. Only Node's own modules: nothing is installed yet.
import { spawn } from 'node:child_process';
import { prepare } from './prepare.mjs';
import { prepareViewer } from './viewer.mjs';

prepare();
const withoutViewer = prepareViewer();
if (withoutViewer) console.error(withoutViewer);
const node = spawn(process.execPath, ['bin/voxgate.mjs', 'serve'], { stdio: 'inherit' });
// Ctrl-C reaches the child by itself (same terminal); a SIGTERM reaches only us.
process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => node.kill('SIGTERM'));
node.on('exit', (code, signal) => process.exit(signal ? 1 : code));
