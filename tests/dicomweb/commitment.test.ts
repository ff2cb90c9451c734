import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { dataset, type Fields } from '../../src/dicom/build.ts';
import { asFile, SECONDARY_CAPTURE } from '../support/instances.ts';
import { type Answer, ask, stored } from './client.ts';
import { aSharedNode } from './shared-node.ts';

const reference = (uid: string): Fields => ({
  ReferencedSOPClassUID: SECONDARY_CAPTURE,
  ReferencedSOPInstanceUID: uid,
});
const study = (uid: string): Fields => ({
  StudyInstanceUID: '1.2.3.40.1',
  SOPInstanceUID: uid,
  SeriesInstanceUID: '1.2.3.40.1.1',
});

describe('storage commitment over DICOMweb (PS3.18 13)', () => {
  const shared = aSharedNode();
  const path = (transactionUid: string): string => `/dicom-web/commitment-requests/${transactionUid}`;
  const post = (transactionUid: string, body: Fields | string, headers = {}): Promise<Answer> =>
    ask(shared.http, path(transactionUid), {
      method: 'POST',
      headers: { 'content-type': 'application/dicom+json', accept: 'application/dicom+json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(dataset(body)),
    });
  const check = (transactionUid: string): Promise<Answer> => ask(shared.http, path(transactionUid));

  it('answers with what is kept and what is not, and again when it is asked later (13.4.3, 13.5)', async () => {
    await stored(shared.http, [asFile(study('1.2.3.40.1.1.1'))]);
    const asked = { ReferencedSOPSequence: [reference('1.2.3.40.1.1.1'), reference('1.2.3.99')] };
    const answer = await post('2.25.11', asked);
    expect([answer.status, answer.type]).toEqual([200, 'application/dicom+json']);
    expect(JSON.parse(answer.text)).toEqual(
      dataset({
        ReferencedSOPSequence: [reference('1.2.3.40.1.1.1')],
        FailedSOPSequence: [{ ...reference('1.2.3.99'), FailureReason: 0x0112 }],
      }),
    );
    const again = await check('2.25.11');
    expect([again.status, again.text]).toEqual([200, answer.text]);
  });

  it('answers by study where it was asked by study (J.1, J.2)', async () => {
    await stored(shared.http, [asFile(study('1.2.3.40.1.1.2'))]);
    const byStudy = (studyUid: string, instance: Fields): Fields => ({
      StudyInstanceUID: studyUid,
      ReferencedSeriesSequence: [
        {
          SeriesInstanceUID: '1.2.3.40.1.1',
          ReferencedInstancesBySOPClassSequence: [
            { ReferencedSOPClassUID: SECONDARY_CAPTURE, ReferencedInstanceSequence: [instance] },
          ],
        },
      ],
    });
    const one = reference('1.2.3.40.1.1.2');
    const answer = await post('2.25.12', {
      ReferencedStudySequence: [byStudy('1.2.3.40.1', one), byStudy('1.2.3.40.2', one)],
    });
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.text)).toEqual(
      dataset({
        ReferencedStudySequence: [byStudy('1.2.3.40.1', one)],
        FailedStudySequence: [byStudy('1.2.3.40.2', { ...one, FailureReason: 0x0112 })],
      }),
    );
  });

  it('reads the bytes anew each time it is asked for: a changed file is not committed to', async () => {
    await stored(shared.http, [asFile(study('1.2.3.40.1.1.3'))]);
    const asked = { ReferencedSOPSequence: [reference('1.2.3.40.1.1.3')] };
    expect(JSON.parse((await post('2.25.13', asked)).text)).toEqual(dataset(asked));
    const root = join(shared.node.settings.data, 'objects');
    const name = readdirSync(root, { recursive: true, encoding: 'utf8' }).find(
      (one) => one.endsWith('.dcm') && readFileSync(join(root, one)).includes('1.2.3.40.1.1.3'),
    );
    const bytes = readFileSync(join(root, name!));
    bytes[bytes.length - 1]! ^= 1;
    writeFileSync(join(root, name!), bytes);
    expect(JSON.parse((await post('2.25.13', asked)).text)).toEqual(
      dataset({ FailedSOPSequence: [{ ...reference('1.2.3.40.1.1.3'), FailureReason: 0x0110 }] }),
    );
  });

  it('says so when a Transaction UID is in use, unknown or none, and when the body is no request', async () => {
    await post('2.25.14', { ReferencedSOPSequence: [reference('1.2.3.99')] });
    const answers = [
      await post('2.25.14', { ReferencedSOPSequence: [reference('1.2.3.98')] }),
      await check('2.25.404'),
      await check('no%2Fuid'),
      await post('2.25.15', '{'),
      await post('2.25.15', '[]'),
      await post('2.25.15', {}),
      await post('2.25.15', { ReferencedSOPSequence: [{ ReferencedSOPClassUID: SECONDARY_CAPTURE }] }),
      await post('2.25.15', '{"00081199":{"vr":"SQ","Value":["text"]}}'),
      await post('2.25.15', '<xml/>', { 'content-type': 'application/dicom+xml' }),
      await post('2.25.15', {}, { accept: 'image/png' }),
      await check('2.25.15'),
    ];
    expect(answers.map((answer) => answer.status)).toEqual([409, 404, 400, 400, 400, 400, 400, 400, 415, 406, 404]);
    const refused = await ask(shared.http, path('2.25.14'), { method: 'DELETE' });
    expect([refused.status, refused.headers['allow']]).toEqual([405, 'POST, GET, HEAD, OPTIONS']);
  });
});
