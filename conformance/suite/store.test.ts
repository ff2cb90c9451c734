import { describe, expect, it } from 'vitest';
import { call, first, get, getJson, itemsOf, json, partsOf, postParts } from '../wire/http.ts';
import { jsonModel, readXml, xmlModel } from '../wire/models.ts';
import { nodeUnderTest } from '../wire/node.ts';
import { anObject, type TestObject } from '../wire/objects.ts';

const node = nodeUnderTest();
const PDF = '1.2.840.10008.5.1.4.1.1.104.1';
const OCTETS = 'application/octet-stream; transfer-syntax=1.2.840.10008.1.2.1';

const urlOf = ({ study, series, instance }: TestObject): string =>
  `${node.dicomweb}/studies/${study}/series/${series}/instances/${instance}`;

async function pixelsOf(object: TestObject): Promise<Buffer> {
  const [frame] = partsOf(await get(`${urlOf(object)}/frames/1`, 'multipart/related; type="application/octet-stream"'));
  return frame!.body;
}

describe('Store, forms of the request (PS3.18 10.5.1)', () => {
  it('takes one file as the body, application/dicom (10.5.1.4, Table 8.7.3-1)', async () => {
    const object = anObject();
    const answer = await call(`${node.dicomweb}/studies`, {
      method: 'POST',
      body: new Uint8Array(object.file),
      headers: { 'content-type': 'application/dicom', accept: 'application/dicom+json' },
    });
    expect(answer.status).toBe(200);
    expect((await get(urlOf(object), 'application/dicom')).body).toEqual(object.file);
  });

  it('takes a multipart whose type is not quoted, as clients write it (RFC 2387)', async () => {
    const object = anObject();
    const answer = await postParts(
      `${node.dicomweb}/studies`,
      'application/dicom',
      [{ type: 'application/dicom', body: object.file }],
      { 'content-type': 'multipart/related; type=application/dicom; boundary=conformance-suite-parts' },
    );
    expect(answer.status).toBe(200);
  });

  it('takes metadata in JSON with the pixels as bulk data (10.5.1.4, 8.7.3.2)', async () => {
    const object = anObject();
    const model = [jsonModel(object.elements, { '7FE00010': ['OW', 'pixels/1'] })];
    const answer = await postParts(`${node.dicomweb}/studies`, 'application/dicom+json', [
      { type: 'application/dicom+json', body: JSON.stringify(model) },
      { type: OCTETS, location: 'pixels/1', body: object.pixels },
    ]);
    expect([answer.status, answer.body.toString()]).toEqual([200, expect.anything()]);
    expect(await pixelsOf(object)).toEqual(object.pixels);
    const [metadata] = await getJson(`${urlOf(object)}/metadata`);
    expect(metadata!['00100010']?.Value).toEqual([{ Alphabetic: 'CONFORMANCE^SUITE' }]);
  });

  it('takes metadata in XML with the pixels as bulk data (10.5.1.4, PS3.19 A.1)', async () => {
    const object = anObject();
    const answer = await postParts(`${node.dicomweb}/studies`, 'application/dicom+xml', [
      { type: 'application/dicom+xml', body: xmlModel(object.elements, { '7FE00010': ['OW', 'pixels/1'] }) },
      { type: OCTETS, location: 'pixels/1', body: object.pixels },
    ]);
    expect(answer.status).toBe(200);
    expect(await pixelsOf(object)).toEqual(object.pixels);
  });

  it('takes a PDF document as bulk data of its media type (Table 8.7.3-5)', async () => {
    const { study, series, instance } = anObject();
    const document = Buffer.from('%PDF-1.4\n1 0 obj <<>> endobj\ntrailer <<>>\n%%EOF\n');
    const model = jsonModel(
      [
        ['00080005', 'CS', 'ISO_IR 192'],
        ['00080016', 'UI', PDF],
        ['00080018', 'UI', instance],
        ['00080060', 'CS', 'DOC'],
        ['00100010', 'PN', 'CONFORMANCE^SUITE'],
        ['00100020', 'LO', 'CONFORMANCE'],
        ['0020000D', 'UI', study],
        ['0020000E', 'UI', series],
        ['00420012', 'LO', 'application/pdf'],
      ],
      { '00420011': ['OB', 'document'] },
    );
    const answer = await postParts(`${node.dicomweb}/studies`, 'application/dicom+json', [
      { type: 'application/dicom+json', body: JSON.stringify([model]) },
      { type: 'application/pdf', location: 'document', body: document },
    ]);
    expect(answer.status).toBe(200);
    const url = `${node.dicomweb}/studies/${study}/series/${series}/instances/${instance}`;
    const [file] = partsOf(await get(url, 'multipart/related; type="application/dicom"'));
    expect(file!.body.includes(document)).toBe(true);
  });

  it('answers 400, 409 or 415 to metadata whose bulk data did not come, and stores nothing (10.5.2)', async () => {
    const object = anObject();
    const model = [jsonModel(object.elements, { '7FE00010': ['OW', 'pixels/1'] })];
    const answer = await postParts(`${node.dicomweb}/studies`, 'application/dicom+json', [
      { type: 'application/dicom+json', body: JSON.stringify(model) },
    ]);
    expect([400, 409, 415]).toContain(answer.status);
    expect((await get(urlOf(object), '*/*')).status).toBe(404);
  });

  it('answers 415 to a multipart of what is no DICOM (10.5.2, Table 10.5.3-1)', async () => {
    const answer = await postParts(`${node.dicomweb}/studies`, 'text/plain', [{ type: 'text/plain', body: 'x' }]);
    expect(answer.status).toBe(415);
  });
});

describe('Store, forms of the response (PS3.18 10.5.3)', () => {
  it('answers in XML where that is asked for (10.5.3.2)', async () => {
    const object = anObject();
    const answer = await postParts(
      `${node.dicomweb}/studies`,
      'application/dicom',
      [{ type: 'application/dicom', body: object.file }],
      { accept: 'application/dicom+xml' },
    );
    expect(answer.status).toBe(200);
    expect(answer.type).toContain('application/dicom+xml');
    expect([...readXml(answer.body.toString()).keys()]).toContain('00081199');
  });

  it('gives the Retrieve URL of the study, by which it can be had (Table I.1-1)', async () => {
    const object = anObject();
    const answer = await postParts(`${node.dicomweb}/studies`, 'application/dicom', [
      { type: 'application/dicom', body: object.file },
    ]);
    expect(answer.type).toContain('application/dicom+json');
    const url = String(first(json(answer), '00081190'));
    const parts = partsOf(await get(url, 'multipart/related; type="application/dicom"'));
    expect(parts.map(({ body }) => body)).toEqual([object.file]);
  });

  it('gives each failure a Failure Reason and the instance that it is about (Table I.1-1)', async () => {
    const [good, other] = [anObject(), anObject()];
    const answer = await postParts(`${node.dicomweb}/studies/${good.study}`, 'application/dicom', [
      { type: 'application/dicom', body: good.file },
      { type: 'application/dicom', body: other.file },
    ]);
    expect(answer.status).toBe(202);
    const [failed] = itemsOf(json(answer), '00081198');
    expect(first(failed, '00081155')).toBe(other.instance);
    expect(first(failed, '00081197')).toBeTypeOf('number');
  });

  it('answers 406 where no form of the response is taken (8.7.8)', async () => {
    const answer = await postParts(
      `${node.dicomweb}/studies`,
      'application/dicom',
      [{ type: 'application/dicom', body: anObject().file }],
      { accept: 'image/png' },
    );
    expect(answer.status).toBe(406);
  });
});
