import { describe, expect, it } from 'vitest';
import { liesWithin, momentsOf } from '../../src/dicom/moments.ts';

const within = (value: string, from?: string, to?: string): boolean =>
  liesWithin(
    momentsOf(value)!,
    from === undefined ? undefined : momentsOf(from),
    to === undefined ? undefined : momentsOf(to),
  );

describe('moments of a DT (PS3.5 6.2)', () => {
  it.each([
    ['2025', '2025-01-01T00:00:00Z', '2026-01-01T00:00:00Z'],
    ['202502', '2025-02-01T00:00:00Z', '2025-03-01T00:00:00Z'],
    ['20251231', '2025-12-31T00:00:00Z', '2026-01-01T00:00:00Z'],
    ['2025013023', '2025-01-30T23:00:00Z', '2025-01-31T00:00:00Z'],
    ['20250130102030', '2025-01-30T10:20:30Z', '2025-01-30T10:20:31Z'],
  ])('%s is from %s and before %s', (text, from, before) => {
    expect(momentsOf(text)).toEqual({ from: Date.parse(from) * 1000, to: Date.parse(before) * 1000 - 1 });
  });

  it('has fractions, to the digit that is given', () => {
    const second = Date.parse('2025-01-30T10:20:30Z') * 1000;
    expect(momentsOf('20250130102030.25')).toEqual({ from: second + 250_000, to: second + 259_999 });
    expect(momentsOf('20250130102030.123456')).toEqual({ from: second + 123_456, to: second + 123_456 });
  });

  it.each(['', 'x', '25', '2025-01-01', '20250130102030.', '20250130+1'])('%j is none', (text) => {
    expect(momentsOf(text)).toBeUndefined();
  });

  it('is compared as moments where both sides say their zone, else by the clock', () => {
    expect(within('20250110101500+0100', '20250110091500+0000', '20250110091500+0000')).toBe(true);
    expect(within('20250110101500+0100', '20250110101500+0000', '20250110101500+0000')).toBe(false);
    expect(within('20250110003000+0100', '20250109+0000', '20250109+0000')).toBe(true);
    expect(within('20250110003000-0500', '20250110053000+0000')).toBe(true);
    expect(within('20250110101500', '20250110101500+0900', '20250110101500+0900')).toBe(true);
    expect(within('20250110101500+0100', '20250110', '20250110')).toBe(true);
    expect(within('2025', '20250110')).toBe(false);
  });
});
