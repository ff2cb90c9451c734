import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, vi } from 'vitest';
import { bufferSource, parsePart10 } from '../../src/dicom/parse.ts';
import type { PhantomOptions } from '../../src/imaging/phantom.ts';
import { phantomStudy } from '../../src/imaging/phantom-study.ts';
import { DimsePeer } from '../../src/peers/dimse-peer.ts';
import { getJson, type SeriesReport } from '../support/node-process.ts';
import { aFolder, type TestNode } from '../support/test-node.ts';

/** Sends the slices of a phantom that are kept; returns the UID of their series. */
export async function sendPhantom(
  node: TestNode,
  options: PhantomOptions,
  keep: (slice: number) => boolean = () => true,
): Promise<string> {
  const peer = new DimsePeer('node', { callingAe: 'CT', calledAe: 'VOXGATE', host: '127.0.0.1', port: node.dimsePort });
  const folder = aFolder();
  const written = (name: string, bytes: Buffer): string => {
    writeFileSync(join(folder, name), bytes);
    return join(folder, name);
  };
  const instances = [...phantomStudy(options)].filter((_, slice) => keep(slice));
  await peer.store(
    instances.map(({ sopInstanceUid, bytes }) => {
      const { dataSetOffset, transferSyntaxUid } = parsePart10(bufferSource(bytes));
      return {
        sopClassUid: '1.2.840.10008.5.1.4.1.1.2',
        sopInstanceUid,
        transferSyntaxUid,
        dataSetOffset,
        path: written(sopInstanceUid, bytes),
        size: bytes.length,
      };
    }),
  );
  return instances[0]!.seriesInstanceUid;
}

export const analysesOf = (node: TestNode, series: string) =>
  getJson<SeriesReport>(`${node.http}/api/series/${series}/analyses`);

/** When so many analyses of the series have come to an end. */
export async function ended(node: TestNode, series: string, count = 1): Promise<SeriesReport> {
  return vi.waitFor(
    async () => {
      const report = await analysesOf(node, series);
      expect(
        report.analyses.filter(({ state }) => ['skipped', 'delivered', 'failed'].includes(state)).length,
        JSON.stringify(report),
      ).toBe(count);
      return report;
    },
    { timeout: 45_000, interval: 100 },
  );
}
