import { readdirSync, readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Fields } from '../../src/dicom/build.ts';
import type { JsonDataset } from '../../src/dicom/dataset.ts';
import { tagOf } from '../../src/dicom/dictionary.ts';
import { number, text, texts } from '../../src/dicom/read-values.ts';
import { asFile } from '../support/instances.ts';
import { expectedRows, hasSharedData, sharedData } from '../support/shared-data.ts';
import { type Answer, ask, askJson, stored, stow } from './client.ts';
import { aSharedNode } from './shared-node.ts';

const shared = aSharedNode();
const ROOT = '/dicom-web';

const studyUid = (n: number): string => `1.2.3.400.${n}`;

interface SeriesPlan {
  readonly modality: string;
  readonly instances: number;
  readonly fields?: Fields;
}

/** A study of the given series; UIDs count up from the study's number. */
function aStudy(n: number, fields: Fields, series: readonly SeriesPlan[] = [{ modality: 'CT', instances: 1 }]) {
  return series.flatMap((plan, s) =>
    Array.from({ length: plan.instances }, (_, i) =>
      asFile(
        {
          StudyInstanceUID: studyUid(n),
          SeriesInstanceUID: `${studyUid(n)}.${s + 1}`,
          SOPInstanceUID: `${studyUid(n)}.${s + 1}.${i + 1}`,
          Modality: plan.modality,
          SeriesNumber: s + 1,
          InstanceNumber: i + 1,
          ...plan.fields,
          ...fields,
        },
        plan.modality === 'SR' ? new Uint8Array(0) : undefined,
      ),
    ),
  );
}

beforeAll(async () => {
  await stored(shared.http, [
    ...aStudy(
      1,
      {
        PatientName: { Alphabetic: 'MÜLLER^JÖRG' },
        PatientID: 'LAB2-001',
        PatientBirthDate: '19600102',
        PatientSex: 'M',
        AccessionNumber: 'ACC%1',
        ReferringPhysicianName: { Alphabetic: 'House^Gregory' },
        StudyID: 'S_1',
        StudyDate: '20250110',
        StudyTime: '101530.5',
        StudyDescription: 'CT chest, contrast',
        InstitutionName: 'General',
      },
      [
        {
          modality: 'CT',
          instances: 3,
          fields: {
            SeriesDescription: 'Lung 1.0',
            BodyPartExamined: 'CHEST',
            PerformedProcedureStepStartDate: '20250110',
            PerformedProcedureStepStartTime: '101500',
            RequestAttributesSequence: [
              { ScheduledProcedureStepID: 'SPS-1', RequestedProcedureID: 'RP1' },
              { ScheduledProcedureStepID: 'SPS-2', RequestedProcedureDescription: 'ends in a\u{1f600} \\' },
            ],
          },
        },
        { modality: 'SR', instances: 1, fields: { SeriesDescription: 'Report' } },
      ],
    ),
    ...aStudy(2, {
      PatientName: { Alphabetic: 'Mayer^Ann^^^' },
      PatientID: 'LAB2-002',
      AccessionNumber: 'ACC_2',
      StudyDate: '20260215',
      StudyTime: '1015',
      StudyDescription: 'Abdomen',
    }),
    ...aStudy(3, {
      PatientName: { Alphabetic: "O'Neil^Pat" },
      PatientID: 'B',
      StudyDate: '20260215',
      StudyTime: '235959',
      AccessionNumber: null,
    }),
    ...aStudy(4, { PatientName: null, PatientID: null, StudyDate: null, StudyTime: null }),
    ...aStudy(5, {
      PatientName: { Alphabetic: 'MULLERIN^X' },
      PatientID: 'lab2-001',
      StudyDate: '20241231',
      StudyTime: '00',
    }),
  ]);
});

const studies = async (query: string): Promise<string[]> =>
  (await askJson(shared.http, `${ROOT}/studies${query}`)).map((one) =>
    text(one, 'StudyInstanceUID')!.slice(studyUid(0).length - 1),
  );
const get = (path: string): Promise<Answer> => ask(shared.http, ROOT + path);
const FIVE = `StudyInstanceUID=${[1, 2, 3, 4, 5].map(studyUid).join(',')}`;
const tagsOf = (answer: JsonDataset | undefined): string[] => Object.keys(answer ?? {});

describe('QIDO-RS: what an answer holds (PS3.18 Tables 10.6.3-3 to 10.6.3-5)', () => {
  it('has every attribute that a study requires, empty where there is no value', async () => {
    const [answer] = await askJson(shared.http, `${ROOT}/studies?StudyInstanceUID=${studyUid(4)}`);
    for (const keyword of [
      'StudyDate',
      'StudyTime',
      'AccessionNumber',
      'ReferringPhysicianName',
      'PatientName',
      'PatientID',
      'PatientBirthDate',
      'PatientSex',
      'StudyID',
    ])
      expect(answer![tagOf(keyword)!], keyword).toEqual({ vr: expect.stringMatching(/^[A-Z]{2}$/) });
    expect(number(answer!, 'NumberOfStudyRelatedInstances')).toBe(1);
  });

  it('counts a study and names its modalities, availability and address', async () => {
    const [answer] = await askJson(shared.http, `${ROOT}/studies?StudyInstanceUID=${studyUid(1)}`);
    expect(texts(answer!, 'ModalitiesInStudy').sort()).toEqual(['CT', 'SR']);
    expect(number(answer!, 'NumberOfStudyRelatedSeries')).toBe(2);
    expect(number(answer!, 'NumberOfStudyRelatedInstances')).toBe(4);
    expect(text(answer!, 'InstanceAvailability')).toBe('ONLINE');
    expect(text(answer!, 'RetrieveURL')).toBe(`${shared.http}${ROOT}/studies/${studyUid(1)}`);
    expect(answer!['00100010']).toEqual({ vr: 'PN', Value: [{ Alphabetic: 'MÜLLER^JÖRG' }] });
    expect(text(answer!, 'StudyDescription')).toBe('CT chest, contrast');
    expect(tagsOf(answer)).not.toContain(tagOf('Rows'));
  });

  it('has what a series requires, and its study beside it', async () => {
    const answers = await askJson(shared.http, `${ROOT}/studies/${studyUid(1)}/series`);
    expect(answers.map((one) => [text(one, 'Modality'), number(one, 'NumberOfSeriesRelatedInstances')])).toEqual([
      ['CT', 3],
      ['SR', 1],
    ]);
    const [ct] = answers;
    expect(text(ct!, 'StudyInstanceUID')).toBe(studyUid(1));
    expect(number(ct!, 'SeriesNumber')).toBe(1);
    expect(text(ct!, 'SeriesDescription')).toBe('Lung 1.0');
    expect(text(ct!, 'RetrieveURL')).toBe(`${shared.http}${ROOT}/studies/${studyUid(1)}/series/${studyUid(1)}.1`);
    const [plain] = await askJson(shared.http, `${ROOT}/studies/${studyUid(2)}/series`);
    expect(tagsOf(plain)).toContain(tagOf('SeriesNumber'));
  });

  it('has what an instance requires, and its size where it is known', async () => {
    const answers = await askJson(shared.http, `${ROOT}/studies/${studyUid(1)}/series/${studyUid(1)}.1/instances`);
    expect(answers.map((one) => number(one, 'InstanceNumber'))).toEqual([1, 2, 3]);
    const [first] = answers;
    expect(number(first!, 'Rows')).toBe(4);
    expect(number(first!, 'BitsAllocated')).toBe(8);
    expect(text(first!, 'SOPClassUID')).toBe('1.2.840.10008.5.1.4.1.1.7');
    expect(text(first!, 'RetrieveURL')).toMatch(/\/instances\/1\.2\.3\.400\.1\.1\.1$/);
  });

  it('is in the order of the tags (F.2.2), those that JavaScript takes for numbers included', async () => {
    const place = { StudyInstanceUID: studyUid(60), SeriesInstanceUID: studyUid(61), SOPInstanceUID: studyUid(62) };
    await stored(shared.http, [asFile({ ...place, StructureSetLabel: 'RT', ROIContourSequence: [] })]);
    const { text: json } = await get(`/instances?SOPInstanceUID=${studyUid(62)}&includefield=all`);
    const tags = [...json.matchAll(/"([0-9A-F]{8})":\{"vr"/g)].map(([, tag]) => tag);
    expect(tags).toContain('30060002');
    expect(tags).toEqual([...tags].sort());
  });

  it('has the attributes that includefield names: lists, repeats, keywords, tags, all', async () => {
    const place = `/studies/${studyUid(1)}/series/${studyUid(1)}.1/instances`;
    const [plain] = await askJson(shared.http, ROOT + place);
    expect(tagsOf(plain)).not.toContain(tagOf('InstitutionName'));
    const [listed] = await askJson(
      shared.http,
      `${ROOT}${place}?includefield=InstitutionName%2C00280004&includefield=HighBit`,
    );
    expect(text(listed!, 'InstitutionName')).toBe('General');
    expect(text(listed!, 'PhotometricInterpretation')).toBe('MONOCHROME2');
    expect(number(listed!, 'HighBit')).toBe(7);
    const [all] = await askJson(shared.http, `${ROOT}${place}?includefield=all`);
    expect(tagsOf(all).length).toBeGreaterThan(tagsOf(listed).length);
    expect(all!['7FE00010']?.BulkDataURI).toBe(`${shared.http}${ROOT}${place}/${studyUid(1)}.1.1/bulkdata/7FE00010`);
  });
});

describe('QIDO-RS: matching (PS3.4 C.2.2.2)', () => {
  it.each([
    ['PatientID=LAB2-001', ['1'], 'an ID as it is written, case included'],
    ['PatientID=LAB2-00?', ['2', '1'], 'any one character'],
    ['PatientID=LAB2*', ['2', '1'], 'any characters'],
    ['AccessionNumber=ACC%25*', ['1'], '"%" as a character'],
    ['AccessionNumber=ACC_2', ['2'], '"_" as a character'],
    ['AccessionNumber=ACC_*', ['2'], '"_" as a character before a wild card'],
    ['StudyID=S_1', ['1'], 'a Study ID'],
    ['PatientSex=M', ['1'], 'a code'],
    ['PatientBirthDate=19600102', ['1'], 'a birth date'],
    ['ReferringPhysicianName=house*', ['1'], 'a physician, without case'],
    [`StudyInstanceUID=${studyUid(2)},${studyUid(1)}`, ['2', '1'], 'a list of UIDs joined by commas'],
    [`StudyInstanceUID=${studyUid(2)}%5C${studyUid(5)}`, ['2', '5'], 'a list of UIDs joined by backslashes'],
    ['ModalitiesInStudy=SR', ['1'], 'a modality of some series'],
    ['ModalitiesInStudy=S*', ['1'], 'a modality by wild card'],
    ['NumberOfStudyRelatedInstances=4', ['1'], 'a count'],
    ['NumberOfStudyRelatedInstances=99999999999', [], 'a count that no column holds'],
  ])('%s finds %j: %s', async (query, found) => {
    expect(await studies(`?${query}`)).toEqual(found);
  });

  it.each([
    ['StudyDate=20250110', ['1']],
    ['StudyDate=20250101-20250131', ['1']],
    ['StudyDate=20250110-20250110', ['1']],
    ['StudyDate=20250111-', ['3', '2']],
    ['StudyDate=-20250109', ['5']],
    ['StudyDate=-20241230', []],
    ['StudyTime=1015', ['2', '1']],
    ['StudyTime=101530', ['1']],
    ['StudyTime=101500-101529', ['2']],
    ['StudyTime=10-11', ['2', '1']],
    ['StudyTime=1016-', ['3']],
    ['StudyTime=-0000', ['5']],
    ['StudyTime=235959', ['3']],
    ['StudyDate=20260215&StudyTime=2359-', ['3']],
  ])(
    '%s finds %j: ranges include both ends, and a time to the minute is its beginning (C.2.2.2.5)',
    async (query, found) => {
      expect(await studies(`?${query}&${FIVE}`)).toEqual(found);
    },
  );

  it.each([
    ['M%C3%9CLLER%5EJ%C3%96RG', ['1']],
    ['muller%5Ejorg', ['1']],
    ['m%C3%BCller*', ['1', '5']],
    ['MULLER', []],
    ['*j%C3%B6rg', ['1']],
    ['m?ller%5E*', ['1']],
    ["O'Neil*", ['3']],
    ['mayer%5Eann', ['2']],
    ['mayer%5Eann%5E%5E', ['2']],
    ['%25', []],
    ['*', ['1', '2', '3', '4', '5']],
  ])('PatientName=%s finds %j, without case and accents (C.2.2.2.1)', async (name, found) => {
    const answers = await studies(`?PatientName=${name}&${FIVE}`);
    expect(answers.sort()).toEqual(found);
  });

  it('matches a series by what its study says, and by the request it answers (Table 10.6.1-5)', async () => {
    const series = async (query: string): Promise<number> =>
      (await askJson(shared.http, `${ROOT}/series?${query}`)).length;
    expect(await series('PatientID=LAB2-001')).toBe(2);
    expect(await series('PatientID=LAB2-001&Modality=SR')).toBe(1);
    expect(await series(`SeriesInstanceUID=${studyUid(1)}.1`)).toBe(1);
    expect(await series('PatientID=LAB2*&SeriesNumber=2')).toBe(1);
    expect(await series('PerformedProcedureStepStartDate=20250110&PerformedProcedureStepStartTime=1014-1016')).toBe(1);
    expect(await series('RequestAttributesSequence.ScheduledProcedureStepID=SPS-2')).toBe(1);
    expect(await series('00400275.00400009=SPS-?')).toBe(1);
    expect(await series('RequestAttributesSequence.ScheduledProcedureStepID=SPS')).toBe(0);
    expect(await series('RequestAttributesSequence.RequestedProcedureID=RP1')).toBe(1);
    expect(await series('RequestAttributesSequence.RequestedProcedureID=RP2')).toBe(0);
  });

  it('matches an instance anywhere, within a study and within a series', async () => {
    const count = async (path: string): Promise<number> => (await askJson(shared.http, ROOT + path)).length;
    expect(await count(`/instances?StudyInstanceUID=${studyUid(1)}`)).toBe(4);
    expect(await count(`/studies/${studyUid(1)}/instances?Modality=CT`)).toBe(3);
    expect(await count(`/studies/${studyUid(1)}/series/${studyUid(1)}.1/instances?InstanceNumber=2`)).toBe(1);
    expect(await count(`/studies/${studyUid(1)}/series/${studyUid(2)}.1/instances`)).toBe(0);
    expect(await count(`/instances?SOPInstanceUID=${studyUid(1)}.1.1,${studyUid(2)}.1.1`)).toBe(2);
    expect(await count(`/studies/${studyUid(1)}/instances?SOPClassUID=1.2.840.10008.5.1.4.1.1.88.33`)).toBe(0);
  });

  it('lets the path win over a parameter that contradicts it', async () => {
    const answers = await askJson(shared.http, `${ROOT}/studies/${studyUid(1)}/series?StudyInstanceUID=${studyUid(2)}`);
    expect(new Set(answers.map((one) => text(one, 'StudyInstanceUID')))).toEqual(new Set([studyUid(1)]));
  });
});

describe('QIDO-RS: pages (PS3.18 8.3.4.4)', () => {
  it('are of the size of limit, newest study first, undated last, and together all there is, once', async () => {
    const all = await studies('?limit=100');
    const pages: string[] = [];
    for (let offset = 0; offset < all.length; offset += 2) pages.push(...(await studies(`?limit=2&offset=${offset}`)));
    expect(pages).toEqual(all);
    expect(all.slice(0, 4)).toEqual(['3', '2', '60', '1'].filter((one) => all.includes(one)));
    expect(all.at(-1)).toBe('4');
  });

  it('keep their order among series and instances', async () => {
    const place = `/studies/${studyUid(1)}/instances`;
    const uids = async (query: string) =>
      (await askJson(shared.http, `${ROOT}${place}?${query}`)).map((one) => text(one, 'SOPInstanceUID'));
    expect([...(await uids('limit=2')), ...(await uids('limit=2&offset=2'))]).toEqual(await uids(''));
  });

  it('are empty beyond the end, and at limit 0: 200 with an empty list', async () => {
    for (const query of ['offset=1000', 'limit=0', 'PatientID=nobody', 'limit=999999999&offset=999999999']) {
      const answer = await get(`/studies?${query}`);
      expect([answer.status, answer.type, answer.text]).toEqual([200, 'application/dicom+json', '[]']);
    }
  });
});

describe('QIDO-RS: what is wrong with a query', () => {
  it.each([
    'StudyInstanceUID=a%20b',
    'StudyDate=yesterday',
    'StudyDate=20251301',
    'StudyTime=2500',
    'limit=-1',
    'limit=many',
    'offset=1.5',
    'fuzzymatching=maybe',
  ])('answers 400 to %s, and names the parameter', async (query) => {
    const answer = await get(`/studies?${query}`);
    expect(answer.status).toBe(400);
    expect(JSON.parse(answer.text).error).toContain(query.split('=')[0]);
  });

  it('names in a warning what it ignored, rather than refuse or keep quiet (8.3.4)', async () => {
    const warning = async (path: string): Promise<string> => String((await get(path)).headers['warning'] ?? '');
    expect(await warning('/studies?NoSuchThing=1')).toContain('NoSuchThing');
    expect(await warning('/studies?ContrastBolusAgent=x')).toContain(
      'ContrastBolusAgent cannot be matched at the study level',
    );
    expect(await warning('/studies?Modality=CT')).toContain('Modality cannot be matched at the study level');
    expect(await warning('/series?Modality=CT')).toBe('');
    expect(await warning('/studies?PatientAge=')).toBe('');
    expect(await warning('/studies?fuzzymatching=true')).toBe('');
    expect(await warning('/studies?includefield=NoSuchThing')).toContain('NoSuchThing');
    expect(await warning('/studies?accept=application/dicom%2Bjson&charset=utf-8')).toBe('');
  });

  it('lets no parameter write into the headers of the answer', async () => {
    const answer = await get('/studies?x%0D%0ASet-Cookie:%20a=1&%22%5C%C3%A9=2');
    expect(answer.status).toBe(200);
    expect(answer.headers['set-cookie']).toBeUndefined();
    expect(String(answer.headers['warning'])).toMatch(/^[\x20-\x7e]*$/);
    const many = await get(`/studies?${Array.from({ length: 700 }, (_, i) => `unknown${i}=1`).join('&')}`);
    expect(many.status).toBe(200);
    expect(String(many.headers['warning']).length).toBeLessThan(4000);
  });

  it.each([
    'PatientName=%00',
    'PatientID=%00*',
    'PatientName=%ED%A0%80',
    "PatientID='%20OR%201=1%20--",
    'PatientID=$1%20?%20:name%20::text',
    'PatientName=*%25_%5C*',
    `PatientName=${'*a'.repeat(64)}`,
    `StudyInstanceUID=${Array(300).fill('1.2.3').join(',')}`,
    'ModalitiesInStudy=%7B%22%7D',
    'RequestAttributesSequence.ScheduledProcedureStepID=%00',
    '%00=1',
    '=',
    '&&&',
    '%zz',
  ])('answers the hostile query %s with nothing found or everything, and no error', async (query) => {
    expect((await get(`/series?${query}`)).status).toBe(200);
    expect(shared.log()).not.toContain('"level":50');
  });

  it('answers 406 to who takes neither model', async () => {
    const answer = await ask(shared.http, `${ROOT}/studies`, { headers: { accept: 'image/png' } });
    expect(answer.status).toBe(406);
  });

  it('says nothing of a patient in the log, whatever was asked for', async () => {
    await get('/studies?PatientName=SECRETNAME&PatientID=SECRETID&StudyDate=SECRETDATE');
    expect(shared.log()).not.toContain('SECRET');
  });

  it('answers HEAD with the headers alone', async () => {
    const answer = await ask(shared.http, `${ROOT}/studies?limit=1`, { method: 'HEAD' });
    expect([answer.status, answer.type, answer.text]).toEqual([200, 'application/dicom+json', '']);
  });
});

describe.skipIf(!hasSharedData)('QIDO-RS: names in the scripts of the world', () => {
  const rows = hasSharedData
    ? expectedRows().filter(({ file, StudyInstanceUID }) => file!.startsWith('charsets/') && StudyInstanceUID)
    : [];

  beforeAll(async () => {
    // Two pairs share their UIDs and their names: the second of each is kept apart.
    for (const file of readdirSync(sharedData('charsets')))
      await stow(shared.http, [readFileSync(sharedData('charsets', file))]);
  });

  const found = async (pattern: string): Promise<(string | undefined)[]> =>
    (await askJson(shared.http, `${ROOT}/studies?PatientName=${encodeURIComponent(pattern)}`)).map((one) =>
      text(one, 'StudyInstanceUID'),
    );

  it.each(rows.map((row) => [row['file']!, row['PatientName']!, row['StudyInstanceUID']!]))(
    '%s is found as %s, by each group of it, and by the beginning of each',
    async (_file, name, study) => {
      expect(await found(name)).toContain(study);
      for (const group of name.split('=')) {
        expect(await found(group)).toContain(study);
        expect(await found(`${group.slice(0, -1)}*`)).toContain(study);
        expect(await found(`*${group.slice(1)}`)).toContain(study);
        expect(await found(`${group}x`)).not.toContain(study);
      }
    },
  );

  it.each(rows.map((row) => [row['file']!, row['PatientName']!, row['StudyInstanceUID']!]))(
    '%s is found with "?" for one character of %s (C.2.2.2.4)',
    async (_file, name, study) => {
      for (const group of name.split('=')) expect(await found(`${group.slice(0, -1)}?`)).toContain(study);
    },
  );

  it.each(rows.map((row) => [row['file']!, row['PatientName']!, row['StudyInstanceUID']!]))(
    'the answer for %s holds the name %s, group by group, in UTF-8',
    async (_file, name, study) => {
      const [alphabetic, ideographic, phonetic] = name.split('=');
      const [answer] = await askJson(shared.http, `${ROOT}/studies?StudyInstanceUID=${study}`);
      expect(answer!['00100010']!.Value).toEqual([
        {
          ...(alphabetic ? { Alphabetic: alphabetic } : {}),
          ...(ideographic ? { Ideographic: ideographic } : {}),
          ...(phonetic ? { Phonetic: phonetic } : {}),
        },
      ]);
    },
  );

  it('finds a name without its accents and case', async () => {
    expect(await found('aneas^rudiger')).toHaveLength(1);
    expect(await found('BUC^JEROME')).toHaveLength(1);
    expect(await found('διονυσιοσ')).toHaveLength(1);
    expect(await found('ΔΙΟΝΥΣΙΟ*')).toHaveLength(1);
  });
});
