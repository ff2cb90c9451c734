import { describe, expect, it } from 'vitest';
import { parseRetention } from '../src/retention-settings.ts';

function faultsOf(value: unknown): string[] {
  const faults: string[] = [];
  parseRetention(value, faults);
  return faults;
}

describe('the rules of retention', () => {
  it('are none where none are given', () => {
    expect(parseRetention(undefined, [])).toEqual({ protect: [] });
  });

  it('are an age, room on the disk, and what is never deleted', () => {
    const protect = [{ ModalitiesInStudy: 'MG' }, { PatientID: 'P1', StudyID: '7' }];
    expect(parseRetention({ maxAgeDays: 365, keepFreePercent: 10, protect }, [])).toEqual({
      maxAgeDays: 365,
      keepFree: { unit: 'percent', startBelow: 10, stopAbove: 12.5 },
      protect,
    });
    expect(parseRetention({ keepFreeBytes: 5e9, freeUpToBytes: 9e9 }, [])).toEqual({
      keepFree: { unit: 'bytes', startBelow: 5e9, stopAbove: 9e9 },
      protect: [],
    });
    expect(parseRetention({ keepFreePercent: 90 }, []).keepFree?.stopAbove).toBe(99);
  });

  it.each([
    [[], 'retention: must be an object'],
    [{ maxAge: 1 }, 'retention: unknown key maxAge'],
    [{ maxAgeDays: 0 }, 'retention.maxAgeDays: must be a number above 0 and at most 36500'],
    [{ maxAgeDays: '30' }, 'retention.maxAgeDays: must be a number above 0 and at most 36500'],
    [{ keepFreePercent: 100 }, 'retention.keepFreePercent: must be a number above 0 and at most 99'],
    [{ keepFreePercent: 5, keepFreeBytes: 5 }, 'retention: give either keepFreePercent or keepFreeBytes'],
    [{ freeUpToPercent: 5 }, 'retention: freeUpTo needs keepFree of the same unit'],
    [{ keepFreeBytes: 5, freeUpToPercent: 5 }, 'retention: freeUpTo needs keepFree of the same unit'],
    [{ keepFreePercent: 10, freeUpToPercent: 5 }, 'retention.freeUpToPercent: must not be less than keepFreePercent'],
    [{ protect: [{}] }, 'retention.protect: must be a list of objects'],
    [{ protect: [{ PatientName: 'X' }] }, 'retention.protect: must be a list of objects'],
    [{ protect: 'all' }, 'retention.protect: must be a list of objects'],
  ])('%j is refused', (value, sentence) => {
    expect(faultsOf(value)).toEqual([expect.stringContaining(sentence)]);
  });
});
