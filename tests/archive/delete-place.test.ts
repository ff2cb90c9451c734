import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { ask, askJson, stored, stow } from '../dicomweb/client.ts';
import { aSharedNode, openNode } from '../dicomweb/shared-node.ts';
import { asFile } from '../support/instances.ts';
import { api, asText, deleted, expectTrueCounts, objectFiles, retrieved } from './kept.ts';

const shared = aSharedNode();
let last = 0;

/** A study of two series with two and one instances, of UIDs that no other test uses. */
function aStudy() {
  const study = `1.2.826.7.${++last}`;
  const file = (series: number, instance: number, more = {}) =>
    asFile({
      StudyInstanceUID: study,
      SeriesInstanceUID: `${study}.${series}`,
      SOPInstanceUID: `${study}.${series}.${instance}`,
      Modality: series === 1 ? 'CT' : 'SR',
      InstanceNumber: instance,
      StudyDescription: 'déjà vu \\ "quoted"',
      ...more,
    });
  return { study, file, files: [file(1, 1), file(1, 2), file(2, 1)] };
}

const rowsOf = (study: string) =>
  shared.sql(
    `SELECT to_jsonb(s) - 'updated_at' AS study, to_jsonb(e) AS series, to_jsonb(i) AS instance
     FROM studies s JOIN series e ON e.study_id = s.id JOIN instances i ON i.series_id = e.id
     WHERE s.study_instance_uid = $1 ORDER BY i.id`,
    [study],
  );

describe('deleting', () => {
  it('takes a study out of every answer at once, and undo brings back the same bytes and the same rows', async () => {
    const { study, files } = aStudy();
    await stored(shared.http, files);
    const before = await rowsOf(study);
    const metadata = await askJson(shared.http, `/dicom-web/studies/${study}/metadata`);
    const { status, said } = await api(shared, 'DELETE', `/studies/${study}`, { reason: 'wrong patient' });
    expect([status, said]).toEqual([
      200,
      {
        deletionId: expect.any(Number),
        instances: 3,
        bytes: files.reduce((n, f) => n + f.length, 0),
        purgeAfter: expect.any(String),
      },
    ]);
    expect(Date.parse(String(said['purgeAfter'])) - Date.now()).toBeGreaterThan(6.9 * 86_400_000);
    expect(await retrieved(shared, `/studies/${study}`)).toEqual([]);
    expect(await askJson(shared.http, `/dicom-web/studies?StudyInstanceUID=${study}`)).toEqual([]);
    await expectTrueCounts(shared);

    expect(await api(shared, 'POST', `/deletions/${said['deletionId']}/undo`)).toEqual({
      status: 200,
      said: { restored: 3, left: [] },
    });
    expect(await retrieved(shared, `/studies/${study}`)).toEqual(asText(files));
    expect(await rowsOf(study)).toEqual(before);
    expect(await askJson(shared.http, `/dicom-web/studies/${study}/metadata`)).toEqual(metadata);
    await expectTrueCounts(shared);
  });

  it('takes a series or an instance alone, and corrects what is counted above it', async () => {
    const { study, files } = aStudy();
    await stored(shared.http, files);
    const counted = async () => {
      const [found] = await askJson(shared.http, `/dicom-web/studies?StudyInstanceUID=${study}&includefield=all`);
      return ['00201206', '00201208', '00080061'].map((tag) => found?.[tag]?.Value);
    };
    const series = await deleted(shared, `/studies/${study}/series/${study}.2`);
    expect(await counted()).toEqual([[1], [2], ['CT']]);
    const instance = await deleted(shared, `/studies/${study}/series/${study}.1/instances/${study}.1.1`);
    expect(await counted()).toEqual([[1], [1], ['CT']]);
    expect(await retrieved(shared, `/studies/${study}`)).toEqual(asText([files[1]!]));
    const rest = await deleted(shared, `/studies/${study}`);
    expect(await retrieved(shared, `/studies/${study}`)).toEqual([]);
    // In another order than they went: each brings back the study and series it needs.
    for (const id of [instance, series, rest])
      expect((await api(shared, 'POST', `/deletions/${id}/undo`)).said).toMatchObject({ left: [] });
    expect(await counted()).toEqual([[2], [3], ['CT', 'SR']]);
    expect(await retrieved(shared, `/studies/${study}`)).toEqual(asText(files));
    await expectTrueCounts(shared);
  });

  it('keeps in the trash, and names, what was received again under its UID', async () => {
    const { study, file, files } = aStudy();
    await stored(shared.http, files);
    const id = await deleted(shared, `/studies/${study}`);
    const other = file(1, 2, { Rows: 2 });
    await stored(shared.http, [other]);
    const { said } = await api(shared, 'POST', `/deletions/${id}/undo`);
    expect(said).toMatchObject({ restored: 2, left: [`${study}.1.2`], reason: expect.stringContaining('received') });
    expect(await retrieved(shared, `/studies/${study}`)).toEqual(asText([files[0]!, other, files[2]!]));
    const { said: list } = await api(shared, 'GET', '/deletions');
    expect(list['deletions']).toContainEqual(
      expect.objectContaining({ id, instances: 3, waiting: 1, undone: 2, purged: 0, reason: 'a test' }),
    );
    await deleted(shared, `/studies/${study}/series/${study}.1/instances/${study}.1.2`);
    expect((await api(shared, 'POST', `/deletions/${id}/undo`)).said).toEqual({ restored: 1, left: [] });
    expect(await retrieved(shared, `/studies/${study}`)).toEqual(asText(files));
    await expectTrueCounts(shared);
  });

  it('the same object received again after a deletion outlives the purge of the deleted copy', async () => {
    const { study, files } = aStudy();
    await stored(shared.http, files);
    const id = await deleted(shared, `/studies/${study}`);
    await stored(shared.http, files);
    expect(await api(shared, 'POST', `/deletions/${id}/purge`)).toEqual({ status: 202, said: { purging: 3 } });
    await vi.waitFor(
      async () =>
        expect((await api(shared, 'GET', '/deletions')).said['deletions']).toContainEqual(
          expect.objectContaining({ id, waiting: 0, purged: 3 }),
        ),
      10_000,
    );
    expect(await retrieved(shared, `/studies/${study}`)).toEqual(asText(files));
    expect((await api(shared, 'POST', `/deletions/${id}/undo`)).said).toEqual({ restored: 0, left: [] });
  });

  it('takes along what was kept apart under the same UIDs, and brings it back', async () => {
    const { study, file, files } = aStudy();
    await stored(shared.http, files);
    await stow(shared.http, [file(1, 1, { Rows: 2 })]);
    const apart = async () =>
      (await shared.sql('SELECT id, reason FROM conflicts WHERE study_instance_uid = $1', [study])).length;
    expect(await apart()).toBe(1);
    const id = await deleted(shared, `/studies/${study}`);
    expect(await apart()).toBe(0);
    expect((await api(shared, 'POST', `/deletions/${id}/undo`)).said).toEqual({ restored: 4, left: [] });
    expect(await apart()).toBe(1);
  });

  it('removes file and rows when the time to undo is over; with 0 days at once', async () => {
    const alone = await openNode({ undoDays: 0 });
    onTestFinished(() => alone.stop());
    const { study, files } = aStudy();
    await stored(alone.http, files);
    const id = await deleted(alone, `/studies/${study}`);
    await vi.waitFor(() => expect(objectFiles(alone.node.settings.data)).toEqual([]), 10_000);
    await vi.waitFor(
      async () => expect(await alone.sql('SELECT FROM trash UNION ALL SELECT FROM trash_parents')).toEqual([]),
      10_000,
    );
    // Its metadata, which name the patient, are erased from the log.
    const log = join(alone.node.settings.data, 'metadata');
    for (const name of readdirSync(log)) expect(readFileSync(join(log, name)).includes(study)).toBe(false);
    expect(await alone.sql('SELECT event, instances, deletion_id FROM archive_events ORDER BY id')).toEqual([
      { event: 'deleted', instances: 3, deletion_id: String(id) },
      { event: 'purged', instances: 3, deletion_id: String(id) },
    ]);
  });

  it('is refused for a study on hold, also the purge of what is in its trash; and not after its release', async () => {
    const { study, files } = aStudy();
    await stored(shared.http, files);
    const id = await deleted(shared, `/studies/${study}/series/${study}.2`);
    expect((await api(shared, 'POST', `/studies/${study}/hold`, { reason: 'a court asks' })).status).toBe(200);
    for (const path of [`/studies/${study}`, `/studies/${study}/series/${study}.1/instances/${study}.1.1`])
      expect((await api(shared, 'DELETE', path, { reason: 'a test' })).status).toBe(409);
    expect((await api(shared, 'POST', `/deletions/${id}/purge`)).status).toBe(409);
    expect(await retrieved(shared, `/studies/${study}/series/${study}.1`)).toEqual(asText(files.slice(0, 2)));
    expect((await api(shared, 'GET', '/holds')).said['holds']).toContainEqual(
      expect.objectContaining({ studyInstanceUid: study, reason: 'a court asks' }),
    );
    expect((await api(shared, 'POST', `/studies/${study}/release`, { reason: 'it is over' })).status).toBe(200);
    await deleted(shared, `/studies/${study}`);
  });

  it('is told in an audit that cannot be changed, and names no patient', async () => {
    const { study, file } = aStudy();
    await stored(shared.http, [file(1, 1, { PatientName: { Alphabetic: 'SECRETNAME' }, PatientID: 'SECRETID' })]);
    await deleted(shared, `/studies/${study}`, 'sent by mistake');
    const { said } = await api(shared, 'GET', '/events?limit=1');
    expect(said['events']).toEqual([
      expect.objectContaining({
        event: 'deleted',
        reason: 'sent by mistake',
        studyInstanceUid: study,
        instances: 1,
        doneBy: expect.stringMatching(/^console, .*127\.0\.0\.1$/),
      }),
    ]);
    await expect(shared.sql('DELETE FROM archive_events')).rejects.toThrow('archive_events only grows');
    await expect(shared.sql("UPDATE archive_events SET reason = ''")).rejects.toThrow('archive_events only grows');
    await expect(shared.sql('TRUNCATE archive_events')).rejects.toThrow('archive_events only grows');
    const page = await ask(shared.http, '/');
    expect(page.text).toContain('sent by mistake');
    for (const path of ['/', '/api/events', '/api/deletions'])
      expect((await ask(shared.http, path)).text).not.toMatch(/SECRET/);
    expect(shared.log()).not.toMatch(/SECRET/);
  });

  it.each([
    ['DELETE', '/studies/1.2.3.404', { reason: 'r' }, 404],
    ['DELETE', '/studies/not%20a%20uid', { reason: 'r' }, 400],
    ['DELETE', '/studies/1.2.3.404', {}, 400],
    ['DELETE', '/studies/1.2.3.404', { reason: ' ' }, 400],
    ['DELETE', '/studies/1.2.3.404', { reason: 'x'.repeat(501) }, 400],
    ['POST', '/deletions/99999999/undo', {}, 404],
    ['POST', '/deletions/nonsense/undo', {}, 404],
    ['POST', '/deletions/99999999/purge', {}, 404],
    ['POST', '/studies/1.2.3.404/hold', { reason: 'r' }, 404],
    ['POST', '/studies/1.2.3.404/release', { reason: 'r' }, 404],
    ['GET', '/deletions?limit=0', {}, 400],
    ['GET', '/events?before=x', {}, 400],
  ])('%s /api%s %j is answered with %i', async (method, path, body, status) => {
    const answer = await api(shared, method, path, body);
    expect([answer.status, answer.said['error']]).toEqual([status, expect.stringMatching(/\w+ \w+/)]);
  });

  it('is not to be had by a form of another site: a POST says application/json', async () => {
    const form = { method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: 'reason=x' };
    expect((await ask(shared.http, '/api/deletions/1/purge', form)).status).toBe(415);
    const broken = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{' };
    expect((await ask(shared.http, '/api/deletions/1/undo', broken)).status).toBe(400);
  });
});
