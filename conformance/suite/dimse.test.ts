import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { Association, type Message, statusOf } from '../wire/association.ts';
import { decodeImplicit, type Element, EXPLICIT, encode, IMPLICIT, JPEG_LS, textOf } from '../wire/data-set.ts';
import { get, partsOf } from '../wire/http.ts';
import { aUid, nodeUnderTest } from '../wire/node.ts';
import { anObject, encapsulate, SECONDARY_CAPTURE, type TestObject } from '../wire/objects.ts';

const VERIFICATION = '1.2.840.10008.1.1';
const STUDY_ROOT_FIND = '1.2.840.10008.5.1.4.1.2.2.1';

const node = nodeUnderTest();

const echo: readonly Element[] = [
  ['00000002', 'UI', VERIFICATION],
  ['00000100', 'US', 0x0030],
];
const store = (object: TestObject, instance = object.instance): readonly Element[] => [
  ['00000002', 'UI', SECONDARY_CAPTURE],
  ['00000100', 'US', 0x0001],
  ['00000700', 'US', 0],
  ['00001000', 'UI', instance],
];

async function storing(transferSyntax: string): Promise<Association> {
  const association = await Association.request(node.dimse, [
    { abstractSyntax: SECONDARY_CAPTURE, transferSyntaxes: [transferSyntax] },
  ]);
  expect(association.answer(0)).toEqual({ result: 0, transferSyntax });
  return association;
}

async function dataSetOf(object: TestObject): Promise<Buffer> {
  const url = `${node.dicomweb}/studies/${object.study}/series/${object.series}/instances/${object.instance}`;
  const [part] = partsOf(await get(url, 'multipart/related; type="application/dicom"; transfer-syntax=*'));
  return part!.body.subarray(144 + part!.body.readUInt32LE(140));
}

const last = (messages: readonly Message[]): Message => messages.at(-1)!;

describe('Verification (PS3.4 Annex A)', () => {
  it('C-ECHO is answered with success, and the association is released', async () => {
    const association = await Association.request(node.dimse, [
      { abstractSyntax: VERIFICATION, transferSyntaxes: [IMPLICIT] },
    ]);
    const [response, ...more] = await association.ask(0, echo);
    expect(more).toEqual([]);
    expect(statusOf(response!)).toBe(0);
    expect(response!.command.get('00000120')?.readUInt16LE(0)).toBe(1);
    await association.release();
  });
});

describe('Association negotiation (PS3.8 9.3.3.2)', () => {
  it('answers each context for itself: accepted, abstract syntax unknown, transfer syntax unknown', async () => {
    const association = await Association.request(node.dimse, [
      { abstractSyntax: VERIFICATION, transferSyntaxes: [IMPLICIT] },
      { abstractSyntax: '1.2.840.10008.1.3.10', transferSyntaxes: [IMPLICIT] },
      { abstractSyntax: SECONDARY_CAPTURE, transferSyntaxes: ['1.2.3.4.5'] },
      { abstractSyntax: SECONDARY_CAPTURE, transferSyntaxes: ['1.2.3.4.5', JPEG_LS, EXPLICIT] },
    ]);
    expect([0, 1, 2, 3].map((i) => association.answer(i).result)).toEqual([0, 3, 4, 0]);
    expect(association.answer(3).transferSyntax).toBe(JPEG_LS);
    await association.release();
  });
});

describe('Storage (PS3.4 Annex B)', () => {
  it.each([
    ['implicit VR little endian', IMPLICIT],
    ['explicit VR little endian', EXPLICIT],
  ])('C-STORE in %s: the data set comes back byte for byte', async (_name, transferSyntax) => {
    const object = anObject({ transferSyntax });
    const association = await storing(transferSyntax);
    const response = last(await association.ask(0, store(object), object.dataSet));
    await association.release();
    expect(statusOf(response)).toBe(0);
    expect(textOf(response.command.get('00001000'))).toBe(object.instance);
    expect(await dataSetOf(object)).toEqual(object.dataSet);
  });

  it('C-STORE of compressed pixels: the fragments come back byte for byte, as data set and as frames', async () => {
    const fragments = [1, 2, 3].map((n) => createHash('sha512').update(String(n)).digest());
    const object = anObject({ transferSyntax: JPEG_LS, frames: 3, encapsulated: encapsulate(fragments) });
    const association = await storing(JPEG_LS);
    expect(statusOf(last(await association.ask(0, store(object), object.dataSet)))).toBe(0);
    await association.release();
    expect(await dataSetOf(object)).toEqual(object.dataSet);
    const url = `${node.dicomweb}/studies/${object.study}/series/${object.series}/instances/${object.instance}`;
    const frames = partsOf(await get(`${url}/frames/3,1`, 'multipart/related; type="image/jls"'));
    expect(frames.map(({ body }) => body)).toEqual([fragments[2], fragments[0]]);
  });

  it('several C-STOREs on one association, the same object again included, all succeed', async () => {
    const study = aUid();
    const objects = Array.from({ length: 5 }, (_, i) => anObject({ study, number: i + 1 }));
    const association = await storing(EXPLICIT);
    const statuses: number[] = [];
    for (const object of [...objects, objects[0]!])
      statuses.push(statusOf(last(await association.ask(0, store(object), object.dataSet))));
    await association.release();
    expect(statuses).toEqual(Array(6).fill(0));
  });

  it('refuses an object that is not the one announced with A900H, and stores nothing', async () => {
    const object = anObject();
    const association = await storing(EXPLICIT);
    const response = last(await association.ask(0, store(object, aUid()), object.dataSet));
    await association.release();
    expect(statusOf(response) & 0xff00).toBe(0xa900);
    expect((await get(`${node.dicomweb}/studies/${object.study}`, '*/*')).status).toBe(404);
  });

  it('refuses what is no data set with C000H, and goes on with the association', async () => {
    const object = anObject();
    const association = await storing(EXPLICIT);
    const refused = last(await association.ask(0, store(object), Buffer.alloc(300, 0x5a)));
    const good = last(await association.ask(0, store(object), object.dataSet));
    await association.release();
    expect(statusOf(refused) & 0xf000).toBe(0xc000);
    expect(statusOf(good)).toBe(0);
  });
});

describe('Query, Study Root (PS3.4 Annex C)', () => {
  it('C-FIND at study, series and image level finds what C-STORE brought, with the keys that were asked for', async () => {
    const patientId = `C${aUid().slice(-12)}`;
    const object = anObject({ patientId, name: 'Müller^Jörg' });
    const sender = await storing(EXPLICIT);
    await sender.ask(0, store(object), object.dataSet);
    await sender.release();

    const association = await Association.request(node.dimse, [
      { abstractSyntax: STUDY_ROOT_FIND, transferSyntaxes: [IMPLICIT] },
    ]);
    const find = (keys: readonly Element[]): Promise<Message[]> =>
      association.ask(
        0,
        [
          ['00000002', 'UI', STUDY_ROOT_FIND],
          ['00000100', 'US', 0x0020],
          ['00000700', 'US', 0],
        ],
        encode(keys, IMPLICIT),
      );
    const levels: (readonly Element[])[] = [
      [
        ['00080052', 'CS', 'STUDY'],
        ['00100010', 'PN', 'M*'],
        ['00100020', 'LO', patientId],
        ['0020000D', 'UI', ''],
      ],
      [
        ['00080052', 'CS', 'SERIES'],
        ['0020000D', 'UI', object.study],
        ['0020000E', 'UI', ''],
      ],
      [
        ['00080052', 'CS', 'IMAGE'],
        ['0020000D', 'UI', object.study],
        ['0020000E', 'UI', object.series],
        ['00080018', 'UI', ''],
      ],
    ];
    const answers: Map<string, Buffer>[] = [];
    for (const keys of levels) {
      const [pending, final, ...more] = await find(keys);
      expect(more).toEqual([]);
      expect([statusOf(pending!), statusOf(final!)]).toEqual([0xff00, 0]);
      answers.push(decodeImplicit(pending!.dataSet!));
    }
    expect(textOf(answers[0]!.get('0020000D'))).toBe(object.study);
    expect(textOf(answers[0]!.get('00100010'))).toBe('Müller^Jörg');
    expect(textOf(answers[1]!.get('0020000E'))).toBe(object.series);
    expect(textOf(answers[2]!.get('00080018'))).toBe(object.instance);
    const [nothing] = await find([
      ['00080052', 'CS', 'STUDY'],
      ['00100020', 'LO', `${patientId}X`],
    ]);
    expect(statusOf(nothing!)).toBe(0);
    const [wrong] = await find([['00080052', 'CS', 'NOWHERE']]);
    expect(statusOf(wrong!)).toBe(0xa900);
    await association.release();
  });
});
