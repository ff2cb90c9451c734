import { describe, expect, it } from 'vitest';
import { bufferSource, parseDataSet } from '../../src/dicom/parse.ts';
import { number, text } from '../../src/dicom/read-values.ts';
import { C_STORE_RQ, encodeAnswer, readRequest } from '../../src/dimse/command-set.ts';
import { command, IMPLICIT, storeCommand } from '../support/raw-scu.ts';

const CT = '1.2.840.10008.5.1.4.1.1.2';
const request = { field: C_STORE_RQ, messageId: 7, sopClassUid: CT, sopInstanceUid: '1.2.3' };

interface Fragment {
  readonly contextId: number;
  readonly control: number;
  readonly bytes: Buffer;
}

/** P-DATA-TF PDUs with one presentation data value each, every length checked. */
function fragmentsOf(pdus: Buffer): Fragment[] {
  const fragments: Fragment[] = [];
  for (let at = 0; at < pdus.length; ) {
    const length = pdus.readUInt32BE(at + 2);
    expect([pdus.readUInt8(at), pdus.readUInt32BE(at + 6)]).toEqual([0x04, length - 4]);
    fragments.push({
      contextId: pdus.readUInt8(at + 10),
      control: pdus.readUInt8(at + 11),
      bytes: pdus.subarray(at + 12, at + 6 + length),
    });
    at += 6 + length;
  }
  return fragments;
}

describe('command sets (PS3.7 6.3.1)', () => {
  it('reads a C-STORE-RQ (PS3.7 9.3.1.1)', () => {
    expect(readRequest(storeCommand(CT, '1.2.3', 7))).toEqual(request);
  });

  it('reads what is missing as empty, and refuses what is no command set', () => {
    expect(readRequest(command({ CommandField: 0x0030 }))).toEqual({
      field: 0x0030,
      messageId: 0,
      sopClassUid: '',
      sopInstanceUid: '',
    });
    expect(() => readRequest(Buffer.alloc(64, 0xff))).toThrow(/no attribute|no data/);
  });

  it('writes a C-STORE-RSP with its group length (PS3.7 9.3.1.2)', () => {
    const way = { contextId: 3, maxPduLength: 16384 };
    const [answer, ...rest] = fragmentsOf(encodeAnswer(request, { status: 0xc000, comment: 'no UID' }, way));
    expect(rest).toEqual([]);
    expect([answer!.contextId, answer!.control]).toEqual([3, 3]);
    expect(answer!.bytes.readUInt32LE(8)).toBe(answer!.bytes.length - 12);
    const response = parseDataSet(bufferSource(answer!.bytes), { transferSyntaxUid: IMPLICIT }).dataset;
    expect(number(response, 'CommandField')).toBe(0x8001);
    expect(number(response, 'MessageIDBeingRespondedTo')).toBe(7);
    expect(number(response, 'CommandDataSetType')).toBe(0x0101);
    expect(number(response, 'Status')).toBe(0xc000);
    expect(text(response, 'ErrorComment')).toBe('no UID');
    expect(text(response, 'AffectedSOPClassUID')).toBe(CT);
    expect(text(response, 'AffectedSOPInstanceUID')).toBe('1.2.3');
  });

  it.each([[16384], [64], [7], [0]])(
    'cuts a message to the peer’s largest PDU, %i bytes (PS3.8 D.1)',
    (maxPduLength) => {
      const dataSet = Buffer.from(Array.from({ length: 300 }, (_, i) => i & 0xff));
      const fragments = fragmentsOf(encodeAnswer(request, { status: 0xff00, dataSet }, { contextId: 1, maxPduLength }));
      for (const { bytes } of fragments) expect(bytes.length + 6).toBeLessThanOrEqual(maxPduLength || 131_078);
      const joined = (kind: number): Buffer =>
        Buffer.concat(fragments.filter(({ control }) => (control & 1) === kind).map(({ bytes }) => bytes));
      expect(joined(0).equals(dataSet)).toBe(true);
      const response = parseDataSet(bufferSource(joined(1)), { transferSyntaxUid: IMPLICIT }).dataset;
      expect([number(response, 'Status'), number(response, 'CommandDataSetType')]).toEqual([0xff00, 1]);
      const ends = fragments.flatMap(({ control }, at) => ((control & 2) !== 0 ? [at] : []));
      expect(ends).toEqual([fragments.findLastIndex(({ control }) => (control & 1) === 1), fragments.length - 1]);
    },
  );
});
