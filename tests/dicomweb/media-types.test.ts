import { describe, expect, it } from 'vitest';
import { dataset } from '../../src/dicom/build.ts';
import { asFile, SECONDARY_CAPTURE } from '../support/instances.ts';
import { ask, stored, stow } from './client.ts';
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
