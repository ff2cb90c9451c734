import { randomBytes } from 'node:crypto';
import { readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Metadata, MetadataLog, pack, unpack } from '../../src/storage/metadata-log.ts';
import { newArrivalName, sealedKey } from '../../src/storage/object-key.ts';
import { aFolder } from '../support/test-node.ts';

const aKey = (): string => sealedKey(newArrivalName(), 'abcdef012345');

const of = (json: string, frames?: string): Metadata => ({
  json: pack(json),
  frames: frames === undefined ? null : pack(frames),
});

async function texts(metadata: Metadata | undefined) {
  return metadata && [await unpack(metadata.json), metadata.frames && (await unpack(metadata.frames))];
}

describe('the metadata log', () => {
  it('gives back short and long records in the order asked, also after it is opened again', async () => {
    const root = aFolder();
    const log = await MetadataLog.open(root);
    const long = JSON.stringify({ a: 'ä'.repeat(100_000), b: randomBytes(5000).toString('hex') });
    const records = [of('{}'), of(long), of('{"x":"日本"}', '[1,2]'), of('{"y":1}', long)].map((metadata) => ({
      key: aKey(),
      metadata,
    }));
    const places = [...log.append(records.slice(0, 2)), ...log.append(records.slice(2))];
    expect(places[1]!.length).toBeLessThan(long.length / 2);
    const wanted = records.map(({ key }, i) => ({ key, place: places[i]! })).reverse();
    for (const one of [log, await MetadataLog.open(root)]) {
      const found = await Promise.all((await one.read(wanted)).map(texts));
      expect(found).toEqual([
        ['{"y":1}', long],
        ['{"x":"日本"}', '[1,2]'],
        [long, null],
        ['{}', null],
      ]);
      one.close();
    }
  });

  it('erases what it is told to and nothing beside it', async () => {
    const root = aFolder();
    const log = await MetadataLog.open(root);
    const records = ['first', 'second', 'third'].map((name) => ({ key: aKey(), metadata: of(`{"name":"${name}"}`) }));
    const places = log.append(records);
    await log.erase([
      { key: records[1]!.key, place: places[1]! },
      // Another object's record, and one of a segment that is gone.
      { key: records[0]!.key, place: places[2]! },
      { key: records[0]!.key, place: { segment: 99, offset: 0, length: 50 } },
    ]);
    expect(readFileSync(join(root, 'metadata', '1.log')).includes('second')).toBe(false);
    const found = await log.read(records.map(({ key }, i) => ({ key, place: places[i]! })));
    expect(await Promise.all(found.map(texts))).toEqual([
      ['{"name":"first"}', null],
      undefined,
      ['{"name":"third"}', null],
    ]);
  });

  it('answers undefined for a record that is cut short, changed, another object’s or gone, and goes on with others', async () => {
    const root = aFolder();
    const log = await MetadataLog.open(root);
    const records = [1, 2, 3, 4].map((n) => ({ key: aKey(), metadata: of(`{"n":${n}}`) }));
    const places = log.append(records);
    const path = join(root, 'metadata', '1.log');
    const bytes = readFileSync(path);
    bytes[places[1]!.offset + 35]! ^= 1;
    writeFileSync(path, bytes);
    truncateSync(path, places[3]!.offset + 10);
    const asked = records.map(({ key }, i) => ({ key, place: places[i]! }));
    const other = { key: aKey(), place: places[0]! };
    const nowhere = { key: aKey(), place: { segment: 99, offset: 0, length: 50 } };
    const found = await log.read([...asked, other, nowhere]);
    expect(await Promise.all(found.map(texts))).toEqual([
      ['{"n":1}', null],
      undefined,
      ['{"n":3}', null],
      undefined,
      undefined,
      undefined,
    ]);
    log.close();
    // The segment is lost, its number is given again, and a row points into it.
    rmSync(path);
    const after = await MetadataLog.open(root);
    after.append([{ key: aKey(), metadata: of('{"other":1}') }]);
    expect(await after.read(asked)).toEqual([undefined, undefined, undefined, undefined]);
    after.close();
  });

  it('never writes behind what an earlier start may have left half written', async () => {
    const root = aFolder();
    const first = await MetadataLog.open(root);
    const [a] = first.append([{ key: aKey(), metadata: of('{}') }]);
    const second = await MetadataLog.open(root);
    const [b] = second.append([{ key: aKey(), metadata: of('{}') }]);
    expect([a!.segment, b!.segment]).toEqual([1, 2]);
  });
});
