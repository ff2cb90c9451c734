import { request } from 'node:http';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { call, first, get, getJson, once, partsOf, post } from '../wire/http.ts';
import { readXml } from '../wire/models.ts';
import { aUid, nodeUnderTest } from '../wire/node.ts';
import { anObject } from '../wire/objects.ts';

const node = nodeUnderTest();
const patientId = `S${aUid().slice(-12)}`;
const study = aUid();
const [one, two] = [aUid(), aUid()];
const objects = [
  anObject({ study, series: one, patientId, number: 1, name: 'Meier^Jürgen' }),
  anObject({ study, series: one, patientId, number: 2, name: 'Meier^Jürgen' }),
  anObject({ study, series: two, patientId, number: 1, name: 'Meier^Jürgen' }),
];

const held = once(async () => {
  for (const { file } of objects) {
    const { status } = await post(`${node.dicomweb}/studies`, [file]);
    if (status !== 200) throw new Error(`STOW-RS was answered with HTTP ${status}`);
  }
});

async function found(path: string, tag: string): Promise<unknown[]> {
  await held();
  const answer = await get(`${node.dicomweb}${path}`, 'application/dicom+json');
  if (answer.status === 204) return [];
  expect(answer.status, answer.body.toString().slice(0, 200)).toBe(200);
  const datasets: Parameters<typeof first>[0][] = JSON.parse(answer.body.toString());
  return datasets.map((dataset) => first(dataset, tag));
}

describe('Search, resources (PS3.18 10.6.1)', () => {
  it.each<[string, string, () => unknown[]]>([
    [`/studies?PatientID=${patientId}`, '0020000D', () => [study]],
    [`/studies/${study}/series`, '0020000E', () => [one, two].sort()],
    [`/studies/${study}/instances`, '00080018', () => objects.map(({ instance }) => instance).sort()],
    [`/studies/${study}/series/${two}/instances`, '00080018', () => [objects[2]!.instance]],
    [`/series?PatientID=${patientId}`, '0020000E', () => [one, two].sort()],
    [`/instances?PatientID=${patientId}`, '00080018', () => objects.map(({ instance }) => instance).sort()],
    [`/series?SeriesInstanceUID=${one}`, '0020000E', () => [one]],
  ])('case %#: finds all of a resource, and nothing else', async (path, tag, wanted) => {
    expect((await found(path, tag)).sort()).toEqual(wanted());
  });
});

describe('Search, attributes in the answer (PS3.18 8.3.4.3, 10.6.3.3)', () => {
  it.each([
    ['a keyword', 'BitsAllocated', ['00280100']],
    ['a tag', '00280100', ['00280100']],
    ['a list with commas', 'BitsAllocated,00280101', ['00280100', '00280101']],
    ['all', 'all', ['00280100', '00280101', '00280004']],
  ])('includefield=%s', async (_what, fields, tags) => {
    await held();
    const [instance] = await getJson(`${node.dicomweb}/studies/${study}/instances?includefield=${fields}`);
    for (const tag of tags) expect(instance, tag).toHaveProperty([tag]);
  });

  it('includefield may be repeated', async () => {
    await held();
    const url = `${node.dicomweb}/studies/${study}/instances?includefield=BitsAllocated&includefield=BitsStored`;
    const [instance] = await getJson(url);
    expect(Object.keys(instance!)).toEqual(expect.arrayContaining(['00280100', '00280101']));
  });

  it('has what Table 10.6.3-4 requires of a series, and Table 10.6.3-5 of an instance', async () => {
    await held();
    const [series] = await getJson(`${node.dicomweb}/studies/${study}/series`);
    for (const tag of ['00080060', '0020000E', '00200011', '00201209']) expect(series, tag).toHaveProperty([tag]);
    const [instance] = await getJson(`${node.dicomweb}/studies/${study}/instances`);
    for (const tag of ['00080016', '00080018', '00200013', '00280010', '00280011', '00280100'])
      expect(instance, tag).toHaveProperty([tag]);
  });

  it('has a Retrieve URL that leads to what was found (Table 10.6.3-3)', async () => {
    await held();
    const [series] = await getJson(`${node.dicomweb}/series?SeriesInstanceUID=${two}`);
    const parts = partsOf(await get(String(first(series, '00081190')), 'multipart/related; type="application/dicom"'));
    expect(parts.map(({ body }) => body)).toEqual([objects[2]!.file]);
  });
});

describe('Search, matching (PS3.18 8.3.4.1, PS3.4 C.2.2.2)', () => {
  it.each([
    ['single value', `PatientID=${patientId}`],
    ['wild card *', `PatientID=${patientId.slice(0, -3)}*`],
    ['wild card ?', `PatientID=${patientId.slice(0, -1)}?`],
    ['list of UIDs', `StudyInstanceUID=${aUid()},${study}`],
    ['list of UIDs with an escaped backslash', `StudyInstanceUID=${aUid()}%5C${study}`],
    ['range of dates', `StudyDate=20260131-20260131&PatientID=${patientId}`],
    ['open range of dates', `StudyDate=20260131-&PatientID=${patientId}`],
    ['range of times', `StudyTime=1015-1016&PatientID=${patientId}`],
    ['umlaut folded', `PatientName=meier*&PatientID=${patientId}`],
    ['an attribute of the series in a search for studies', `ModalitiesInStudy=OT&PatientID=${patientId}`],
    ['universal matching', `AccessionNumber=&PatientID=${patientId}`],
  ])('%s', async (_what, query) => {
    expect(await found(`/studies?${query}`, '0020000D')).toEqual([study]);
  });

  it('fuzzymatching=true finds a name that sounds alike, or says by a Warning that it does not (8.3.4.2)', async () => {
    await held();
    const url = `${node.dicomweb}/studies?PatientName=Mayer&fuzzymatching=true&PatientID=${patientId}`;
    const { status, headers, body } = await get(url, 'application/dicom+json');
    const found = status === 200 ? JSON.parse(body.toString()).length : 0;
    expect(found > 0 || (headers.get('warning') ?? '').startsWith('299')).toBe(true);
  });

  it('an unknown parameter is ignored, and named in a Warning (8.3.4.1)', async () => {
    await held();
    const { status, headers } = await get(`${node.dicomweb}/studies?NoSuchKeyword=1&PatientID=${patientId}`, '*/*');
    expect(status).toBe(200);
    expect(headers.get('warning')).toContain('299');
  });
});

describe('Search, pages (PS3.18 8.3.4.4)', () => {
  it('limit and offset page through all there is, each once', async () => {
    const uids: unknown[] = [];
    for (let offset = 0; offset < 4; offset++)
      uids.push(...(await found(`/studies/${study}/instances?limit=1&offset=${offset}`, '00080018')));
    expect(uids.sort()).toEqual(objects.map(({ instance }) => instance).sort());
  });

  it.each(['limit=-1', 'limit=x', 'offset=-1'])('answers 400 to %s', async (query) => {
    await held();
    expect((await get(`${node.dicomweb}/studies?${query}`, 'application/dicom+json')).status).toBe(400);
  });
});

describe('Search, forms of the answer (PS3.18 8.7)', () => {
  it.each([
    'application/json',
    'application/dicom+json;q=0.9, application/json;q=0.8',
    'image/png;q=1, application/dicom+json;q=0.1',
    '*/*',
  ])('JSON for Accept %s', async (accept) => {
    await held();
    const { status, type, body } = await get(`${node.dicomweb}/studies?PatientID=${patientId}`, accept);
    expect(status).toBe(200);
    expect(type).toContain('json');
    expect(JSON.parse(body.toString())).toHaveLength(1);
  });

  it('XML: a part for each match (8.7.3.2, PS3.19 A.1)', async () => {
    await held();
    const answer = await get(
      `${node.dicomweb}/studies/${study}/series`,
      'multipart/related; type="application/dicom+xml"',
    );
    expect(answer.status).toBe(200);
    const parts = partsOf(answer);
    const uids = parts.map(({ body }) => readXml(body.toString()).get('0020000E'));
    expect(uids.sort()).toEqual([one, two].sort());
  });

  it('the accept parameter wins over the header (8.3.3.1)', async () => {
    await held();
    const query = `PatientID=${patientId}&accept=${encodeURIComponent('application/dicom+json')}`;
    const { status, type } = await get(`${node.dicomweb}/studies?${query}`, 'image/png');
    expect([status, type]).toEqual([200, expect.stringContaining('application/dicom+json')]);
  });

  it('gzip where Accept-Encoding takes it (8.4.1.1)', async () => {
    await held();
    const url = new URL(`${node.dicomweb}/studies/${study}/instances?includefield=all`);
    const { encoding, body } = await new Promise<{ encoding: string | undefined; body: Buffer }>((resolve, reject) => {
      const headers = { accept: 'application/dicom+json', 'accept-encoding': 'gzip' };
      request(url, { headers }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk) => chunks.push(chunk));
        response.on('end', () =>
          resolve({ encoding: response.headers['content-encoding'], body: Buffer.concat(chunks) }),
        );
      })
        .on('error', reject)
        .end();
    });
    expect(encoding).toBe('gzip');
    expect(JSON.parse(gunzipSync(body).toString())).toHaveLength(3);
  });

  it('HEAD has the status of GET and no body (RFC 9110 9.3.2)', async () => {
    await held();
    const { status, body } = await call(`${node.dicomweb}/studies?PatientID=${patientId}`, {
      method: 'HEAD',
      headers: { accept: 'application/dicom+json' },
    });
    expect([status, body.length]).toEqual([200, 0]);
  });
});
