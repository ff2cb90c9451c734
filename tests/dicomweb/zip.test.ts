import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { crc32, inflateRawSync } from 'node:zlib';
import { beforeAll, describe, expect, it } from 'vitest';
import { asFile } from '../support/instances.ts';
import { expectedRows, hasSharedData, sharedData } from '../support/shared-data.ts';
import { ask, stored } from './client.ts';
import { aSharedNode } from './shared-node.ts';

const shared = aSharedNode();
const STUDY = '1.2.3.710';
const ODD = 'not-a-uid';
const FILES = [
  ['1', '1.1'],
  ['1', '1.2'],
  ['2', '2.1'],
].map(([series, instance], i) => ({
  name: `${STUDY}.${series}/${STUDY}.${instance}.dcm`,
  file: asFile(
    {
      StudyInstanceUID: STUDY,
      SeriesInstanceUID: `${STUDY}.${series}`,
      SOPInstanceUID: `${STUDY}.${instance}`,
      InstanceNumber: i + 1,
      PatientName: { Alphabetic: 'SECRET^NAME' },
    },
    Buffer.alloc(16, i),
  ),
}));

interface Entry {
  readonly name: string;
  readonly method: number;
  readonly bytes: Buffer;
}

/** The entries as the central directory has them (APPNOTE 4.3.12), each held against its CRC-32. */
function entriesOf(zip: Buffer): Entry[] {
  const end = zip.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1'));
  let at = zip.readUInt32LE(end + 16);
  return Array.from({ length: zip.readUInt16LE(end + 10) }, () => {
    expect(zip.toString('latin1', at, at + 4)).toBe('PK\x01\x02');
    const [method, crc, packed, size] = [
      zip.readUInt16LE(at + 10),
      zip.readUInt32LE(at + 16),
      zip.readUInt32LE(at + 20),
      zip.readUInt32LE(at + 24),
    ];
    const [nameLength, extra, comment] = [28, 30, 32].map((field) => zip.readUInt16LE(at + field)) as [
      number,
      number,
      number,
    ];
    const local = zip.readUInt32LE(at + 42);
    const name = zip.toString('utf8', at + 46, at + 46 + nameLength);
    const from = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
    const body = zip.subarray(from, from + packed);
    const bytes = method === 8 ? inflateRawSync(body) : body;
    expect([bytes.length, crc32(bytes)]).toEqual([size, crc]);
    at += 46 + nameLength + extra + comment;
    return { name, method, bytes };
  });
}

beforeAll(async () => {
  await stored(
    shared.http,
    FILES.map(({ file }) => file),
  );
});

describe('application/zip (PS3.18 8.7.3.6)', () => {
  it.each([
    ['a study', `/studies/${STUDY}`, 3],
    ['a series', `/studies/${STUDY}/series/${STUDY}.1`, 2],
    ['an instance', `/studies/${STUDY}/series/${STUDY}.1/instances/${STUDY}.1.1`, 1],
  ])('holds the objects of %s as they are stored, under their UIDs', async (_what, path, count) => {
    const answer = await ask(shared.http, `/dicom-web${path}`, { headers: { accept: 'application/zip' } });
    expect([answer.status, answer.type]).toEqual([200, 'application/zip']);
    expect(answer.headers['content-disposition']).toBe(`attachment; filename="${STUDY}.zip"`);
    const entries = entriesOf(answer.body);
    expect(entries.map(({ name }) => name)).toEqual(FILES.slice(0, count).map(({ name }) => name));
    for (const [i, { bytes, method }] of entries.entries()) {
      expect(bytes).toEqual(FILES[i]!.file);
      expect(method).toBe(8);
    }
    // Nothing of a patient outside the objects, which are compressed.
    expect(answer.body.includes('SECRET')).toBe(false);
  });

  it('names by numbers what has no UID in the place of one', async () => {
    const place = { StudyInstanceUID: '1.2.3.711', SeriesInstanceUID: ODD, SOPInstanceUID: 'CON' };
    await ask(shared.http, '/dicom-web/studies', {
      method: 'POST',
      headers: { 'content-type': 'application/dicom' },
      body: asFile(place),
    });
    const answer = await ask(shared.http, '/dicom-web/studies/1.2.3.711?accept=application/zip');
    expect(entriesOf(answer.body).map(({ name }) => name)).toEqual(['series-1/object-1.dcm']);
  });

  it('is not given where it is not asked for', async () => {
    const answer = await ask(shared.http, `/dicom-web/studies/${STUDY}`, { headers: { accept: '*/*' } });
    expect(answer.type).toContain('multipart/related');
  });

  it.skipIf(!hasSharedData)('puts in what is compressed already as it is', async () => {
    const file = 'images/sm/sm_image_jpegls_nobot.dcm';
    const row = expectedRows().find((one) => one['file'] === file)!;
    await stored(shared.http, [readFileSync(sharedData(file))]);
    const answer = await ask(shared.http, `/dicom-web/studies/${row['StudyInstanceUID']}?accept=application/zip`);
    const [entry] = entriesOf(answer.body);
    expect([entry!.method, createHash('sha256').update(entry!.bytes).digest('hex')]).toEqual([0, row['sha256']]);
  });
});
