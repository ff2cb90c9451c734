import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { JsonDataset } from '../../src/dicom/dataset.ts';
import { jsonText } from '../../src/dicom/json-text.ts';
import { bufferSource, parsePart10 } from '../../src/dicom/parse.ts';
import { items, number, text } from '../../src/dicom/read-values.ts';
import { DimsePeer } from '../../src/peers/dimse-peer.ts';
import { ask, partsOf } from '../dicomweb/client.ts';
import { openNode, type SharedNode } from '../dicomweb/shared-node.ts';
import { type ExpectedRow, expectedRows, hasSharedData, sharedData } from '../support/shared-data.ts';

/**
 * Every real file that an independent reader can read goes in by each door and comes out by WADO-RS: all of its bytes
 * (STOW-RS), or all bytes of its data set (C-STORE, where the file meta information is the node's).
 */
/** Without a transfer syntax objects come in Explicit VR Little Endian (PS3.18 8.7.3.5.2). */
const AS_STORED = 'application/dicom; transfer-syntax=*';
const READABLE = new Set(['ok', 'forced']);
const files = hasSharedData ? expectedRows().filter(({ pydicom }) => READABLE.has(pydicom!)) : [];

/** What has to be refused, and why: without these UIDs an object can neither be found nor told from another. */
const REFUSED: Readonly<Record<string, string>> = {
  'charsets/chrSQEncoding.dcm': 'SOP Instance UID',
  'charsets/chrSQEncoding1.dcm': 'SOP Instance UID',
  'images/hp/NeurosurgeryPlan.dcm': 'Study Instance UID',
  'images/palettes/hotiron.dcm': 'Study Instance UID',
  'images/sm/multiframe.dcm': 'Study Instance UID',
  'malformed/dicomdir/DICOMDIR': 'DICOMDIR',
  'malformed/dicomdir/DICOMDIR-bigEnd': 'DICOMDIR',
  'malformed/dicomdir/DICOMDIR-nopatient': 'DICOMDIR',
  'malformed/meta/meta_missing_tsyntax.dcm': 'SOP Class UID',
  'malformed/meta/no_meta_group_length.dcm': 'SOP Instance UID',
  'malformed/meta/no_preamble_dicm_in_data': 'SOP Class UID',
  'malformed/uid/CT.1.3.12.2.1107.5.1.4.60064.30000022120808113428000016573': 'SOP Instance UID',
  'malformed/uid/CT.1.3.12.2.1107.5.1.4.60064.30000022120808113428000016574': 'SOP Instance UID',
  'malformed/vr-length/GH340.dcm': 'SOP Class UID',
  'malformed/vr-length/UN_sequence.dcm': 'SOP Instance UID',
  'malformed/vr-length/empty_charset_LEI.dcm': 'SOP Class UID',
  'malformed/vr-length/nested_priv_SQ.dcm': 'SOP Class UID',
  'malformed/vr-length/priv_SQ.dcm': 'SOP Instance UID',
  'transfer-syntaxes/colour-sc/SC_rgb_jls_lossy_line.dcm': 'Study Instance UID',
  'transfer-syntaxes/colour-sc/SC_rgb_jls_lossy_sample.dcm': 'Study Instance UID',
  'transfer-syntaxes/htj2k/HTJ2KLossless_08_RGB.dcm': 'Study Instance UID',
  'transfer-syntaxes/jpeg-ls/JLSL_08_07_0_1F.dcm': 'Study Instance UID',
  'transfer-syntaxes/jpeg-ls/JLSL_16_15_1_1F.dcm': 'Study Instance UID',
  'transfer-syntaxes/jpeg-ls/JLSL_RGB_ILV0.dcm': 'SOP Instance UID',
  'transfer-syntaxes/jpeg-ls/JLSL_RGB_ILV1.dcm': 'SOP Instance UID',
  'transfer-syntaxes/jpeg-ls/JLSL_RGB_ILV2.dcm': 'SOP Instance UID',
  'transfer-syntaxes/jpeg-ls/JPEGLSNearLossless_08.dcm': 'Study Instance UID',
  'transfer-syntaxes/jpeg-ls/JPEGLSNearLossless_16.dcm': 'Study Instance UID',
};

/**
 * Objects whose identifiers are no UIDs (letters in them). STOW-RS stores them; the DIMSE library reads its command with
 * the letters left out, so that C-STORE answers A900H: the object is not the one that was announced.
 */
const NO_UIDS = new Set(['malformed/truncated/3gb-bulk-data-truncated', 'malformed/vr-length/bad_sequence.dcm']);

/** Files that share a SOP Instance UID go to different nodes: the first in round 0, the second in round 1 and so on. */
function inRounds(rows: readonly ExpectedRow[]): ExpectedRow[][] {
  const seen = new Map<string, number>();
  const rounds: ExpectedRow[][] = [];
  for (const row of rows) {
    const uid = row['SOPInstanceUID']!;
    const round = uid === '' ? 0 : (seen.get(uid) ?? 0);
    seen.set(uid, round + 1);
    rounds[round] ??= [];
    rounds[round].push(row);
  }
  return rounds;
}

type Fate = { readonly kind: 'identical' | 'different' } | { readonly kind: 'refused'; readonly reason: string };

interface Tally {
  readonly identical: string[];
  readonly different: string[];
  readonly refused: Record<string, string>;
}

const IN_PARALLEL = 4;

async function throughNodes(send: (node: SharedNode, row: ExpectedRow) => Promise<Fate>): Promise<Tally> {
  const tally: Tally = { identical: [], different: [], refused: {} };
  for (const round of inRounds(files)) {
    const node = await openNode({ maxAssociations: 64 });
    const left = [...round];
    const worker = async (): Promise<void> => {
      for (let row = left.shift(); row !== undefined; row = left.shift()) {
        const fate = await send(node, row);
        if (fate.kind === 'refused') tally.refused[row['file']!] = fate.reason;
        else tally[fate.kind].push(row['file']!);
      }
    };
    await Promise.all(Array.from({ length: IN_PARALLEL }, worker)).finally(() => node.stop());
  }
  return tally;
}

const pathOf = ({ StudyInstanceUID, SeriesInstanceUID, SOPInstanceUID }: ExpectedRow): string =>
  `/dicom-web/studies/${StudyInstanceUID}/series/${SeriesInstanceUID}/instances/${SOPInstanceUID}`;

async function byStow(node: SharedNode, row: ExpectedRow): Promise<Fate> {
  const bytes = readFileSync(sharedData(row['file']!));
  const answer = await ask(node.http, '/dicom-web/studies', {
    method: 'POST',
    headers: { 'content-type': 'application/dicom', accept: 'application/dicom+json' },
    body: bytes,
  });
  const response: JsonDataset = JSON.parse(answer.text);
  const [failure] = [...items(response, 'FailedSOPSequence'), ...items(response, 'OtherFailuresSequence')];
  if (failure !== undefined) {
    expect(answer.status, row['file']).toBe(409);
    expect([0xc000, 0x0122], row['file']).toContain(number(failure, 'FailureReason'));
    return { kind: 'refused', reason: text(failure, 'ErrorComment') ?? '' };
  }
  expect([200, 202], row['file']).toContain(answer.status);
  const [reference] = items(response, 'ReferencedSOPSequence');
  expect(text(reference!, 'RetrieveURL')).toBe(node.http + pathOf(row));
  const back = await ask(node.http, pathOf(row), { headers: { accept: AS_STORED } });
  return { kind: back.status === 200 && back.body.equals(bytes) ? 'identical' : 'different' };
}

/** The metadata that are served are the model of the file, which tests/interop/models.test.ts holds against others'. */
async function metadataAreRight(node: SharedNode, row: ExpectedRow): Promise<boolean> {
  const answer = await ask(node.http, `${pathOf(row)}/metadata`, { headers: { accept: 'application/dicom+json' } });
  if (answer.status !== 200) return false;
  const { dataset } = parsePart10(bufferSource(readFileSync(sharedData(row['file']!))));
  const own = jsonText(dataset).replaceAll('"BulkDataURI":"', `"BulkDataURI":"${node.http}${pathOf(row)}/`);
  return answer.text === `[${own}]`;
}

const UNCOMPRESSED = new Set([
  '1.2.840.10008.1.2',
  '1.2.840.10008.1.2.1',
  '1.2.840.10008.1.2.1.99',
  '1.2.840.10008.1.2.2',
]);

/** Rows whose pixels an independent reader has hashed as they are stored, in frames that end on a byte. */
const hasFrames = ({ TransferSyntaxUID, pixel_sha256, BitsAllocated }: ExpectedRow): boolean =>
  UNCOMPRESSED.has(TransferSyntaxUID!) && pixel_sha256 !== '' && Number(BitsAllocated) % 8 === 0;

/** All frames in one request; together they are the pixel data that the independent reader found. */
async function framesAreRight(node: SharedNode, row: ExpectedRow): Promise<boolean> {
  const count = Number(row['NumberOfFrames'] || 1);
  const list = Array.from({ length: count }, (_, i) => i + 1).join(',');
  const accept = 'multipart/related; type=application/octet-stream; transfer-syntax=*';
  const answer = await ask(node.http, `${pathOf(row)}/frames/${list}`, { headers: { accept } });
  if (answer.status !== 200) return false;
  const hash = createHash('sha256');
  for (const { body } of partsOf(answer)) hash.update(body);
  return hash.digest('hex') === row['pixel_sha256'];
}

async function byStore(node: SharedNode, row: ExpectedRow): Promise<Fate> {
  const bytes = readFileSync(sharedData(row['file']!));
  const { dataset, meta, transferSyntaxUid, dataSetOffset } = parsePart10(bufferSource(bytes));
  const peer = new DimsePeer('node', {
    callingAe: 'ROUNDTRIP',
    calledAe: node.node.settings.aeTitle,
    host: '127.0.0.1',
    port: node.node.dimsePort,
  });
  // What names no SOP class or instance is announced as another, so that it comes to the node at all.
  const object = {
    sopClassUid: text(dataset, 'SOPClassUID') ?? text(meta, 'MediaStorageSOPClassUID') ?? '1.2.840.10008.5.1.4.1.1.7',
    sopInstanceUid: text(dataset, 'SOPInstanceUID') ?? text(meta, 'MediaStorageSOPInstanceUID') ?? '1.2.3',
    transferSyntaxUid,
    dataSetOffset,
    path: sharedData(row['file']!),
    size: bytes.length,
  };
  try {
    await peer.store([object]);
  } catch (error) {
    return { kind: 'refused', reason: error instanceof Error ? error.message : String(error) };
  }
  const back = await ask(node.http, pathOf(row), { headers: { accept: AS_STORED } });
  if (back.status !== 200) return { kind: 'different' };
  const dataSet = back.body.subarray(144 + back.body.readUInt32LE(140));
  return { kind: dataSet.equals(bytes.subarray(dataSetOffset)) ? 'identical' : 'different' };
}

function report(door: string, { identical, different, refused }: Tally): void {
  const reasons = Object.entries(refused).map(([file, reason]) => `\n  refused ${file}: ${reason}`);
  console.info(
    `${door}: ${files.length} files sent, ${identical.length + different.length} stored, ${identical.length} of them identical, ` +
      `${Object.keys(refused).length} refused${reasons.join('')}`,
  );
}

describe.skipIf(!hasSharedData)('every readable real file', () => {
  it('comes back by WADO-RS byte for byte as STOW-RS took it (contract, promise 2), with the metadata and frames that are in it', async () => {
    const wrongFrames: string[] = [];
    const wrongMetadata: string[] = [];
    let rightFrames = 0;
    const tally = await throughNodes(async (node, row) => {
      const fate = await byStow(node, row);
      if (fate.kind !== 'refused' && !(await metadataAreRight(node, row))) wrongMetadata.push(row['file']!);
      if (fate.kind !== 'refused' && hasFrames(row)) {
        if (await framesAreRight(node, row)) rightFrames += 1;
        else wrongFrames.push(row['file']!);
      }
      return fate;
    });
    report('STOW-RS', tally);
    console.info(
      `WADO-RS frames: ${rightFrames} uncompressed objects right in all frames, ${wrongFrames.length} wrong`,
    );
    expect(wrongMetadata).toEqual([]);
    expect(wrongFrames).toEqual([]);
    expect(rightFrames).toBeGreaterThan(300);
    expect(tally.different).toEqual([]);
    expect(Object.keys(tally.refused).sort()).toEqual(Object.keys(REFUSED).sort());
    for (const [file, reason] of Object.entries(tally.refused)) expect(reason, file).toContain(REFUSED[file]);
    expect(tally.identical).toHaveLength(files.length - Object.keys(REFUSED).length);
  });

  it('comes back by WADO-RS with its data set byte for byte as C-STORE took it', async () => {
    const tally = await throughNodes(byStore);
    report('C-STORE', tally);
    expect(tally.different).toEqual([]);
    const refused = Object.keys(tally.refused).filter((file) => !NO_UIDS.has(file));
    expect(refused.sort()).toEqual(Object.keys(REFUSED).sort());
    for (const file of NO_UIDS) expect(tally.refused[file] ?? 'status A900H', file).toContain('status A900H');
    expect(tally.identical.length + Object.keys(tally.refused).length).toBe(files.length);
  });
});
