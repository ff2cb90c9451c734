import { describe, expect, it } from 'vitest';
import { dataset } from '../../src/dicom/build.ts';
import type { JsonDataset } from '../../src/dicom/dataset.ts';
import { number, text } from '../../src/dicom/read-values.ts';
import { STORAGE_SOP_CLASSES } from '../../src/dicom/sop-classes.ts';
import { encodeDataSet } from '../../src/dicom/write.ts';
import { aSharedNode } from '../dicomweb/shared-node.ts';
import { anInstance, asFile, encoded, SECONDARY_CAPTURE } from '../support/instances.ts';
import { NodeProcess } from '../support/node-process.ts';
import { residentMegabytes } from '../support/process-health.ts';
import { command, contextResults, EXPLICIT, IMPLICIT, pData, pdv, RawScu, storeCommand } from '../support/raw-scu.ts';

/**
 * What a PACS administrator would try, by the rows of our list of features. Where a row is proven:
 *
 *  1 C-ECHO                       dcmtk, pynetdicom, orthanc-dimse
 *  2 C-STORE, every class         here; dcmtk (every transfer syntax), pynetdicom, orthanc-dimse, dicomweb-roundtrip
 *  3 C-STORE as user              orthanc-dimse, chain; tests/peers/dimse-peer
 *  4 C-FIND, models and levels    dcmtk, pynetdicom, orthanc-dimse; tests/dimse/c-find (C-CANCEL, too)
 *  5 relational queries           tests/dimse/c-find
 *  6 wildcards, lists             dcmtk; tests/dimse/c-find, tests/catalog/search, tests/catalog/plans
 *  7 date and time ranges         dcmtk, orthanc-dimse; tests/dimse/c-find
 *  8 names in any spelling        tests/dimse/c-find, tests/catalog/search
 *  9 sequence matching            tests/dimse/c-find
 * 10 computed keys                dcmtk, orthanc-dimse; tests/catalog/search
 * 11 C-MOVE                       dcmtk, pynetdicom, orthanc-dimse; tests/dimse/c-move
 * 12 C-GET                        dcmtk, pynetdicom; tests/dimse/c-get
 * 13 storage commitment           pynetdicom, orthanc-dimse; tests/dimse/commitment
 * 14 procedure steps              pynetdicom; tests/dimse/mpps
 * 30 bytes as received            dicomweb-roundtrip
 * 31 missing identifiers          here, malformed
 * 32 invalid values               here, malformed
 * 33 character sets               charsets
 * 34 CP-246, CP-1066              here; tests/dicom/parse, tests/dicom/write
 * 35 duplicates                   here; tests/dimse/wire
 * 36 patient conflict in a study  here; tests/archive/reconcile-conflicts
 * 37 coercion                     here: none is done, and what others noted of theirs is kept
 * 38 large objects                here
 * 39 durable acknowledgement      crash
 * 40 caps                         here; tests/dicom/parse, tests/dicom/mutations, tests/dimse/hostile
 * 45 QIDO-RS, every resource      tests/dicomweb/search, search-clients; /patients: search-answers
 * 46 includefield                 tests/dicomweb/search-answers
 * 47 limit, offset, Warning       tests/dicomweb/search-pages (with objects arriving), tests/archive/listings
 * 48 required keys (10.6.1-5)     tests/dicomweb/search, tests/catalog/search, tests/catalog/plans
 * 49 media types, 406             tests/dicomweb/search, search-answers (XML, gzip)
 */
const shared = aSharedNode();

const STORAGE = { abstractSyntax: SECONDARY_CAPTURE, transferSyntaxes: [EXPLICIT] };

/** The response to a C-STORE of a data set. */
async function store(dataSet: Buffer, sop: string, transferSyntax = EXPLICIT): Promise<JsonDataset> {
  const proposal = { ...STORAGE, transferSyntaxes: [transferSyntax] };
  const { scu } = await RawScu.associate(shared.node.dimsePort, [proposal]);
  scu.send(pData(pdv(1, 3, storeCommand(SECONDARY_CAPTURE, sop))), pData(pdv(1, 2, dataSet)));
  const response = await scu.receiveCommand();
  await scu.release();
  scu.destroy();
  return response;
}

const isKept = (response: JsonDataset): boolean => {
  const status = number(response, 'Status') ?? -1;
  return status === 0 || status >> 12 === 0xb;
};

/** Each test has a study of its own. */
const uids = (n: number) => ({
  StudyInstanceUID: `1.2.3.88.${n}`,
  SeriesInstanceUID: `1.2.3.88.${n}.1`,
  SOPInstanceUID: `1.2.3.88.${n}.1.1`,
});
const pathOf = (n: number): string =>
  `${shared.http}/dicom-web/studies/1.2.3.88.${n}/series/1.2.3.88.${n}.1/instances/1.2.3.88.${n}.1.1`;

async function metadata(n: number): Promise<JsonDataset> {
  const answer = await fetch(`${pathOf(n)}/metadata`, { headers: { accept: 'application/dicom+json' } });
  expect(answer.status).toBe(200);
  return (JSON.parse(await answer.text()) as JsonDataset[])[0]!;
}

async function dataSetBack(n: number, length: number): Promise<Buffer> {
  const answer = await fetch(pathOf(n), { headers: { accept: 'application/dicom; transfer-syntax=*' } });
  expect(answer.status).toBe(200);
  const file = Buffer.from(await answer.arrayBuffer());
  return file.subarray(file.length - length);
}

describe('DIMSE services and roles', () => {
  it('row 2: every storage SOP class of PS3.6, and a private one, is accepted', async () => {
    const classes = [...STORAGE_SOP_CLASSES.map(({ uid }) => uid), '1.2.840.113619.4.26'];
    expect(classes.length).toBeGreaterThan(150);
    for (let at = 0; at < classes.length; at += 128) {
      const proposals = classes.slice(at, at + 128).map((uid) => ({ ...STORAGE, abstractSyntax: uid }));
      const { scu, answer } = await RawScu.associate(shared.node.dimsePort, proposals);
      expect(contextResults(answer)).toEqual(proposals.map(() => 0));
      await scu.release();
      scu.destroy();
    }
  });

  it('rows 2 and 25: command and data set may come in one PDU, in many values, in PDUs of any length', async () => {
    const dataSet = encoded(uids(2));
    const { scu } = await RawScu.associate(shared.node.dimsePort, [STORAGE]);
    const pieces = Array.from({ length: Math.ceil(dataSet.length / 7) }, (_, i) => dataSet.subarray(i * 7, i * 7 + 7));
    const values = pieces.map((piece, i) => pdv(1, i === pieces.length - 1 ? 2 : 0, piece));
    scu.send(pData(pdv(1, 3, storeCommand(SECONDARY_CAPTURE, uids(2).SOPInstanceUID)), ...values));
    expect(number(await scu.receiveCommand(), 'Status')).toBe(0);
    expect((await dataSetBack(2, dataSet.length)).equals(dataSet)).toBe(true);
    scu.destroy();
  });
});

describe('Data handling at ingest', () => {
  it('row 31: an object without Patient ID, name, accession number and dates is kept, and nothing is invented', async () => {
    const nothing = { PatientID: undefined, PatientName: undefined, StudyDate: undefined, AccessionNumber: undefined };
    const dataSet = encoded({ ...uids(31), ...nothing });
    expect(isKept(await store(dataSet, uids(31).SOPInstanceUID))).toBe(true);
    expect((await dataSetBack(31, dataSet.length)).equals(dataSet)).toBe(true);
    expect((await metadata(31))['00100020']?.Value).toBeUndefined();
  });

  it('row 32: values that their VR forbids, and NaN, leave valid JSON and the bytes as they came', async () => {
    const bad = {
      PatientAge: { vr: 'AS', Value: ['forty-two'] },
      StudyDate: { vr: 'DA', Value: ['2026.01.02'] },
      SliceThickness: { vr: 'DS', Value: ['thick'] },
      ImagePositionPatient: { vr: 'DS', Value: ['1e', '2', 'NaN'] },
      RealWorldValueSlope: { vr: 'FD', InlineBinary: Buffer.from('000000000000f87f', 'hex').toString('base64') },
    } as const;
    const dataSet = encoded({ ...uids(32), ...bad });
    expect(isKept(await store(dataSet, uids(32).SOPInstanceUID))).toBe(true);
    expect(text(await metadata(32), 'PatientAge')).toBe('forty-two');
    const found = await fetch(`${shared.http}/dicom-web/studies?StudyInstanceUID=1.2.3.88.32&includefield=all`);
    expect(JSON.parse(await found.text())).toHaveLength(1);
    expect((await dataSetBack(32, dataSet.length)).equals(dataSet)).toBe(true);
  });

  it('row 34: a value of more than 64 KiB is kept in implicit VR, and in explicit VR as UN (CP-1066)', async () => {
    const long = 'x'.repeat(70_000);
    const implicit = encodeDataSet(
      dataset({ ...anInstance(uids(341)), ImageComments: long, DerivationDescription: long }),
      { transferSyntaxUid: IMPLICIT },
    );
    expect(isKept(await store(implicit, uids(341).SOPInstanceUID, IMPLICIT))).toBe(true);
    expect(text(await metadata(341), 'DerivationDescription')).toHaveLength(70_000);
    const explicit = encodeDataSet(dataset({ ...anInstance(uids(342)), DerivationDescription: long }), {
      transferSyntaxUid: EXPLICIT,
    });
    expect(explicit.includes(Buffer.from([0x08, 0x00, 0x11, 0x21, 0x55, 0x4e]))).toBe(true);
    expect(isKept(await store(explicit, uids(342).SOPInstanceUID))).toBe(true);
    expect((await metadata(342))['00082111']).toBeDefined();
  });

  it('row 34: a sequence that comes as UN of undefined length is read in implicit VR (CP-246)', async () => {
    const head = encodeDataSet(dataset({ ...anInstance(uids(343)) }), { transferSyntaxUid: EXPLICIT });
    const sequence = Buffer.concat([
      Buffer.from('99001010554e0000ffffffff', 'hex'), // (0099,1010) UN
      Buffer.from('feff00e0ffffffff', 'hex'),
      encodeDataSet(dataset({ CodeValue: 'C1', CodingSchemeDesignator: '99X' }), { transferSyntaxUid: IMPLICIT }),
      Buffer.from('feff0de000000000feffdde000000000', 'hex'),
    ]);
    const dataSet = Buffer.concat([head, sequence]);
    expect(isKept(await store(dataSet, uids(343).SOPInstanceUID))).toBe(true);
    expect(JSON.stringify((await metadata(343))['00991010'])).toContain('C1');
    expect((await dataSetBack(343, dataSet.length)).equals(dataSet)).toBe(true);
  });

  it('row 35: the same bytes twice are one object; other bytes under the same UID never replace them', async () => {
    const { SOPInstanceUID } = uids(35);
    const first = encoded(uids(35));
    expect(number(await store(first, SOPInstanceUID), 'Status')).toBe(0);
    expect(number(await store(first, SOPInstanceUID), 'Status')).toBe(0);
    expect(number(await store(encoded({ ...uids(35), PatientID: 'OTHER' }), SOPInstanceUID), 'Status')).not.toBe(0);
    expect((await dataSetBack(35, first.length)).equals(first)).toBe(true);
  });

  it('row 36: a second patient in a study is kept and listed for reconciliation', async () => {
    await store(encoded(uids(36)), uids(36).SOPInstanceUID);
    const other = { ...uids(36), SOPInstanceUID: '1.2.3.88.36.1.2', PatientID: 'OTHER', PatientName: 'OTHER^PATIENT' };
    expect(isKept(await store(encoded(other), other.SOPInstanceUID))).toBe(true);
    const list = await (await fetch(`${shared.http}/api/conflicts`)).text();
    expect(list).toContain('1.2.3.88.36');
    expect(list).not.toContain('OTHER^PATIENT');
  });

  it('row 37: nothing is coerced, and what others noted of their coercion is kept', async () => {
    const noted = {
      OriginalAttributesSequence: [{ ReasonForTheAttributeModification: 'COERCE', SourceOfPreviousValues: '' }],
    };
    const file = asFile({ ...uids(37), ...noted });
    const answer = await fetch(`${shared.http}/dicom-web/studies`, {
      method: 'POST',
      headers: { 'content-type': 'application/dicom' },
      body: file,
    });
    expect(answer.status).toBe(200);
    expect((await dataSetBack(37, file.length)).equals(file)).toBe(true);
    expect(JSON.stringify((await metadata(37))['04000561'])).toContain('COERCE');
  });

  it('row 38: an object of 512 MiB costs no memory worth speaking of', async () => {
    const node = await NodeProcess.start();
    const { scu } = await RawScu.associate(node.dimsePort, [STORAGE]);
    const size = 512 * 1024 * 1024;
    const head = encoded({ ...uids(38), Rows: 16_384, Columns: 32_768 }, Buffer.alloc(0));
    // The last four bytes are the length of Pixel Data.
    head.writeUInt32LE(size, head.length - 4);
    const before = residentMegabytes(node.pid);
    let most = before;
    scu.send(pData(pdv(1, 3, storeCommand(SECONDARY_CAPTURE, uids(38).SOPInstanceUID))), pData(pdv(1, 0, head)));
    const piece = Buffer.alloc(128 * 1024 - 64, 9);
    for (let sent = 0; sent < size; sent += piece.length) {
      const last = sent + piece.length >= size;
      const unit = pData(pdv(1, last ? 2 : 0, piece.subarray(0, size - sent)));
      if (!scu.send(unit)) await new Promise((resolve) => scu.socket.once('drain', resolve));
      most = Math.max(most, residentMegabytes(node.pid));
    }
    expect(number(await scu.receiveCommand(), 'Status')).toBe(0);
    console.info(`512 MiB: ${before.toFixed(0)} MB before, ${most.toFixed(0)} MB at most`);
    expect(most - before).toBeLessThan(128);
    scu.destroy();
  });

  it('row 40: nesting without end gets an answer, and the node goes on', async () => {
    const nested = Buffer.concat([
      encoded(uids(40)).subarray(0, 200),
      ...Array.from({ length: 50_000 }, () =>
        Buffer.from('080040115351 0000ffffffff feff00e0ffffffff'.replaceAll(' ', ''), 'hex'),
      ),
    ]);
    const status = number(await store(nested, uids(40).SOPInstanceUID), 'Status');
    expect(status).toBeDefined();
    const { scu } = await RawScu.associate(shared.node.dimsePort, [
      { abstractSyntax: '1.2.840.10008.1.1', transferSyntaxes: [IMPLICIT] },
    ]);
    const echo = {
      AffectedSOPClassUID: '1.2.840.10008.1.1',
      CommandField: 0x0030,
      MessageID: 1,
      CommandDataSetType: 0x0101,
    };
    scu.send(pData(pdv(1, 3, command(echo))));
    expect(number(await scu.receiveCommand(), 'Status')).toBe(0);
    scu.destroy();
  });
});
