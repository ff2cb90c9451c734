import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { bufferSource, parsePart10 } from '../../src/dicom/parse.ts';
import { number } from '../../src/dicom/read-values.ts';
import { ask, stow } from '../dicomweb/client.ts';
import { aSharedNode } from '../dicomweb/shared-node.ts';
import { hasPrograms, runProgram } from '../support/programs.ts';
import { type ExpectedRow, expectedRows, hasSharedData, sharedData } from '../support/shared-data.ts';
import { aFolder } from '../support/test-node.ts';

const ready = hasSharedData && hasPrograms('dcmdjpeg', 'dcmdjpls', 'dcmdrle', 'gdcmconv');

/** One real object of each kind of pixels, as far as no two share a UID. */
function kindsOfPixels(): ExpectedRow[] {
  const kinds = new Set<string>();
  const uids = new Set<string>();
  return expectedRows().filter((row) => {
    const { file, pydicom, pixel_sha256: wanted, BitsAllocated: bits, SOPInstanceUID: uid } = row;
    const noUid = ['StudyInstanceUID', 'SeriesInstanceUID', 'SOPInstanceUID'].some((name) => row[name] === '');
    if (pydicom !== 'ok' || !wanted || noUid || !/^(8|16)$/.test(bits!) || uids.has(uid!)) return false;
    if (/^(malformed|images\/sm\/multiframe|derived\/us-h264)/.test(file!) || row['lossy'] === '1') return false;
    const kind = [
      ...['BitsAllocated', 'BitsStored', 'PixelRepresentation', 'PhotometricInterpretation', 'TransferSyntaxUID'],
      ...['SamplesPerPixel', 'pixel_planar'],
    ].map((name) => row[name]);
    const isNew = !kinds.has(kind.join()) && Number(row['pixel_bytes']) < 4_000_000;
    if (isNew) {
      kinds.add(kind.join());
      uids.add(uid!);
    }
    return isNew;
  });
}

/** Who decompresses what is in a syntax, independent of our decoders. */
const JUDGES: Readonly<Record<string, (input: string, output: string) => [string, string[]]>> = {
  '1.2.840.10008.1.2.4.70': (input, output) => ['dcmdjpeg', ['+cn', input, output]],
  '1.2.840.10008.1.2.4.57': (input, output) => ['dcmdjpeg', ['+cn', input, output]],
  '1.2.840.10008.1.2.4.80': (input, output) => ['dcmdjpls', [input, output]],
  '1.2.840.10008.1.2.5': (input, output) => ['dcmdrle', [input, output]],
  '1.2.840.10008.1.2.4.90': (input, output) => ['gdcmconv', ['--raw', input, output]],
};

describe.skipIf(!ready)('Objects in lossless transfer syntaxes, decoded by DCMTK and GDCM', () => {
  const shared = aSharedNode();
  const rows = ready ? kindsOfPixels() : [];

  it.each(Object.entries(JUDGES))('%s', { timeout: 300_000 }, async (syntax, judge) => {
    const folder = aFolder();
    const counts = { equal: 0, refused: 0 };
    for (const row of rows) {
      const { file, StudyInstanceUID: study, SeriesInstanceUID: series, SOPInstanceUID: instance } = row;
      await stow(shared.http, [readFileSync(sharedData(file!))]);
      const path = `/dicom-web/studies/${study}/series/${series}/instances/${instance}`;
      const accept = `application/dicom; transfer-syntax=${syntax}`;
      const answer = await ask(shared.http, path, { headers: { accept } });
      if (answer.status === 406) {
        counts.refused += 1;
        expect([file, JSON.parse(answer.text).error]).toEqual([file, expect.stringContaining(syntax)]);
        continue;
      }
      expect([file, answer.status, answer.type]).toEqual([file, 200, `application/dicom; transfer-syntax=${syntax}`]);
      const [input, output] = [join(folder, 'in.dcm'), join(folder, 'out.dcm')];
      writeFileSync(input, answer.body);
      const { code, output: said } = await runProgram(...judge(input, output));
      expect([file, code, said]).toEqual([file, 0, expect.anything()]);
      expect([file, pixelsOf(readFileSync(output), row)]).toEqual([file, row['pixel_sha256']]);
      counts.equal += 1;
    }
    process.stderr.write(`${syntax}: ${counts.equal} equal, ${counts.refused} refused\n`);
    expect(counts.equal).toBeGreaterThan(counts.refused);
  });
});

/** What each frame is, alone, to OpenJPEG, which writes raw little endian pixels, colour by plane. */
describe.skipIf(!ready || !hasPrograms('opj_decompress'))('Frames in JPEG 2000 and HTJ2K, decoded by OpenJPEG', () => {
  const shared = aSharedNode();
  const rows = ready ? kindsOfPixels() : [];

  it.each([
    ['image/jp2', '1.2.840.10008.1.2.4.90', 'j2k'],
    ['image/jphc', '1.2.840.10008.1.2.4.201', 'jhc'],
    ['image/jphc', '1.2.840.10008.1.2.4.202', 'jhc'],
  ])('%s, %s', { timeout: 300_000 }, async (type, syntax, extension) => {
    const folder = aFolder();
    const counts = { equal: 0, refused: 0 };
    for (const row of rows) {
      const { file, StudyInstanceUID: study, SeriesInstanceUID: series, SOPInstanceUID: instance } = row;
      await stow(shared.http, [readFileSync(sharedData(file!))]);
      const path = `/dicom-web/studies/${study}/series/${series}/instances/${instance}/frames/1`;
      const answer = await ask(shared.http, path, { headers: { accept: `${type}; transfer-syntax=${syntax}` } });
      if (answer.status === 406) {
        counts.refused += 1;
        continue;
      }
      expect([file, answer.status, answer.type]).toEqual([file, 200, `${type}; transfer-syntax=${syntax}`]);
      const [input, output] = [join(folder, `in.${extension}`), join(folder, 'out.rawl')];
      writeFileSync(input, answer.body);
      const { code, output: said } = await runProgram('opj_decompress', ['-i', input, '-o', output]);
      expect([file, code, code === 0 ? '' : said]).toEqual([file, 0, '']);
      const octets = 'application/octet-stream; transfer-syntax=1.2.840.10008.1.2.1';
      const plain = await ask(shared.http, path, { headers: { accept: octets } });
      const isByPixel = row['SamplesPerPixel'] === '3' && plain.headers['planar-configuration'] !== '1';
      const isStoredByPlane = plain.headers['planar-configuration'] === undefined && row['pixel_planar'] === '1';
      const oneFrame = { ...row, NumberOfFrames: '1' };
      const wanted = isByPixel && !isStoredByPlane ? reordered(plain.body, oneFrame, true) : plain.body;
      expect([file, sha256(readFileSync(output))]).toEqual([file, sha256(wanted)]);
      counts.equal += 1;
    }
    process.stderr.write(`${syntax} by OpenJPEG: ${counts.equal} equal, ${counts.refused} refused\n`);
    expect(counts.equal).toBeGreaterThan(counts.refused);
  });
});

/** The digest of the pixels in the order of samples that the expected one was made in; decoders choose their own. */
function pixelsOf(file: Buffer, row: ExpectedRow): string {
  const { pixelData, dataset } = parsePart10(bufferSource(file));
  const bytes = file.subarray(pixelData!.offset, pixelData!.offset + Number(row['pixel_bytes']));
  const isByPlane = row['pixel_planar'] === '1';
  const isNowByPlane = number(dataset, 'PlanarConfiguration') === 1;
  return sha256(isByPlane === isNowByPlane ? bytes : reordered(bytes, row, isByPlane));
}

/** Samples by plane to samples by pixel, or the other way. */
function reordered(bytes: Buffer, row: ExpectedRow, toPlanes: boolean): Buffer {
  const width = Number(row['BitsAllocated']) / 8;
  const frames = Number(row['NumberOfFrames'] || 1);
  const pixels = bytes.length / (3 * width * frames);
  const result = Buffer.alloc(bytes.length);
  for (let frame = 0; frame < frames; frame++)
    for (let pixel = 0; pixel < pixels; pixel++)
      for (let sample = 0; sample < 3; sample++) {
        const byPixel = ((frame * pixels + pixel) * 3 + sample) * width;
        const byPlane = ((frame * 3 + sample) * pixels + pixel) * width;
        const [from, to] = toPlanes ? [byPixel, byPlane] : [byPlane, byPixel];
        bytes.copy(result, to, from, from + width);
      }
  return result;
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
