import { gunzipSync } from 'node:zlib';
import { api } from 'dicomweb-client';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Fields } from '../../src/dicom/build.ts';
import type { JsonDataset } from '../../src/dicom/dataset.ts';
import { number, text } from '../../src/dicom/read-values.ts';
import { asFile } from '../support/instances.ts';
import { XmlHttpRequest } from '../support/xml-http-request.ts';
import { ask, stored } from './client.ts';
import { aSharedNode } from './shared-node.ts';

/**
 * The requests that clients in use are known to send, letter for letter, and the whole of what they get. A viewer that
 * worked yesterday is a contract: an attribute less, or a list where a text was, is a broken work list.
 */
const shared = aSharedNode();
const ROOT = '/dicom-web';
const STUDY = '1.2.826.0.1.7.1';

const CT: Fields = {
  StudyInstanceUID: STUDY,
  SeriesInstanceUID: `${STUDY}.1`,
  SOPClassUID: '1.2.840.10008.5.1.4.1.1.2',
  Modality: 'CT',
  SeriesNumber: 3,
  SeriesDescription: 'Lung 1.0',
  SeriesDate: '20250110',
  SeriesTime: '101601',
  PatientName: { Alphabetic: 'Müller^Jörg' },
  PatientID: 'LAB2-001',
  PatientBirthDate: '19600102',
  PatientSex: 'M',
  AccessionNumber: '1ACC7',
  ReferringPhysicianName: { Alphabetic: 'House^Gregory' },
  StudyID: 'S1',
  StudyDate: '20250110',
  StudyTime: '101530.5',
  StudyDescription: 'CT chest, contrast',
  InstitutionName: 'General',
};

beforeAll(async () => {
  await stored(shared.http, [
    asFile({ ...CT, SOPInstanceUID: `${STUDY}.1.1`, InstanceNumber: 1 }),
    asFile({ ...CT, SOPInstanceUID: `${STUDY}.1.2`, InstanceNumber: 2 }),
    asFile({
      ...CT,
      SeriesInstanceUID: `${STUDY}.2`,
      SOPInstanceUID: `${STUDY}.2.1`,
      Modality: 'SR',
      SeriesNumber: 4,
      SeriesDescription: 'Report',
    }),
    asFile({
      StudyInstanceUID: `${STUDY}9`,
      SeriesInstanceUID: `${STUDY}9.1`,
      SOPInstanceUID: `${STUDY}9.1.1`,
      PatientName: { Alphabetic: 'Other^One' },
      PatientID: 'X',
      StudyDate: '20240101',
      Modality: 'MR',
    }),
  ]);
});

const url = (path: string) => ({ vr: 'UR', Value: [`${shared.http}${ROOT}${path}`] });
const text1 = (vr: string, value: unknown) => ({ vr, Value: [value] });

/** The study as every answer to OHIF has it. */
const study = () => ({
  '00080005': text1('CS', 'ISO_IR 192'),
  '00080020': text1('DA', '20250110'),
  '00080030': text1('TM', '101530.5'),
  '00080050': text1('SH', '1ACC7'),
  '00080056': text1('CS', 'ONLINE'),
  '00080061': { vr: 'CS', Value: ['CT', 'SR'] },
  '00080090': text1('PN', { Alphabetic: 'House^Gregory' }),
  '00081030': text1('LO', 'CT chest, contrast'),
  '00081190': url(`/studies/${STUDY}`),
  '00100010': text1('PN', { Alphabetic: 'Müller^Jörg' }),
  '00100020': text1('LO', 'LAB2-001'),
  '00100030': text1('DA', '19600102'),
  '00100040': text1('CS', 'M'),
  '0020000D': text1('UI', STUDY),
  '00200010': text1('SH', 'S1'),
  '00201206': text1('IS', 2),
  '00201208': text1('IS', 3),
});

const seriesOf = (n: number, of: JsonDataset | object) => ({
  ...study(),
  ...of,
  '00081190': url(`/studies/${STUDY}/series/${STUDY}.${n}`),
  '0020000E': text1('UI', `${STUDY}.${n}`),
  '00080021': text1('DA', '20250110'),
  '00080031': text1('TM', '101601'),
});

/** OHIF sends its cookies and this header, and nothing else that matters. */
async function asOhif(path: string): Promise<JsonDataset[]> {
  const answer = await ask(shared.http, ROOT + path, {
    headers: {
      accept: 'application/dicom+json',
      'accept-encoding': 'identity',
      cookie: 'i18next=en-US',
      referer: `${shared.http}/viewer/`,
    },
  });
  expect([path, answer.status, answer.type]).toEqual([path, 200, 'application/dicom+json']);
  expect(answer.headers['warning']).toBeUndefined();
  return JSON.parse(answer.text);
}

describe('what OHIF 3.12 asks (extensions/default, DicomWebDataSource)', () => {
  const COMMON = 'limit=101&offset=0&fuzzymatching=false&includefield=00081030%2C00080060';

  it('its study list, newest first', async () => {
    const list = await asOhif(`/studies?${COMMON}`);
    expect(list.map((one) => text(one, 'StudyInstanceUID'))).toEqual([STUDY, `${STUDY}9`]);
    expect(list[0]).toEqual(study());
  });

  it('its filters: doubled wild cards, tags and keywords, a list of modalities, a range of dates', async () => {
    const filters =
      'PatientName=*M**&00100020=*LAB2*&AccessionNumber=*ACC*&StudyDescription=*chest*&ModalitiesInStudy=CT%2CSR' +
      `&${COMMON}&StudyDate=20250101-20261231`;
    expect(await asOhif(`/studies?${filters}`)).toEqual([study()]);
    expect(await asOhif(`/studies?${filters.replace('*chest*', '*knee*')}`)).toEqual([]);
  });

  it('a study that is opened, its series, and the other studies of the patient', async () => {
    expect(await asOhif(`/studies?${COMMON}&StudyInstanceUID=${STUDY}`)).toEqual([study()]);
    expect(await asOhif(`/studies/${STUDY}/series?includefield=00080021%2C00080031%2C0008103E%2C00200011`)).toEqual([
      seriesOf(1, {
        '00080060': text1('CS', 'CT'),
        '0008103E': text1('LO', 'Lung 1.0'),
        '00200011': text1('IS', 3),
        '00201209': text1('IS', 2),
      }),
      seriesOf(2, {
        '00080060': text1('CS', 'SR'),
        '0008103E': text1('LO', 'Report'),
        '00200011': text1('IS', 4),
        '00201209': text1('IS', 1),
      }),
    ]);
    expect(await asOhif(`/studies?00100020=LAB2-001&${COMMON}`)).toEqual([study()]);
  });
});

describe('the npm dicomweb-client, which OHIF uses', () => {
  beforeAll(() => {
    vi.stubGlobal('XMLHttpRequest', XmlHttpRequest);
  });
  afterAll(() => {
    vi.unstubAllGlobals();
  });
  const client = () => new api.DICOMwebClient({ url: shared.http + ROOT, singlepart: false });

  it('searches studies, series and instances, everywhere and within', async () => {
    const studies: JsonDataset[] = await client().searchForStudies({ queryParams: { PatientID: 'LAB2-001' } });
    expect(studies).toEqual([study()]);
    const series: JsonDataset[] = await client().searchForSeries({
      studyInstanceUID: STUDY,
      queryParams: { Modality: 'SR', includefield: 'SeriesDescription' },
    });
    expect(series.map((one) => text(one, 'SeriesDescription'))).toEqual(['Report']);
    const instances: JsonDataset[] = await client().searchForInstances({
      studyInstanceUID: STUDY,
      seriesInstanceUID: `${STUDY}.1`,
    });
    expect(instances.map((one) => [text(one, 'SOPInstanceUID'), number(one, 'Rows')])).toEqual([
      [`${STUDY}.1.1`, 4],
      [`${STUDY}.1.2`, 4],
    ]);
    expect(await client().searchForInstances({ queryParams: { SOPInstanceUID: '9.9' } })).toEqual([]);
  });
});

describe('the Python dicomweb-client', () => {
  it.each([
    ['/studies?00100020=LAB2-001&limit=10&offset=0', 1],
    ['/studies?PatientName=M*&fuzzymatching=true&includefield=StudyDescription', 1],
    [`/studies/${STUDY}/series?limit=1`, 1],
    [`/studies/${STUDY}/series/${STUDY}.1/instances?offset=1`, 1],
    ['/instances?SOPClassUID=1.2.840.10008.5.1.4.1.1.2&limit=2', 2],
  ])('%s', async (path, answers) => {
    const answer = await ask(shared.http, ROOT + path, {
      headers: { accept: 'application/dicom+json, application/json', 'accept-encoding': 'gzip, deflate' },
    });
    expect([answer.status, answer.type]).toEqual([200, 'application/dicom+json']);
    const body = answer.headers['content-encoding'] === 'gzip' ? gunzipSync(answer.body) : answer.body;
    expect(JSON.parse(body.toString())).toHaveLength(answers);
  });
});
