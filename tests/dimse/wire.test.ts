import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { dataset } from '../../src/dicom/build.ts';
import type { JsonDataset } from '../../src/dicom/dataset.ts';
import { bufferSource, parseDataSet } from '../../src/dicom/parse.ts';
import { number, text } from '../../src/dicom/read-values.ts';
import { encodeDataSet } from '../../src/dicom/write.ts';
import { VoxgateError } from '../../src/errors.ts';
import { FileStore, StagedObject } from '../../src/storage/file-store.ts';
import { encoded, SECONDARY_CAPTURE } from '../support/instances.ts';
import { getJson } from '../support/node-process.ts';
import { command, contextResults, EXPLICIT, IMPLICIT, pData, pdv, RawScu, storeCommand } from '../support/raw-scu.ts';
import { aNode, type TestNode } from '../support/test-node.ts';

const STORAGE = { abstractSyntax: SECONDARY_CAPTURE, transferSyntaxes: [EXPLICIT] };
const VERIFICATION = { abstractSyntax: '1.2.840.10008.1.1', transferSyntaxes: [IMPLICIT] };
const FIND = '1.2.840.10008.5.1.4.1.2.2.1';
const INSTANCE = '1.2.3.4.1.1.1';

async function retrieve(node: TestNode, instance = INSTANCE): Promise<Buffer> {
  const response = await fetch(`${node.http}/dicom-web/studies/1.2.3.4.1/series/1.2.3.4.1.1/instances/${instance}`, {
    headers: { accept: 'application/dicom' },
  });
  expect(response.status).toBe(200);
  return Buffer.from(await response.arrayBuffer());
}

const staged = (node: TestNode): string[] => readdirSync(join(node.settings.data, 'staging'));

/** Each 32-bit word says where it stands: any change of order shows. */
function numbered(bytes: number): Buffer {
  const pixels = Buffer.alloc(bytes);
  for (let at = 0; at < bytes; at += 4) pixels.writeUInt32LE(at, at);
  return pixels;
}

function large(bytes: number, fields = {}): Buffer {
  return encoded({ Rows: bytes / 4096, Columns: 4096, ...fields }, numbered(bytes));
}

describe('the DIMSE door', () => {
  afterEach(() => {
    vi.restoreAllMocks();
  });

  it('answers C-ECHO with success (PS3.7 9.1.5)', async () => {
    const { dimsePort } = await aNode();
    const { scu, answer } = await RawScu.associate(dimsePort, [VERIFICATION]);
    expect(answer.type).toBe(0x02);
    scu.send(
      pData(
        pdv(
          1,
          3,
          command({
            AffectedSOPClassUID: '1.2.840.10008.1.1',
            CommandField: 0x0030,
            MessageID: 7,
            CommandDataSetType: 0x0101,
          }),
        ),
      ),
    );
    const response = await scu.receiveCommand();
    expect([
      number(response, 'CommandField'),
      number(response, 'MessageIDBeingRespondedTo'),
      number(response, 'Status'),
    ]).toEqual([0x8030, 7, 0]);
    expect((await scu.release()).type).toBe(0x06);
  });

  it('accepts storage, verification and query, private classes too, and refuses what it does not serve (PS3.8 9.3.3.2)', async () => {
    const { dimsePort } = await aNode();
    const { scu, answer } = await RawScu.associate(dimsePort, [
      STORAGE,
      VERIFICATION,
      { abstractSyntax: '1.2.840.113619.4.26', transferSyntaxes: [EXPLICIT] },
      // Basic Grayscale Print Management.
      { abstractSyntax: '1.2.840.10008.5.1.1.9', transferSyntaxes: [IMPLICIT] },
      { abstractSyntax: SECONDARY_CAPTURE, transferSyntaxes: ['1.2.3.4.5'] },
    ]);
    expect(contextResults(answer)).toEqual([0, 0, 0, 3, 4]);
    scu.destroy();
  });

  it('stores fragments in order, however the sender cuts them and while the disk is slow', async () => {
    const node = await aNode();
    const flush = StagedObject.prototype.flush;
    const slow = vi.spyOn(StagedObject.prototype, 'flush').mockImplementation(async function (this: StagedObject) {
      await sleep(3);
      return flush.call(this);
    });
    const { scu } = await RawScu.associate(node.dimsePort, [STORAGE]);
    const dataSet = large(4 * 1024 * 1024);
    scu.send(pData(pdv(1, 3, storeCommand(SECONDARY_CAPTURE, INSTANCE))));
    for (let at = 0; at < dataSet.length; ) {
      const first = dataSet.subarray(at, at + 7000);
      const second = dataSet.subarray(at + 7000, at + 7000 + 9001);
      at += 16_001;
      scu.send(
        pData(
          pdv(1, at >= dataSet.length && second.length === 0 ? 2 : 0, first),
          ...(second.length > 0 ? [pdv(1, at >= dataSet.length ? 2 : 0, second)] : []),
        ),
      );
    }
    expect(number(await scu.receiveCommand(), 'Status')).toBe(0);
    expect(slow.mock.calls.length).toBeGreaterThan(3);
    vi.restoreAllMocks();
    const stored = await retrieve(node);
    expect(stored.subarray(stored.length - dataSet.length).equals(dataSet)).toBe(true);
    scu.destroy();
  });

  it('lets a stalled disk stop the sender instead of filling memory', async () => {
    const node = await aNode();
    const flush = StagedObject.prototype.flush;
    let release: () => void = () => undefined;
    const stalled = new Promise<void>((resolve) => {
      release = resolve;
    });
    vi.spyOn(StagedObject.prototype, 'flush').mockImplementation(async function (this: StagedObject) {
      await stalled;
      return flush.call(this);
    });
    const { scu } = await RawScu.associate(node.dimsePort, [STORAGE]);
    const dataSet = large(64 * 1024 * 1024);
    scu.send(pData(pdv(1, 3, storeCommand(SECONDARY_CAPTURE, INSTANCE))));
    const pieces: Buffer[] = [];
    for (let at = 0; at < dataSet.length; at += 65_536)
      pieces.push(pData(pdv(1, at + 65_536 >= dataSet.length ? 2 : 0, dataSet.subarray(at, at + 65_536))));
    const sending = (async () => {
      for (const piece of pieces)
        if (!scu.send(piece)) await new Promise((resolve) => scu.socket.once('drain', resolve));
    })();
    await sleep(1500);
    // What the kernel's two socket buffers and ours hold: far less than the object.
    expect(scu.socket.bytesWritten - scu.socket.writableLength).toBeLessThan(16 * 1024 * 1024);
    release();
    await sending;
    expect(number(await scu.receiveCommand(), 'Status')).toBe(0);
    vi.restoreAllMocks();
    scu.destroy();
  });

  it('takes a second C-STORE of the same bytes as done, and keeps other bytes under the same UID apart', async () => {
    const node = await aNode();
    const { scu } = await RawScu.associate(node.dimsePort, [STORAGE]);
    const send = async (dataSet: Buffer) => {
      scu.send(pData(pdv(1, 3, storeCommand(SECONDARY_CAPTURE, INSTANCE))), pData(pdv(1, 2, dataSet)));
      return scu.receiveCommand();
    };
    const first = encoded();
    expect(number(await send(first), 'Status')).toBe(0);
    expect(number(await send(first), 'Status')).toBe(0);
    const other = await send(encoded({ PatientID: 'T2' }));
    expect(number(other, 'Status')).toBe(0xb000);
    expect(text(other, 'ErrorComment')).toContain('kept apart');
    const stored = await retrieve(node);
    expect(stored.subarray(stored.length - first.length).equals(first)).toBe(true);
    expect(await getJson(`${node.http}/api/conflicts`)).toMatchObject({
      conflicts: [{ sopInstanceUid: INSTANCE, reason: 'the SOP Instance UID is held with other content' }],
    });
    scu.destroy();
  });

  it.each([
    ['no SOP Instance UID', encoded({ SOPInstanceUID: undefined }), 0xc000],
    ['an empty Study Instance UID', encoded({ StudyInstanceUID: null }), 0xc000],
    ['another SOP Instance UID than announced', encoded({ SOPInstanceUID: '1.2.3.4.1.1.2' }), 0xa900],
    ['bytes that are no data set', Buffer.alloc(4096, 0xff), 0xc000],
    ['nothing', Buffer.alloc(0), 0xc000],
  ])('refuses an object with %s, keeps nothing and goes on (PS3.4 B.2.3)', async (_, dataSet, status) => {
    const node = await aNode();
    const { scu } = await RawScu.associate(node.dimsePort, [STORAGE]);
    scu.send(pData(pdv(1, 3, storeCommand(SECONDARY_CAPTURE, INSTANCE))), pData(pdv(1, 2, dataSet)));
    const refusal = await scu.receiveCommand();
    expect(number(refusal, 'Status')).toBe(status);
    expect(text(refusal, 'ErrorComment')).not.toBe('');
    scu.send(pData(pdv(1, 3, storeCommand(SECONDARY_CAPTURE, INSTANCE, 2))), pData(pdv(1, 2, encoded())));
    expect(number(await scu.receiveCommand(), 'Status')).toBe(0);
    expect(staged(node)).toEqual([]);
    scu.destroy();
  });

  it('answers A700H when the disk is full, drops what it had, and takes the next object', async () => {
    const node = await aNode();
    const full = vi
      .spyOn(StagedObject.prototype, 'flush')
      .mockRejectedValueOnce(new VoxgateError('out-of-resources', 'the object cannot be written: ENOSPC'));
    const publish = vi.spyOn(FileStore.prototype, 'publish');
    const { scu } = await RawScu.associate(node.dimsePort, [STORAGE]);
    const dataSet = large(1024 * 1024);
    const send = async (messageId: number) => {
      scu.send(pData(pdv(1, 3, storeCommand(SECONDARY_CAPTURE, INSTANCE, messageId))));
      for (let at = 0; at < dataSet.length; at += 65_536)
        scu.send(pData(pdv(1, at + 65_536 >= dataSet.length ? 2 : 0, dataSet.subarray(at, at + 65_536))));
      return number(await scu.receiveCommand(), 'Status');
    };
    expect(await send(1)).toBe(0xa700);
    expect(publish).not.toHaveBeenCalled();
    expect(staged(node)).toEqual([]);
    full.mockRestore();
    expect(await send(2)).toBe(0);
    scu.destroy();
  });

  it('keeps nothing of an object whose sender leaves in the middle', async () => {
    const node = await aNode();
    const { scu } = await RawScu.associate(node.dimsePort, [STORAGE]);
    scu.send(
      pData(pdv(1, 3, storeCommand(SECONDARY_CAPTURE, INSTANCE))),
      pData(pdv(1, 0, large(1024 * 1024).subarray(0, 500_000))),
    );
    await vi.waitFor(() => expect(staged(node)).toHaveLength(1));
    scu.destroy();
    await vi.waitFor(() => expect(staged(node)).toHaveLength(0));
    expect((await fetch(`${node.http}/dicom-web/studies/1.2.3.4.1`)).status).toBe(404);
  });

  it('aborts on garbage (PS3.8 9.3.8) and goes on serving others', async () => {
    const { dimsePort } = await aNode();
    const { scu } = await RawScu.associate(dimsePort, [STORAGE]);
    scu.send(Buffer.from('GET / HTTP/1.1\r\n\r\n'));
    expect((await scu.receive()).type).toBe(0x07);
    const stranger = await RawScu.connect(dimsePort);
    stranger.send(pData(pdv(1, 3, storeCommand(SECONDARY_CAPTURE, INSTANCE))));
    expect((await stranger.receive()).type).toBe(0);
    expect((await RawScu.associate(dimsePort, [VERIFICATION])).answer.type).toBe(0x02);
  });

  it('turns a caller away for a while when too many associations are open (A-ASSOCIATE-RJ 2/3/2)', async () => {
    const { dimsePort } = await aNode({ maxAssociations: 1 });
    const { scu } = await RawScu.associate(dimsePort, [VERIFICATION]);
    const { answer } = await RawScu.associate(dimsePort, [VERIFICATION]);
    expect([answer.type, ...answer.content.subarray(1, 4)]).toEqual([0x03, 2, 3, 2]);
    scu.destroy();
    await vi.waitFor(async () => expect((await RawScu.associate(dimsePort, [VERIFICATION])).answer.type).toBe(0x02));
  });

  it('knows only its peers when unknown ones are not accepted', async () => {
    const { dimsePort } = await aNode({
      acceptUnknownPeers: false,
      peers: [{ name: 'ct', aeTitle: 'CT1', host: '127.0.0.1', port: 104 }],
    });
    const stranger = await RawScu.associate(dimsePort, [VERIFICATION]);
    expect([stranger.answer.type, ...stranger.answer.content.subarray(1, 4)]).toEqual([0x03, 1, 1, 3]);
    const misdirected = await RawScu.associate(dimsePort, [VERIFICATION], { calling: 'CT1', called: 'OTHER' });
    expect([misdirected.answer.type, ...misdirected.answer.content.subarray(1, 4)]).toEqual([0x03, 1, 1, 7]);
    expect((await RawScu.associate(dimsePort, [VERIFICATION], { calling: 'CT1' })).answer.type).toBe(0x02);
  });

  it('answers C-FIND at study level in UTF-8, whatever the set of the object (PS3.4 C.4.1)', async () => {
    const node = await aNode();
    const { scu } = await RawScu.associate(node.dimsePort, [
      STORAGE,
      { abstractSyntax: FIND, transferSyntaxes: [EXPLICIT] },
    ]);
    scu.send(
      pData(pdv(1, 3, storeCommand(SECONDARY_CAPTURE, INSTANCE))),
      pData(pdv(1, 2, encoded({ PatientName: { Alphabetic: 'Müller^Jörg' } }))),
    );
    expect(number(await scu.receiveCommand(), 'Status')).toBe(0);
    const find = async (name: string) => {
      const keys = dataset({
        QueryRetrieveLevel: 'STUDY',
        PatientName: { Alphabetic: name },
        StudyInstanceUID: null,
        NumberOfStudyRelatedInstances: null,
        StudyComments: null,
      });
      const request = command({
        AffectedSOPClassUID: FIND,
        CommandField: 0x0020,
        MessageID: 9,
        Priority: 0,
        CommandDataSetType: 1,
      });
      scu.send(pData(pdv(3, 3, request)), pData(pdv(3, 2, encodeDataSet(keys, { transferSyntaxUid: EXPLICIT }))));
      const answers: JsonDataset[] = [];
      for (;;) {
        const response = await scu.receiveCommand();
        if (number(response, 'Status') !== 0xff00) return { answers, status: number(response, 'Status') };
        answers.push(
          parseDataSet(bufferSource((await scu.receive()).content.subarray(6)), { transferSyntaxUid: EXPLICIT })
            .dataset,
        );
      }
    };
    const { answers, status } = await find('MULLER*');
    expect(status).toBe(0);
    expect(
      answers.map((answer) => [
        text(answer, 'SpecificCharacterSet'),
        text(answer, 'PatientName'),
        text(answer, 'NumberOfStudyRelatedInstances'),
      ]),
    ).toEqual([['ISO_IR 192', 'Müller^Jörg', '1']]);
    expect(answers[0]!['00324000']).toEqual({ vr: 'LT' });
    expect(await find('NOBODY')).toEqual({ answers: [], status: 0 });
    scu.destroy();
  });

  it('shuts down without cutting an object short', async () => {
    const node = await aNode();
    const { scu } = await RawScu.associate(node.dimsePort, [STORAGE]);
    scu.send(pData(pdv(1, 3, storeCommand(SECONDARY_CAPTURE, INSTANCE))), pData(pdv(1, 0, encoded().subarray(0, 100))));
    await vi.waitFor(() => expect(staged(node)).toHaveLength(1));
    const stopping = node.stop();
    scu.send(pData(pdv(1, 2, encoded().subarray(100))));
    expect(number(await scu.receiveCommand(), 'Status')).toBe(0);
    expect((await scu.release()).type).toBe(0x06);
    await stopping;
  });
});
