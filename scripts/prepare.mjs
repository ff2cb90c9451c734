// Brings a clone to where it can run: dependencies as package-lock.json says, dist as src says.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
process.chdir(root);

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`Voxgate needs Node.js 20.19 or newer; this is ${process.versions.node}.`);
  process.exit(1);
}

export function prepare() {
  const installed = 'node_modules/.package-lock.json';
  if (!existsSync(installed) || statSync(installed).mtimeMs < statSync('package-lock.json').mtimeMs) {
    console.error('Installing dependencies (once) …');
    // onnxruntime-node would fetch GPU libraries from outside the registry; its CPU libraries are in the package.
    run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], { ONNXRUNTIME_NODE_INSTALL: 'skip' });
  }
  if (
    newest('src', 'migrations', 'tsconfig.json', 'package-lock.json') >
    (existsSync('dist/built') ? statSync('dist/built').mtimeMs : 0)
  ) {
    console.error('Building …');
    rmSync('dist', { recursive: true, force: true });
    run('npm', ['run', '--silent', 'build']);
  }
}

function run(command, args, environment = {}) {
  const { status } = spawnSync(command, args, { stdio: ['inherit', 2, 2], env: { ...process.env, ...environment } });
  if (status !== 0) {
    console.error(`"${command} ${args.join(' ')}" failed.`);
    process.exit(status ?? 1);
  }
}

function newest(...paths) {
  return Math.max(
    ...paths.map((path) =>
      statSync(path).isDirectory()
        ? Math.max(0, ...readdirSync(path).map((name) => newest(join(path, name))))
        : statSync(path).mtimeMs,
    ),
  );
}
