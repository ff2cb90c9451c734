import { beforeAll, describe, expect, it } from 'vitest';
import { type Element, EXPLICIT, encode, part10 } from '../../conformance/wire/data-set.ts';
import { xmlModel } from '../../conformance/wire/models.ts';
import { encapsulate } from '../../conformance/wire/objects.ts';
import { dataset } from '../../src/dicom/build.ts';
import { asFile, SECONDARY_CAPTURE } from '../support/instances.ts';
import { type Answer, ask, partsOf, stored, stow } from './client.ts';
import { aSharedNode } from './shared-node.ts';

const node = aSharedNode();
const JSON_ONLY = { accept: 'application/json' };

describe('application/json for who takes nothing else (PS3.18 8.7.3)', () => {
  it('is given by searches', async () => {
    const study = '1.2.826.11.1';
    await stored(node.http, [asFile({ StudyInstanceUID: study, SOPInstanceUID: `${study}.1` })]);
    const answer = await ask(node.http, `/dicom-web/studies?StudyInstanceUID=${study}`, { headers: JSON_ONLY });
    expect([answer.status, answer.type.split(';')[0]]).toEqual([200, 'application/json']);
    expect(JSON.parse(answer.text)[0]['0020000D'].Value).toEqual([study]);
  });

  it('is taken and given by storage commitment', async () => {
    const uid = '1.2.826.11.2';
    await stored(node.http, [asFile({ StudyInstanceUID: uid, SOPInstanceUID: `${uid}.1` })]);
    const reference = { ReferencedSOPClassUID: SECONDARY_CAPTURE, ReferencedSOPInstanceUID: `${uid}.1` };
    const path = '/dicom-web/commitment-requests/2.25.4711';
    const asked = await ask(node.http, path, {
      method: 'POST',
      headers: { ...JSON_ONLY, 'content-type': 'application/json' },
      body: JSON.stringify(dataset({ ReferencedSOPSequence: [reference] })),
    });
    expect([asked.status, asked.type.split(';')[0]]).toEqual([200, 'application/json']);
    expect(JSON.parse(asked.text)['00081199'].Value).toHaveLength(1);
    const checked = await ask(node.http, path, { headers: JSON_ONLY });
    expect([checked.status, checked.type.split(';')[0]]).toEqual([200, 'application/json']);
    expect(checked.text).toBe(asked.text);
  });
});

describe('metadata as the whole body (PS3.18 10.5.1.4)', () => {
  it('are taken in XML where no bulk data belong to them', async () => {
    const uid = '1.2.826.11.5';
    const body = xmlModel(
      [
        ['00020010', 'UI', EXPLICIT],
        ['00080016', 'UI', '1.2.840.10008.5.1.4.1.1.88.11'],
        ['00080018', 'UI', `${uid}.1.1`],
        ['00100020', 'LO', 'P'],
        ['0020000D', 'UI', uid],
        ['0020000E', 'UI', `${uid}.1`],
      ],
      {},
    );
    const headers = { 'content-type': 'application/dicom+xml', accept: 'application/dicom+json' };
    const answer = await ask(node.http, '/dicom-web/studies', { method: 'POST', headers, body });
    expect(answer.status, answer.text).toBe(200);
    expect((await ask(node.http, `/dicom-web/studies/${uid}/metadata`)).status).toBe(200);
  });
});

describe('a directory of files (PS3.3 F.3)', () => {
  it('is refused with 0122H: it is no instance that an archive keeps', async () => {
    const answer = await stow(node.http, [
      asFile({ SOPClassUID: '1.2.840.10008.1.3.10', SOPInstanceUID: '1.2.826.11.3' }),
    ]);
    expect(answer.status).toBe(409);
    const failed = JSON.parse(answer.text)['00081198']?.Value ?? JSON.parse(answer.text)['0008119A']?.Value;
    expect(failed.map((one: Record<string, { Value: number[] }>) => one['00081197']!.Value)).toEqual([[0x0122]]);
  });
});

const STUDY = '1.2.826.11.4';
const SERIES = `/studies/${STUDY}/series/${STUDY}.1`;
const IMAGE = `${SERIES}/instances/${STUDY}.1.1`;
const MAGIC: Readonly<Record<string, string>> = {
  'image/jpeg': 'ffd8ff',
  'image/png': '89504e47',
  'image/gif': '47494638',
};
const PICTURES = Object.keys(MAGIC);
const get = (path: string, accept: string): Promise<Answer> =>
  ask(node.http, `/dicom-web${path}`, { headers: { accept } });

function expectPicture({ status, type, body }: Answer, wanted: string): void {
  expect([status, type]).toEqual([200, wanted]);
  expect(body.toString('hex').startsWith(MAGIC[wanted]!)).toBe(true);
}

/** An instance of another kind in the same study. */
function aFile(
  number: number,
  sopClass: string,
  transferSyntax: string,
  elements: readonly Element[],
  tail: Buffer = Buffer.alloc(0),
) {
  const instance = `${STUDY}.${number}.1`;
  const head = encode(
    [
      ['00080016', 'UI', sopClass],
      ['00080018', 'UI', instance],
      ['00100020', 'LO', 'P'],
      ['0020000D', 'UI', STUDY],
      ['0020000E', 'UI', `${STUDY}.${number}`],
      ...elements,
    ],
    EXPLICIT,
  );
  return part10(Buffer.concat([head, tail]), sopClass, instance, transferSyntax);
}

describe('pictures (PS3.18 10.4.1.1.3, 10.4.1.1.4, 9)', () => {
  beforeAll(async () => {
    const uids = { StudyInstanceUID: STUDY, SeriesInstanceUID: `${STUDY}.1`, SOPInstanceUID: `${STUDY}.1.1` };
    await stored(node.http, [asFile({ ...uids, NumberOfFrames: 2 }, new Uint8Array(32))]);
  });

  it.each(PICTURES)('rendered as %s: one frame, an instance, a series, a study', async (type) => {
    for (const path of [`${IMAGE}/frames/1`, IMAGE, SERIES, `/studies/${STUDY}`])
      expectPicture(await get(`${path}/rendered`, type), type);
  });

  it.each(PICTURES)('rendered as a multipart of %s: a part for each frame', async (type) => {
    const answer = await get(`${IMAGE}/frames/1,2/rendered`, `multipart/related; type="${type}"`);
    expect(answer.status).toBe(200);
    expect(partsOf(answer).map(({ headers }) => headers['content-type'])).toEqual([type, type]);
    for (const { body } of partsOf(answer)) expect(body.toString('hex').startsWith(MAGIC[type]!)).toBe(true);
  });

  it.each(PICTURES)('a thumbnail as %s: of a frame, an instance, a series, a study', async (type) => {
    for (const path of [`${IMAGE}/frames/2`, IMAGE, SERIES, `/studies/${STUDY}`])
      expectPicture(await get(`${path}/thumbnail`, type), type);
  });

  const wado = (number: number, more: string) =>
    get(
      `/wado?requestType=WADO&studyUID=${STUDY}&seriesUID=${STUDY}.${number}&objectUID=${STUDY}.${number}.1&${more}`,
      '*/*',
    );

  it.each(PICTURES)('by WADO-URI as %s', async (type) => {
    expectPicture(await wado(1, `contentType=${type}&frameNumber=1`), type);
  });

  it.each([
    ['text/xml', 2, '<ClinicalDocument xmlns="urn:hl7-org:v3"/>'],
    ['application/pdf', 3, '%PDF-1.4 nothing %%EOF '],
  ] as const)('a document as %s, rendered and by WADO-URI', async (type, number, text) => {
    const file = aFile(number, `1.2.840.10008.5.1.4.1.1.104.${type === 'text/xml' ? 2 : 1}`, EXPLICIT, [
      ['00420011', 'OB', Buffer.from(text)],
      ['00420012', 'LO', type],
    ]);
    await stored(node.http, [file]);
    for (const answer of [
      await get(`/studies/${STUDY}/series/${STUDY}.${number}/instances/${STUDY}.${number}.1/rendered`, type),
      await wado(number, `contentType=${type}`),
    ]) {
      expect([answer.status, answer.type.split(';')[0]], answer.text).toEqual([200, type]);
      expect(answer.text.startsWith(text)).toBe(true);
    }
  });

  it.each([
    ['video/mpeg', 4, '1.2.840.10008.1.2.4.100', '000001ba44000400'],
    ['video/mp4', 5, '1.2.840.10008.1.2.4.102', '00000010667479706d70343200000000'],
  ] as const)('a film as %s, rendered and by WADO-URI', async (type, number, syntax, hex) => {
    const film = Buffer.concat([Buffer.from(hex, 'hex'), Buffer.alloc(64)]);
    const item = Buffer.from('feff00e000000000', 'hex');
    item.writeUInt32LE(film.length, 4);
    const file = aFile(
      number,
      '1.2.840.10008.5.1.4.1.1.77.1.4.1',
      syntax,
      [
        ['00280002', 'US', 3],
        ['00280004', 'CS', 'YBR_PARTIAL_420'],
        ['00280008', 'IS', '2'],
        ['00280010', 'US', 4],
        ['00280011', 'US', 4],
        ['00280100', 'US', 8],
        ['00280101', 'US', 8],
        ['00280102', 'US', 7],
        ['00280103', 'US', 0],
      ],
      encapsulate([film]),
    );
    await stored(node.http, [file]);
    for (const answer of [
      await get(`/studies/${STUDY}/series/${STUDY}.${number}/instances/${STUDY}.${number}.1/rendered`, type),
      await wado(number, `contentType=${type}`),
    ]) {
      expect([answer.status, answer.type]).toEqual([200, type]);
      expect(answer.body.subarray(0, film.length)).toEqual(film);
    }
  });

  it.each(['text/html', 'text/plain'])('a report as %s, rendered and by WADO-URI', async (type) => {
    const number = type === 'text/html' ? 6 : 7;
    const report = aFile(number, '1.2.840.10008.5.1.4.1.1.88.11', EXPLICIT, [
      ['00080060', 'CS', 'SR'],
      ['0040A040', 'CS', 'CONTAINER'],
      ['0040A050', 'CS', 'SEPARATE'],
    ]);
    await stored(node.http, [report]);
    for (const answer of [
      await get(`/studies/${STUDY}/series/${STUDY}.${number}/instances/${STUDY}.${number}.1/rendered`, type),
      await wado(number, `contentType=${type}`),
    ])
      expect([answer.status, answer.type]).toEqual([200, `${type}; charset=utf-8`]);
  });

  it('an object by WADO-URI as application/dicom', async () => {
    const answer = await wado(1, 'contentType=application/dicom');
    expect([answer.status, answer.type.split(';')[0], answer.text.slice(128, 132)]).toEqual([
      200,
      'application/dicom',
      'DICM',
    ]);
  });
});
