import { describe, expect, it } from 'vitest';
import type { Fields } from '../../src/dicom/build.ts';
import type { JsonDataset } from '../../src/dicom/dataset.ts';
import { text } from '../../src/dicom/read-values.ts';
import { asFile } from '../support/instances.ts';
import { ask, askJson, stored } from './client.ts';
import { aSharedNode } from './shared-node.ts';

const shared = aSharedNode();
const ROOT = '/dicom-web';

let last = 0;

/** A study of one instance, with a number of its own. */
function aStudy(fields: Fields): Buffer {
  last += 1;
  const study = `1.2.840.77.${last}`;
  return asFile({
    StudyInstanceUID: study,
    SeriesInstanceUID: `${study}.1`,
    SOPInstanceUID: `${study}.1.1`,
    ...fields,
  });
}

/** So many of one patient, of days that begin with the first. */
const studiesOf = (patient: string, count: number, date = (n: number) => 20200101 + (n % 28)): Buffer[] =>
  Array.from({ length: count }, (_, n) => aStudy({ PatientID: patient, StudyDate: String(date(n)) }));

const uids = (answers: readonly JsonDataset[], keyword = 'StudyInstanceUID'): string[] =>
  answers.map((one) => text(one, keyword)!);

const nextOf = (link: string | string[] | undefined): string | undefined =>
  /^<([^>]+)>; rel="next"$/.exec(String(link))?.[1];

describe('pages of QIDO-RS while objects arrive (PS3.18 8.3.4.4)', () => {
  it('by offset: nothing twice, and nothing lost that was there, though newer and older studies come in between', async () => {
    await stored(shared.http, studiesOf('PAGED', 30));
    const before = uids(await askJson(shared.http, `${ROOT}/studies?PatientID=PAGED`));
    expect(before).toHaveLength(30);
    const seen: string[] = [];
    for (let offset = 0; ; offset += 7) {
      const page = uids(await askJson(shared.http, `${ROOT}/studies?PatientID=PAGED&limit=7&offset=${offset}`));
      seen.push(...page);
      if (page.length < 7) break;
      // newer ones in front of everything, one of the same day, one before all others
      await stored(shared.http, [
        ...studiesOf('PAGED', 3, () => 20260101),
        ...studiesOf('PAGED', 1, () => 20200115),
        ...studiesOf('PAGED', 1, () => 20190101),
      ]);
    }
    expect(new Set(seen).size).toBe(seen.length);
    expect(before.filter((uid) => !seen.includes(uid))).toEqual([]);
    // the order of what was there has not changed either
    expect(seen.filter((uid) => before.includes(uid))).toEqual(before);
  });

  it('by offset, while a sender stores without a pause', async () => {
    await stored(shared.http, studiesOf('BUSY', 40));
    const before = uids(await askJson(shared.http, `${ROOT}/studies?PatientID=BUSY`));
    let stop = false;
    const sender = (async () => {
      for (let n = 0; n < 200 && !stop; n += 1)
        await stored(
          shared.http,
          studiesOf('BUSY', 2, (m) => 20200101 + ((n + m) % 28)),
        );
    })();
    const seen: string[] = [];
    for (let offset = 0; offset < 1000; offset += 5) {
      const page = uids(await askJson(shared.http, `${ROOT}/studies?PatientID=BUSY&limit=5&offset=${offset}`));
      seen.push(...page);
      if (page.length < 5) break;
    }
    stop = true;
    await sender;
    expect(new Set(seen).size).toBe(seen.length);
    expect(before.filter((uid) => !seen.includes(uid))).toEqual([]);
  });

  it('by the Link header: the cursor holds for anybody, whatever comes or goes', async () => {
    await stored(shared.http, studiesOf('LINKED', 20));
    const before = uids(await askJson(shared.http, `${ROOT}/studies?PatientID=LINKED`));
    const seen: string[] = [];
    let path: string | undefined = `${ROOT}/studies?PatientID=LINKED&limit=6`;
    for (let n = 0; path !== undefined; n += 1) {
      // each time as another program
      const answer = await ask(shared.http, path, { headers: { 'user-agent': `client ${n}` } });
      expect(answer.status).toBe(200);
      seen.push(...uids(JSON.parse(answer.text)));
      path = nextOf(answer.headers['link'])?.replace(shared.http, '');
      await stored(
        shared.http,
        studiesOf('LINKED', 4, () => 20260101),
      );
      await shared.sql('DELETE FROM studies WHERE study_instance_uid = $1', [seen[0]]);
    }
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen.filter((uid) => before.includes(uid))).toEqual(before);
  });

  it('at the levels of series, instances and patients', async () => {
    const place = { StudyInstanceUID: '1.2.840.78', PatientID: 'LEVELS' };
    const instance = (series: number, n: number): Buffer =>
      asFile({
        ...place,
        SeriesInstanceUID: `1.2.840.78.${series}`,
        SOPInstanceUID: `1.2.840.78.${series}.${n}`,
        InstanceNumber: n,
      });
    await stored(
      shared.http,
      [3, 1, 2].flatMap((series) => [4, 2, 6].map((n) => instance(series, n))),
    );
    for (const [level, keyword, more] of [
      ['instances', 'SOPInstanceUID', instance(1, 1)],
      ['series', 'SeriesInstanceUID', instance(4, 1)],
    ] as const) {
      const path = `${ROOT}/studies/1.2.840.78/${level}`;
      const before = uids(await askJson(shared.http, path), keyword);
      const first = uids(await askJson(shared.http, `${path}?limit=2`), keyword);
      await stored(shared.http, [more]);
      const second = uids(await askJson(shared.http, `${path}?limit=100&offset=2`), keyword);
      expect([...first, ...second].filter((uid) => before.includes(uid))).toEqual(before);
      expect(new Set([...first, ...second]).size).toBe(first.length + second.length);
    }
    await stored(
      shared.http,
      ['M1', 'M2', 'M3'].flatMap((patient) => studiesOf(patient, 1)),
    );
    const first = uids(await askJson(shared.http, `${ROOT}/patients?PatientID=M*&limit=2`), 'PatientID');
    await stored(shared.http, studiesOf('M0', 1));
    const second = uids(await askJson(shared.http, `${ROOT}/patients?PatientID=M*&limit=2&offset=2`), 'PatientID');
    expect([first, second]).toEqual([['M1', 'M2'], ['M3']]);
  });

  it('begin anew at offset 0: what has arrived is there, in front', async () => {
    await stored(shared.http, studiesOf('ANEW', 4));
    const path = `${ROOT}/studies?PatientID=ANEW&limit=2`;
    const old = uids(await askJson(shared.http, path));
    await stored(
      shared.http,
      studiesOf('ANEW', 1, () => 20260101),
    );
    const first = uids(await askJson(shared.http, path));
    expect(first[1]).toBe(old[0]);
    const second = uids(await askJson(shared.http, `${path}&offset=2`));
    expect(second[0]).toBe(old[1]);
  });
});

describe('what is left of an answer (PS3.18 8.3.4.4.1)', () => {
  const warned = async (path: string): Promise<[string, number]> => {
    const answer = await ask(shared.http, ROOT + path);
    return [String(answer.headers['warning'] ?? ''), JSON.parse(answer.text).length];
  };

  it('is told in a Warning with its number, and not where there is none', async () => {
    await stored(shared.http, studiesOf('LEFT', 9));
    expect(await warned('/studies?PatientID=LEFT&limit=4')).toEqual([
      `299 ${shared.http}${ROOT}: "There are 5 additional results that can be requested"`,
      4,
    ]);
    expect(await warned('/studies?PatientID=LEFT&limit=4&offset=4')).toEqual([
      `299 ${shared.http}${ROOT}: "There are 1 additional results that can be requested"`,
      4,
    ]);
    expect(await warned('/studies?PatientID=LEFT&limit=4&offset=8')).toEqual(['', 1]);
    expect(await warned('/studies?PatientID=LEFT&limit=9')).toEqual(['', 9]);
    expect(await warned('/studies?PatientID=LEFT')).toEqual(['', 9]);
    expect((await warned('/studies?PatientID=LEFT&limit=0'))[0]).toContain('There are 9 additional');
    expect((await warned('/series?PatientID=LEFT&limit=8'))[0]).toContain('There are 1 additional');
    // what is matched on kept attributes is not counted beforehand
    expect((await warned('/studies?PatientID=LEFT&InstitutionName=**&limit=4'))[0]).toContain('There are 5 additional');
    expect((await warned('/studies?PatientID=LEFT&PatientComments=""&emptyvaluematching=true&limit=4'))[0]).toContain(
      'There are at least 1 additional',
    );
  });

  it('is counted up to 250, and a list of more than a page is whole', async () => {
    await shared.sql(
      `INSERT INTO studies (study_instance_uid, patient_id, study_date, attributes)
       SELECT '1.2.840.79.' || n, 'MANY', '20200101', '{}' FROM generate_series(1, 2600) n`,
    );
    expect((await warned('/studies?PatientID=MANY&limit=100'))[0]).toContain('There are at least 250 additional');
    expect(await warned('/studies?PatientID=MANY&limit=2500')).toEqual([
      expect.stringContaining('There are 100 additional'),
      2500,
    ]);
    const all = await ask(shared.http, `${ROOT}/studies?PatientID=MANY`);
    expect(all.headers['warning']).toBeUndefined();
    expect(new Set(JSON.parse(all.text).map((one: JsonDataset) => JSON.stringify(one['00081190']))).size).toBe(2600);
    const link = nextOf((await ask(shared.http, `${ROOT}/studies?PatientID=MANY&limit=2500`)).headers['link']);
    expect(new URL(link!).searchParams.get('offset')).toBe('2500');
  });

  it.each(['x', 'MjAyNg.1.2', 'MjAyNg', 'MjAyNg.x', `MjAyNg.${'9'.repeat(30)}`, '.-'])(
    'refuses the cursor %s, which no Link header gave',
    async (cursor) => {
      const answer = await ask(shared.http, `${ROOT}/studies?limit=1&cursor=${cursor}`);
      expect([answer.status, answer.text]).toEqual([400, expect.stringContaining('cursor must be')]);
    },
  );
});
