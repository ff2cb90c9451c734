import { describe, expect, it } from 'vitest';
import type { PetHeader } from '../../../src/imaging/assemble/pet-header.ts';
import { suvOf } from '../../../src/imaging/assemble/suv.ts';
import type { SuvUnits } from '../../../src/imaging/assemble/suv-body.ts';
import { aRequest, changed, imagesAt, onlyStack, reasonsOf } from './headers.ts';

const HALF_LIFE = 6586.2;

/** 70 kg, 350 MBq of F-18 injected at 9:00, scan at 10:00 corrected to its start. */
const sound: PetHeader = {
  units: 'BQML',
  correctedImage: ['ATTN', 'DECY', 'SCAT'],
  decayCorrection: 'START',
  weight: 70,
  size: 1.75,
  sex: 'M',
  dose: 350e6,
  halfLife: HALF_LIFE,
  injectionTime: '090000',
  radiopharmaceuticals: 1,
  seriesDate: '20260101',
  seriesTime: '100000',
  acquisitionDate: '20260101',
  acquisitionTime: '100000',
};
const FIRST = '20260101100000';
const decayed = 350e6 * 2 ** (-3600 / HALF_LIFE);

function factor(pet: Partial<PetHeader>, wanted: SuvUnits = 'SUVbw', first = FIRST): number {
  const suv = suvOf({ ...sound, ...pet }, wanted, first);
  if (!suv.ok) throw new Error(suv.reason);
  return suv.factor;
}

describe('SUV', () => {
  it('by body weight: activity per gram over what was left of the dose when the scan began', () => {
    expect(factor({})).toBeCloseTo(70_000 / decayed, 15);
    expect(suvOf(sound, 'SUVbw', FIRST)).toMatchObject({
      proof:
        'SUVbw = Bq/ml (Units BQML) × weight 70000 g / (350000000 Bq × 2^(-3600 s / 6586.2 s)); decay from Radiopharmaceutical Start Time (0018,1072) to Series Time (0008,0031).',
    });
  });

  it('by lean body mass (James) and by surface (Du Bois)', () => {
    expect(factor({}, 'SUVlbm')).toBeCloseTo(((1.1 * 70 - 128 * (70 / 175) ** 2) * 1000) / decayed, 12);
    expect(factor({ sex: 'F' }, 'SUVlbm')).toBeCloseTo(((1.07 * 70 - 148 * (70 / 175) ** 2) * 1000) / decayed, 12);
    // 1.84 m² for 70 kg and 1.75 m.
    expect((factor({}, 'SUVbsa') * decayed) / 1e4).toBeCloseTo(1.85, 1);
  });

  it('corrected to the injection (ADMIN) nothing has decayed: a phantom of 1.0 reads 1.0 and not 2.1', () => {
    expect(factor({ decayCorrection: 'ADMIN' })).toBeCloseTo(70_000 / 350e6, 15);
  });

  it('injected before midnight, scanned after it', () => {
    const overnight = { injectionTime: '233000', seriesTime: '003000', acquisitionTime: '003000' };
    expect(factor(overnight, 'SUVbw', '20260101003000')).toBeCloseTo(70_000 / decayed, 15);
  });

  it('the time of injection only as a date and time (0018,1078), with a fraction and an offset', () => {
    const dated = { injectionTime: undefined, injectionDateTime: '20260101090000.000000+0100' };
    expect(factor(dated)).toBeCloseTo(70_000 / decayed, 15);
  });

  it('a series made anew later: by the scan time of GE, or by the reference time of the frame', () => {
    const later = { seriesTime: '150000', acquisitionTime: '100000' };
    expect(factor({ ...later, geScanDateTime: '20260101100000.00' })).toBeCloseTo(70_000 / decayed, 15);
    // A bed begun 600 s into the scan for 180 s: its mean count rate lies 89.7 s after its beginning.
    const bed = { ...later, acquisitionTime: '101000', frameReferenceTime: 689_716, frameDuration: 180_000 };
    expect(factor(bed, 'SUVbw', '20260101101000') / (70_000 / decayed)).toBeCloseTo(1, 4);
  });

  it('an enhanced image says itself to when it was corrected', () => {
    const enhanced = { decayCorrection: undefined, decayCorrectionDateTime: '20260101100000' };
    expect(factor(enhanced, 'SUVbw', '')).toBeCloseTo(70_000 / decayed, 15);
  });

  it('counts of Philips, by the one private factor or the other; images that hold SUV already', () => {
    expect(factor({ units: 'CNTS', philipsSuvFactor: 0.000551 })).toBe(0.000551);
    expect(factor({ units: 'CNTS', philipsSuvFactor: 0, philipsActivityFactor: 2 })).toBeCloseTo(
      (2 * 70_000) / decayed,
      15,
    );
    expect(factor({ units: 'CNTS', philipsSuvFactor: 0.000551, philipsActivityFactor: 2 }, 'SUVbsa')).toBeCloseTo(
      2 * factor({}, 'SUVbsa'),
      12,
    );
    expect(factor({ units: 'GML' })).toBe(1);
    expect(factor({ units: 'GML', suvType: 'LBM' }, 'SUVlbm')).toBe(1);
  });

  it.each<[string, Partial<PetHeader>]>([
    ['Units (0054,1001) are absent', { units: undefined }],
    ['Units (0054,1001) are PROPCNTS, of which no SUV is made', { units: 'PROPCNTS' }],
    ['Units (0054,1001) are CNTS without the factors of Philips (7053,xx00) or (7053,xx09)', { units: 'CNTS' }],
    ['the images hold SUV of type LBM (0054,1006) and SUVbw is asked for', { units: 'GML', suvType: 'LBM' }],
    ['Corrected Image (0028,0051) does not name ATTN', { correctedImage: ['DECY'] }],
    ['Corrected Image (0028,0051) does not name ATTN and DECY', { correctedImage: [] }],
    [
      'Corrected Image (0028,0051) does not name DECY',
      { units: 'CNTS', philipsSuvFactor: 1, correctedImage: ['ATTN'] },
    ],
    ['Radiopharmaceutical Information Sequence (0054,0016) is absent', { radiopharmaceuticals: 0 }],
    ['2 radiopharmaceuticals were given (0054,0016)', { radiopharmaceuticals: 2 }],
    ['Radionuclide Total Dose (0018,1074) is absent', { dose: undefined }],
    ['Radionuclide Total Dose (0018,1074) of 350 is not in Bq', { dose: 350 }],
    ['Radionuclide Half Life (0018,1075) is absent', { halfLife: undefined }],
    ["Patient's Weight (0010,1030) is absent", { weight: undefined }],
    ["Patient's Weight (0010,1030) is not in kg", { weight: 70_000 }],
    ['Decay Correction (0054,1102) is absent', { decayCorrection: undefined }],
    ['Decay Correction (0054,1102) is NONE', { decayCorrection: 'NONE' }],
    ['Series Date or Time (0008,0021), (0008,0031) is absent', { seriesTime: undefined }],
    ['Radiopharmaceutical Start Time (0018,1072) and DateTime (0018,1078) are absent', { injectionTime: undefined }],
    ['Radiopharmaceutical Start Time (0018,1072) and DateTime (0018,1078) are absent', { injectionTime: 'morning' }],
    ['Radiopharmaceutical Start DateTime (0018,1078) lies behind the scan', { injectionDateTime: '20260101110000' }],
    ['the injection lies 31 days before the scan', { injectionDateTime: '20251201090000' }],
    [
      'Series Time (0008,0031) lies behind the acquisition, and no other attribute tells when the scan began',
      { seriesTime: '150000' },
    ],
    [
      'Decay Factor (0054,1321) is 1.500, from Series Time (0008,0031) to the frame it would be 1.000',
      { decayFactor: 1.5 },
    ],
  ])('is not computed: %s', (why, pet) => {
    expect(suvOf({ ...sound, ...pet }, 'SUVbw', FIRST)).toEqual({
      ok: false,
      reason: `SUV cannot be computed: ${why}.`,
    });
  });

  it.each<[string, Partial<PetHeader>]>([
    ["Patient's Size (0010,1020) is absent", { size: undefined }],
    ["Patient's Size (0010,1020) is not in m", { size: 175 }],
    ["Patient's Sex (0010,0040) is neither M nor F", { sex: 'O' }],
  ])('by lean body mass is not computed: %s', (why, pet) => {
    expect(suvOf({ ...sound, ...pet }, 'SUVlbm', FIRST)).toEqual({
      ok: false,
      reason: `SUV cannot be computed: ${why}.`,
    });
  });

  it('of a stack is taken slice by slice, since slopes differ', () => {
    const images = changed(imagesAt([0, 3, 6], { modality: 'PT' }), (i) => ({ pet: sound, rescaleSlope: i + 1 }));
    const stack = onlyStack(images, aRequest({}, { units: 'SUVbw' }));
    expect(stack.units).toBe('SUVbw');
    const slopes = stack.frames.map(({ header }) => header.rescaleSlope * decayed);
    for (const [i, slope] of slopes.entries()) expect(slope).toBeCloseTo((i + 1) * 70_000, 6);
    expect(onlyStack(images, aRequest({}, { units: 'Bq/ml' })).frames[2]!.header.rescaleSlope).toBe(3);
  });
});

describe('Units that a model asks for', () => {
  it.each<[string, Parameters<typeof aRequest>[1], Parameters<typeof imagesAt>[1], string]>([
    ['HU of CT', { units: 'HU' }, {}, 'accepted'],
    ['HU of MR', { units: 'HU' }, { modality: 'MR' }, 'The images are MR, and only CT has Hounsfield units.'],
    ['HU of another scale', { units: 'HU' }, { rescaleType: 'US' }, 'Rescale Type is US and the model needs HU.'],
    [
      'HU without rescale',
      { units: 'HU' },
      { rescaleAssumed: true },
      '3 of 3 images carry no Rescale Slope and Intercept, so their values are not known to be HU.',
    ],
    [
      'HU of a Modality LUT of no type',
      { units: 'HU' },
      { hasModalityLut: true },
      'Modality LUT Type is absent and the model needs HU.',
    ],
    ['HU of a Modality LUT', { units: 'HU' }, { hasModalityLut: true, modalityLutType: 'HU' }, 'accepted'],
    ['SUV of CT', { units: 'SUVbw' }, {}, 'The images are CT, and only PET has SUV.'],
    ['Bq/ml of CT', { units: 'Bq/ml' }, {}, 'The images are CT, and the model needs PET in Bq/ml.'],
    [
      'Bq/ml of counts',
      { units: 'Bq/ml' },
      { modality: 'PT', pet: { ...sound, units: 'CNTS' } },
      'Units (0054,1001) are CNTS and the model needs BQML.',
    ],
  ])('%s', (_, want, header, outcome) => {
    expect(reasonsOf(imagesAt([0, 1, 2], header), aRequest({}, want))).toEqual([outcome]);
  });

  it('a Real World Value Mapping to those units is taken, linear or as a table', () => {
    const linear = { units: '{SUVbw}g/ml', first: 0, last: 4095, slope: 0.01, intercept: -1 };
    const suv = onlyStack(imagesAt([0, 1], { modality: 'PT', realWorld: linear }), aRequest({}, { units: 'SUVbw' }));
    expect(suv.frames[0]!.header).toMatchObject({ rescaleSlope: 0.01, rescaleIntercept: -1 });
    const table = { units: 'mm2/s', first: -1, last: 1, table: [7, 8, 9] };
    const adc = onlyStack(imagesAt([0, 1], { modality: 'MR', realWorld: table }));
    expect(adc.units).toBe('mm2/s');
    expect(adc.frames[0]!.header.valueTable).toEqual({ first: -1, values: [7, 8, 9] });
  });
});
