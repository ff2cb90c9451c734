import { describe, expect, it } from 'vitest';
import { characterSetOf } from '../../src/dicom/charset.ts';

const G1 = Buffer.from(Array.from({ length: 0x60 }, (_, i) => 0xa0 + i));
const read = (term: string, bytes: Buffer): string => characterSetOf([term]).decode(bytes, false);

describe('defined terms of single-byte sets with code extensions (PS3.3 Table C.12-3)', () => {
  it.each(['100', '101', '109', '110', '144', '127', '126', '138', '148', '203', '13', '166'])(
    'ISO 2022 IR %s alone reads as the term without code extensions',
    (number) => {
      const text = read(`ISO 2022 IR ${number}`, G1);
      expect(text).toBe(read(`ISO_IR ${number}`, G1));
      expect(text).toHaveLength(0x60);
      expect(new Set(text).size).toBeGreaterThan(0x30);
    },
  );

  it('ISO 2022 IR 6 is ASCII', () => {
    expect(read('ISO 2022 IR 6', Buffer.from('Adams^John'))).toBe('Adams^John');
  });
});
