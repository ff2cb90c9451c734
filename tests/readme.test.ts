import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { loadSettings, SETTINGS } from '../src/config.ts';
import { VERSION } from '../src/version.ts';

const read = (path: string): string => readFileSync(path, 'utf8');
const readme = read('README.md');
const PAGES = ['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md', 'ARCHITECTURE.md'];

/** The table of settings as README.md must have it; a failing test shows the rows to write. */
function settingsTable(): string {
  const rows = SETTINGS.map(({ variable, key, byDefault, meaning }) => {
    const shown = byDefault === '' ? 'unset' : `\`${byDefault}\``;
    return `| \`${variable}\` | \`${key}\` | ${shown} | ${meaning} |`;
  });
  return ['| Variable | Key in the file | Default | Meaning |', '| --- | --- | --- | --- |', ...rows].join('\n');
}

function between(text: string, start: string, end: string): string {
  return text.slice(text.indexOf(start) + start.length, text.indexOf(end)).trim();
}

/** Every match of the pattern's first group, once. */
function allOf(text: string, pattern: RegExp): string[] {
  return [...new Set([...text.matchAll(pattern)].map((match) => match[1]!))];
}

describe('README.md', () => {
  it('has the table of settings that src/config.ts says', () => {
    expect(between(readme, '<!-- settings -->', '<!-- /settings -->')).toBe(settingsTable());
  });

  it('shows a settings file that loads, the one in deploy/', () => {
    const shown = between(readme.slice(readme.indexOf('```json')), '```json', '\n```\n');
    const example = 'deploy/voxgate.config.example.json';
    expect(JSON.parse(shown)).toEqual(JSON.parse(read(example)));
    const { peers, routes } = loadSettings({ VOXGATE_CONFIG: example });
    expect(peers.map(({ name }) => name)).toEqual(['pacs', 'web']);
    expect(routes.map(({ deliverTo }) => deliverTo)).toEqual([['pacs']]);
  });

  it('is right that the HTTP door refuses an address that is not loopback', () => {
    expect(() => loadSettings({ VOXGATE_HTTP: '0.0.0.0:8080' })).toThrow('VOXGATE_INSECURE=1');
    expect(loadSettings({ VOXGATE_HTTP: '0.0.0.0:8080', VOXGATE_INSECURE: '1' }).http.host).toBe('0.0.0.0');
  });
});

describe('every page at the street', () => {
  const { scripts, version } = JSON.parse(read('package.json'));

  it.each(PAGES)('%s names only npm scripts that package.json has, whose files exist', (page) => {
    const named = [...allOf(read(page), /npm run ([a-z:]+)/g), ...allOf(read(page), /npm (start|test)\b/g)];
    for (const name of named) {
      expect(scripts, `npm run ${name}`).toHaveProperty([name]);
      for (const file of allOf(scripts[name], /node (scripts\/\S+)/g)) expect(existsSync(file), file).toBe(true);
    }
  });

  it.each(PAGES)('%s names only verbs that the voxgate command has', (page) => {
    const verbs = allOf(read('src/cli/voxgate.ts'), /from '\.\/([a-z-]+)\.ts'/g);
    for (const verb of allOf(read(page), /npx voxgate ([a-z]+)/g)) expect(verbs).toContain(verb);
  });

  it.each(PAGES)('%s links only to files that exist', (page) => {
    const links = allOf(read(page), /\]\((?!https?:|#)([^)#]+)/g);
    for (const link of links) expect(existsSync(join(dirname(page), link)), link).toBe(true);
  });

  it('CHANGELOG.md and src/version.ts speak of the version in package.json', () => {
    expect(VERSION).toBe(version);
    expect(read('CHANGELOG.md')).toContain(`## ${version}`);
  });
});

describe('.env.example and compose.yaml', () => {
  it('give values that the settings take, under names that they know', () => {
    const lines = read('.env.example')
      .split('\n')
      .filter((line) => /^[A-Z]/.test(line));
    const given = Object.fromEntries(lines.map((line) => line.split('=', 2)));
    const known: readonly string[] = SETTINGS.map(({ variable }) => variable);
    expect(Object.keys(given).filter((name) => !known.includes(name))).toEqual(['POSTGRES_PASSWORD']);
    const folder = mkdtempSync(join(tmpdir(), 'voxgate-test-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const file = join(folder, 'none.json');
    writeFileSync(file, '{}');
    const defaults = loadSettings({ VOXGATE_CONFIG: file });
    expect(loadSettings({ ...given, VOXGATE_CONFIG: file })).toEqual(defaults);

    const inCompose = allOf(read('compose.yaml'), /^ +((?:VOXGATE_|DATABASE_)[A-Z_]+):/gm);
    expect(inCompose.filter((name) => !known.includes(name))).toEqual([]);
  });

  it('publish no port to more than this machine', () => {
    const ports = allOf(read('compose.yaml'), /^ +- "([^"]*:\d+:\d+)"$/gm);
    expect(ports).toEqual(['127.0.0.1:11112:11112', '127.0.0.1:8080:8080']);
  });
});
