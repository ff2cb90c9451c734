import { describe, expect, it, onTestFinished } from 'vitest';
import { openApi } from '../../src/console/openapi.ts';
import { ask, stored } from '../dicomweb/client.ts';
import { aSharedNode, openNode } from '../dicomweb/shared-node.ts';
import { asFile } from '../support/instances.ts';

const shared = aSharedNode({ aeTitle: 'A<B>&"C' });
const SECRET = {
  PatientName: { Alphabetic: 'SECRETNAME^X' },
  PatientID: 'SECRETID',
  PatientBirthDate: '19010203',
  StudyInstanceUID: '1.2.3.500',
  SeriesInstanceUID: '1.2.3.500.1',
  SOPInstanceUID: '1.2.3.500.1.1',
};

describe('the console', () => {
  it('says that the process lives, and that database, storage and lane answer', async () => {
    expect(JSON.parse((await ask(shared.http, '/healthz')).text)).toEqual({ live: true });
    const ready = await ask(shared.http, '/readyz');
    expect([ready.status, JSON.parse(ready.text)]).toEqual([
      200,
      { ready: true, database: true, storage: true, lane: true, models: false },
    ]);
  });

  it('tells what became of a series, and why it was not analysed', async () => {
    await stored(shared.http, [asFile(SECRET)]);
    const answer = await ask(shared.http, '/api/series/1.2.3.500.1/analyses');
    expect(answer.status).toBe(200);
    const report = JSON.parse(answer.text);
    expect([report.seriesInstanceUid, report.instances, report.analyses]).toEqual(['1.2.3.500.1', 1, []]);
    expect(report.outcome).toBe('Not run: there is no model in the library.');
  });

  it.each([
    ['/api/series/a%20b/analyses', 400],
    ['/api/series/1.2.3.999/analyses', 404],
    ['/api/series/%zz/analyses', 400],
    ['/api/series/1.2%00/analyses', 400],
    ['/api/nothing', 404],
    ['/..%2f..%2fetc/passwd', 404],
    ['//dicom-web/studies', 404],
    ['/%2e%2e/', 404],
  ])('answers %s with %i and a sentence, as JSON', async (path, status) => {
    const answer = await ask(shared.http, path);
    expect([answer.status, answer.type]).toEqual([status, 'application/json; charset=utf-8']);
    expect(JSON.parse(answer.text).error).toMatch(/\w+ \w+/);
  });

  it('lists what was kept apart, what was analysed and the models', async () => {
    await stored(shared.http, [asFile(SECRET)]);
    const conflict = await ask(shared.http, '/dicom-web/studies', {
      method: 'POST',
      headers: { 'content-type': 'application/dicom' },
      body: asFile({ ...SECRET, Rows: 2 }),
    });
    expect(conflict.status).toBe(202);
    const { conflicts } = JSON.parse((await ask(shared.http, '/api/conflicts')).text);
    expect(conflicts[0]).toMatchObject({
      sopInstanceUid: '1.2.3.500.1.1',
      reason: 'the SOP Instance UID is held with other content',
    });
    expect(JSON.parse((await ask(shared.http, '/api/analyses')).text)).toEqual({ analyses: [] });
    expect(JSON.parse((await ask(shared.http, '/api/models')).text)).toEqual({ models: [], broken: [] });
  });

  it('has a page that runs no script, takes nothing from elsewhere, and writes no name as markup', async () => {
    const page = await ask(shared.http, '/');
    expect([page.status, page.type]).toEqual([200, 'text/html; charset=utf-8']);
    expect(page.headers['content-security-policy']).toContain("default-src 'none'");
    expect(page.text).not.toContain('<script');
    expect(page.text).not.toContain('A<B>');
    expect(page.text).toContain('A&#60;B&#62;&#38;&#34;C');
  });

  it('never shows who a patient is', async () => {
    await stored(shared.http, [asFile(SECRET)]);
    const pages = ['/', '/api/conflicts', '/api/analyses', '/api/series/1.2.3.500.1/analyses'];
    for (const path of pages) expect((await ask(shared.http, path)).text).not.toMatch(/SECRET|19010203/);
  });

  it('describes every address of its API (OpenAPI 3.1)', async () => {
    const description = JSON.parse((await ask(shared.http, '/api/openapi.json')).text);
    expect(description).toEqual(JSON.parse(JSON.stringify(openApi())));
    expect(description.openapi).toBe('3.1.0');
    for (const path of Object.keys(description.paths)) {
      const answer = await ask(
        shared.http,
        path.replace('{StudyInstanceUID}', '1.2.3.500').replace('{SeriesInstanceUID}', '1.2.3.500.1'),
      );
      expect(answer.type, path).toContain('application/json');
      expect([200, 404], path).toContain(answer.status);
    }
  });

  it('is not ready without its database, answers within seconds, and shows nobody its statements', async () => {
    const alone = await openNode();
    onTestFinished(() => alone.stop());
    await stored(alone.http, [asFile(SECRET)]);
    await alone.dropDatabase();
    const began = Date.now();
    const ready = await ask(alone.http, '/readyz');
    expect([ready.status, JSON.parse(ready.text).database]).toEqual([503, false]);
    expect(Date.now() - began).toBeLessThan(4000);
    expect((await ask(alone.http, '/healthz')).status).toBe(200);
    for (const path of ['/', '/api/analyses', '/dicom-web/studies?PatientName=SECRETNAME']) {
      const answer = await ask(alone.http, path);
      expect(answer.status).toBe(500);
      expect(answer.text).toBe('{"error":"an internal error; see the log of this node"}');
    }
    expect(alone.log()).not.toMatch(/SECRET/);
  });

  it('writes no value of a statement that fails into the log, nor of an object that could not be recorded', async () => {
    const alone = await openNode();
    onTestFinished(() => alone.stop());
    await alone.sql('ALTER TABLE studies RENAME COLUMN patient_name_folded TO gone');
    expect((await ask(alone.http, '/dicom-web/studies?PatientName=SECRETNAME')).status).toBe(500);
    const refused = await ask(alone.http, '/dicom-web/studies', {
      method: 'POST',
      headers: { 'content-type': 'application/dicom' },
      body: asFile(SECRET),
    });
    expect(refused.status).toBe(409);
    expect(refused.text + alone.log()).not.toMatch(/SECRET|19010203/i);
    expect(alone.log()).toContain('patient_name_folded');
  });
});
