import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { migrate, openDatabase } from '../../src/catalog/database.ts';
import { bufferSource, parsePart10 } from '../../src/dicom/parse.ts';
import { number, text } from '../../src/dicom/read-values.ts';
import { aClosedPort, aCounter } from '../peers/outgoing.ts';
import { aDatabase, aFolder, aNode } from '../support/test-node.ts';
import { run } from './run.ts';

type Found = Readonly<Record<string, { readonly Value?: readonly unknown[] }>>;

async function ask(url: string): Promise<Found[]> {
  return JSON.parse(await (await fetch(url)).text());
}

const phantom = (folder: string, slices: number) =>
  run(['phantom', '--slices', String(slices), '--size', '64', '--out', folder]);

describe('the voxgate command', () => {
  it('tells its version and its verbs', async () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
    expect(await run(['--version'])).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
    const help = await run(['--help']);
    expect(help.code).toBe(0);
    for (const verb of ['serve', 'migrate', 'send', 'echo', 'phantom', 'models'])
      expect(help.stdout).toMatch(new RegExp(`^  ${verb} `, 'm'));
  });

  it.each([
    [['phantom', '--slice', '3'], /^error: unknown option '--slice'/],
    [
      ['phantom', '--slices', '0', '--out', '.'],
      /^error: option '--slices <n>' argument '0' is invalid\. a whole number from 1 to 5000\n$/,
    ],
    [['phantom'], /^voxgate: phantom: say --out <folder> or --send <peer>\n$/],
    [['sned'], /^error: unknown command 'sned'/],
    [
      ['echo', 'nobody'],
      /^voxgate: "nobody" is neither a configured peer nor dicom:\/\/AET@host:port nor a DICOMweb address\n$/,
    ],
    [['echo', 'dicom://PACS@host:70000'], /^voxgate: "dicom:\/\/PACS@host:70000" is neither /],
    [['send', 'dicom://PACS@host:104', '/absent'], /^voxgate: ENOENT.*'\/absent'\n$/],
    [
      ['send', 'dicom://PACS@host:104', '.'],
      /^voxgate\.config\.json: .*\nvoxgate: 1 of 1 files are not DICOM and were not sent\n$/,
    ],
  ])('%j ends with 1 and says why on stderr', async (args, sentence) => {
    const { code, stdout, stderr } = await run(args);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(sentence);
  });

  it('names every wrong setting and does nothing else', async () => {
    const { code, stdout, stderr } = await run(['serve'], { VOXGATE_DIMSE: 'here', VOXGATE_LOG_LEVEL: 'loud' });
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^voxgate: wrong settings:\n {2}VOXGATE_DIMSE: .*\n {2}VOXGATE_LOG_LEVEL: .*\n$/);
  });
});

describe('voxgate phantom', () => {
  it('writes as many readable files as slices, of one series, the same every time', async () => {
    const [folder, again] = [aFolder(), aFolder()];
    const { code, stdout } = await phantom(folder, 5);
    expect(code).toBe(0);
    const files = readdirSync(folder);
    expect(files).toHaveLength(5);
    const parsed = files.map((name) => parsePart10(bufferSource(readFileSync(join(folder, name)))));
    const [series] = new Set(parsed.map(({ dataset }) => text(dataset, 'SeriesInstanceUID')));
    expect(stdout).toBe(`5 slices, SeriesInstanceUID ${series}\n`);
    expect(parsed.map(({ complete, dataset }) => [complete, number(dataset, 'Rows')])).toEqual(
      Array(5).fill([true, 64]),
    );
    expect(new Set(parsed.map(({ dataset }) => text(dataset, 'SOPInstanceUID'))).size).toBe(5);
    await phantom(again, 5);
    for (const name of files)
      expect(readFileSync(join(again, name)).equals(readFileSync(join(folder, name)))).toBe(true);
  });

  it('sends them to a node', async () => {
    const node = await aNode({ models: [] });
    const to = `dicom://VOXGATE@127.0.0.1:${node.dimsePort}`;
    const { code, stdout } = await run(['phantom', '--slices', '3', '--size', '64', '--send', to]);
    expect(code).toBe(0);
    const series = stdout.trim().split(' ').at(-1);
    const found = await ask(`${node.http}/dicom-web/series?SeriesInstanceUID=${series}`);
    expect(found.map((each) => each['00201209']?.Value)).toEqual([[3]]);
  });
});

describe('voxgate models', () => {
  it('lists the packages of the library', async () => {
    const { code, stdout, stderr } = await run(['models', 'list'], { VOXGATE_MODELS: resolve('models') });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain('ct-lung-segmentation\t1.0.0\tRight and left lung on CT\n');
  });

  it('says what is wrong with a broken one, and fails', async () => {
    const library = aFolder();
    cpSync('models/ct-lung-segmentation', join(library, 'ct-lung-segmentation'), { recursive: true });
    const broken = join(library, 'other', '1.0.0');
    mkdirSync(broken, { recursive: true });
    writeFileSync(join(broken, 'model.json'), '{}');
    const { code, stdout, stderr } = await run(['models', 'list'], { VOXGATE_MODELS: library });
    expect(code).toBe(1);
    expect(stdout).toContain('ct-lung-segmentation\t1.0.0');
    expect(stderr).toMatch(/other\/1\.0\.0: .*model\.json: .*\nvoxgate: 1 model package\(s\) cannot be used\n$/);
  });
});

describe('voxgate echo', () => {
  it('reaches a node by DIMSE, by DICOMweb and by the name of a peer; and says when nobody answers', async () => {
    const node = await aNode();
    const dimse = `dicom://VOXGATE@127.0.0.1:${node.dimsePort}`;
    expect(await run(['echo', dimse])).toEqual({ code: 0, stdout: `${dimse} answers\n`, stderr: '' });
    expect((await run(['echo', `${node.http}/dicom-web/`])).code).toBe(0);
    const config = join(aFolder(), 'config.json');
    const peers = { pacs: { aeTitle: 'VOXGATE', host: '127.0.0.1', port: node.dimsePort } };
    writeFileSync(config, JSON.stringify({ peers }));
    expect((await run(['echo', 'pacs'], { VOXGATE_CONFIG: config })).stdout).toBe('pacs answers\n');
    const closed = await aClosedPort();
    expect(await run(['echo', `dicom://PACS@127.0.0.1:${closed}`])).toEqual({
      code: 1,
      stdout: '',
      stderr: `voxgate: PACS at 127.0.0.1:${closed}: ECONNREFUSED\n`,
    });
  });
});

describe('voxgate send', () => {
  it('sends a series of 300 slices over one association, and what lies beside it that is DICOM', async () => {
    const folder = aFolder();
    await phantom(folder, 300);
    writeFileSync(join(folder, 'DICOMDIR'), 'the index of the medium');
    const node = await aNode({ models: [] });
    const counter = await aCounter(node.dimsePort);
    const to = `dicom://VOXGATE@127.0.0.1:${counter.port}`;
    expect(await run(['send', to, folder])).toEqual({ code: 0, stdout: `300 sent to ${to}\n`, stderr: '' });
    expect(counter.connections()).toBe(1);
    const found = await ask(`${node.http}/dicom-web/studies`);
    expect(found.map((study) => study['00201208']?.Value)).toEqual([[300]]);
  });

  it('sends by DICOMweb too, names what is no DICOM file, and fails for it', async () => {
    const folder = aFolder();
    await phantom(folder, 2);
    writeFileSync(join(folder, 'README.txt'), 'hello');
    const node = await aNode({ models: [] });
    const { code, stdout, stderr } = await run(['send', `${node.http}/dicom-web`, folder]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: `2 sent to ${node.http}/dicom-web\n` });
    expect(stderr).toMatch(/README\.txt: .*\nvoxgate: 1 of 3 files are not DICOM and were not sent\n$/);
  });
});

describe('voxgate migrate', () => {
  it('brings a database up to date, says when it is, and undoes the newest migration', async () => {
    const environment = { DATABASE_URL: await aDatabase() };
    const database = openDatabase(environment.DATABASE_URL);
    onTestFinished(() => database.destroy());
    const up = await run(['migrate'], environment);
    expect(up).toMatchObject({ code: 0, stdout: expect.stringMatching(/^applied 0001-archive\n/), stderr: '' });
    expect(await database.schema.hasTable('instances')).toBe(true);
    await database.raw('SELECT count(*) FROM graphile_worker.jobs');
    expect(await run(['migrate'], environment)).toEqual({ code: 0, stdout: 'nothing to do\n', stderr: '' });
    const [newest] = up.stdout.trimEnd().split('\n').reverse();
    const down = await run(['migrate', '--down'], environment);
    expect(down).toEqual({ code: 0, stdout: `${newest!.replace('applied', 'undone')}\n`, stderr: '' });
    expect(await migrate(database)).toEqual([newest!.replace('applied ', '')]);
  });

  it('says by the name of the setting when the database does not answer', async () => {
    const url = `postgresql://voxgate:secret@127.0.0.1:${await aClosedPort()}/voxgate`;
    const { code, stderr } = await run(['migrate'], { DATABASE_URL: url });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^voxgate: DATABASE_URL: .*ECONNREFUSED.*\n$/);
    expect(stderr).not.toContain('secret');
  });
});
