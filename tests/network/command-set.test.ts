import { describe, expect, it } from 'vitest';
import { bufferSource, parseDataSet } from '../../src/dicom/parse.ts';
import { number, text } from '../../src/dicom/read-values.ts';
import { encodeCommand, RESPONSE, readCommand } from '../../src/network/command-set.ts';
import { command, IMPLICIT, storeCommand } from '../support/raw-scu.ts';

const CT = '1.2.840.10008.5.1.4.1.1.2';

describe('command sets (PS3.7 6.3.1)', () => {
  it('reads a C-STORE-RQ (PS3.7 9.3.1.1)', () => {
    expect(readCommand(storeCommand(CT, '1.2.3', 7))).toMatchObject({
      commandField: 0x0001,
      id: 7,
      isResponse: false,
      hasDataSet: true,
      affectedSopClassUid: CT,
      affectedSopInstanceUid: '1.2.3',
    });
  });

  it('keeps letters in UIDs and AE titles as they stand, which the library takes out', () => {
    const read = readCommand(
      command({ CommandField: 0x0021, MessageID: 2, AffectedSOPClassUID: '1.2.x', MoveDestination: 'My AE' }),
    );
    expect(read).toMatchObject({ affectedSopClassUid: '1.2.x', moveDestination: 'My AE' });
  });

  it('reads what is missing as missing, and takes a C-CANCEL-RQ for what it names (PS3.7 9.3.2.3)', () => {
    expect(readCommand(command({ CommandField: 0x0030 }))).toMatchObject({
      commandField: 0x0030,
      id: 0,
      hasDataSet: false,
    });
    expect(readCommand(command({ CommandField: 0x0fff, MessageIDBeingRespondedTo: 9 })).id).toBe(9);
  });

  it('refuses what is no command set', () => {
    expect(() => readCommand(Buffer.alloc(64, 0xff))).toThrow('group ffff');
    expect(() => readCommand(Buffer.alloc(3))).toThrow('ends in the middle');
    expect(() => readCommand(Buffer.alloc(0))).toThrow('no Command Field');
    const long = storeCommand(CT, '1.2.3', 7);
    long.writeUInt32LE(0xffff_fffe, 16);
    expect(() => readCommand(long)).toThrow('longer than itself');
  });

  it('writes a response with its group length, every element in order and even (PS3.7 9.3.1.2)', () => {
    const values = {
      respondsTo: 7,
      affectedSopClassUid: CT,
      affectedSopInstanceUid: '1.2.3',
      status: 0xc000,
      errorComment: 'no UID',
      offendingElement: 0x0008_0018,
      completed: 3,
    };
    const bytes = encodeCommand(0x0001 | RESPONSE, values, false);
    expect(bytes.readUInt32LE(8)).toBe(bytes.length - 12);
    const response = parseDataSet(bufferSource(bytes), { transferSyntaxUid: IMPLICIT });
    expect(response.warnings).toEqual([]);
    expect(Object.keys(response.dataset)).toEqual([...Object.keys(response.dataset)].sort());
    expect(number(response.dataset, 'CommandField')).toBe(0x8001);
    expect(number(response.dataset, 'MessageIDBeingRespondedTo')).toBe(7);
    expect(number(response.dataset, 'CommandDataSetType')).toBe(0x0101);
    expect(number(response.dataset, 'Status')).toBe(0xc000);
    expect(number(response.dataset, 'NumberOfCompletedSuboperations')).toBe(3);
    expect(text(response.dataset, 'OffendingElement')).toBe('00080018');
    expect(text(response.dataset, 'ErrorComment')).toBe('no UID');
    expect(text(response.dataset, 'AffectedSOPClassUID')).toBe(CT);
    expect(readCommand(bytes)).toMatchObject({ ...values, isResponse: true, id: 7, hasDataSet: false });
  });
});
