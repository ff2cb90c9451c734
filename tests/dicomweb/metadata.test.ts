import { gunzipSync } from 'node:zlib';
import { beforeAll, describe, expect, it } from 'vitest';
import { jsonText } from '../../src/dicom/json-text.ts';
import { readNativeXml } from '../../src/dicom/read-native-xml.ts';
import { text } from '../../src/dicom/read-values.ts';
import { asFile } from '../support/instances.ts';
import { ask, askJson, partsOf, stored } from './client.ts';
import { aSharedNode } from './shared-node.ts';

const shared = aSharedNode();
const STUDY = '1.2.3.730';
const SERIES = `/dicom-web/studies/${STUDY}/series/${STUDY}.1`;
const COUNT = 120;

const fileOf = (number: number): Buffer =>
  asFile({
    StudyInstanceUID: STUDY,
    SeriesInstanceUID: `${STUDY}.1`,
    SOPInstanceUID: `${STUDY}.1.${number}`,
    InstanceNumber: number,
    ImageComments: `number ${number}, with an ü`,
  });

beforeAll(async () => {
  await stored(
    shared.http,
    Array.from({ length: COUNT }, (_, i) => fileOf(i + 1)),
  );
});

describe('metadata of a series (PS3.18 10.4.1.1.2)', () => {
  it('are the same compressed and not, the first time and the second', async () => {
    const plain = await ask(shared.http, `${SERIES}/metadata`);
    expect([plain.headers['content-encoding'], plain.headers['content-length']]).toEqual([
      undefined,
      String(plain.body.length),
    ]);
    expect(JSON.parse(plain.text)).toHaveLength(COUNT);
    for (const coding of ['gzip', 'gzip, deflate, br', 'br;q=1.0, gzip;q=0.5', '*', 'x-gzip']) {
      const packed = await ask(shared.http, `${SERIES}/metadata`, { headers: { 'accept-encoding': coding } });
      expect([packed.headers['content-encoding'], String(packed.headers['vary'])]).toEqual([
        'gzip',
        'Accept, Accept-Encoding',
      ]);
      expect(packed.body.length).toBeLessThan(plain.body.length / 10);
      expect(gunzipSync(packed.body).equals(plain.body)).toBe(true);
    }
  });

  it.each(['identity', 'gzip;q=0', 'br', '*;q=0', 'gzip;q=0, *'])('are not compressed for %s', async (coding) => {
    const answer = await ask(shared.http, `${SERIES}/metadata`, { headers: { 'accept-encoding': coding } });
    expect(answer.headers['content-encoding']).toBeUndefined();
    expect(JSON.parse(answer.text)).toHaveLength(COUNT);
  });

  it('say the same as XML, one part an instance (8.7.3.2)', async () => {
    const json = await askJson(shared.http, `${SERIES}/metadata`);
    for (const [accept, coding] of [
      ['multipart/related; type="application/dicom+xml"', 'identity'],
      ['application/dicom+xml', 'gzip'],
    ] as const) {
      const headers = { accept, 'accept-encoding': coding };
      const answer = await ask(shared.http, `${SERIES}/metadata`, { headers });
      const body = answer.headers['content-encoding'] === 'gzip' ? gunzipSync(answer.body) : answer.body;
      const parts = partsOf({ type: answer.type, body });
      expect(parts).toHaveLength(COUNT);
      for (const [i, part] of parts.entries()) {
        expect(part.headers['content-type']).toBe('application/dicom+xml');
        expect(jsonText(readNativeXml(part.body.toString()))).toBe(jsonText(json[i]!));
      }
    }
  });

  it('follow what comes and goes: another instance is another tag', async () => {
    const headers = { 'accept-encoding': 'gzip' };
    const before = await ask(shared.http, `${SERIES}/metadata`, { headers });
    await stored(shared.http, [fileOf(COUNT + 1)]);
    const known = { ...headers, 'if-none-match': String(before.headers['etag']) };
    const after = await ask(shared.http, `${SERIES}/metadata`, { headers: known });
    expect(after.status).toBe(200);
    const all = JSON.parse(gunzipSync(after.body).toString());
    expect([all.length, text(all[COUNT], 'InstanceNumber')]).toEqual([COUNT + 1, String(COUNT + 1)]);
  });

  it('name bulk data by the address that each client uses', async () => {
    for (const host of ['a.example.org', 'b.example.org']) {
      const headers = { host, 'accept-encoding': 'gzip' };
      const { body } = await ask(shared.http, `${SERIES}/metadata`, { headers });
      const [first] = JSON.parse(gunzipSync(body).toString());
      expect(first['7FE00010'].BulkDataURI).toBe(`http://${host}${SERIES}/instances/${STUDY}.1.1/bulkdata/7FE00010`);
    }
  });
});
