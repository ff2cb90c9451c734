import { createHash, randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { Archive } from '../../src/archive/archive.ts';
import { DescribePool } from '../../src/archive/describe-pool.ts';
import type { Receipt } from '../../src/archive/receive-instance.ts';
import { migrate, openDatabase } from '../../src/catalog/database.ts';
import { GroupTransaction } from '../../src/catalog/group-transaction.ts';
import { migrateQueue } from '../../src/jobs/queue.ts';
import { FileStore } from '../../src/storage/file-store.ts';
import { StagedObject } from '../../src/storage/staged-object.ts';
import { asFile } from '../support/instances.ts';
import { aDatabase, aFolder } from '../support/test-node.ts';

async function anArchive() {
  const connectionString = await aDatabase();
  const database = openDatabase(connectionString);
  onTestFinished(() => database.destroy());
  await migrate(database);
  await migrateQueue(connectionString);
  const root = aFolder();
  const store = await FileStore.open(root);
  const archive = new Archive({ store, database, settleSeconds: 60, idleSettleSeconds: 60 });
  const transfer = archive.ingest.begin();
  const receive = async (bytes: Buffer): Promise<Receipt> => {
    const incoming = await transfer.receiveFile();
    for (let at = 0; at < bytes.length; at += 65_536) await incoming.write(bytes.subarray(at, at + 65_536));
    return transfer.finish(incoming);
  };
  const files = (): string[] =>
    readdirSync(root, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.dcm') || /^staging\/./.test(name))
      .map((name) => name.split('/').at(-1)!.replace('.dcm', ''))
      .sort();
  return { root, database, archive, receive, files };
}

const at = (sopInstanceUid: string) => ({ sopInstanceUid });
const ENCAPSULATED = '1.2.840.10008.1.2.5';

/** A file in RLE Lossless whose pixel data are these fragments, without an offset table. */
function encapsulatedFile(uid: string, fragments: readonly Buffer[]): Buffer {
  const file = asFile({ SOPInstanceUID: uid, NumberOfFrames: fragments.length }, Buffer.alloc(0));
  // The same length as Explicit VR Little Endian with its padding.
  const syntax = file.indexOf('1.2.840.10008.1.2.1\0');
  file.write(`${ENCAPSULATED}\0`, syntax, 'latin1');
  const pixels = file.indexOf(Buffer.from([0xe0, 0x7f, 0x10, 0x00]));
  const item = (value: Buffer): Buffer => {
    const head = Buffer.from([0xfe, 0xff, 0x00, 0xe0, 0, 0, 0, 0]);
    head.writeUInt32LE(value.length, 4);
    return Buffer.concat([head, value]);
  };
  return Buffer.concat([
    file.subarray(0, pixels),
    Buffer.from([0xe0, 0x7f, 0x10, 0x00, 0x4f, 0x42, 0, 0, 0xff, 0xff, 0xff, 0xff]),
    item(Buffer.alloc(0)),
    ...fragments.map(item),
    Buffer.from([0xfe, 0xff, 0xdd, 0xe0, 0, 0, 0, 0]),
  ]);
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe('receiving', () => {
  it('reads a short header where it is, and one that is long, or deflated, in a thread of its own', async () => {
    const { archive, receive } = await anArchive();
    const apart = vi.spyOn(DescribePool.prototype, 'describe');
    expect(await receive(asFile({}, randomBytes(3_000_000)))).toMatchObject({ outcome: 'stored', complete: true });
    expect(apart).not.toHaveBeenCalled();
    const text = 'x'.repeat(1000);
    const Items = Array.from({ length: 400 }, () => ({ CodeValue: 'C', CodeMeaning: text }));
    const long = asFile({ SOPInstanceUID: '1.2.3.4.1.1.2', ProcedureCodeSequence: Items });
    expect(long.length).toBeGreaterThan(400_000);
    expect(await receive(long)).toMatchObject({ outcome: 'stored', complete: true });
    expect(apart).toHaveBeenCalledTimes(1);
    const [described] = await archive.describe(at('1.2.3.4.1.1.2'));
    expect(described!.dataset['00081032']!.Value).toHaveLength(400);
    expect(described!.frameCount).toBe(1);
    const junk = Buffer.concat([long.subarray(0, 100_000), randomBytes(300_000)]);
    await expect(receive(junk)).rejects.toMatchObject({ code: 'unidentifiable' });
    await expect(receive(randomBytes(400_000))).rejects.toMatchObject({ code: 'not-dicom' });
  });

  it('makes metadata and frame indexes anew from the object when they are not where they were written down', async () => {
    const { root, database, archive, receive } = await anArchive();
    const frames = Array.from({ length: 200 }, () => randomBytes(100));
    await receive(encapsulatedFile('1.2.3.4.1.1.1', frames));
    await receive(asFile({ SOPInstanceUID: '1.2.3.4.1.1.2', Rows: 4 }, randomBytes(16)));
    const place = { studyInstanceUid: '1.2.3.4.1' };
    const before = await archive.metadata(place);
    expect(before.map(({ located }) => [located.frameCount, located.frames === null])).toEqual([
      [200, true],
      [1, false],
    ]);
    expect(await archive.readFrame(before[0]!.located, 137)).toEqual(frames[136]);

    rmSync(join(root, 'metadata'), { recursive: true });
    const later = new Archive({ store: await FileStore.open(root), database, settleSeconds: 1, idleSettleSeconds: 1 });
    const [first] = await later.locate(at('1.2.3.4.1.1.1'));
    expect(await later.readFrame(first!, 200)).toEqual(frames[199]);
    expect((await later.metadata(place)).map(({ json }) => json)).toEqual(before.map(({ json }) => json));

    // As an archive from before the log has them.
    await database.raw('UPDATE instances SET metadata_segment = NULL, frames = NULL, frame_count = 0');
    const again = await later.locate(place);
    expect(again.map(({ frameCount }) => frameCount)).toEqual([200, 1]);
    expect(again.map(({ frames: index }) => index)).toEqual(before.map(({ located }) => located.frames));
    expect((await archive.metadata(place)).map(({ json }) => json)).toEqual(before.map(({ json }) => json));
    const [{ placed }] = (await database.raw('SELECT count(metadata_segment)::integer AS placed FROM instances')).rows;
    expect(placed).toBe(2);
  });

  it('loses nothing and keeps no file too many when objects come again and again, in any order and at once', async () => {
    const { root, database, archive, receive, files } = await anArchive();
    const uids = Array.from({ length: 12 }, (_, i) => `1.2.3.4.1.${1 + (i % 3)}.${i}`);
    const contents = new Map<string, Buffer[]>(
      uids.map((SOPInstanceUID) => {
        const fields = { SOPInstanceUID, SeriesInstanceUID: SOPInstanceUID.split('.').slice(0, 6).join('.') };
        const [one, other] = [asFile(fields, randomBytes(16)), asFile(fields, randomBytes(16))];
        // The same data set behind another preamble, and another data set under the same UID.
        const behind = Buffer.from(one);
        behind.write('another preamble');
        return [SOPInstanceUID, [one, behind, other]];
      }),
    );
    const outcomes = new Map<string, Set<string>>();
    const sender = async (): Promise<void> => {
      for (let n = 0; n < 40; n++) {
        const uid = uids[Math.floor(Math.random() * uids.length)]!;
        const { outcome } = await receive(contents.get(uid)![Math.floor(Math.random() * 3)]!);
        outcomes.set(uid, (outcomes.get(uid) ?? new Set()).add(outcome));
      }
    };
    await Promise.all([1, 2, 3, 4, 5, 6].map(sender));
    await archive.ingest.idle();
    const rows = await database
      .table('instances')
      .select('sop_instance_uid', 'storage_key', 'digest', 'data_set_offset');
    const apart = await database.table('conflicts').select('storage_key');
    expect(rows.map(({ sop_instance_uid }) => sop_instance_uid).sort()).toEqual([...outcomes.keys()].sort());
    expect(files()).toEqual([...rows, ...apart].map(({ storage_key }) => storage_key).sort());
    const store = await FileStore.open(root);
    for (const { storage_key, digest, data_set_offset } of rows) {
      const dataSet = readFileSync(store.pathOf(storage_key)).subarray(data_set_offset);
      expect(createHash('sha256').update(dataSet).digest()).toEqual(digest);
    }
    for (const set of outcomes.values()) expect(set).toContain('stored');
  });

  it('keeps the file of an object whose commit got no answer: it may be recorded, and then it is', async () => {
    const { receive, files, database } = await anArchive();
    const commit = GroupTransaction.prototype.commit;
    vi.spyOn(GroupTransaction.prototype, 'commit').mockImplementationOnce(async function (this: GroupTransaction) {
      await commit.call(this);
      throw new Error('Connection terminated unexpectedly');
    });
    await expect(receive(asFile())).rejects.toMatchObject({ code: 'out-of-resources' });
    const [row] = await database.table('instances').select('storage_key');
    expect(files()).toEqual([row.storage_key]);
    expect(await receive(asFile())).toMatchObject({ outcome: 'duplicate' });
    expect(files()).toEqual([row.storage_key]);
  });

  it('records nothing of a group whose files cannot be synced, and keeps nothing of it', async () => {
    const { receive, files, database } = await anArchive();
    const sync = vi.spyOn(StagedObject.prototype, 'sync').mockRejectedValue(new Error('EIO: the disk is broken'));
    await expect(receive(asFile())).rejects.toThrow('EIO');
    expect(files()).toEqual([]);
    expect(await database.table('instances').select()).toEqual([]);
    sync.mockRestore();
    expect(await receive(asFile())).toMatchObject({ outcome: 'stored' });
  });

  it('says A700H and keeps nothing when the disk is nearly full', async () => {
    const connectionString = await aDatabase();
    const database = openDatabase(connectionString);
    onTestFinished(() => database.destroy());
    const store = await FileStore.open(aFolder(), { minFreeBytes: 2 ** 60 });
    const archive = new Archive({ store, database, settleSeconds: 60, idleSettleSeconds: 60 });
    await expect(archive.ingest.begin().receiveFile()).rejects.toMatchObject({ code: 'out-of-resources' });
  });
});
