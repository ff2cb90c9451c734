import { describe, expect, it } from 'vitest';
import { call, first, get, getJson, itemsOf, json, once, partsOf, post } from '../wire/http.ts';
import { aUid, nodeUnderTest } from '../wire/node.ts';
import { anObject, SIDE, type TestObject } from '../wire/objects.ts';

const node = nodeUnderTest();
const EXPLICIT_LITTLE_ENDIAN = '1.2.840.10008.1.2.1';

const OBJECTS = 'multipart/related; type="application/dicom"';

const study = aUid();
const series = aUid();
const patientId = `W${aUid().slice(-12)}`;
const objects: readonly TestObject[] = [
  anObject({ study, series, patientId, number: 1, name: 'Yamada^Tarou=山田^太郎=やまだ^たろう' }),
  anObject({ study, series, patientId, number: 2, frames: 3 }),
];
const [single, multiframe] = objects as [TestObject, TestObject];
const instanceUrl = ({ instance }: TestObject): string =>
  `${node.dicomweb}/studies/${study}/series/${series}/instances/${instance}`;

const held = once(async () => {
  const answer = await post(
    `${node.dicomweb}/studies`,
    objects.map(({ file }) => file),
  );
  if (answer.status !== 200) throw new Error(`STOW-RS was answered with HTTP ${answer.status}: ${answer.body}`);
});

describe('Studies Service, Store (STOW-RS, PS3.18 10.5)', () => {
  it('answers 200 with a reference and an address for each object', async () => {
    const again = await post(`${node.dicomweb}/studies/${study}`, [single.file]);
    expect(again.status).toBe(200);
    const [reference] = itemsOf(json(again), '00081199');
    expect(first(reference, '00081155')).toBe(single.instance);
    const parts = partsOf(await get(String(first(reference, '00081190')), OBJECTS));
    expect(parts.map(({ body }) => body)).toEqual([single.file]);
  });

  it('answers 202 with a reason for each object that it did not take beside those it did', async () => {
    const good = anObject();
    const answer = await post(`${node.dicomweb}/studies`, [good.file, Buffer.from('no DICOM')]);
    expect(answer.status).toBe(202);
    expect(itemsOf(json(answer), '00081199')).toHaveLength(1);
    const failures = [...itemsOf(json(answer), '00081198'), ...itemsOf(json(answer), '0008119A')];
    expect(failures.map((failure) => typeof first(failure, '00081197'))).toEqual(['number']);
  });

  it('answers 409 to objects of another study than the path names, 400 to none, 415 to what is no DICOM', async () => {
    expect((await post(`${node.dicomweb}/studies/${aUid()}`, [anObject().file])).status).toBe(409);
    expect((await post(`${node.dicomweb}/studies`, [])).status).toBe(400);
    const text = await call(`${node.dicomweb}/studies`, { method: 'POST', body: 'x' });
    expect(text.status).toBe(415);
  });

  it('keeps the first of two objects with one SOP Instance UID, and says so with a warning', async () => {
    const kept = anObject();
    const other = anObject({ ...kept, name: 'SOMEBODY^ELSE' });
    expect((await post(`${node.dicomweb}/studies`, [kept.file])).status).toBe(200);
    const answer = await post(`${node.dicomweb}/studies`, [other.file]);
    expect(answer.status).toBe(202);
    expect(first(itemsOf(json(answer), '00081199')[0], '00081196')).toBeTypeOf('number');
    const url = `${node.dicomweb}/studies/${kept.study}/series/${kept.series}/instances/${kept.instance}`;
    expect(partsOf(await get(url, OBJECTS)).map(({ body }) => body)).toEqual([kept.file]);
  });
});

describe('Studies Service, Search (QIDO-RS, PS3.18 10.6)', () => {
  it.each([
    ['the Patient ID', (): string => `PatientID=${patientId}`],
    ['the Patient ID by its tag', (): string => `00100020=${patientId}`],
    ['an accession number and a date', (): string => `AccessionNumber=ACC&StudyDate=20260131&PatientID=${patientId}`],
    ['a range of dates', (): string => `StudyDate=20260101-20260201&PatientID=${patientId}`],
    ['a list of modalities', (): string => `ModalitiesInStudy=OT,CT&PatientID=${patientId}`],
    ['the name without case', (): string => `PatientName=yamada*&PatientID=${patientId}`],
    ['the ideographic name', (): string => `PatientName=${encodeURIComponent('山田*')}&PatientID=${patientId}`],
    ['the phonetic name', (): string => `PatientName=${encodeURIComponent('やまだ^たろう')}&PatientID=${patientId}`],
  ])('finds the study by %s', async (_what, query) => {
    await held();
    const found = await getJson(`${node.dicomweb}/studies?${query()}`);
    expect(found.map((one) => first(one, '0020000D'))).toEqual([study]);
  });

  it('tells of a study what viewers list (Table 10.6.3-3)', async () => {
    await held();
    const [found] = await getJson(`${node.dicomweb}/studies?StudyInstanceUID=${study}`);
    expect(found!['00100010']).toEqual({
      vr: 'PN',
      Value: [{ Alphabetic: 'Yamada^Tarou', Ideographic: '山田^太郎', Phonetic: 'やまだ^たろう' }],
    });
    expect(found!['00080061']?.Value).toEqual(['OT']);
    expect([first(found, '00201206'), first(found, '00201208')]).toEqual([1, 2]);
    for (const tag of ['00080020', '00080030', '00080050', '00080090', '00100030', '00100040', '00200010'])
      expect(found![tag], tag).toHaveProperty('vr');
  });

  it('finds series and instances below the study, in their order, page by page', async () => {
    await held();
    const [one] = await getJson(`${node.dicomweb}/studies/${study}/series`);
    expect([first(one, '0020000E'), first(one, '00201209')]).toEqual([series, 2]);
    const uids = async (query: string) =>
      (await getJson(`${node.dicomweb}/studies/${study}/instances${query}`)).map((found) => first(found, '00080018'));
    expect(await uids('')).toEqual(objects.map(({ instance }) => instance));
    expect([...(await uids('?limit=1')), ...(await uids('?limit=1&offset=1'))]).toEqual(await uids(''));
  });

  it('answers a search without matches with success and nothing, a wrong one with 400, other media types with 406', async () => {
    await held();
    const nothing = await get(`${node.dicomweb}/studies?PatientID=${patientId}X`, 'application/dicom+json');
    expect([200, 204]).toContain(nothing.status);
    if (nothing.status === 200) expect(JSON.parse(nothing.body.toString())).toEqual([]);
    expect((await get(`${node.dicomweb}/studies?StudyDate=tomorrow`, 'application/dicom+json')).status).toBe(400);
    expect((await get(`${node.dicomweb}/studies`, 'image/png')).status).toBe(406);
  });
});

describe('Studies Service, Retrieve (WADO-RS, PS3.18 10.4)', () => {
  it('gives study, series and instance as multipart of the files that were stored', async () => {
    await held();
    for (const path of [`/studies/${study}`, `/studies/${study}/series/${series}`]) {
      const parts = partsOf(await get(node.dicomweb + path, 'multipart/related; type="application/dicom"'));
      expect(parts.map(({ body }) => body)).toEqual(objects.map(({ file }) => file));
    }
  });

  it('names of each part its transfer syntax and where it can be had (8.6.1.2.1)', async () => {
    await held();
    const parts = partsOf(await get(`${node.dicomweb}/studies/${study}`, OBJECTS));
    expect(parts.map(({ location }) => location)).toEqual(objects.map(instanceUrl));
    const [part] = partsOf(
      await get(instanceUrl(single), 'multipart/related; type=application/dicom; transfer-syntax=*'),
    );
    expect(part!.type).toMatch(new RegExp(`^application/dicom; ?transfer-syntax="?${EXPLICIT_LITTLE_ENDIAN}"?$`));
  });

  it('gives metadata with an address for the pixels that leads to them', async () => {
    await held();
    const [metadata, ...more] = await getJson(`${instanceUrl(multiframe)}/metadata`);
    expect(more).toEqual([]);
    expect(first(metadata, '00280010')).toBe(SIDE);
    const uri = metadata!['7FE00010']!.BulkDataURI!;
    const url = new URL(uri, `${instanceUrl(multiframe)}/metadata`).href;
    const [bulk] = partsOf(await get(url, 'multipart/related; type="application/octet-stream"'));
    expect(bulk!.body).toEqual(multiframe.pixels);
  });

  it.each([
    'multipart/related; type=application/octet-stream; transfer-syntax=*',
    'multipart/related; type="application/octet-stream"',
    'multipart/related; type="*/*"',
  ])('gives the frames that are listed, in that order, for Accept %s', async (accept) => {
    await held();
    const frames = partsOf(await get(`${instanceUrl(multiframe)}/frames/3,1`, accept));
    const frame = (n: number): Buffer => multiframe.pixels.subarray((n - 1) * SIDE * SIDE, n * SIDE * SIDE);
    expect(frames.map(({ body }) => body)).toEqual([frame(3), frame(1)]);
    for (const { type } of frames) expect(type).toContain(EXPLICIT_LITTLE_ENDIAN);
  });

  it('answers 404 to what it has not, 400 to what it cannot read, 406 to what it cannot make', async () => {
    await held();
    const status = async (url: string, accept = '*/*') => (await get(url, accept)).status;
    expect(await status(`${node.dicomweb}/studies/${aUid()}`)).toBe(404);
    expect(await status(`${instanceUrl(multiframe)}/frames/4`)).toBe(404);
    expect(await status(`${instanceUrl(multiframe)}/frames/one`)).toBe(400);
    expect(await status(instanceUrl(single), 'text/plain')).toBe(406);
    expect(
      await status(
        `${instanceUrl(single)}/frames/1`,
        'multipart/related; type="application/octet-stream"; transfer-syntax=1.2.840.10008.1.2.4.100',
      ),
    ).toBe(406);
  });
});
