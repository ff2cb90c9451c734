import { gunzipSync } from 'node:zlib';
import { beforeAll, describe, expect, it } from 'vitest';
import { dataset, type Fields } from '../../src/dicom/build.ts';
import type { JsonDataset } from '../../src/dicom/dataset.ts';
import { tagOf } from '../../src/dicom/dictionary.ts';
import { readNativeXml } from '../../src/dicom/read-native-xml.ts';
import { number, text } from '../../src/dicom/read-values.ts';
import { encodePart10 } from '../../src/dicom/write.ts';
import { anInstance, asFile } from '../support/instances.ts';
import { EXPLICIT } from '../support/raw-scu.ts';
import { ask, askJson, partsOf, stored } from './client.ts';
import { aSharedNode } from './shared-node.ts';

const shared = aSharedNode();
const ROOT = '/dicom-web';
const STUDY = '1.2.826.0.1.8.1';
const SERIES = `${STUDY}.1`;
const PLACE = `/studies/${STUDY}/series/${SERIES}/instances`;

const of = (n: number, fields: Fields = {}): Fields =>
  anInstance({
    StudyInstanceUID: STUDY,
    SeriesInstanceUID: SERIES,
    SOPInstanceUID: `${SERIES}.${n}`,
    InstanceNumber: n,
    PatientID: 'P8',
    PatientName: { Alphabetic: 'Eight^Pat' },
    RequestAttributesSequence: [
      { ScheduledProcedureStepID: 'SPS-1', RequestedProcedureID: 'RP1' },
      { ScheduledProcedureStepID: 'SPS-2' },
    ],
    ReferencedImageSequence: [{ ReferencedSOPClassUID: '1.2.3', ReferencedSOPInstanceUID: `9.8.${n}` }],
    ...fields,
  });

/** With private attributes in the block of that number. */
function withPrivate(n: number, block: string, value: string): Buffer {
  const creator = { [`000900${block}`]: { vr: 'LO' as const, Value: ['ACME 1.1'] } };
  const other = { [`000900${block === '10' ? '11' : '10'}`]: { vr: 'LO' as const, Value: ['OTHER'] } };
  const own = { [`0009${block}01`]: { vr: 'LO' as const, Value: [value] } };
  const all: JsonDataset = { ...dataset(of(n)), ...creator, ...other, ...own };
  return encodePart10(Object.fromEntries(Object.entries(all).sort(([a], [b]) => (a < b ? -1 : 1))), {
    transferSyntaxUid: EXPLICIT,
    binary: { '7FE00010': new Uint8Array(16) },
  });
}

beforeAll(async () => {
  await stored(shared.http, [
    asFile(of(1, { ImageType: ['ORIGINAL', 'PRIMARY', 'AXIAL'], AcquisitionDateTime: '20250110101500+0100' })),
    asFile(of(2, { ImageType: ['DERIVED', 'SECONDARY'], AcquisitionDateTime: '20250110101500', NumberOfFrames: 1 })),
    withPrivate(3, '10', 'first'),
    withPrivate(4, '11', 'second'),
  ]);
});

const json = (path: string): Promise<JsonDataset[]> => askJson(shared.http, ROOT + path);
const first = async (path: string): Promise<JsonDataset> => (await json(path))[0]!;
const has = (answer: JsonDataset, keyword: string): boolean => tagOf(keyword)! in answer;
const warning = async (path: string): Promise<string> =>
  String((await ask(shared.http, ROOT + path)).headers['warning'] ?? '');
const numbers = async (query: string): Promise<(number | undefined)[]> =>
  (await json(`${PLACE}?${query}`)).map((one) => number(one, 'InstanceNumber'));

describe('includefield (PS3.18 8.3.4.3)', () => {
  it.each([
    ['PhotometricInterpretation'],
    ['00280004'],
    ['0x00280004'],
    ['(0028,0004)'],
    ['0028,0004'],
    ['00280004,00280101'],
    ['00280101,%2000280004'],
    ['(0028,0101),(0028,0004),BitsStored'],
    ['00280101&includefield=00280004'],
    ['all'],
    ['ALL'],
    ['00280101&includefield=all'],
  ])('%s names it', async (fields) => {
    const answer = await first(`${PLACE}?includefield=${fields}`);
    expect(text(answer, 'PhotometricInterpretation')).toBe('MONOCHROME2');
    expect(await warning(`${PLACE}?includefield=${fields}`)).toBe('');
  });

  it('gives the attributes of a sequence that its paths name, and no others', async () => {
    for (const path of [
      'ReferencedImageSequence.ReferencedSOPInstanceUID',
      '00081140.00081155',
      '(0008,1140).(0008,1155)',
      '00081140.ReferencedSOPInstanceUID,00081140.00081155',
    ])
      expect((await first(`${PLACE}?includefield=${path}`))['00081140'], path).toEqual({
        vr: 'SQ',
        Value: [{ '00081155': { vr: 'UI', Value: ['9.8.1'] } }],
      });
    // whole where it is named as a whole besides, and where the level gives it whole
    const both = await first(`${PLACE}?includefield=00081140,00081140.00081155`);
    expect(Object.keys(both['00081140']!.Value![0]!)).toEqual(['00081150', '00081155']);
    const series = await first(
      `/studies/${STUDY}/series?includefield=RequestAttributesSequence.ScheduledProcedureStepID`,
    );
    expect(series['00400275']!.Value).toHaveLength(2);
  });

  it('gives private attributes with their creator, in the block that the creator has there', async () => {
    const named = await json(`${PLACE}?includefield=00091001&00090010=ACME%201.1`);
    expect(named.map((one) => Object.keys(one).filter((tag) => tag.startsWith('0009')))).toEqual([
      [],
      [],
      ['00090010', '00091001'],
      ['00090011', '00091101'],
    ]);
    expect(named.slice(2).map((one) => one['00091001']?.Value ?? one['00091101']?.Value)).toEqual([
      ['first'],
      ['second'],
    ]);
    const plain = await json(`${PLACE}?includefield=00091001`);
    expect(plain.map((one) => Object.keys(one).filter((tag) => tag.startsWith('0009')))).toEqual([
      [],
      [],
      ['00090010', '00091001'],
      [],
    ]);
    expect(
      (await json(`${PLACE}?00091001=second&00090010=ACME%201.1`)).map((one) => number(one, 'InstanceNumber')),
    ).toEqual([4]);
  });

  it('all is everything that is known at the level: of an instance its data set, bulk data by address', async () => {
    const instance = await first(`${PLACE}?includefield=all`);
    for (const keyword of ['ImageType', 'HighBit', 'ReferencedImageSequence', 'AcquisitionDateTime'])
      expect(has(instance, keyword), keyword).toBe(true);
    expect(instance['7FE00010']?.BulkDataURI).toBe(`${shared.http}${ROOT}${PLACE}/${SERIES}.1/bulkdata/7FE00010`);
    expect(Object.keys(instance)).toEqual([...Object.keys(instance)].sort());
    const series = await first(`/studies/${STUDY}/series?includefield=all`);
    expect(has(series, 'RequestAttributesSequence')).toBe(true);
    expect(has(series, 'ImageType')).toBe(false);
    const study = await first(`/studies?StudyInstanceUID=${STUDY}&includefield=all`);
    expect(has(study, 'RequestAttributesSequence')).toBe(false);
  });

  it('of a lower level is left out quietly, of no attribute with a warning', async () => {
    const study = await first(`/studies?StudyInstanceUID=${STUDY}&includefield=00080060,Rows`);
    expect([has(study, 'Modality'), has(study, 'Rows')]).toEqual([false, false]);
    expect(await warning(`/studies?includefield=00080060,Rows`)).toBe('');
    expect(await warning('/studies?includefield=NoSuchThing,00080060')).toContain('includefield=NoSuchThing');
  });
});

describe('attributes of instances that no column has', () => {
  it.each([
    ['ImageType=AXIAL', [1]],
    ['ImageType=*DARY', [2]],
    ['ReferencedImageSequence.ReferencedSOPInstanceUID=9.8.2', [2]],
    ['00081140.00081155=9.8.3,9.8.4', [3, 4]],
    ['Rows=4', [1, 2, 3, 4]],
    ['Rows=5', []],
    ['NumberOfFrames=1', [2]],
    ['ImageType=AXIAL&InstanceNumber=2', []],
    ['ImageType=""&emptyvaluematching=true', [3, 4]],
    ['AcquisitionDateTime=20250110101500-20250110101600', [1, 2]],
    ['AcquisitionDateTime=20250110091500%2B0000', [1]],
    ['AcquisitionDateTime=20250110091400%2B0000-20250110091600%2B0000', [1]],
    ['AcquisitionDateTime=2025', [1, 2]],
    ['AcquisitionDateTime=202501101015', [1, 2]],
    ['AcquisitionDateTime=202502-', []],
    ['Rows=4&limit=2&offset=1', [2, 3]],
  ])('%s finds %j within a series', async (query, found) => {
    expect(await numbers(query)).toEqual(found);
    const cut = query.includes('limit') ? 'at least 1 additional' : '';
    expect(await warning(`${PLACE}?${query}`)).toContain(cut);
  });

  it('are matched where a study, series or instance is named, else they are ignored with a warning', async () => {
    expect(await json(`/instances?StudyInstanceUID=${STUDY}&ImageType=AXIAL`)).toHaveLength(1);
    expect(await warning(`/instances?StudyInstanceUID=${STUDY}&ImageType=AXIAL`)).toBe('');
    expect(await warning('/instances?ImageType=AXIAL')).toContain('ImageType cannot be matched');
  });
});

describe('/patients', () => {
  it('answers with what is about the patient, and counts', async () => {
    await stored(shared.http, [
      asFile({
        ...of(1),
        StudyInstanceUID: `${STUDY}0`,
        SeriesInstanceUID: `${STUDY}0.1`,
        SOPInstanceUID: `${STUDY}0.1.1`,
      }),
    ]);
    expect(await json('/patients?PatientID=P8')).toEqual([
      {
        '00080005': { vr: 'CS', Value: ['ISO_IR 192'] },
        '00100010': { vr: 'PN', Value: [{ Alphabetic: 'Eight^Pat' }] },
        '00100020': { vr: 'LO', Value: ['P8'] },
        '00100030': { vr: 'DA' },
        '00100040': { vr: 'CS' },
        '00201200': { vr: 'IS', Value: [2] },
        '00201202': { vr: 'IS', Value: [2] },
        '00201204': { vr: 'IS', Value: [5] },
      },
    ]);
    expect(await json('/patients?PatientName=eight*&fuzzymatching=true')).toHaveLength(1);
    expect(await warning('/patients?StudyDate=20250101')).toContain('StudyDate cannot be matched at the patient level');
    expect(await json('/patients?PatientID=nobody')).toEqual([]);
  });
});

describe('forms of an answer', () => {
  it('as XML: one part for each, equal to the JSON; none is 204 (8.7.3.2)', async () => {
    const answer = await ask(shared.http, `${ROOT}${PLACE}`, {
      headers: { accept: 'multipart/related; type="application/dicom+xml"' },
    });
    expect(answer.status).toBe(200);
    const parts = partsOf(answer);
    expect(parts.map(({ headers }) => headers['content-type'])).toEqual(Array(4).fill('application/dicom+xml'));
    expect(parts.map(({ body }) => readNativeXml(body.toString()))).toEqual(await json(PLACE));
    const none = await ask(shared.http, `${ROOT}/studies?PatientID=nobody`, {
      headers: { accept: 'multipart/related; type="application/dicom+xml"' },
    });
    expect([none.status, none.text]).toEqual([204, '']);
  });

  it('compressed for who takes that, the same', async () => {
    const plain = await ask(shared.http, `${ROOT}${PLACE}?includefield=all`);
    const packed = await ask(shared.http, `${ROOT}${PLACE}?includefield=all`, {
      headers: { 'accept-encoding': 'gzip' },
    });
    expect(packed.headers['content-encoding']).toBe('gzip');
    expect(gunzipSync(packed.body).toString()).toBe(plain.text);
    expect(String(packed.headers['vary']).toLowerCase()).toContain('accept-encoding');
  });

  it('with addresses as the client knows this server, behind a proxy too', async () => {
    const answer = await askJson(shared.http, `${ROOT}/studies?StudyInstanceUID=${STUDY}`, {
      forwarded: 'proto=https;host=pacs.example',
    });
    expect(text(answer[0]!, 'RetrieveURL')).toMatch(/^http.*\/dicom-web\/studies\//);
  });

  it('where the rows were made before sizes were kept, they are read from the metadata', async () => {
    const before = await json(PLACE);
    await shared.sql('UPDATE instances SET shape = NULL WHERE sop_instance_uid LIKE $1', [`${SERIES}.%`]);
    expect(await json(PLACE)).toEqual(before);
  });
});

describe('a query that asks too much', () => {
  it.each([
    [`PatientName=${'*a'.repeat(100)}`, 'PatientName must not have more than 64 wild cards'],
    [Array.from({ length: 1500 }, (_, n) => `a${n}`).join('&'), 'the query must not have more than 1000 parameters'],
    [`PatientID=${'a%5C'.repeat(1500)}`, 'PatientID must not have more than 1000 values'],
    [`includefield=${'Rows,'.repeat(1500)}`, 'includefield must not name more than 1000 attributes'],
    [
      Array.from({ length: 100 }, (_, n) => `0008${(0x1000 + n).toString(16)}=a`).join('&'),
      'the query must not match more than 64 attributes',
    ],
    [`${'00400275.'.repeat(9)}00400009=a`, undefined],
  ])('is refused with 400 and a sentence: %#', async (query, sentence) => {
    const answer = await ask(shared.http, `${ROOT}/series?${query}`);
    if (sentence === undefined) expect(answer.status).toBe(200);
    else expect([answer.status, JSON.parse(answer.text).error]).toEqual([400, sentence]);
  });

  it('takes a key that is given twice for a list', async () => {
    expect(await numbers('InstanceNumber=1&InstanceNumber=3')).toEqual([1, 3]);
  });
});
