import { appendFileSync, mkdirSync, readFileSync, rmSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type SweepParts, sweepOrphans } from '../../src/archive/sweep-orphans.ts';
import { openDatabase } from '../../src/catalog/database.ts';
import { walkFolder } from '../../src/storage/file-store.ts';
import { stored, stow } from '../dicomweb/client.ts';
import { openNode, type SharedNode } from '../dicomweb/shared-node.ts';
import { asFile } from '../support/instances.ts';
import { api, asText, deleted, faults, fileOf, objectFiles, retrieved } from './kept.ts';

const HOUR = 60 * 60 * 1000;
const STUDY = '1.2.3.4.1';
const file = (instance: number, more = {}): Buffer => asFile({ SOPInstanceUID: `1.2.3.4.1.1.${instance}`, ...more });

async function aNode(): Promise<SharedNode & { readonly data: string }> {
  const node = await openNode();
  onTestFinished(() => node.stop());
  return { ...node, data: node.node.settings.data };
}

function sweepParts({
  node,
}: SharedNode): SweepParts & { readonly store: { readonly removed: string[]; readonly underWay: Set<string> } } {
  const { data, databaseUrl } = node.settings;
  const database = openDatabase(databaseUrl ?? '');
  onTestFinished(() => database.destroy());
  const removed: string[] = [];
  const underWay = new Set<string>();
  const store = {
    removed,
    underWay,
    walk: () => walkFolder(join(data, 'objects')),
    isUnderWay: (key: string) => underWay.has(key),
    remove: async (key: string) => {
      removed.push(key);
      await rm(fileOf(data, key));
    },
    read: async (key: string, start: number, length: number) =>
      readFileSync(fileOf(data, key)).subarray(start, start + length),
  };
  return { database, store };
}

/** A file as a crash between publishing and committing leaves it, so many hours old. */
function leaveFile(data: string, key: string, hours: number, content = 'left over'): void {
  const path = fileOf(data, key);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  const then = new Date(Date.now() - hours * HOUR);
  utimesSync(path, then, then);
}

function age(data: string, hours: number): void {
  const then = new Date(Date.now() - hours * HOUR);
  for (const name of objectFiles(data)) utimesSync(`${data}/objects/${name}`, then, then);
}

const key = (letter: string): string => letter.repeat(64);

async function keys(node: SharedNode): Promise<string[]> {
  const rows = await node.sql(
    `SELECT encode(digest, 'hex') AS digest, storage_key FROM instances ORDER BY sop_instance_uid`,
  );
  return rows.map(({ storage_key: name }) => (Buffer.isBuffer(name) ? name.toString('hex') : String(name)));
}

describe('the sweep', () => {
  it('removes old files that no row names, and none that is held, kept apart, in the trash, or young', async () => {
    const node = await aNode();
    await stored(node.http, [file(1), file(2), file(3)]);
    await stow(node.http, [file(1, { Rows: 2 })]);
    const id = await deleted(node, `/studies/${STUDY}/series/1.2.3.4.1.1/instances/1.2.3.4.1.1.3`);
    age(node.data, 3);
    leaveFile(node.data, key('a'), 2);
    leaveFile(node.data, key('b'), 0.5);
    const parts = sweepParts(node);
    expect(await sweepOrphans(parts)).toEqual({ removed: 1, bytes: 'left over'.length, missing: [], missingCount: 0 });
    expect(parts.store.removed).toEqual([key('a')]);
    expect(await node.sql("SELECT event, instances FROM archive_events WHERE event = 'swept'")).toEqual([
      { event: 'swept', instances: 1 },
    ]);
    expect((await sweepOrphans({ ...parts, minimumAgeMs: 0.4 * HOUR })).removed).toBe(1);
    expect(parts.store.removed).toEqual([key('a'), key('b')]);
    await api(node, 'POST', `/deletions/${id}/undo`);
    expect(await retrieved(node, `/studies/${STUDY}`)).toEqual(asText([file(1), file(2), file(3)]));
    expect(await faults(node)).toEqual([]);
  });

  it('asks once more before it removes, and leaves what is being recorded just now', async () => {
    const node = await aNode();
    const parts = sweepParts(node);
    leaveFile(node.data, key('a'), 2);
    let asked = 0;
    const { database } = parts;
    database.on('query', ({ sql }: { sql: string }) => {
      if (sql.includes('unnest')) asked += 1;
    });
    expect((await sweepOrphans(parts)).removed).toBe(1);
    expect(asked).toBe(2);
    leaveFile(node.data, key('b'), 2);
    parts.store.underWay.add(key('b'));
    expect((await sweepOrphans(parts)).removed).toBe(0);
  });

  it('tells of rows whose file is missing, and leaves them', async () => {
    const node = await aNode();
    await stored(node.http, [file(1), file(2)]);
    const [, second] = await keys(node);
    rmSync(fileOf(node.data, second!));
    const swept = await sweepOrphans(sweepParts(node));
    expect(swept).toEqual({ removed: 0, bytes: 0, missing: ['1.2.3.4.1.1.2'], missingCount: 1 });
    expect(await keys(node)).toHaveLength(2);
  });
});

describe('verifying', () => {
  it('finds nothing wrong with what is held, kept apart and in the trash', async () => {
    const node = await aNode();
    await stored(node.http, [file(1), file(2)]);
    await stow(node.http, [file(1, { Rows: 2 })]);
    await deleted(node, `/studies/${STUDY}/series/1.2.3.4.1.1/instances/1.2.3.4.1.1.2`);
    expect(await faults(node)).toEqual([]);
  });

  it('finds a flipped bit, a file that is cut off, one too long, one missing, and one that no row names', async () => {
    const node = await aNode();
    await stored(
      node.http,
      [1, 2, 3, 4, 5, 6].map((n) => file(n)),
    );
    const paths = (await keys(node)).map((name) => fileOf(node.data, name));
    const flipped = readFileSync(paths[0]!);
    flipped.writeUInt8(flipped.readUInt8(flipped.length - 5) ^ 0x10, flipped.length - 5);
    writeFileSync(paths[0]!, flipped);
    truncateSync(paths[1]!, 300);
    appendFileSync(paths[2]!, '!');
    rmSync(paths[3]!);
    truncateSync(paths[4]!, 0);
    leaveFile(node.data, key('f'), 2);
    const found = (await faults(node)).map(({ kind, object }) => `${kind} ${object?.sopInstanceUid ?? ''}`);
    expect(found.sort()).toEqual([
      'changed 1.2.3.4.1.1.1',
      'changed 1.2.3.4.1.1.3',
      'missing 1.2.3.4.1.1.4',
      'orphan ',
      'short 1.2.3.4.1.1.2',
      'short 1.2.3.4.1.1.5',
    ]);
    expect(await faults(node, { studyInstanceUid: '1.2.3' })).toEqual([]);
    expect(await faults(node, { since: new Date(Date.now() + HOUR) })).toEqual([]);
    expect(await faults(node, { limit: 1 })).toHaveLength(1);
  });

  it('finds a whole object that lies under the row of another', async () => {
    const node = await aNode();
    await stored(node.http, [file(1), file(2)]);
    await node.sql(
      `UPDATE instances SET (storage_key, size, digest, data_set_offset) =
         (SELECT storage_key, size, digest, data_set_offset FROM instances WHERE sop_instance_uid = '1.2.3.4.1.1.2')`,
    );
    const found = (await faults(node)).filter(({ kind }) => kind === 'misfiled');
    expect(found.map(({ sentence }) => sentence)).toEqual(['other than in its row: SOP Instance UID (0008,0018)']);
  });
});
