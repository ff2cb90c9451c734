import { describe, expect, it } from 'vitest';
import { IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME } from '../../src/dicom/implementation.ts';
import { deterministicUid, instanceUid, isUid, isUsableAsUid, seriesUid, studyUid } from '../../src/dicom/uid.ts';

describe('UIDs (PS3.5 Section 9)', () => {
  it.each(['1.2.840.10008.1.2', '2.25.0', '1.02.3'])('%s is a usable UID', (uid) => {
    expect(isUid(uid)).toBe(true);
  });

  it.each(['', '.1', '1.', '1..2', '1.2a', '../1', `1.${'2'.repeat(63)}`, '1.2\n'])('%j is none', (uid) => {
    expect(isUid(uid)).toBe(false);
    for (const brand of [studyUid, seriesUid, instanceUid]) {
      expect(() => brand(uid)).toThrow(expect.objectContaining({ code: 'bad-request' }));
    }
  });

  it('makes the same UID of the same parts, and another of parts that are joined differently', () => {
    expect(deterministicUid('ab', 'c')).toBe(deterministicUid('ab', 'c'));
    expect(deterministicUid('ab', 'c')).not.toBe(deterministicUid('a', 'bc'));
    expect(deterministicUid('ab', 'c')).not.toBe(deterministicUid('abc'));
  });

  it('makes UIDs of a UUID with version and variant (PS3.5 Annex B.2, RFC 9562)', () => {
    for (let i = 0; i < 200; i += 1) {
      const uid = deterministicUid('voxgate', String(i));
      expect(isUid(uid)).toBe(true);
      expect(uid.length).toBeLessThanOrEqual(64);
      const hex = BigInt(uid.slice('2.25.'.length)).toString(16).padStart(32, '0');
      expect(hex[12]).toBe('5');
      expect('89ab').toContain(hex[16]);
    }
  });

  it('names this implementation by a UID that can be made again', () => {
    expect(IMPLEMENTATION_CLASS_UID).toBe(deterministicUid('voxgate', 'implementation class uid'));
    expect(IMPLEMENTATION_VERSION_NAME.length).toBeLessThanOrEqual(16);
  });
});

describe('identifiers of anonymised data (not PS3.5 9.1)', () => {
  it.each([
    ['dccc9599087131742838cc1162a630fea87ba9bf61ac09bfda90d4adfa5ddaed', true],
    ['3gb_native.0', true],
    ['1.2.3', true],
    ['..', false],
    ['a/b', false],
    ['a b', false],
    ["a'b", false],
    ['', false],
    ['x'.repeat(65), false],
  ])('%j can serve as one: %s', (text, usable) => {
    expect(isUsableAsUid(text)).toBe(usable);
  });
});
