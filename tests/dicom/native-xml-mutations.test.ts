import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { JsonDataset } from '../../src/dicom/dataset.ts';
import { nativeXml } from '../../src/dicom/native-xml.ts';
import { bufferSource, parsePart10 } from '../../src/dicom/parse.ts';
import { readNativeXml } from '../../src/dicom/read-native-xml.ts';
import { xmlText } from '../../src/dicom/xml-text.ts';
import { VoxgateError } from '../../src/errors.ts';
import { seeded } from '../support/seeded.ts';
import { hasSharedData, sharedData } from '../support/shared-data.ts';

const SMALL: JsonDataset = {
  '00080005': { vr: 'CS', Value: ['ISO_IR 192'] },
  '00090010': { vr: 'LO', Value: ['MINE'] },
  '00091001': { vr: 'UN', InlineBinary: 'AAEC' },
  '00091101': { vr: 'LO', Value: ['of nobody'] },
  '00100010': { vr: 'PN', Value: [{ Alphabetic: 'A^B^^Dr.', Ideographic: '山^一' }, null] },
  '00180050': { vr: 'DS', Value: [1.5, null, '2.50'] },
  '00189073': { vr: 'FD', Value: ['NaN', -0.1] },
  '00204000': { vr: 'LT', Value: [' two\r\nlines & <more>'] },
  '00280009': { vr: 'AT', Value: ['00181063'] },
  '00280010': { vr: 'US', Value: [512] },
  '00720082': { vr: 'SV', Value: ['-9223372036854775808'] },
  '0040A730': { vr: 'SQ', Value: [{ '0040A730': { vr: 'SQ', Value: [{}, { '00080060': { vr: 'CS' } }] } }] },
  '7FE00010': { vr: 'OW', BulkDataURI: 'bulkdata/7FE00010' },
};

/** What documents are made of, and what breaks parsers. */
const PIECES = [
  ...['<', '>', '/>', '</', '"', "'", '&', '&amp;', '&#13;', '&#0;', '&#x10FFFF;', '&a;', '<!--', '-->', ']]>', '\0'],
  ...[
    '<![CDATA[',
    '<!DOCTYPE a [',
    '<!ENTITY b "&b;&b;">',
    '<?x ?>',
    'xmlns=""',
    'xmlns:a="b"',
    '\ud800',
    '\ufeff',
    '\x7f',
  ],
  ...[
    '<Item number="1">',
    '</Item>',
    '<Value number="1">',
    '</Value>',
    '<PersonName>',
    '<Alphabetic/>',
    '<FamilyName>^',
  ],
  ...['<DicomAttribute tag="00091001" vr="SQ" privateCreator="MINE">', '</DicomAttribute>', '<BulkData uri="a"/>'],
  ...['number="0"', 'number="999999999"', 'number="-1"', 'vr="SQ"', 'vr="PN"', 'vr="OB"', 'privateCreator=""', '1e999'],
  ...['tag="00090010"', 'tag="0009FF01"', 'tag="FFFFFFFF"', 'tag="__proto__"', '<InlineBinary>====</InlineBinary>'],
];

const WORDS = [
  '',
  '0',
  '-1',
  '1.50',
  '1e999',
  'SQ',
  'PN',
  'OB',
  'LO',
  'US',
  '00091001',
  '00090000',
  'MINE',
  'a^b=c^^',
  '\\',
  'AA==',
  '&#13;',
];

/** Stays well-formed: other attribute values and texts, leaves left out or repeated. */
function reworded(original: string, random: () => number): string {
  let text = original;
  for (let left = 1 + Math.floor(random() * 3); left > 0; left -= 1) {
    const parts = text.match(/"[^"]*"|>[^<]*<\/|<\w+ [^<>]*\/>/g) ?? [];
    const part = parts[4 + Math.floor(random() * (parts.length - 4))] ?? '';
    const word = WORDS[Math.floor(random() * WORDS.length)]!;
    const other = part.startsWith('<')
      ? random() < 0.5
        ? ''
        : part + part
      : part.startsWith('"')
        ? `"${word}"`
        : `>${word}</`;
    text = text.replace(part, () => other);
  }
  return text;
}

function mutated(original: string, random: () => number): string {
  if (random() < 0.5) return reworded(original, random);
  let text = original;
  for (let left = 1 + Math.floor(random() * 5); left > 0; left -= 1) {
    const at = Math.floor(random() * text.length);
    const to = at + Math.floor(random() * random() * 60);
    const kind = random();
    if (kind < 0.4) text = text.slice(0, at) + PIECES[Math.floor(random() * PIECES.length)] + text.slice(at);
    else if (kind < 0.6) text = text.slice(0, at) + text.slice(to);
    else if (kind < 0.7) text = text.slice(0, to) + text.slice(at);
    else if (kind < 0.8)
      text = text.slice(0, at) + String.fromCharCode(Math.floor(random() * 128)) + text.slice(at + 1);
    else if (kind < 0.95) {
      const from = Math.floor(random() * text.length);
      text = text.slice(0, at) + text.slice(from, from + 200) + text.slice(at);
    } else text = text.slice(0, at);
  }
  return text;
}

/** Reads it, or finds it refused; what was read can be written, and then stays the same. */
function tryOne(xml: string): 'read' | 'refused' {
  let dataset: JsonDataset;
  try {
    dataset = readNativeXml(xml);
  } catch (error) {
    if (error instanceof VoxgateError && error.code === 'bad-request' && /^line \d+ of the XML: /.test(error.message)) {
      return 'refused';
    }
    throw error;
  }
  const again = readNativeXml(nativeXml(dataset));
  expect(readNativeXml(nativeXml(again))).toEqual(again);
  return 'read';
}

function mutate(originals: readonly string[], times: number): { read: number; refused: number; slowest: number } {
  const random = seeded(20_261_123);
  const outcome = { read: 0, refused: 0, slowest: 0 };
  for (let time = 0; time < times; time += 1) {
    const xml = mutated(originals[time % originals.length]!, random);
    const before = performance.now();
    try {
      outcome[tryOne(xml)] += 1;
    } catch (cause) {
      throw new Error(`document ${time}: ${JSON.stringify(xml.slice(0, 3000))}`, { cause });
    }
    outcome.slowest = Math.max(outcome.slowest, performance.now() - before);
  }
  return outcome;
}

describe('mutated documents of the Native DICOM Model', () => {
  it('are read or refused with their line, quickly, 6,000 of a small one', () => {
    const { read, refused, slowest } = mutate([nativeXml(SMALL)], 6000);
    expect(read).toBeGreaterThan(200);
    expect(refused).toBeGreaterThan(2000);
    expect(slowest).toBeLessThan(2000);
  });

  it.skipIf(!hasSharedData)('are read or refused with their line, quickly, 300 of real ones', () => {
    const files = ['images/ecg/waveform_ecg.dcm', 'images/rt/test_files-rtplan.dcm', 'charsets/chrX1.dcm'];
    const { read, refused, slowest } = mutate(
      files.map((file) => nativeXml(parsePart10(bufferSource(readFileSync(sharedData(file)))).dataset)),
      300,
    );
    expect(read + refused).toBe(300);
    expect(slowest).toBeLessThan(4000);
  });

  it('of random bytes are text, or refused', () => {
    const random = seeded(7);
    for (let time = 0; time < 2000; time += 1) {
      const bytes = Buffer.from(Array.from({ length: 20 }, () => Math.floor(random() * 256)));
      if (time % 3 === 0) Buffer.from('<?xml encoding="').copy(bytes);
      try {
        expect(typeof xmlText(bytes)).toBe('string');
      } catch (error) {
        expect(error).toBeInstanceOf(VoxgateError);
      }
    }
  });

  it('of a million elements take time in proportion, and of one creator a million times too', () => {
    const creator = '<DicomAttribute tag="00090010" vr="LO"><Value number="1">MINE</Value></DicomAttribute>';
    const started = performance.now();
    expect(() => readNativeXml(`<NativeDicomModel>${creator.repeat(50_000)}</NativeDicomModel>`)).toThrow(
      'occurs twice',
    );
    const values = '<Value>1</Value>'.repeat(300_000);
    const read = readNativeXml(
      `<NativeDicomModel><DicomAttribute tag="30060050" vr="DS">${values}</DicomAttribute></NativeDicomModel>`,
    );
    expect(read['30060050']?.Value).toHaveLength(300_000);
    expect(performance.now() - started).toBeLessThan(20_000);
  });
});
