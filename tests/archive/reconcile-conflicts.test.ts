import { rmSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { stored, stow } from '../dicomweb/client.ts';
import { aSharedNode } from '../dicomweb/shared-node.ts';
import { asFile } from '../support/instances.ts';
import { api, asText, expectTrueCounts, faults, fileOf, retrieved } from './kept.ts';

const shared = aSharedNode();

function named(study: string, series: number, instance: string, more = {}, pixels = 16): Buffer {
  const uids = { StudyInstanceUID: study, SeriesInstanceUID: `${study}.${series}`, SOPInstanceUID: instance };
  return asFile({ ...uids, ...more }, new Uint8Array(pixels));
}

interface Listed {
  readonly id: number;
  readonly kind: string;
  readonly reason: string;
  readonly heldStudyInstanceUid: string | null;
}

async function conflictsOf(sopInstanceUid: string): Promise<Listed[]> {
  const { said } = await api(shared, 'GET', '/conflicts?limit=500');
  return (said['conflicts'] as (Listed & { sopInstanceUid: string })[]).filter(
    (one) => one.sopInstanceUid === sopInstanceUid,
  );
}

describe('the reconcile list', () => {
  it('says what each object kept apart disagrees about, and where nothing is held any more', async () => {
    const first = named('1.2.6.1', 1, '1.2.6.1.9');
    await stored(shared.http, [first]);
    await stow(shared.http, [named('1.2.6.1', 1, '1.2.6.1.9', { Rows: 2 })]);
    await stow(shared.http, [named('1.2.6.1', 2, '1.2.6.1.9')]);
    await stow(shared.http, [named('1.2.6.2', 1, '1.2.6.1.9')]);
    const listed = await conflictsOf('1.2.6.1.9');
    expect(listed).toMatchObject([
      { kind: 'other-study', heldStudyInstanceUid: '1.2.6.1', studyInstanceUid: '1.2.6.2' },
      { kind: 'other-series' },
      { kind: 'other-content', receivedAt: expect.any(String), size: expect.any(Number) },
    ]);
    expect(JSON.stringify(listed)).not.toMatch(/storageKey|TEST\^ONE/);
    await api(shared, 'DELETE', '/studies/1.2.6.1', { reason: 'a test' });
    expect(await conflictsOf('1.2.6.1.9')).toMatchObject([{ kind: 'free', heldStudyInstanceUid: null }]);
  });

  it('accepted, the object replaces the one held, which goes into the trash: also into another study', async () => {
    const [held, other] = [named('1.2.6.3', 1, '1.2.6.3.9'), named('1.2.6.4', 1, '1.2.6.3.9', { Modality: 'MR' })];
    await stored(shared.http, [held]);
    await stow(shared.http, [other]);
    const [conflict] = await conflictsOf('1.2.6.3.9');
    const done = await api(shared, 'POST', `/conflicts/${conflict!.id}/accept`, { reason: 'the scanner was renamed' });
    expect(done).toEqual({ status: 200, said: { done: true, deletionId: expect.any(Number) } });
    expect(await retrieved(shared, '/studies/1.2.6.3')).toEqual([]);
    expect(await retrieved(shared, '/studies/1.2.6.4')).toEqual(asText([other]));
    expect(await conflictsOf('1.2.6.3.9')).toEqual([]);
    await expectTrueCounts(shared);
    const id = done.said['deletionId'];
    expect((await api(shared, 'POST', `/deletions/${id}/undo`)).said).toMatchObject({ left: ['1.2.6.3.9'] });
    await api(shared, 'DELETE', '/studies/1.2.6.4', { reason: 'a test' });
    expect((await api(shared, 'POST', `/deletions/${id}/undo`)).said).toEqual({ restored: 1, left: [] });
    expect(await retrieved(shared, '/studies/1.2.6.3')).toEqual(asText([held]));
    expect((await api(shared, 'POST', `/conflicts/${conflict!.id}/accept`)).status).toBe(404);
  });

  it('dismissed, the object goes into the trash; undone, it is kept apart again', async () => {
    await stored(shared.http, [named('1.2.6.5', 1, '1.2.6.5.9')]);
    await stow(shared.http, [named('1.2.6.5', 1, '1.2.6.5.9', { Rows: 2 })]);
    await stow(shared.http, [named('1.2.6.5', 1, '1.2.6.5.9', { Rows: 3 })]);
    const [second, first] = await conflictsOf('1.2.6.5.9');
    const { said } = await api(shared, 'POST', `/conflicts/${first!.id}/dismiss`);
    expect((await conflictsOf('1.2.6.5.9')).map(({ id }) => id)).toEqual([second!.id]);
    expect((await api(shared, 'POST', `/deletions/${said['deletionId']}/undo`)).said).toEqual({
      restored: 1,
      left: [],
    });
    expect(await conflictsOf('1.2.6.5.9')).toEqual([second, first]);
  });

  it('changes nothing of a study on hold, nor with an object that cannot be read any more', async () => {
    const held = named('1.2.6.6', 1, '1.2.6.6.9');
    await stored(shared.http, [held]);
    await stow(shared.http, [named('1.2.6.6', 1, '1.2.6.6.9', { Rows: 2 })]);
    const [conflict] = await conflictsOf('1.2.6.6.9');
    await api(shared, 'POST', '/studies/1.2.6.6/hold', { reason: 'a test' });
    for (const decision of ['accept', 'dismiss'])
      expect((await api(shared, 'POST', `/conflicts/${conflict!.id}/${decision}`)).status).toBe(409);
    await api(shared, 'POST', '/studies/1.2.6.6/release', { reason: 'a test' });
    const [row] = await shared.sql('SELECT storage_key AS key FROM conflicts WHERE id = $1', [conflict!.id]);
    const key = Buffer.isBuffer(row!['key']) ? row!['key'].toString('hex') : String(row!['key']);
    rmSync(fileOf(shared.node.settings.data, key));
    expect((await api(shared, 'POST', `/conflicts/${conflict!.id}/accept`)).status).toBe(409);
    expect(await retrieved(shared, '/studies/1.2.6.6')).toEqual(asText([held]));
    expect((await faults(shared)).map(({ kind }) => kind)).toEqual(['missing']);
    expect((await api(shared, 'POST', `/conflicts/${conflict!.id}/dismiss`)).status).toBe(200);
  });

  it('tells of a study whose instances name more than one patient, and of neither; also after delete and undo', async () => {
    const other = { PatientID: 'SECRETID' };
    await stored(shared.http, [named('1.2.6.10', 1, '1.2.6.10.1'), named('1.2.6.10', 1, '1.2.6.10.2', other)]);
    const mismatches = async () => {
      const { said } = await api(shared, 'GET', '/conflicts');
      expect(JSON.stringify(said)).not.toContain('SECRETID');
      return (said['patientMismatches'] as { studyInstanceUid: string }[]).filter(
        ({ studyInstanceUid }) => studyInstanceUid === '1.2.6.10',
      );
    };
    const found = await mismatches();
    expect(found).toMatchObject([{ sopInstanceUid: '1.2.6.10.2', numberOfInstances: 1 }]);
    const { said } = await api(shared, 'DELETE', '/studies/1.2.6.10', { reason: 'a test' });
    expect(await mismatches()).toEqual([]);
    await api(shared, 'POST', `/deletions/${said['deletionId']}/undo`);
    expect(await mismatches()).toEqual(found);
  });

  it('pages through what was stored with warnings, each with its sentences', async () => {
    const uids = ['1.2.6.7.1', '1.2.6.7.2', '1.2.6.7.3'];
    await stored(shared.http, [named('1.2.6.8', 1, '1.2.6.8.9')]);
    for (const uid of uids) await stow(shared.http, [named('1.2.6.7', 1, uid, {}, 9)]);
    const page = async (query: string): Promise<{ id: number; sopInstanceUid: string; warnings: string[] }[]> =>
      (await api(shared, 'GET', `/warnings${query}`)).said['warnings'] as never;
    const newest = await page('?limit=2');
    expect(newest.map(({ sopInstanceUid }) => sopInstanceUid)).toEqual([uids[2], uids[1]]);
    expect(newest[0]).toMatchObject({
      studyInstanceUid: '1.2.6.7',
      warnings: [expect.stringMatching(/\w+ \w+/)],
    });
    expect((await page(`?before=${newest[1]!.id}`)).map(({ sopInstanceUid }) => sopInstanceUid)).toEqual([uids[0]]);
  });
});
