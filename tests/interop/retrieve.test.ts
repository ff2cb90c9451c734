import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { outgoingFile } from '../../src/cli/outgoing-file.ts';
import { bufferSource, parsePart10 } from '../../src/dicom/parse.ts';
import { text } from '../../src/dicom/read-values.ts';
import { openPeer } from '../../src/peers/open-peers.ts';
import { aClosedPort } from '../peers/outgoing.ts';
import { hasPrograms, runProgram, startProgram } from '../support/programs.ts';
import { EXPLICIT, IMPLICIT } from '../support/raw-scu.ts';
import { type ExpectedRow, expectedRows, hasSharedData, sharedData } from '../support/shared-data.ts';
import { aFolder, aNode, type TestNode } from '../support/test-node.ts';

const ready = hasSharedData && hasPrograms('movescu', 'getscu', 'storescp', 'dcmdump');

/** Real files in many transfer syntaxes, each SOP Instance UID once: what several share is one object. */
function compressedRows(): ExpectedRow[] {
  const seen = new Set<string>();
  return expectedRows().filter(({ file, pydicom, SOPInstanceUID, StudyInstanceUID, pixel_sha256 }) => {
    const wanted =
      /^(transfer-syntaxes|derived|images\/(us|cr|mg|rt|op|sm))\//.test(file!) && !/multiframe|h264/.test(file!);
    if (!wanted || pydicom !== 'ok' || !pixel_sha256 || !StudyInstanceUID || seen.has(SOPInstanceUID!)) return false;
    seen.add(SOPInstanceUID!);
    return SOPInstanceUID !== '';
  });
}

async function aNodeWith(rows: readonly ExpectedRow[], storescp: number): Promise<TestNode> {
  const peers = [{ name: 'storescp', aeTitle: 'STORESCP', host: '127.0.0.1', port: storescp }];
  const node = await aNode({ peers });
  const peer = openPeer({ name: 'node', aeTitle: 'VOXGATE', host: '127.0.0.1', port: node.dimsePort }, 'SENDER');
  await peer.store(rows.map(({ file }) => outgoingFile(sharedData(file!))));
  return node;
}

/** What came lies in the syntax asked for, is valid to DCMTK, and holds the pixels that independent decoders found. */
async function judge(folder: string, rows: readonly ExpectedRow[], syntax: string): Promise<void> {
  const byUid = new Map(rows.map((row) => [row['SOPInstanceUID']!, row]));
  const files = readdirSync(folder).map((name) => join(folder, name));
  expect(files).toHaveLength(rows.length);
  let exact = 0;
  for (const file of files) {
    const bytes = readFileSync(file);
    const { dataset, transferSyntaxUid, pixelData, complete } = parsePart10(bufferSource(bytes));
    const row = byUid.get(text(dataset, 'SOPInstanceUID') ?? '')!;
    expect([row['file'], transferSyntaxUid, complete]).toEqual([row['file'], syntax, true]);
    const dump = await runProgram('dcmdump', ['-q', file]);
    expect(dump.code, `${row['file']}: ${dump.output}`).toBe(0);
    if (row['lossy'] === '1' || !pixelData) continue;
    const pixels = bytes.subarray(pixelData.offset, pixelData.offset + Number(row['pixel_bytes']));
    expect(createHash('sha256').update(pixels).digest('hex'), row['file']).toBe(row['pixel_sha256']);
    exact += 1;
  }
  expect(exact).toBeGreaterThan(10);
}

describe.skipIf(!ready)('Objects in every transfer syntax, retrieved by DCMTK', () => {
  it('by movescu to a storescp that takes implicit VR alone, and by getscu in explicit VR: pixels bit for bit', async () => {
    const rows = compressedRows();
    const port = await aClosedPort();
    const [moved, got] = [aFolder(), aFolder()].map((folder) => join(folder, 'in'));
    for (const folder of [moved!, got!]) mkdirSync(folder);
    await startProgram('storescp', ['+xi', '+B', '-od', moved!, '-aet', 'STORESCP', String(port)], port);
    const node = await aNodeWith(rows, port);
    const studies = [...new Set(rows.map((row) => row['StudyInstanceUID']!))];
    for (const study of studies) {
      const keys = ['-S', '-k', 'QueryRetrieveLevel=STUDY', '-k', `StudyInstanceUID=${study}`];
      const at = ['-aec', 'VOXGATE', ...keys, '127.0.0.1', String(node.dimsePort)];
      const move = await runProgram('movescu', ['-aem', 'STORESCP', ...at]);
      expect(move.code, move.output).toBe(0);
      const get = await runProgram('getscu', ['+xe', '+B', '-od', got!, ...at]);
      expect(get.code, get.output).toBe(0);
    }
    await judge(moved!, rows, IMPLICIT);
    await judge(got!, rows, EXPLICIT);
  });
});
