import { describe, expect, it } from 'vitest';
import { dataset } from '../../src/dicom/build.ts';
import { localOffset, reportedValue, shortText, statedOffset, wireMoment } from '../../src/results/wire-values.ts';

const MOMENT = new Date('2025-01-01T00:30:05.007Z');

describe('dates and times on the wire (PS3.5 6.2)', () => {
  it.each([
    ['+0000', '20250101', '003005.007'],
    ['+0530', '20250101', '060005.007'],
    ['-0330', '20241231', '210005.007'],
  ])('writes one moment on the clock of %s', (offset, date, time) => {
    expect(wireMoment(MOMENT, offset)).toEqual({ date, time, dateTime: `${date}${time}${offset}` });
  });

  it('keeps the offset of the source, which governs the copied Study Date and Time too', () => {
    expect(statedOffset(dataset({ TimezoneOffsetFromUTC: '-0800' }))).toBe('-0800');
  });

  it.each([undefined, '', 'UTC', '+9900', '0100'])('makes up no offset where the source says %j', (stated) => {
    expect(statedOffset(dataset({ TimezoneOffsetFromUTC: stated }))).toBeUndefined();
  });

  it('knows the offset that this node keeps', () => {
    const at = (offset: number) => Object.assign(new Date(MOMENT), { getTimezoneOffset: () => offset });
    expect([at(0), at(-345), at(210)].map(localOffset)).toEqual(['+0000', '+0545', '-0330']);
  });
});

describe('text and numbers on the wire (PS3.5 6.2)', () => {
  it('takes backslashes and control characters out of an LO and cuts it to 64 characters, not bytes', () => {
    expect(shortText('a\\b\tc')).toBe('a b c');
    expect([...shortText('é'.repeat(70))]).toHaveLength(64);
  });

  it('reports six significant digits, which always fit the 16 characters of a DS', () => {
    expect(reportedValue(2345.678912345)).toBe(2345.68);
    expect(reportedValue(-812.3456789)).toBe(-812.346);
    expect(reportedValue(0.000123456789)).toBe(0.000123457);
    for (const value of [1.23456789e-12, -9.87654321e12, 123456.789]) {
      expect(String(reportedValue(value)).length).toBeLessThanOrEqual(16);
    }
  });
});
