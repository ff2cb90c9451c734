import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { JsonDataset } from '../../src/dicom/dataset.ts';
import { bufferSource, parsePart10 } from '../../src/dicom/parse.ts';
import { items, text } from '../../src/dicom/read-values.ts';
import { DimsePeer } from '../../src/peers/dimse-peer.ts';
import { NodeProcess } from '../support/node-process.ts';
import { hasSharedData, sharedData } from '../support/shared-data.ts';

function malformedFiles(): string[] {
  if (!hasSharedData) return [];
  return readdirSync(sharedData('malformed'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

/** What STOW-RS answers for one file: the HTTP status and the reason or warning inside. */
async function stow(
  node: NodeProcess,
  bytes: Buffer,
): Promise<{ status: number; code: string | undefined; stored: boolean }> {
  const response = await fetch(`${node.http}/dicom-web/studies`, {
    method: 'POST',
    body: bytes,
    headers: { 'content-type': 'application/dicom' },
  });
  const answer = (await response.json()) as JsonDataset;
  const [stored] = items(answer, 'ReferencedSOPSequence');
  const [failed] = [...items(answer, 'FailedSOPSequence'), ...items(answer, 'OtherFailuresSequence')];
  return {
    status: response.status,
    stored: stored !== undefined,
    code: text(stored ?? failed ?? {}, stored ? 'WarningReason' : 'FailureReason'),
  };
}

/** What C-STORE answers, sent as our own sender sends it; a file that cannot be read cannot be sent. */
async function cStore(node: NodeProcess, path: string, bytes: Buffer): Promise<string> {
  let object: Parameters<DimsePeer['store']>[0][number];
  try {
    const { dataset, meta, transferSyntaxUid, dataSetOffset } = parsePart10(bufferSource(bytes));
    const sopClassUid =
      text(dataset, 'SOPClassUID') ?? text(meta, 'MediaStorageSOPClassUID') ?? '1.2.840.10008.5.1.4.1.1.7';
    const sopInstanceUid = text(dataset, 'SOPInstanceUID') ?? text(meta, 'MediaStorageSOPInstanceUID') ?? '1.2.3';
    object = { sopClassUid, sopInstanceUid, transferSyntaxUid, dataSetOffset, path, size: bytes.length };
  } catch {
    return 'not sent: no data set can be found in it';
  }
  const peer = new DimsePeer('node', {
    callingAe: 'TEST',
    calledAe: 'VOXGATE',
    host: '127.0.0.1',
    port: node.dimsePort,
  });
  return peer.store([object]).then(
    () => 'stored',
    (error: Error) => error.message.replace(/^.*?: /, ''),
  );
}

describe.skipIf(!hasSharedData)('the malformed files', () => {
  it('each get a defined answer by both doors, a sentence where they are stored, and leave the node running', async () => {
    // One announces four images of its acquisition, of which no other ever comes.
    const node = await NodeProcess.start({ announcedSeconds: 4, idleSettleSeconds: 4 });
    const { pid } = node;
    let [stored, refused] = [0, 0];
    for (const file of malformedFiles()) {
      const bytes = readFileSync(file);
      const byDimse = await cStore(node, file, bytes);
      const byWeb = await stow(node, bytes);
      expect([200, 202, 409], `${basename(file)} by STOW-RS`).toContain(byWeb.status);
      if (byWeb.status !== 200) expect(byWeb.code, `${basename(file)} by STOW-RS`).toMatch(/^\d+$/);
      expect(byDimse, `${basename(file)} by C-STORE`).toMatch(/^stored$|^not sent|status [0-9A-F]{4}H|did not accept/);
      if (byWeb.stored) stored += 1;
      else refused += 1;
      let outcome = '';
      if (byWeb.stored) {
        const series = text(parsePart10(bufferSource(bytes)).dataset, 'SeriesInstanceUID')!;
        const report = await node.settled(series, 30);
        ({ outcome } = report);
        expect(
          report.analyses.every(({ state, reason }) => state === 'skipped' && /^Not run: .{20,}\.$/.test(reason)),
          `${basename(file)}: ${outcome}`,
        ).toBe(true);
      }
      console.info(`${basename(file)}: C-STORE ${byDimse}; STOW ${byWeb.status} ${byWeb.code ?? ''}; ${outcome}`);
    }
    console.info(`malformed: ${stored} stored, ${refused} refused`);
    expect((await fetch(`${node.http}/readyz`)).status).toBe(200);
    expect(node.pid).toBe(pid);
    expect(stored + refused).toBe(malformedFiles().length);
  });
});
