import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { fileOf, objectFiles } from '../archive/kept.ts';
import { stored } from '../dicomweb/client.ts';
import { asFile } from '../support/instances.ts';
import { aFolder, aNode } from '../support/test-node.ts';
import { ended, run, start } from './run.ts';

const file = (n: number): Buffer => asFile({ SOPInstanceUID: `1.2.3.4.1.1.${n}` });

describe('voxgate verify', () => {
  it('reads everything of a running node, fails for a flipped bit, and says which object it is', async () => {
    const node = await aNode({ models: [] });
    const { data, databaseUrl } = node.settings;
    const environment = { VOXGATE_DATA: data, DATABASE_URL: databaseUrl };
    const files = [file(1), file(2)];
    await stored(node.http, files);
    const bytes = files.reduce((sum, { length }) => sum + length, 0);
    const well = await run(['verify'], environment);
    expect(well).toEqual({ code: 0, stdout: `2 objects, ${bytes} bytes read\n`, stderr: '' });

    const path = join(data, 'objects', objectFiles(data)[0]!);
    const content = readFileSync(path);
    content.writeUInt8(content.readUInt8(content.length - 1) ^ 1, content.length - 1);
    writeFileSync(path, content);
    const broken = await run(['verify', '--json'], environment);
    const [fault, totals] = broken.stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(fault).toMatchObject({
      kind: 'changed',
      object: { heldIn: 'instances', studyInstanceUid: '1.2.3.4.1', sopInstanceUid: expect.stringMatching(/^1\.2\.3/) },
    });
    expect(fileOf(data, fault.storageKey)).toBe(path);
    expect(totals).toMatchObject({ objects: 2, bytes, faults: { missing: 0, short: 0, changed: 1, misfiled: 0 } });
    expect([broken.code, broken.stderr]).toEqual([1, 'voxgate: not all is well: 1 changed\n']);
    expect((await run(['verify', '--since', '2999-01-01'], environment)).code).toBe(0);
    expect(await run(['verify', '--study', '1.2.999'], environment)).toMatchObject({
      code: 1,
      stderr: 'voxgate: nothing of that study is held here\n',
    });
  });

  it('uses the database that a running node keeps under its data, leaves it running, and starts it where none runs', async () => {
    const folder = aFolder();
    chmodSync(folder, 0o755);
    const data = join(folder, 'data');
    const node = start(['serve'], {
      VOXGATE_DATA: data,
      VOXGATE_DIMSE: '127.0.0.1:0',
      VOXGATE_HTTP: '127.0.0.1:0',
      VOXGATE_MODELS: folder,
    });
    onTestFinished(() => void node.kill('SIGKILL'));
    const http = await new Promise<string>((resolve, reject) => {
      let output = '';
      node.stdout?.on('data', (chunk: Buffer) => {
        output += chunk.toString();
        const address = /Look at +(http:\S+)\//.exec(output)?.[1];
        if (address !== undefined && output.includes('ready')) resolve(address);
      });
      node.once('exit', () => reject(new Error(output)));
    });
    await stored(http, [file(1)]);
    const running = await run(['verify'], { VOXGATE_DATA: data });
    expect(running).toMatchObject({ code: 0, stdout: expect.stringMatching(/^1 objects, /) });
    await stored(http, [file(2)]);
    const over = ended(node);
    node.kill('SIGTERM');
    await over;
    expect(existsSync(join(data, 'postgres', 'cluster', 'postmaster.pid'))).toBe(false);
    const alone = await run(['verify'], { VOXGATE_DATA: data });
    expect(alone).toMatchObject({ code: 0, stdout: expect.stringMatching(/^2 objects, /) });
    expect(existsSync(join(data, 'postgres', 'cluster', 'postmaster.pid'))).toBe(false);
  });

  it.each([
    [['verify'], /^voxgate: VOXGATE_DATA: there is no archive in /],
    [['verify', '--since', 'yesterday'], /^error: option '--since <date>' argument 'yesterday' is invalid/],
    [['verify', '--limit', '0'], /^error: option '--limit <n>' argument '0' is invalid/],
  ])('%j ends with 1 and says why', async (args, sentence) => {
    const { code, stderr } = await run(args, { VOXGATE_DATA: aFolder() });
    expect([code, stderr]).toEqual([1, expect.stringMatching(sentence)]);
  });
});
