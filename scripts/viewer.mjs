// The viewer: OHIF as its makers publish it, one package without its dependencies (they are inside its bundles), pinned
// by version and digest in package.json. Fetched once, moved under the path where the node serves it, and compressed.
//
//     node scripts/viewer.mjs              fetches it from the package registry that npm is set to
//     node scripts/viewer.mjs FILE.tgz     takes the package from a file: for a site without a registry
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const { viewer: pinned } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const folder = join(root, 'viewer');
const stamp = join(folder, 'installed.json');
/** Counted up when what is done to the package's files changes. */
const EDITION = 1;
/** Where src/console/viewer.ts serves it; the package is built for "/". */
const PATH = '/viewer/';
const FETCH_SECONDS = 180;

/** Not needed by what the node offers: 100 MB of browser ONNX for one annotation tool, source maps, settings of other hosts. */
const LEFT_OUT =
  /^ort$|\.map$|^(app-config\.js|_headers|_redirects|serve\.json|google\.js|silent-refresh\.html|oidc-client\.min\.js|sw\.js)$/;
const COMPRESSED = /\.(js|css|html|json|svg|wasm)$/;

/** Installs the viewer unless it is there. @returns a sentence that says why it is not, if it is not */
export function prepareViewer(file) {
  const wanted = { ...pinned, edition: EDITION };
  if (file === undefined && existsSync(stamp) && readFileSync(stamp, 'utf8') === JSON.stringify(wanted))
    return undefined;
  console.error('Installing the viewer (once) …');
  const work = mkdtempSync(join(root, '.viewer-'));
  try {
    const archive = file === undefined ? fetchPackage(work) : resolve(file);
    const digest = createHash('sha512').update(readFileSync(archive)).digest('base64');
    if (`sha512-${digest}` !== pinned.integrity)
      throw new Error(`${archive} is not ${pinned.package} ${pinned.version}: its digest differs`);
    run('tar', ['-xzf', archive, '-C', work, 'package/dist', 'package/LICENSE']);
    const made = join(work, 'made');
    mkdirSync(made);
    place(join(work, 'package', 'dist'), made);
    renameSync(join(work, 'package', 'LICENSE'), join(made, 'LICENSE'));
    writeFileSync(join(made, 'installed.json'), JSON.stringify(wanted));
    rmSync(folder, { recursive: true, force: true });
    renameSync(made, folder);
    return undefined;
  } catch (error) {
    return `The viewer could not be installed: ${error.message}. The node works without it. "npm pack ${pinned.package}@${pinned.version}" on a machine with a registry makes its file; "node scripts/viewer.mjs FILE" installs that.`;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function fetchPackage(work) {
  const options = ['--pack-destination', work, '--fetch-retries=1', '--fetch-timeout=60000', '--loglevel=error'];
  run('npm', ['pack', `${pinned.package}@${pinned.version}`, ...options]);
  const name = readdirSync(work).find((file) => file.endsWith('.tgz'));
  if (name === undefined) throw new Error('npm pack left no file');
  return join(work, name);
}

function run(command, args) {
  const { status, error, stderr } = spawnSync(command, args, {
    cwd: root,
    stdio: ['ignore', 'ignore', 'pipe'],
    encoding: 'utf8',
    timeout: FETCH_SECONDS * 1000,
  });
  if (status !== 0)
    throw new Error(`"${command} ${args[0]}" failed: ${error?.message ?? stderr.trim().split('\n').pop()}`);
}

/** Every file under the new path, with a compressed copy beside what gains by it. */
function place(from, to) {
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    if (LEFT_OUT.test(entry.name)) continue;
    const source = join(from, entry.name);
    const target = join(to, entry.name);
    if (entry.isDirectory()) {
      mkdirSync(target);
      place(source, target);
      continue;
    }
    const content = moved(entry.name, readFileSync(source));
    writeFileSync(target, content);
    if (COMPRESSED.test(entry.name)) writeFileSync(`${target}.gz`, gzipSync(content));
  }
}

/** The addresses that the package's files hold of each other. A package in which they are not found is not served. */
function moved(name, content) {
  if (name === 'index.html') {
    const text = replaced(name, content, /(href|src|content)="\/(?!\/)/g, `$1="${PATH}`, 10);
    return Buffer.from(replaced(name, text, /window\.PUBLIC_URL = '\/'/g, `window.PUBLIC_URL = '${PATH}'`, 1));
  }
  if (name === 'manifest.json') return Buffer.from(replaced(name, content, /"\/assets\//g, `"${PATH}assets/`, 1));
  if (name === 'app.bundle.css') return Buffer.from(replaced(name, content, /url\(\/(?!\/)/g, `url(${PATH}`, 1));
  if (/^[\w-]+\.bundle\.[0-9a-f]+\.js$/.test(name)) {
    const least = name.startsWith('app.') ? 1 : 0;
    return Buffer.from(
      replaced(name, content, /__webpack_require__\.p = "\/"/g, `__webpack_require__.p = "${PATH}"`, least),
    );
  }
  return content;
}

function replaced(name, content, pattern, text, least) {
  let count = 0;
  const result = content.toString().replace(pattern, (_match, ...groups) => {
    count += 1;
    return text.replace('$1', typeof groups[0] === 'string' ? groups[0] : '');
  });
  if (count < least) throw new Error(`${name} is not as expected: ${pattern} was found ${count} times`);
  return result;
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const problem = prepareViewer(process.argv[2]);
  if (problem) {
    console.error(problem);
    process.exitCode = 1;
  }
}
