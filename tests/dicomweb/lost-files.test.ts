import { mkdtempSync, readdirSync, rmSync, truncateSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { asFile } from '../support/instances.ts';
import { ask, stored } from './client.ts';
import { aSharedNode } from './shared-node.ts';

const data = mkdtempSync(join(tmpdir(), 'voxgate-test-'));
const shared = aSharedNode({ data });
const STUDY = '1.2.3.750';
const SERIES = `/dicom-web/studies/${STUDY}/series/${STUDY}.1`;
const INSTANCES = [1, 2, 3];
const pathOf = (number: number): string => `${SERIES}/instances/${STUDY}.1.${number}`;

/** How an answer ended: whole, or broken off before its end. */
function endOf(path: string, accept: string): Promise<{ status: number; whole: boolean }> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(shared.http);
    const outgoing = request({ hostname, port, path, headers: { accept }, agent: false }, (incoming) => {
      const status = incoming.statusCode ?? 0;
      incoming.on('error', () => resolve({ status, whole: false }));
      incoming.on('end', () => resolve({ status, whole: incoming.complete }));
      incoming.resume();
    });
    outgoing.on('error', reject);
    outgoing.end();
  });
}

beforeAll(async () => {
  await stored(
    shared.http,
    INSTANCES.map((number) =>
      asFile(
        {
          StudyInstanceUID: STUDY,
          SeriesInstanceUID: `${STUDY}.1`,
          SOPInstanceUID: `${STUDY}.1.${number}`,
          InstanceNumber: number,
          Rows: 2048,
          Columns: 1024,
        },
        Buffer.alloc(2 * 1024 * 1024, number),
      ),
    ),
  );
  const rows = await shared.sql('SELECT storage_key, sop_instance_uid FROM instances ORDER BY instance_number');
  const files = readdirSync(join(data, 'objects'), { recursive: true, encoding: 'utf8' });
  const fileOf = (number: number): string => {
    const name = files.find((file) => file.endsWith(`${rows[number - 1]!['storage_key']}.dcm`));
    return join(data, 'objects', name!);
  };
  truncateSync(fileOf(2), 1024 * 1024);
  rmSync(fileOf(3));
});
afterAll(() => rmSync(data, { recursive: true, force: true }));

describe('an object whose file was lost or cut behind the node’s back', () => {
  it.each([
    ['a series', SERIES, 'multipart/related; type="application/dicom"'],
    ['a ZIP file', SERIES, 'application/zip'],
    ['an instance that was cut', pathOf(2), 'application/dicom'],
    ['a value that was cut', `${pathOf(2)}/bulkdata/7FE00010`, 'multipart/related'],
  ])('breaks %s off, so that nobody takes it for whole', async (_what, path, accept) => {
    expect(await endOf(path, accept)).toMatchObject({ whole: false });
  });

  it.each([
    ['the value of one that is gone', `${pathOf(3)}/bulkdata/7FE00010`],
    ['one that is gone', `${pathOf(3)}?accept=application/dicom`],
    ['one that is gone, as multipart', pathOf(3)],
    ['a frame of one that is gone', `${pathOf(3)}/frames/1`],
  ])('answers 404 to %s', async (_what, path) => {
    expect((await ask(shared.http, path)).status).toBe(404);
  });

  it('leaves the others and the node as they are', async () => {
    expect(await endOf(pathOf(1), 'application/dicom')).toEqual({ status: 200, whole: true });
    expect((await ask(shared.http, '/healthz')).status).toBe(200);
  });
});
