import { get as listen } from 'node:http';
import { describe, expect, it, onTestFinished, type TestContext } from 'vitest';
import { call, first, get, itemsOf, json, post } from '../wire/http.ts';
import { readXml } from '../wire/models.ts';
import { aUid, nodeUnderTest } from '../wire/node.ts';
import { anObject, SECONDARY_CAPTURE } from '../wire/objects.ts';

const node = nodeUnderTest();

/** What the standard does not have is asked of those who offer it. */
function offered(context: TestContext, { status }: { readonly status: number }): void {
  if ([403, 404, 405, 501].includes(status)) context.skip('not offered by this node');
}

async function anInstance() {
  const object = anObject();
  const { status } = await post(`${node.dicomweb}/studies`, [object.file]);
  if (status !== 200) throw new Error(`STOW-RS was answered with HTTP ${status}`);
  return object;
}

describe('Capabilities (PS3.18 8.9)', () => {
  it('OPTIONS of the root gives a WADL document with the resources of Annex H', async () => {
    const { status, type, body } = await call(`${node.dicomweb}/`, {
      method: 'OPTIONS',
      headers: { accept: 'application/vnd.sun.wadl+xml' },
    });
    expect([status, type.split(';')[0]]).toEqual([200, 'application/vnd.sun.wadl+xml']);
    readXml(body.toString());
    for (const part of ['<resources base=', 'path="studies"', '<method name="GET"', '<method name="POST"'])
      expect(body.toString()).toContain(part);
  });

  it('OPTIONS of the root gives JSON where that is asked for (8.9.4)', async () => {
    const { status, body } = await call(`${node.dicomweb}/`, {
      method: 'OPTIONS',
      headers: { accept: 'application/json' },
    });
    expect(status).toBe(200);
    expect(JSON.parse(body.toString())).toBeTypeOf('object');
  });
});

describe('Methods (RFC 9110 9, 15.5.6)', () => {
  it('OPTIONS of a resource names its methods in Allow', async () => {
    const { status, headers } = await call(`${node.dicomweb}/studies`, { method: 'OPTIONS' });
    expect(status).toBeLessThan(300);
    const allowed = (headers.get('allow') ?? '').split(/, */);
    expect(allowed).toEqual(expect.arrayContaining(['GET', 'POST']));
  });

  it('a method that a resource does not have is 405, with those it has', async () => {
    const { status, headers } = await call(`${node.dicomweb}/studies`, { method: 'PUT', body: 'x' });
    expect(status).toBe(405);
    expect(headers.get('allow')).toContain('GET');
  });
});

describe('Storage commitment (PS3.18 13)', () => {
  it('commits to what is held, and not to what is not (13.4)', async () => {
    const object = await anInstance();
    const reference = (uid: string) => ({
      '00081150': { vr: 'UI', Value: [SECONDARY_CAPTURE] },
      '00081155': { vr: 'UI', Value: [uid] },
    });
    const url = `${node.dicomweb}/commitment-requests/${aUid()}`;
    const type = 'application/dicom+json';
    let answer = await call(url, {
      method: 'POST',
      headers: { 'content-type': type, accept: type },
      body: JSON.stringify({ '00081199': { vr: 'SQ', Value: [reference(object.instance), reference(aUid())] } }),
    });
    for (let tries = 0; answer.status === 202 && tries < 10; tries++) {
      await new Promise((resolve) => setTimeout(resolve, 500));
      answer = await get(url, type);
    }
    expect(answer.status).toBe(200);
    expect(itemsOf(json(answer), '00081199').map((item) => first(item, '00081155'))).toEqual([object.instance]);
    expect(itemsOf(json(answer), '00081198')).toHaveLength(1);
  });
});

describe('Delete (not of the standard)', () => {
  it('DELETE of an instance: 204 or 200, and it cannot be retrieved or found any more', async (context) => {
    const object = await anInstance();
    const url = `${node.dicomweb}/studies/${object.study}/series/${object.series}/instances/${object.instance}`;
    const answer = await call(url, { method: 'DELETE' });
    offered(context, answer);
    expect([200, 204]).toContain(answer.status);
    expect((await get(url, '*/*')).status).toBe(404);
    const found = await get(`${node.dicomweb}/studies?StudyInstanceUID=${object.study}`, 'application/dicom+json');
    expect(found.status === 204 || JSON.parse(found.body.toString()).length === 0).toBe(true);
    expect((await call(url, { method: 'DELETE' })).status).toBe(404);
  });
});

describe('Change feed (not of the standard)', () => {
  const latest = async (context: TestContext): Promise<number> => {
    const answer = await get(`${node.dicomweb}/changes/latest`, 'application/json');
    offered(context, answer);
    return JSON.parse(answer.body.toString()).newest;
  };

  it('tells of what was stored, by number, to who asks after the number before', async (context) => {
    const before = await latest(context);
    const object = await anInstance();
    await expect
      .poll(
        async () => {
          const { body } = await get(`${node.dicomweb}/changes?since=${before}`, 'application/json');
          const { changes }: { changes: { sopInstanceUid: string; action: string }[] } = JSON.parse(body.toString());
          return changes.filter(({ sopInstanceUid }) => sopInstanceUid === object.instance).map(({ action }) => action);
        },
        { timeout: 10_000 },
      )
      .toEqual(['stored']);
  });

  it('tells of it as an event, too', async (context) => {
    const before = await latest(context);
    let heard = '';
    const headers = { accept: 'text/event-stream', 'last-event-id': String(before) };
    const listening = listen(`${node.dicomweb}/changes/events`, { headers }, (response) => {
      response.on('data', (chunk) => (heard += String(chunk)));
      response.on('error', () => undefined);
    }).on('error', () => undefined);
    onTestFinished(() => void listening.destroy());
    const object = await anInstance();
    await expect.poll(() => heard, { timeout: 10_000 }).toContain(object.instance);
    expect(heard).toMatch(/^id: \d+$/m);
  });
});
