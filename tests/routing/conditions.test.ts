import { describe, expect, it } from 'vitest';
import { dataset } from '../../src/dicom/build.ts';
import type { JsonDataset } from '../../src/dicom/dataset.ts';
import type { Facts, FactValues } from '../../src/routing/facts.ts';
import { judge } from '../../src/routing/judge.ts';
import { parseCondition } from '../../src/routing/parse-condition.ts';
import { printJson, printText } from '../../src/routing/print-condition.ts';
import { seeded } from '../support/seeded.ts';

const CT = dataset({
  Modality: 'CT',
  ImageType: ['ORIGINAL', 'PRIMARY', 'AXIAL'],
  BodyPartExamined: 'CHEST',
  SeriesDescription: 'Thorax LUNG 1.0 Doe',
  PatientName: 'Doe^Jane',
  PatientID: 'ID-4711',
  PatientBirthDate: '19700615',
  StudyDate: '20200101',
  Rows: 512,
  PixelSpacing: ['0.7', '0.8'],
  RequestAttributesSequence: [{ ScheduledProcedureStepID: 'SPS1' }],
});

function facts(values: FactValues = {}, datasets: readonly JsonDataset[] = [CT, CT]): Facts {
  return { subject: 'series', datasets, values };
}

const FULL =
  'Modality = "CT" and BodyPartExamined in ("CHEST", "THORAX") and slices >= 30 and spacing.slice <= 3 and not localizer and RequestAttributesSequence.ScheduledProcedureStepID exists and SeriesDescription matches "*lung*"';

describe('a condition', () => {
  it.each([
    ['Modality = "CT"', true],
    ['Modality = ct', true],
    ['Modality != MR', true],
    ['Modality in (PT, MR)', false],
    ['ImageType = AXIAL and ImageType[1] = ORIGINAL', true],
    ['ImageType[2] = AXIAL', false],
    ['Rows >= 512 and Rows < 513 and Rows in 100..600', true],
    ['PixelSpacing <= 0.75', false],
    ['PixelSpacing[1] <= 0.75', true],
    ['PixelSpacing between 0.7 and 0.8', true],
    ['SeriesDescription matches "thorax*"', true],
    ['SeriesDescription matches "*lun?"', false],
    ['RequestAttributesSequence.ScheduledProcedureStepID exists', true],
    ['00400275.00400009 = "SPS1"', true],
    ['RequestAttributesSequence[2].ScheduledProcedureStepID exists', false],
    ['PatientAge >= 49 and PatientAge < 50', true],
    ['StudyDate >= 2020-01-01 and StudyDate < 20200102', true],
    ['not (Modality = MR or Rows < 512)', true],
    ['every(Rows = 512) and any(Modality = CT) and count(Rows = 512) = 2', true],
    ['count(Rows = 256) >= 1', false],
    ['Modality = MR or Rows = 512 and Modality = PT', false],
  ])('%s holds: %s', (text, holds) => {
    const condition = parseCondition(text, 'when');
    expect(judge(condition, facts())).toMatchObject({ holds });
    expect(parseCondition(printText(condition), 'text')).toEqual(condition);
    expect(parseCondition(printJson(condition), 'json')).toEqual(condition);
  });

  it('reads the same tree from text, from JSON and from plain equality', () => {
    const json = {
      all: [
        { attribute: 'Modality', is: 'CT' },
        { attribute: 'Rows', is: 512 },
      ],
    };
    expect(parseCondition({ Modality: 'CT', Rows: '512' }, 'when')).toEqual(parseCondition(json, 'when'));
    expect(parseCondition('Modality = CT and Rows = 512', 'when')).toEqual(parseCondition(json, 'when'));
    expect(judge(parseCondition({}, 'when'), facts()).holds).toBe(true);
  });

  it.each([
    ['ConvolutionKernel = B70', 'ConvolutionKernel B70, and it is absent'],
    ['not (ConvolutionKernel = B70)', 'ConvolutionKernel other than B70, and it is absent'],
    ['Modality = MR', 'Modality MR, and this series is CT'],
    ['not Modality in (CT, MR)', 'Modality other than CT or MR, and this series is CT'],
    ['Rows > 600', 'Rows of more than 600, and this series has 512'],
    ['spacing.slice <= 3', 'a slice spacing of at most 3 mm, and it is 5 mm'],
    ['slices >= 30', 'at least 30 slices, and there are 12'],
    ['localizer', 'a localizer, and this series is no localizer'],
    ['burnedIn = false', 'no burned-in annotation, and that is not known of this series'],
    ['any(Rows = 256)', 'some image with Rows 256, and none of 2 images is so'],
    [
      'Modality = MR or Rows < 100',
      'Modality MR or Rows of less than 100, and its Modality is CT, and its Rows is 512',
    ],
    ['StudyDate > 2021-01-31', 'StudyDate after 2021-01-31, and this series has another'],
    ['Modality = MR and Rows = 1', 'Modality MR, and this series is CT; for Rows 1, and this series has 512'],
  ])('%s says what it asks for and what there is', (text, sentence) => {
    const values = { slices: 12, 'spacing.slice': 5, localizer: false };
    expect(judge(parseCondition(text, 'when'), facts(values))).toMatchObject({
      holds: false,
      because: `it asks for ${sentence}`,
    });
  });

  it('does not hold, either way, where the images of a series disagree, and says so', () => {
    const mixed = facts({}, [CT, CT, dataset({ Modality: 'CT', Rows: 256 })]);
    const because = 'only 2 of 3 images have that; ask for "any" or "every"';
    expect(judge(parseCondition('Rows = 512', 'when'), mixed)).toMatchObject({
      holds: false,
      because: `it asks for Rows 512, and ${because}`,
    });
    expect(judge(parseCondition('not Rows = 512', 'when'), mixed).holds).toBe(false);
    expect(judge(parseCondition('any(Rows = 256) and not every(Rows = 512)', 'when'), mixed).holds).toBe(true);
    expect(judge(parseCondition('BodyPartExamined = CHEST', 'when'), mixed).because).toBe(
      'it asks for BodyPartExamined CHEST, and it is absent in 1 of 3 images',
    );
  });

  it('never tells who the patient is', () => {
    const asked = ['PatientID = "ID-4711x"', 'PatientName matches "Smith*"', 'PatientAge < 18', 'age < 18'];
    const told = [
      ...asked,
      'PatientBirthDate > 20000101',
      'SeriesDescription = x',
      'PatientID = "a" or PatientID = "b"',
    ]
      .map((text) => judge(parseCondition(text, 'when'), facts({ age: 49 })).because)
      .join('\n');
    expect(told).not.toMatch(/Doe|4711|Smith|1970|49|2000/);
  });

  it('finds what an enhanced object says in its functional groups, and private attributes by their creator', () => {
    const enhanced = dataset({
      Modality: 'MR',
      SharedFunctionalGroupsSequence: [{ PixelMeasuresSequence: [{ SliceThickness: '4', PixelSpacing: ['1', '1'] }] }],
    });
    const own = {
      '00190010': { vr: 'LO', Value: ['SIEMENS MR HEADER'] },
      '0019100C': { vr: 'IS', Value: [1000] },
    } as const;
    const unknown = { ...own, '0019100C': { vr: 'UN', InlineBinary: Buffer.from('1000').toString('base64') } } as const;
    expect(judge(parseCondition('SliceThickness = 4', 'when'), facts({}, [enhanced])).holds).toBe(true);
    const condition = parseCondition('private("SIEMENS MR HEADER", "0019xx0C") >= 800', 'when');
    expect(judge(condition, facts({}, [own])).holds).toBe(true);
    expect(judge(condition, facts({}, [unknown])).holds).toBe(true);
    expect(judge(condition, facts({}, [CT])).because).toMatch(/it is absent/);
    expect(parseCondition(printText(condition), 'text')).toEqual(condition);
  });

  it('judges what an analysis found', () => {
    const found: Facts = {
      ...facts(),
      findings: {
        segments: { 'Right lung': { volumeMl: 3100, found: true } },
        classes: { nodule: { probability: 0.7 } },
      },
    };
    const holds = (text: string) => judge(parseCondition(text, 'then', { scope: 'result' }), found).holds;
    expect(holds('segments["Right lung"].volumeMl > 3000')).toBe(true);
    expect(holds('classes.nodule.probability >= 0.8')).toBe(false);
    expect(holds('not segments.spleen.found')).toBe(true);
    expect(holds('segments.spleen.volumeMl < 100')).toBe(false);
  });
});

describe('a condition that cannot be understood is refused at once, with its place', () => {
  it.each([
    ['Rows = "abc"', 'when: at character 1: Rows is a number, and "abc" is none'],
    [
      'Modalty = CT',
      'when: at character 1: "Modalty" is no attribute of the standard and no fact; did you mean Modality?',
    ],
    [
      'Rows = 1 and slice > 3',
      'when: at character 14: "slice" is no attribute of the standard and no fact; did you mean slices?',
    ],
    ['Rows = 3 extra', 'when: at character 10: "and", "or" or the end is expected, not "extra"'],
    ['Modality = "CT', 'when: at character 12: a text begins here and does not end'],
    ['Modality.Rows = 1', 'when: at character 1: "Modality" is no sequence, and has nothing in it'],
    ['Modality > 3', 'when: at character 1: Modality is text, and neither more nor less than anything'],
    [
      'orientation = left',
      'when: at character 1: orientation is axial, sagittal, coronal, oblique; "left" is none of them',
    ],
    ['PixelData = 1', 'when: at character 1: PixelData holds no value to compare; only whether it exists can be asked'],
    ['StudyDate > 20201332', 'when: at character 1: StudyDate is a date such as 2026-01-31, and "20201332" is none'],
    ['any(any(Rows = 1))', 'when: at character 5: "any" cannot stand within another "every", "any" or "count"'],
    [
      '00190010.Rows = 1',
      'when: at character 1: 00190010 is a private attribute: write private("creator", "0019xx10")',
    ],
    [
      'segments.x.found',
      'when: at character 1: "segments" are findings of an analysis; this condition is about a series',
    ],
    ['study.images > 1', 'when: at character 1: "study.images" is a fact of a study; this condition is about a series'],
    [{ Modalit: 'CT' }, 'when.Modalit: "Modalit" is no attribute of the standard and no fact; did you mean Modality?'],
    [{ all: [{ attribute: 'Rows', atLeast: 'x' }] }, 'when.all[0]: Rows is a number, and "x" is none'],
    [{ attribute: 'Rows' }, /^when: compares nothing; one of is, /],
    [{ fact: 'slices', is: 3, not: {} }, 'when: "fact" does not belong beside "not"'],
    [7, 'when: must be an object or text'],
    ['('.repeat(2000), 'when: at character 25: a condition is nested 24 deep at most'],
    ['not '.repeat(2000), /^when: at character \d+: a condition is nested 24 deep at most$/],
    [`Rows in (${'1,'.repeat(600)}1)`, /a list has 500 values at most/],
    [Array.from({ length: 600 }, () => 'Rows = 1').join(' or '), /a condition has 500 parts at most/],
    ['x'.repeat(20_000), 'when: a condition has 16384 characters at most, this one 20000'],
  ])('%#', (value, message) => {
    expect(() => parseCondition(value, 'when')).toThrow(
      typeof message === 'string' ? expect.objectContaining({ code: 'bad-setting', message }) : message,
    );
  });

  it('refuses or understands 20,000 mutated texts, each within bounds, and what it understands it prints', () => {
    const next = seeded(5);
    const pieces = [
      ...FULL.split(/(?<=\W)|(?=\W)/),
      'not',
      'or',
      '(',
      ')',
      '[',
      '1',
      '"',
      '..',
      'any(',
      'count(',
      'private(',
    ];
    let understood = 0;
    const began = process.cpuUsage();
    for (let i = 0; i < 20_000; i++) {
      const words = FULL.split(/(?<=\W)|(?=\W)/);
      for (let changes = Math.floor(next() * 4); changes >= 0; changes--) {
        const at = Math.floor(next() * words.length);
        words.splice(at, Math.floor(next() * 3), pieces[Math.floor(next() * pieces.length)]!);
      }
      try {
        const condition = parseCondition(words.join(''), 'when');
        judge(condition, facts());
        expect(parseCondition(printText(condition), 'text')).toEqual(condition);
        understood += 1;
      } catch (error) {
        expect(error).toMatchObject({ name: 'VoxgateError', code: 'bad-setting' });
      }
    }
    expect(understood).toBeGreaterThan(500);
    expect(process.cpuUsage(began).user / 1e6).toBeLessThan(20);
  });
});
