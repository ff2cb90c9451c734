import { get, type IncomingMessage } from 'node:http';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { api, deleted } from '../archive/kept.ts';
import { asFile } from '../support/instances.ts';
import { ask, stored, stow } from './client.ts';
import { aSharedNode, openNode } from './shared-node.ts';

const node = aSharedNode({ dicomwebDelete: true });
let last = 0;

function files(count: number) {
  const study = `1.2.826.9.${++last}`;
  const uids = Array.from({ length: count }, (_, i) => `${study}.1.${i + 1}`);
  return {
    study,
    uids,
    files: uids.map((uid) => asFile({ StudyInstanceUID: study, SeriesInstanceUID: `${study}.1`, SOPInstanceUID: uid })),
  };
}

interface Page {
  readonly changes: readonly { sequence: number; time: string; action: string; sopInstanceUid: string }[];
  readonly last: number;
  readonly done: boolean;
}

async function page(query: string): Promise<Page> {
  const { status, text, type } = await ask(node.http, `/dicom-web/changes?${query}`);
  expect([status, type]).toEqual([200, 'application/json; charset=utf-8']);
  return JSON.parse(text);
}

/** The number of the last change of an instance: other tests write to the same server, so it may take a moment. */
function numberOf(uid: string): Promise<number> {
  return vi.waitFor(async () => {
    const { newest } = await latest();
    const found = (await page(`since=${Math.max(0, newest - 500)}`)).changes.filter(
      (one) => one.sopInstanceUid === uid,
    );
    expect(found).not.toEqual([]);
    return found.at(-1)!.sequence;
  }, 20_000);
}

/** The changes after a number, when there are so many. */
function pageOf(since: number, count: number): Promise<Page> {
  return vi.waitFor(async () => {
    const all = await page(`since=${since}`);
    expect(all.changes).toHaveLength(count);
    return all;
  }, 20_000);
}

async function latest(): Promise<{ oldest: number; newest: number }> {
  return JSON.parse((await ask(node.http, '/dicom-web/changes/latest')).text);
}

const told = ({ changes }: Page) => changes.map(({ action, sopInstanceUid }) => `${action} ${sopInstanceUid}`);

describe('the change feed over HTTP', () => {
  it('tells what was stored, deleted and restored, with UIDs and nothing of a patient', async () => {
    const { newest } = await latest();
    const { study, uids, files: sent } = files(2);
    await stored(node.http, sent);
    const undone = await deleted(node, `/studies/${study}/series/${study}.1/instances/${uids[1]}`);
    await api(node, 'POST', `/deletions/${undone}/undo`);
    const all = await pageOf(newest, 4);
    expect(told(all)).toEqual([`stored ${uids[0]}`, `stored ${uids[1]}`, `deleted ${uids[1]}`, `restored ${uids[1]}`]);
    expect(all).toMatchObject({ last: newest + 4, done: true });
    expect(Object.keys(all.changes[0]!).sort()).toEqual(
      ['action', 'sequence', 'seriesInstanceUid', 'sopInstanceUid', 'studyInstanceUid', 'time'].sort(),
    );
    const first = await page(`since=${newest}&limit=3`);
    expect(first).toMatchObject({ last: newest + 3, done: false });
    expect([...told(first), ...told(await page(`since=${first.last}`))]).toEqual(told(all));
  });

  it('tells what was superseded when an object kept apart takes the place of the first', async () => {
    const { study, uids, files: sent } = files(1);
    await stored(node.http, sent);
    const other = asFile({
      StudyInstanceUID: study,
      SeriesInstanceUID: `${study}.1`,
      SOPInstanceUID: uids[0]!,
      StudyDescription: 'other',
    });
    await stow(node.http, [other]);
    const newest = await numberOf(uids[0]!);
    const { conflicts } = (await api(node, 'GET', '/conflicts')).said as { conflicts: { id: number }[] };
    expect(await api(node, 'POST', `/conflicts/${conflicts[0]!.id}/accept`, { reason: 'the later one' })).toMatchObject(
      {
        status: 200,
      },
    );
    expect(told(await pageOf(newest, 2))).toEqual([`superseded ${uids[0]}`, `stored ${uids[0]}`]);
  });

  it.each(['since=x', 'since=-1', 'limit=0', 'limit=1001', 'limit=1e2', 'since=1234567890123456'])(
    'answers 400 to %s',
    async (query) => {
      const { status, text } = await ask(node.http, `/dicom-web/changes?${query}`);
      expect([status, JSON.parse(text)]).toEqual([400, { error: expect.stringContaining('number') }]);
    },
  );

  it('answers 406 where JSON is not taken, and 410 with the numbers there are where a client has missed something', async () => {
    const refused = await ask(node.http, '/dicom-web/changes', { headers: { accept: 'image/png' } });
    expect(refused.status).toBe(406);
    const { oldest, newest } = await latest();
    const ahead = await ask(node.http, `/dicom-web/changes?since=${newest + 1}`);
    expect([ahead.status, JSON.parse(ahead.text)]).toEqual([410, { error: expect.any(String), oldest, newest }]);
    const { uids, files: sent } = files(1);
    await stored(node.http, sent);
    await numberOf(uids[0]!);
    await node.sql(`UPDATE changes SET at = at - interval '100 days'`);
    await node.sql('UPDATE change_numbers SET forgotten = 1');
    const missed = await ask(node.http, '/dicom-web/changes?since=0');
    expect([missed.status, JSON.parse(missed.text)]).toMatchObject([410, { error: expect.stringContaining('anew') }]);
    const late = await ask(node.http, '/dicom-web/changes/events', { headers: { 'last-event-id': '0' } });
    expect(late.status).toBe(410);
    await node.sql('UPDATE change_numbers SET forgotten = 0');
  });
});

interface Listener {
  readonly response: IncomingMessage;
  readonly heard: () => string;
  readonly ended: () => boolean;
  close(): void;
}

function listen(root: string, headers: Record<string, string> = {}, query = ''): Promise<Listener> {
  return new Promise((resolve, reject) => {
    const request = get(`${root}/dicom-web/changes/events${query}`, { headers, agent: false }, (response) => {
      let text = '';
      let ended = false;
      response.on('data', (chunk) => (text += String(chunk)));
      for (const event of ['close', 'error']) response.on(event, () => (ended = true));
      const close = (): void => void request.destroy();
      onTestFinished(close);
      resolve({ response, heard: () => text, ended: () => ended, close });
    });
    request.on('error', reject);
  });
}

const idsOf = (text: string): number[] => [...text.matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id));

describe('changes as server-sent events', () => {
  it('tells each change as it happens, and after Last-Event-ID what came meanwhile', async () => {
    const { newest } = await latest();
    const first = await listen(node.http, { accept: 'text/event-stream' });
    expect(first.response.headers).toMatchObject({
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
    });
    const one = files(2);
    await stored(node.http, one.files);
    await vi.waitFor(() => expect(idsOf(first.heard())).toEqual([newest + 1, newest + 2]), 20_000);
    const data = [...first.heard().matchAll(/^data: (.*)$/gm)].map(([, json]) => JSON.parse(json!));
    expect(data[0]).toMatchObject({ sequence: newest + 1, action: 'stored', sopInstanceUid: one.uids[0] });
    expect(first.heard()).toMatch(/^retry: \d+\n\n/);
    first.close();
    await stored(node.http, files(3).files);
    const again = await listen(node.http, { 'last-event-id': String(newest + 1) });
    await vi.waitFor(() => expect(idsOf(again.heard())).toEqual([2, 3, 4, 5].map((n) => newest + n)), 20_000);
    const fromQuery = await listen(node.http, {}, `?since=${newest + 4}`);
    await vi.waitFor(() => expect(idsOf(fromQuery.heard())).toEqual([newest + 5]), 20_000);
  });

  it('takes a hundred listeners and refuses the next with 503 until one has left', async () => {
    const own = await openNode();
    onTestFinished(() => own.stop());
    const listeners = await Promise.all(Array.from({ length: 100 }, () => listen(own.http)));
    expect(listeners.map(({ response }) => response.statusCode)).toEqual(Array(100).fill(200));
    const refused = await ask(own.http, '/dicom-web/changes/events');
    expect([refused.status, refused.headers['retry-after']]).toEqual([503, '30']);
    listeners[0]!.close();
    await vi.waitFor(async () => {
      const next = await listen(own.http);
      expect(next.response.statusCode).toBe(200);
    }, 20_000);
  });

  it('lets a node stop at once, however many listen', async () => {
    const own = await openNode();
    const listener = await listen(own.http);
    const began = Date.now();
    await own.stop();
    expect(Date.now() - began).toBeLessThan(8000);
    await vi.waitFor(() => expect(listener.ended()).toBe(true));
  });

  it('answers 406 to who takes no events, and 400 to an id that is no number', async () => {
    const refused = await ask(node.http, '/dicom-web/changes/events', { headers: { accept: 'application/json' } });
    expect(refused.status).toBe(406);
    const wrong = await ask(node.http, '/dicom-web/changes/events', { headers: { 'last-event-id': 'x' } });
    expect(wrong.status).toBe(400);
    const head = await ask(node.http, '/dicom-web/changes/events', { method: 'HEAD' });
    expect([head.status, head.type]).toEqual([200, 'text/event-stream']);
  });
});

describe('DELETE by DICOMweb', () => {
  const remove = (path: string) => ask(node.http, `/dicom-web${path}`, { method: 'DELETE' });

  it('answers 204 and takes an instance, a series and a study out of every answer; 404 where nothing is', async () => {
    const { study, uids, files: sent } = files(3);
    await stored(node.http, sent);
    const series = `/studies/${study}/series/${study}.1`;
    for (const path of [`${series}/instances/${uids[0]}`, series]) {
      const { status, text } = await remove(path);
      expect([status, text]).toEqual([204, '']);
      expect((await ask(node.http, `/dicom-web${path}`)).status).toBe(404);
    }
    const again = await remove(`/studies/${study}`);
    expect([again.status, JSON.parse(again.text)]).toEqual([404, { error: expect.stringContaining('held here') }]);
    expect((await remove('/studies/a%20b')).status).toBe(400);
    const { events } = (await api(node, 'GET', '/events')).said as { events: Record<string, unknown>[] };
    expect(events[0]).toMatchObject({
      event: 'deleted',
      doneBy: expect.stringMatching(/^DICOMweb, (::ffff:)?127\.0\.0\.1$/),
      instances: 2,
      seriesInstanceUid: `${study}.1`,
    });
  });

  it('answers 409 to a study on hold, and keeps it', async () => {
    const { study, files: sent } = files(1);
    await stored(node.http, sent);
    await api(node, 'POST', `/studies/${study}/hold`, { reason: 'court' });
    const { status, text } = await remove(`/studies/${study}`);
    expect([status, JSON.parse(text)]).toEqual([409, { error: expect.stringContaining('hold') }]);
    expect((await ask(node.http, `/dicom-web/studies/${study}/metadata`)).status).toBe(200);
  });

  it('is off unless it was turned on: 403 names the setting, and nothing goes', async () => {
    const own = await openNode();
    onTestFinished(() => own.stop());
    const { study, files: sent } = files(1);
    await stored(own.http, sent);
    const { status, text } = await ask(own.http, `/dicom-web/studies/${study}`, { method: 'DELETE' });
    expect([status, JSON.parse(text)]).toEqual([403, { error: expect.stringContaining('VOXGATE_DICOMWEB_DELETE') }]);
    expect((await ask(own.http, `/dicom-web/studies/${study}/metadata`)).status).toBe(200);
  });
});
