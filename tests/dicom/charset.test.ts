import { describe, expect, it } from 'vitest';
import { characterSetOf } from '../../src/dicom/charset.ts';

function decode(terms: readonly string[], hex: string, personName = true): string {
  return characterSetOf(terms).decode(Buffer.from(hex.replaceAll(/\s/g, ''), 'hex'), personName);
}

const ASCII = (text: string): string => Buffer.from(text, 'latin1').toString('hex');
const ESC = '1b';

describe('single-byte character sets (PS3.3 Table C.12-2)', () => {
  it.each([
    ['ISO_IR 100', 'e4', 'ä'],
    ['ISO_IR 101', 'b1', 'ą'],
    ['ISO_IR 109', 'a1', 'Ħ'],
    ['ISO_IR 110', 'a2', 'ĸ'],
    ['ISO_IR 144', 'b6', 'Ж'],
    ['ISO_IR 127', 'c8', 'ب'],
    ['ISO_IR 126', 'c4', 'Δ'],
    ['ISO_IR 138', 'f9', 'ש'],
    ['ISO_IR 148', 'f0', 'ğ'],
    ['ISO_IR 203', 'a4', '€'],
    ['ISO_IR 166', 'a1', 'ก'],
    ['ISO_IR 13', 'd4', 'ﾔ'],
  ])('%s', (term, hex, expected) => {
    expect(decode([term], hex)).toBe(expected);
    expect(decode([term.replace('ISO_IR', 'ISO 2022 IR')], `${ASCII('a^')}${hex}`)).toBe(`a^${expected}`);
  });

  it('ISO_IR 6 and none are ASCII; what is not is read as UTF-8 where it is UTF-8, else as Latin-1', () => {
    for (const terms of [[], ['ISO_IR 6'], ['']]) {
      expect(decode(terms, ASCII('Smith'))).toBe('Smith');
      expect(decode(terms, 'c3a4')).toBe('ä');
      expect(decode(terms, 'e4')).toBe('ä');
    }
  });
});

describe('sets without code extension (PS3.3 Table C.12-5)', () => {
  it('ISO_IR 192 is UTF-8, and bytes that are none become U+FFFD', () => {
    expect(decode(['ISO_IR 192'], 'e5b1b1')).toBe('山');
    expect(decode(['ISO_IR 192'], '41ff42')).toBe('A\ufffdB');
  });

  it('GB18030 and GBK may have a backslash as half of a character, which is no delimiter', () => {
    expect(decode(['GB18030'], 'cdf5 5e d0a1 b6ab')).toBe('王^小东');
    expect(decode(['GBK'], '8c5c')).toBe('孿');
    expect(decode(['GB18030'], '8130 8130')).toBe('\u0080');
  });
});

describe('code extension by ISO 2022 (PS3.5 Section 6.1.2.5)', () => {
  it('reads the Japanese example of PS3.5 Annex H.3.1', () => {
    const name = `${ASCII('Yamada^Tarou=')}${ESC}24423b334544${ESC}2842${ASCII('^')}${ESC}24424240 4f3a${ESC}2842${ASCII('=')}${ESC}24422464245e2440${ESC}2842${ASCII('^')}${ESC}2442243f246d2426${ESC}2842`;
    expect(decode(['', 'ISO 2022 IR 87'], name)).toBe('Yamada^Tarou=山田^太郎=やまだ^たろう');
  });

  it('reads half-width katakana and JIS X 0208 as in PS3.5 Annex H.3.2', () => {
    const name = `d4cfc0de${ASCII('^')}c0dbb3${ASCII('=')}${ESC}24423b334544${ESC}284a${ASCII('^')}${ESC}244242404f3a${ESC}284a`;
    expect(decode(['ISO 2022 IR 13', 'ISO 2022 IR 87'], name)).toBe('ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎');
  });

  it('reads the Korean example of PS3.5 Annex I.2, in which a delimiter brings the initial set back', () => {
    const name = `${ASCII('Hong^Gildong=')}${ESC}242943fbf3${ASCII('^')}${ESC}242943d1ced4d7`;
    expect(decode(['', 'ISO 2022 IR 149'], name)).toBe('Hong^Gildong=洪^吉洞');
    // behind the "^" nothing has been designated again: these two bytes are not Korean
    expect(decode(['', 'ISO 2022 IR 149'], `${ESC}242943fbf3${ASCII('^')}d1ce`)).toBe('洪^ÑÎ');
  });

  it('reads Chinese by GB 2312 (PS3.5 Annex K)', () => {
    const name = `${ASCII('Zhang^XiaoDong=')}${ESC}242941d5c5${ASCII('^')}${ESC}242941d0a1b6ab${ASCII('=')}`;
    expect(decode(['', 'ISO 2022 IR 58'], name)).toBe('Zhang^XiaoDong=张^小东=');
  });

  it('reads JIS X 0212', () => {
    expect(decode(['', 'ISO 2022 IR 159'], `${ESC}242844 3021 ${ESC}2842${ASCII('x')}`)).toBe('丂x');
  });

  it('changes between Latin and Cyrillic in G1', () => {
    expect(decode(['ISO 2022 IR 100', 'ISO 2022 IR 144'], `e4${ESC}2d4cb6${ESC}2d41e4`)).toBe('äЖä');
  });

  it('takes "^" and "=" for delimiters in person names only, line ends and backslashes always', () => {
    const cyrillic = `${ESC}2d4cb6`;
    const terms = ['ISO 2022 IR 100', 'ISO 2022 IR 144'];
    expect(decode(terms, `${cyrillic}3db6`, true)).toBe('Ж=¶');
    expect(decode(terms, `${cyrillic}3db6`, false)).toBe('Ж=Ж');
    for (const delimiter of ['5c', '0a', '0d', '0c', '09']) {
      expect(decode(terms, `${cyrillic}${delimiter}b6`, false).at(-1)).toBe('¶');
    }
  });

  it('does not mistake the second byte of a two-byte character for a backslash', () => {
    expect(decode(['', 'ISO 2022 IR 87'], `${ESC}2442 215c ${ESC}2842`)).not.toContain('\\');
  });

  it.each([`${ESC}`, `${ESC}24`, `${ESC}24423b`, `${ESC}ffff41`, `${ESC}2442ffff`, `${ESC}28443021`, `${ESC}242943ff`])(
    'never throws on broken escapes (%s)',
    (hex) => {
      for (const second of [
        'ISO 2022 IR 87',
        'ISO 2022 IR 149',
        'ISO 2022 IR 58',
        'ISO 2022 IR 159',
        'ISO 2022 IR 13',
      ]) {
        expect(typeof decode(['', second], hex)).toBe('string');
      }
    },
  );
});

describe('terms as they are met', () => {
  it.each(['ISO IR 144', 'ISO-IR 144', 'iso_ir 144', 'ISO_IR144', ' ISO_IR 144 '])('understands %j', (term) => {
    expect(decode([term], 'b6')).toBe('Ж');
  });

  it('names what it does not know, and guesses', () => {
    const set = characterSetOf(['KOI8-R']);
    expect(set.unknownTerms).toEqual(['KOI8-R']);
    expect(set.decode(Buffer.from('ä'), false)).toBe('ä');
    expect(characterSetOf(['', 'ISO 2022 IR 87']).unknownTerms).toEqual([]);
  });
});
