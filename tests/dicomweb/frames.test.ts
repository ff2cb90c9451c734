import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type ExpectedRow, expectedRows, hasSharedData, sharedData } from '../support/shared-data.ts';
import { type Answer, type Ask, ask, partsOf, stow } from './client.ts';
import { aSharedNode } from './shared-node.ts';

const ROOT = '/dicom-web';
const EXPLICIT = '1.2.840.10008.1.2.1';
const UNCOMPRESSED = `multipart/related; type="application/octet-stream"; transfer-syntax=${EXPLICIT}`;

const shared = aSharedNode();
const get = (path: string, accept: string, more: Ask = {}): Promise<Answer> =>
  ask(shared.http, ROOT + path, { ...more, headers: { accept, ...more.headers } });
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

const used = new Map<string, string>();

const pathOf = ({ StudyInstanceUID, SeriesInstanceUID, SOPInstanceUID }: ExpectedRow): string =>
  `/studies/${StudyInstanceUID}/series/${SeriesInstanceUID}/instances/${SOPInstanceUID}`;

/** Stores files in place of others of the same SOP Instance UIDs. */
async function hold(rows: readonly ExpectedRow[]): Promise<void> {
  const before = rows.flatMap(({ SOPInstanceUID }) => used.get(SOPInstanceUID!) ?? []);
  for (const path of new Set(before)) {
    const reason = encodeURIComponent('the next file has the same UID');
    const deleted = await ask(shared.http, `/api${path}?reason=${reason}`, { method: 'DELETE' });
    if (deleted.status !== 200) throw new Error(`the instance was not deleted: ${deleted.text}`);
  }
  for (const row of rows) used.set(row['SOPInstanceUID']!, pathOf(row));
  const files = rows.map(({ file }) => readFileSync(sharedData(file!)));
  for (let at = 0; at < files.length; at += 30) {
    const answer = await stow(shared.http, files.slice(at, at + 30));
    if (answer.status >= 300) throw new Error(`the files were not stored: ${answer.text}`);
  }
}

/** Files that can be held at the same time. */
function rounds(rows: readonly ExpectedRow[]): ExpectedRow[][] {
  const found: ExpectedRow[][] = [];
  for (const row of rows) {
    const free = found.find((round) => !round.some((other) => other['SOPInstanceUID'] === row['SOPInstanceUID']));
    if (free) free.push(row);
    else found.push([row]);
  }
  return found;
}

const hasNoUid = (row: ExpectedRow): boolean =>
  ['StudyInstanceUID', 'SeriesInstanceUID', 'SOPInstanceUID'].some((name) => row[name] === '');

/** The pixel data as they would be without compression, from frames of their own. */
function joined(frames: readonly Buffer[], row: ExpectedRow): Buffer {
  if (row['BitsAllocated'] !== '1') return Buffer.concat(frames);
  const bits = Number(row['Rows']) * Number(row['Columns']);
  const packed = Buffer.alloc(Math.ceil((frames.length * bits) / 8));
  frames.forEach((frame, n) => {
    for (let bit = 0; bit < bits; bit += 1) {
      const at = n * bits + bit;
      if ((frame[bit >> 3]! >> (bit & 7)) & 1) packed[at >> 3]! |= 1 << (at & 7);
    }
  });
  return packed;
}

/** Objects that break off, whose frames are not those that their header declares, or that are a video. */
const IMPOSSIBLE =
  /^(malformed\/truncated\/(3gb|MR_truncated|emri_small|rtplan)|images\/sm\/multiframe|malformed\/pixel\/GDCMJ2K|malformed\/vr-length\/JPEG2000-embedded|derived\/us-h264)/;

describe.skipIf(!hasSharedData)('frames in Explicit VR Little Endian are bit for bit what DCMTK and GDCM found', () => {
  const rows = hasSharedData
    ? expectedRows().filter(
        (row) =>
          // An object without a UID is refused, and cannot be asked for.
          /^(ok|forced)/.test(row['pydicom']!) &&
          row['pixel_sha256'] &&
          !IMPOSSIBLE.test(row['file']!) &&
          !hasNoUid(row),
      )
    : [];
  const folders = [...new Set(rows.map(({ file }) => file!.split('/').slice(0, 2).join('/')))];

  it.each(folders)('%s', { timeout: 120_000 }, async (folder) => {
    for (const round of rounds(rows.filter(({ file }) => file!.startsWith(`${folder}/`) || file === folder))) {
      await hold(round);
      for (const row of round) {
        const { file, pixel_sha256: wanted, pixel_pi: colour, NumberOfFrames: count } = row;
        const list = Array.from({ length: Number(count || 1) }, (_, i) => i + 1).join();
        const answer = await get(`${pathOf(row)}/frames/${list}`, UNCOMPRESSED);
        expect([file, answer.status, answer.status === 200 ? '' : answer.text]).toEqual([file, 200, '']);
        const parts = partsOf(answer);
        const pixels = joined(
          parts.map(({ body }) => body),
          row,
        );
        if (row['lossy'] === '1') expect([file, differs(pixels, row)]).toEqual([file, undefined]);
        else expect([file, sha256(pixels)]).toEqual([file, wanted]);
        const said = parts[0]!.headers['photometric-interpretation'];
        if (said !== undefined && colour) expect([file, said]).toEqual([file, colour]);
      }
    }
  });
});

/** Decoders of lossy frames may differ in rounding: how the mean differs from theirs, if it does. */
function differs(pixels: Buffer, row: ExpectedRow): string | undefined {
  const width = Number(row['BitsAllocated']) / 8;
  let sum = 0;
  for (let at = 0; at < pixels.length; at += width)
    sum += row['PixelRepresentation'] === '1' ? pixels.readIntLE(at, width) : pixels.readUIntLE(at, width);
  const mean = sum / (pixels.length / width);
  return Math.abs(mean - Number(row['pixel_mean'])) < 0.5
    ? undefined
    : `${mean} where ${row['pixel_mean']} is expected`;
}
