import { request } from 'node:http';
import { describe, expect, it } from 'vitest';
import { dataset } from '../../src/dicom/build.ts';
import { anInstance } from '../support/instances.ts';
import { NodeProcess } from '../support/node-process.ts';
import { residentMegabytes } from '../support/process-health.ts';
import { askJson } from './client.ts';

const MEGABYTES = 320;
const PIECE = Buffer.alloc(1024 * 1024, 3);

describe('bulk data that no memory should hold (PS3.18 10.5.1)', () => {
  it(`pass through to the disk: ${MEGABYTES} MB of pixels, and memory stays as it was`, async () => {
    const node = await NodeProcess.start({ models: '/nowhere' });
    const study = '1.2.3.170';
    const metadata = {
      ...dataset(
        anInstance({
          StudyInstanceUID: study,
          SeriesInstanceUID: `${study}.1`,
          SOPInstanceUID: `${study}.1.1`,
          Rows: 1024,
          Columns: 1024,
          NumberOfFrames: MEGABYTES,
        }),
      ),
      '7FE00010': { vr: 'OB', BulkDataURI: 'pixels' },
    };
    const before = residentMegabytes(node.pid);
    let most = before;
    const timer = setInterval(() => {
      most = Math.max(most, residentMegabytes(node.pid));
    }, 50);
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const outgoing = request(`${node.http}/dicom-web/studies`, {
        method: 'POST',
        headers: { 'content-type': 'multipart/related; type="application/dicom+json"; boundary=a-boundary' },
      });
      outgoing.once('response', (incoming) => incoming.resume().once('end', () => resolve(incoming.statusCode)));
      outgoing.once('error', reject);
      outgoing.write(
        `--a-boundary\r\nContent-Type: application/dicom+json\r\n\r\n${JSON.stringify([metadata])}\r\n--a-boundary\r\nContent-Type: application/octet-stream\r\nContent-Location: pixels\r\n\r\n`,
      );
      const more = (left: number): void => {
        if (left === 0) outgoing.end('\r\n--a-boundary--\r\n');
        else outgoing.write(PIECE, () => more(left - 1));
      };
      more(MEGABYTES);
    });
    clearInterval(timer);
    expect(status).toBe(200);
    expect(most - before).toBeLessThan(150);
    const [held] = await askJson(node.http, `/dicom-web/studies/${study}/metadata`);
    expect(held?.['00280008']?.Value).toEqual([MEGABYTES]);
  });
});
