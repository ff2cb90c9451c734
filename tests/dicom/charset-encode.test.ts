import { describe, expect, it } from 'vitest';
import { dataset } from '../../src/dicom/build.ts';
import { characterSetOf } from '../../src/dicom/charset.ts';
import { textEncoderOf } from '../../src/dicom/encode-text.ts';
import { bufferSource, parseDataSet } from '../../src/dicom/parse.ts';
import { text, texts } from '../../src/dicom/read-values.ts';
import { encodeDataSet } from '../../src/dicom/write.ts';

const IMPLICIT = '1.2.840.10008.1.2';

function hex(terms: readonly string[], value: string, personName = true): string | undefined {
  return textEncoderOf(terms)?.(value, personName)?.toString('hex');
}

const ASCII = (value: string): string => Buffer.from(value, 'latin1').toString('hex');

describe('writing text in a character set (PS3.3 C.12.1.1.2, PS3.5 6.1.2)', () => {
  it.each<[string[], string, string]>([
    [['ISO_IR 100'], 'Äneas^Rüdiger', `c4${ASCII('neas^R')}fc${ASCII('diger')}`],
    [['ISO_IR 101'], 'ą', 'b1'],
    [['ISO_IR 109'], 'Ħ', 'a1'],
    [['ISO_IR 110'], 'ĸ', 'a2'],
    [['ISO_IR 144'], 'Ж', 'b6'],
    [['ISO_IR 127'], 'ب', 'c8'],
    [['ISO_IR 126'], 'Δ', 'c4'],
    [['ISO_IR 138'], 'ש', 'f9'],
    [['ISO_IR 148'], 'ğ', 'f0'],
    [['ISO_IR 203'], '€', 'a4'],
    [['ISO_IR 166'], 'ก', 'a1'],
    [['ISO_IR 13'], 'ﾔ', 'd4'],
    [['ISO_IR 192'], '山', 'e5b1b1'],
    [['GB18030'], '王^小东', 'cdf55ed0a1b6ab'],
    [['GBK'], '孿', '8c5c'],
  ])('%s: %s', (terms, value, expected) => {
    expect(hex(terms, value)).toBe(expected);
  });

  it('shifts as PS3.5 Annexes H, I and K do, and back to ASCII before delimiters and at the end', () => {
    const ESC = '1b';
    expect(hex(['', 'ISO 2022 IR 87'], 'Yamada^Tarou=山田^太郎')).toBe(
      `${ASCII('Yamada^Tarou=')}${ESC}24423b334544${ESC}2842${ASCII('^')}${ESC}24424240 4f3a${ESC}2842`.replaceAll(
        ' ',
        '',
      ),
    );
    expect(hex(['', 'ISO 2022 IR 149'], 'Hong^Gildong=洪^吉洞')).toBe(
      `${ASCII('Hong^Gildong=')}${ESC}242943fbf3${ASCII('^')}${ESC}242943d1ced4d7`,
    );
    expect(hex(['', 'ISO 2022 IR 58'], '张^小东')).toBe(`${ESC}242941d5c5${ASCII('^')}${ESC}242941d0a1b6ab`);
    expect(hex(['ISO 2022 IR 13', 'ISO 2022 IR 87'], 'ﾔﾏﾀﾞ=山')).toBe(`d4cfc0de${ASCII('=')}${ESC}24423b33${ESC}2842`);
    expect(hex(['ISO 2022 IR 100', 'ISO 2022 IR 144'], 'äЖ^ä')).toBe(`e4${ESC}2d4cb6${ASCII('^')}e4`);
    expect(hex(['', 'ISO 2022 IR 159', 'ISO 2022 IR 87'], '丂山')).toBe(`${ESC}2428443021${ESC}24423b33${ESC}2842`);
  });

  it('reads back what it writes, whatever the mixture', () => {
    const values = ['a山b^田=ｱ', '山\\田', '東京\r\n大阪', 'ÄЖΔ^ÄЖ', '洪吉洞 홍길동', '', 'x'];
    const sets = [
      ['', 'ISO 2022 IR 87'],
      ['ISO 2022 IR 13', 'ISO 2022 IR 87', 'ISO 2022 IR 159'],
      ['ISO 2022 IR 6', 'ISO 2022 IR 149'],
      ['ISO 2022 IR 100', 'ISO 2022 IR 144', 'ISO 2022 IR 126'],
      ['', 'ISO 2022 IR 58', 'ISO 2022 IR 149'],
      ['ISO_IR 192'],
      ['GB18030'],
    ];
    let written = 0;
    for (const terms of sets) {
      for (const value of values) {
        const bytes = textEncoderOf(terms)?.(value, true);
        if (bytes === undefined) continue;
        expect([terms, characterSetOf(terms).decode(bytes, true)]).toEqual([terms, value]);
        written += 1;
      }
    }
    expect(written).toBeGreaterThan(25);
  });

  it('writes nothing that the set has not, and nothing in a set that nobody knows', () => {
    expect(hex(['ISO_IR 100'], 'Ж')).toBeUndefined();
    expect(hex(['', 'ISO 2022 IR 87'], '한')).toBeUndefined();
    expect(hex(['', 'ISO 2022 IR 87'], '①')).toBeUndefined(); // a vendor's sign in row 13
    expect(hex(['GB18030'], '\u{1f600}')).toBeUndefined();
    expect(textEncoderOf(['KOI8-R'])).toBeUndefined();
    expect(textEncoderOf([])).toBeUndefined();
    expect(textEncoderOf([''])).toBeUndefined();
    expect(textEncoderOf(['', 'ISO 2022 IR 999'])).toBeUndefined();
  });

  it('is all of a data set in the wanted set, or all of it in UTF-8', () => {
    const read = (fields: Parameters<typeof dataset>[0], characterSet: string[]) => {
      const bytes = encodeDataSet(dataset(fields), { transferSyntaxUid: IMPLICIT, characterSet });
      const parsed = parseDataSet(bufferSource(bytes), { transferSyntaxUid: IMPLICIT });
      return [parsed.characterSet.join('\\'), text(parsed.dataset, 'PatientName')];
    };
    const greek = { PatientComments: 'Δ' };
    expect(read({ PatientName: 'Jörg' }, ['ISO_IR 100'])).toEqual(['ISO_IR 100', 'Jörg']);
    expect(read({ PatientName: 'Jörg', ...greek }, ['ISO_IR 100'])).toEqual(['ISO_IR 192', 'Jörg']);
    expect(read({ PatientName: 'Jo', RequestAttributesSequence: [greek] }, ['ISO_IR 100'])[0]).toBe('ISO_IR 192');
    expect(read({ PatientName: '山' }, ['', 'ISO 2022 IR 87'])).toEqual(['\\ISO 2022 IR 87', '山']);
    expect(read({ PatientName: 'plain' }, ['ISO_IR 144'])).toEqual(['ISO_IR 144', 'plain']);
  });
});

describe('sets that are wrong or missing', () => {
  /** A data set with a patient name in these bytes. */
  function read(name: string, said: string | undefined, characterSet?: readonly string[]) {
    const element = (group: number, number: number, value: Buffer): Buffer => {
      const head = Buffer.alloc(8);
      head.writeUInt16LE(group, 0);
      head.writeUInt16LE(number, 2);
      head.writeUInt32LE(value.length, 4);
      return Buffer.concat([head, value]);
    };
    const padded = (value: Buffer): Buffer =>
      value.length % 2 === 0 ? value : Buffer.concat([value, Buffer.from(' ')]);
    const bytes = Buffer.concat([
      ...(said === undefined ? [] : [element(0x0008, 0x0005, padded(Buffer.from(said, 'latin1')))]),
      element(0x0010, 0x0010, padded(Buffer.from(name.replaceAll(' ', ''), 'hex'))),
      element(0x0010, 0x0020, Buffer.from('ID')),
    ]);
    const parsed = parseDataSet(bufferSource(bytes), {
      transferSyntaxUid: IMPLICIT,
      ...(characterSet === undefined ? {} : { characterSet }),
    });
    return {
      name: text(parsed.dataset, 'PatientName'),
      warnings: parsed.warnings,
      said: texts(parsed.dataset, '00080005'),
    };
  }

  const MISSING = '00100010 has text without a character set';

  it('none is said: UTF-8 by its form, code extensions by theirs, then what is known of the peer, else Latin-1', () => {
    expect(read('4ac3b67267', undefined)).toMatchObject({ name: 'Jörg', warnings: [MISSING] });
    expect(read('4ac3b67267', undefined, ['ISO_IR 144'])).toMatchObject({ name: 'Jörg', warnings: [MISSING] });
    expect(read('1b2442 3b334544 1b2842', undefined)).toMatchObject({ name: '山田', warnings: [MISSING] });
    expect(read('b6', undefined, ['ISO_IR 144'])).toMatchObject({ name: 'Ж', warnings: [MISSING] });
    expect(read('b6', '', ['ISO_IR 144'])).toMatchObject({ name: 'Ж', warnings: [MISSING] });
    expect(read('4af67267', undefined)).toMatchObject({ name: 'Jörg', warnings: [MISSING] });
    expect(read('cdf55ed0a1', undefined, ['GB18030'])).toMatchObject({ name: '王^小' });
    expect(read('4a6f', undefined)).toMatchObject({ name: 'Jo', warnings: [] });
  });

  it('what is said counts over what is known of the peer', () => {
    expect(read('4af67267', 'ISO_IR 100', ['ISO_IR 144'])).toMatchObject({ name: 'Jörg', warnings: [] });
  });

  it('Latin-1 is said of what can only be UTF-8', () => {
    expect(read('4ac3b67267', 'ISO_IR 100')).toMatchObject({
      name: 'Jörg',
      warnings: ['00100010 is UTF-8, but ISO_IR 100 was said'],
    });
  });

  it('bytes that the set has not are named, and never a value', () => {
    const { name, warnings } = read('4aff67', 'ISO_IR 192');
    expect([name, warnings]).toEqual(['J\ufffdg', ['00100010 has bytes that are not of its character set']]);
  });
});
