import { describe, expect, it } from 'vitest';
import type { DescribedInstance } from '../../src/archive/archive.ts';
import { dataset, type Fields } from '../../src/dicom/build.ts';
import { bufferSource, parsePart10 } from '../../src/dicom/parse.ts';
import { phantomStudy } from '../../src/imaging/phantom-study.ts';
import { loadModels } from '../../src/inference/model-library.ts';
import { assembleSeries } from '../../src/pipeline/assemble-series.ts';

const { manifest } = (await loadModels(['models'])).models[0]!;

function phantom(
  options: { slices: number; sliceSpacing?: number; pixelSpacing?: number },
  without: readonly string[] = [],
  changes: Fields = {},
): DescribedInstance[] {
  return [...phantomStudy({ rows: 64, columns: 64, pixelSpacing: 3, ...options })].map(
    ({ studyInstanceUid, seriesInstanceUid, sopInstanceUid, bytes }) => {
      const parsed = parsePart10(bufferSource(bytes));
      const kept = Object.fromEntries(Object.entries(parsed.dataset).filter(([tag]) => !without.includes(tag)));
      return {
        studyInstanceUid,
        seriesInstanceUid,
        sopInstanceUid,
        sopClassUid: '1.2.840.10008.5.1.4.1.1.2',
        transferSyntaxUid: parsed.transferSyntaxUid,
        storageKey: '',
        size: bytes.length,
        dataSetOffset: parsed.dataSetOffset,
        frameCount: 1,
        frames: null,
        metadata: null,
        receivedAt: new Date(),
        dataset: { ...kept, ...dataset(changes) },
      };
    },
  );
}

describe('a series as the volume that a model accepts', () => {
  it('is put in order along its normal, whatever order it came in', () => {
    const instances = phantom({ slices: 10 });
    const { instances: ordered, grid, notes } = assembleSeries([...instances].reverse(), manifest);
    expect(ordered.map(({ sopInstanceUid }) => sopInstanceUid)).toEqual(
      instances.map(({ sopInstanceUid }) => sopInstanceUid),
    );
    expect([grid.slices, notes]).toEqual([10, []]);
  });

  it.each([
    [
      'no Rescale Slope and Intercept',
      phantom({ slices: 4 }, ['00281052', '00281053']),
      /4 of 4 images carry no Rescale Slope and Intercept, so their values are not known to be HU/,
    ],
    [
      'another Rescale Type',
      phantom({ slices: 4 }, [], { RescaleType: 'US' }),
      /Rescale Type is US and the model needs HU/,
    ],
    [
      'slices too far apart',
      phantom({ slices: 4, sliceSpacing: 20 }),
      /the slices are 20 mm apart and the model accepts at most 10 mm/,
    ],
    [
      'pixels too wide',
      phantom({ slices: 4, pixelSpacing: 6 }),
      /the pixels are 6 mm wide and the model accepts at most 3.2 mm/,
    ],
  ])('is refused with figures for %s', (_, instances, reason) => {
    expect(() => assembleSeries(instances, manifest)).toThrow(reason);
  });
});
