import { describe, expect, it } from 'vitest';
import { dataset } from '../../src/dicom/build.ts';
import { isPresent, text } from '../../src/dicom/read-values.ts';
import { CODE, CONCEPT, codeItem, modalityCode, procedureCode, UNIT } from '../../src/results/codes.ts';

describe('codes (PS3.3 8.8, PS3.16)', () => {
  const all = [...Object.values(CONCEPT), ...Object.values(CODE), ...Object.values(UNIT)];

  it('are each said once, under schemes that are not retired', () => {
    const keys = all.map(({ value, scheme }) => `${scheme} ${value}`);
    expect(new Set(keys).size).toBe(keys.length);
    expect(new Set(all.map((code) => code.scheme))).toEqual(new Set(['DCM', 'SCT', 'UCUM', 'UMLS', 'RFC5646', 'IBSI']));
  });

  it('fit Code Value and Code Meaning', () => {
    for (const { value, meaning } of all) {
      expect(value.length).toBeLessThanOrEqual(16);
      expect(meaning.length).toBeLessThanOrEqual(64);
    }
  });

  it('write a value over 16 characters as Long Code Value', () => {
    const item = dataset(codeItem({ value: '12345678901234567', scheme: 'SCT', meaning: 'Long' }));
    expect(isPresent(item, 'CodeValue')).toBe(false);
    expect(text(item, 'LongCodeValue')).toBe('12345678901234567');
  });

  it('name the procedure by modality, and admit not to know', () => {
    expect(procedureCode('CT').value).toBe('25045-6');
    expect(procedureCode('OT').value).toBe('363679005');
    expect(modalityCode(undefined)).toBeUndefined();
  });
});
