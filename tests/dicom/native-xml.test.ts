import { describe, expect, it } from 'vitest';
import type { JsonDataset } from '../../src/dicom/dataset.ts';
import { NATIVE_DICOM, nativeXml } from '../../src/dicom/native-xml.ts';
import { readNativeXml } from '../../src/dicom/read-native-xml.ts';
import { xmlText } from '../../src/dicom/xml-text.ts';
import { VoxgateError } from '../../src/errors.ts';

/** What stands between the root's tags. */
function written(dataset: JsonDataset): string {
  const xml = nativeXml(dataset);
  return xml.slice(xml.indexOf('"preserve">') + '"preserve">'.length, xml.lastIndexOf('</NativeDicomModel>'));
}

function document(content: string, attributes = ''): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n<NativeDicomModel${attributes}>${content}</NativeDicomModel>`;
}

const read = (content: string): JsonDataset => readNativeXml(document(content));

/** The sentence of the refusal. */
function refusal(xml: string): string {
  try {
    readNativeXml(xml);
  } catch (error) {
    if (error instanceof VoxgateError && error.code === 'bad-request') return error.message;
    throw error;
  }
  return 'none';
}

describe('the Native DICOM Model as it is written (PS3.19 Section A.1.5)', () => {
  it('is a document with declaration, namespace and preserved space', () => {
    expect(nativeXml({})).toBe(
      `<?xml version="1.0" encoding="UTF-8"?>\n<NativeDicomModel xmlns="${NATIVE_DICOM}" xml:space="preserve"></NativeDicomModel>\n`,
    );
  });

  it('has the attributes in ascending order, with keyword, each value with its number', () => {
    expect(
      written({
        '30060010': { vr: 'SQ' },
        '00080008': { vr: 'CS', Value: ['MPG', null, 'XR3'] },
        '00280030': { vr: 'DS', Value: [0.5, '0.40'] },
      }),
    ).toBe(
      '<DicomAttribute tag="00080008" vr="CS" keyword="ImageType"><Value number="1">MPG</Value><Value number="2"/><Value number="3">XR3</Value></DicomAttribute>' +
        '<DicomAttribute tag="00280030" vr="DS" keyword="PixelSpacing"><Value number="1">0.5</Value><Value number="2">0.40</Value></DicomAttribute>' +
        '<DicomAttribute tag="30060010" vr="SQ" keyword="ReferencedFrameOfReferenceSequence"/>',
    );
  });

  it('takes names apart into groups and components', () => {
    const name = { Alphabetic: 'Yamada^Tarou', Ideographic: '山田^^^先生' };
    expect(written({ '00100010': { vr: 'PN', Value: [name, null] } })).toBe(
      '<DicomAttribute tag="00100010" vr="PN" keyword="PatientName"><PersonName number="1">' +
        '<Alphabetic><FamilyName>Yamada</FamilyName><GivenName>Tarou</GivenName></Alphabetic>' +
        '<Ideographic><FamilyName>山田</FamilyName><NamePrefix>先生</NamePrefix></Ideographic>' +
        '</PersonName><PersonName number="2"/></DicomAttribute>',
    );
  });

  it('has private elements without their block, with their creator, and the creator itself', () => {
    expect(
      written({
        '00090011': { vr: 'LO', Value: ['A "B" & <C>'] },
        '00091102': { vr: 'UN', InlineBinary: 'AAE=' },
        '00091202': { vr: 'LO', Value: ['nobody has reserved 12'] },
      }),
    ).toBe(
      '<DicomAttribute tag="00090011" vr="LO"><Value number="1">A "B" &amp; &lt;C&gt;</Value></DicomAttribute>' +
        '<DicomAttribute tag="00090002" vr="UN" privateCreator="A &quot;B&quot; &amp; &lt;C&gt;"><InlineBinary>AAE=</InlineBinary></DicomAttribute>' +
        '<DicomAttribute tag="00091202" vr="LO"><Value number="1">nobody has reserved 12</Value></DicomAttribute>',
    );
  });

  it('has items, empty ones too, and references to bulk data', () => {
    expect(
      written({ '54000100': { vr: 'SQ', Value: [{ '54001010': { vr: 'OW', BulkDataURI: 'https://a/b?c&d' } }, {}] } }),
    ).toBe(
      '<DicomAttribute tag="54000100" vr="SQ" keyword="WaveformSequence"><Item number="1">' +
        '<DicomAttribute tag="54001010" vr="OW" keyword="WaveformData"><BulkData uri="https://a/b?c&amp;d"/></DicomAttribute>' +
        '</Item><Item number="2"/></DicomAttribute>',
    );
  });

  it('holds no character that XML 1.0 cannot: it becomes U+FFFD, and the document stays well-formed', () => {
    const dataset: JsonDataset = {
      '00090010': { vr: 'LO', Value: ['\x01'] },
      '00091001': { vr: 'LT', Value: ['\0\x1b\x7f\ufffe\ud800 \udc00😀\t\n\r\n]]>'] },
    };
    expect(readNativeXml(nativeXml(dataset))).toEqual({
      '00090010': { vr: 'LO', Value: ['\ufffd'] },
      '00091001': { vr: 'LT', Value: ['\ufffd\ufffd\x7f\ufffd\ufffd \ufffd😀\t\n\r\n]]>'] },
    });
  });
});

describe('a data set that went through the Native DICOM Model', () => {
  it('is the same again, of every VR (PS3.18 Section F.3.1)', () => {
    const dataset: JsonDataset = {
      '00080005': { vr: 'CS', Value: ['ISO_IR 192'] },
      '00080018': { vr: 'UI', Value: ['1.2.3'] },
      '00080020': { vr: 'DA', Value: ['20260101'] },
      '00080030': { vr: 'TM' },
      '0008002A': { vr: 'DT', Value: ['20260101120000.5+0100'] },
      '00080054': { vr: 'AE', Value: ['VOXGATE'] },
      '00081190': { vr: 'UR', Value: ['http://a/?b=1&c=2'] },
      '00100010': {
        vr: 'PN',
        Value: [{ Alphabetic: 'A^B^^^', Phonetic: '^^' }, null, { Ideographic: '山^一^^^四^五' }],
      },
      '00101010': { vr: 'AS', Value: ['030Y'] },
      '00180050': { vr: 'DS', Value: [1.5, -3, 1e-7, 1e21, null, '1.50', '9007199254740993', 'x'] },
      '00181400': { vr: 'LO', Value: [' a ', 'b'] },
      '00189073': { vr: 'FD', Value: [0.1, 'NaN', 'Infinity', '-Infinity', null, Number.MIN_VALUE] },
      '00189459': { vr: 'FL', Value: [0.1] },
      '00200013': { vr: 'IS', Value: [7, '+007', '1.5', '99999999999999999999'] },
      '00204000': { vr: 'LT', Value: ['  two lines,\r\nthe second  '] },
      '00280009': { vr: 'AT', Value: ['00181063'] },
      '00280010': { vr: 'US', Value: [0, 65535] },
      '00280106': { vr: 'SS', Value: [-32768] },
      '00420010': { vr: 'ST', Value: ['a\\b'] },
      '00420013': { vr: 'UT', Value: ['<&>'] },
      '00460102': { vr: 'UL', Value: [4294967295] },
      '00720066': { vr: 'SH', Value: ['a', null, 'b'] },
      '00720078': { vr: 'SL', Value: [-2147483648] },
      '00720082': { vr: 'SV', Value: [-5, '-9223372036854775808'] },
      '00720083': { vr: 'UV', Value: ['18446744073709551615'] },
      '00990010': { vr: 'LO', Value: ['MINE'] },
      '00990011': { vr: 'LO', Value: ['YOURS'] },
      '00991000': { vr: 'UC', Value: [' kept'] },
      '00991101': { vr: 'SQ', Value: [{}, { '00990010': { vr: 'LO', Value: ['YOURS'] }, '00991001': { vr: 'UN' } }] },
      '00660040': { vr: 'OL', InlineBinary: 'AAAAAA==' },
      '7FE00010': { vr: 'OW', BulkDataURI: 'bulkdata/7FE00010' },
    };
    expect(readNativeXml(nativeXml(dataset))).toEqual(dataset);
  });

  it('keeps its blocks where one creator has two of them', () => {
    const dataset: JsonDataset = {
      '00090010': { vr: 'LO', Value: ['MINE'] },
      '00090011': { vr: 'LO', Value: ['MINE'] },
      '00091001': { vr: 'LO', Value: ['a'] },
      '00091101': { vr: 'LO', Value: ['b'] },
    };
    expect(readNativeXml(nativeXml(dataset))).toEqual(dataset);
  });
});

describe('a document of another writer', () => {
  it('is read without namespace, with comments, white space between elements and CDATA', () => {
    const xml =
      '\ufeff<?xml version="1.0"?>\n<!-- c --><NativeDicomModel>\n  <DicomAttribute tag="0010002a" vr="LO">\n' +
      '    <Value number="1"><![CDATA[a<b]]>&amp;&#x41;</Value>\n  </DicomAttribute>\n</NativeDicomModel>\n';
    expect(readNativeXml(xml)).toEqual({ '0010002A': { vr: 'LO', Value: ['a<b&A'] } });
  });

  it('is read with a prefix for the namespace, and not with another namespace', () => {
    const content = '<n:DicomAttribute tag="00080060" vr="CS"><n:Value number="1">CT</n:Value></n:DicomAttribute>';
    const wrapped = (uri: string) => `<n:NativeDicomModel xmlns:n="${uri}">${content}</n:NativeDicomModel>`;
    expect(readNativeXml(wrapped(NATIVE_DICOM))).toEqual({ '00080060': { vr: 'CS', Value: ['CT'] } });
    expect(refusal(wrapped('urn:other'))).toBe('line 1 of the XML: an element of another namespace');
  });

  it('gives private elements the next free block where none is reserved, and the creator its element', () => {
    const element = (tag: string, creator: string, value: string) =>
      `<DicomAttribute tag="${tag}" vr="LO" privateCreator="${creator}"><Value number="1">${value}</Value></DicomAttribute>`;
    expect(
      read(
        '<DicomAttribute tag="00090010" vr="LO"><Value number="1">FIRST</Value></DicomAttribute>' +
          element('00090001', 'SECOND', 'a') +
          element('00090001', 'FIRST', 'b') +
          element('00091205', 'THIRD', 'its block was left in'),
      ),
    ).toEqual({
      '00090010': { vr: 'LO', Value: ['FIRST'] },
      '00090011': { vr: 'LO', Value: ['SECOND'] },
      '00090012': { vr: 'LO', Value: ['THIRD'] },
      '00091001': { vr: 'LO', Value: ['b'] },
      '00091101': { vr: 'LO', Value: ['a'] },
      '00091205': { vr: 'LO', Value: ['its block was left in'] },
    });
  });

  it('may leave out empty values, the VR of a known attribute, and have group lengths, which are dropped', () => {
    expect(
      read(
        '<DicomAttribute tag="00080000" vr="UL"><Value number="1">5</Value></DicomAttribute>' +
          '<DicomAttribute tag="00080008"><Value number="3">C</Value></DicomAttribute>' +
          '<DicomAttribute tag="00080060" vr="CS"><Value number="1"/></DicomAttribute>' +
          '<DicomAttribute tag="00189073" vr="FD"><Value>INF</Value><Value> -2.5e1 </Value></DicomAttribute>' +
          '<DicomAttribute tag="00282000" vr="OB"><InlineBinary>\nAAEC\n</InlineBinary></DicomAttribute>' +
          '<DicomAttribute tag="7FE00010" vr="OW"><BulkData uuid="b0b"/></DicomAttribute>',
      ),
    ).toEqual({
      '00080008': { vr: 'CS', Value: [null, null, 'C'] },
      '00080060': { vr: 'CS' },
      '00189073': { vr: 'FD', Value: ['Infinity', -25] },
      '00282000': { vr: 'OB', InlineBinary: 'AAEC' },
      '7FE00010': { vr: 'OW', BulkDataURI: 'urn:uuid:b0b' },
    });
  });

  it.each([
    ['', 'line 1 of the XML: it is not well-formed'],
    ['<NativeDicomModel>\n<DicomAttribute>', 'line 2 of the XML: a DicomAttribute has no tag of eight hexadecimal digits'],
    ['<NativeDicomModel>\n<a></NativeDicomModel>', 'line 2 of the XML: an element that has no place in NativeDicomModel'],
    ['<!DOCTYPE a [<!ENTITY b "c">]><NativeDicomModel>&b;</NativeDicomModel>', 'line 1 of the XML: a document type declaration is not taken'],
    [document('&nbsp;'), 'line 2 of the XML: it is not well-formed'],
    [document('&#0;'), 'line 2 of the XML: it is not well-formed'],
    [document('text'), 'line 2 of the XML: text has no place in NativeDicomModel'],
    [document('<DicomAttribute tag="00080060" vr="XX"/>'), 'line 2 of the XML: 00080060 has a VR that PS3.5 does not know'],
    [document('<DicomAttribute tag="00080060" vr="CS"><Item number="1"/></DicomAttribute>'), 'line 2 of the XML: 00080060 (CS) cannot hold Item'],
    [document('<DicomAttribute tag="00080060" vr="CS"><Value number="1"/><BulkData uri="a"/></DicomAttribute>'), 'line 2 of the XML: BulkData stands beside Value'],
    [document('<DicomAttribute tag="00080060" vr="CS"><Value number="2"/><Value number="2"/></DicomAttribute>'), 'line 2 of the XML: the attribute "number" does not count up from 1'],
    [document('<DicomAttribute tag="00080060" vr="CS"><Value number="3000000"/></DicomAttribute>'), 'line 2 of the XML: the attribute "number" does not count up from 1'],
    [document('<DicomAttribute tag="00280010" vr="US"><Value number="1">65536</Value></DicomAttribute>'), 'line 2 of the XML: a value of 00280010 (US) is none of that VR'],
    [document('<DicomAttribute tag="00280009" vr="AT"><Value number="1">rows</Value></DicomAttribute>'), 'line 2 of the XML: a value of 00280009 (AT) is none of that VR'],
    [document('<DicomAttribute tag="00282000" vr="OB"><InlineBinary>A</InlineBinary></DicomAttribute>'), 'line 2 of the XML: 00282000 is not base64'],
    [document('<DicomAttribute tag="00282000" vr="OB"><BulkData/></DicomAttribute>'), 'line 2 of the XML: a BulkData has neither uri nor uuid'],
    [document('<DicomAttribute tag="00080060" vr="CS"/><DicomAttribute tag="00080060" vr="CS"/>'), 'line 2 of the XML: 00080060 occurs twice'],
    [document('<DicomAttribute tag="00100010" vr="PN"><PersonName number="1"><Phonetic/><Phonetic/></PersonName></DicomAttribute>'), 'line 2 of the XML: Phonetic occurs twice'],
  ])('%j is refused: %s', (xml, sentence) => {
    expect(refusal(xml)).toBe(sentence);
  }); // biome-ignore format: one case a line

  it('may be nested up to 64 deep', () => {
    const nested = (depth: number): string =>
      `${'<DicomAttribute tag="0040A730" vr="SQ"><Item number="1">'.repeat(depth)}${'</Item></DicomAttribute>'.repeat(depth)}`;
    expect(Object.keys(read(nested(63)))).toEqual(['0040A730']);
    expect(refusal(document(nested(64)))).toContain('nested over 64 deep');
    expect(refusal(document(nested(100_000)))).toContain('nested over 64 deep');
  });
});

describe('the bytes of a document', () => {
  const xml = '<?xml version="1.0"?><a>é</a>';

  it('are UTF-8 unless a mark or the declaration says otherwise', () => {
    expect(xmlText(Buffer.from(xml))).toBe(xml);
    expect(xmlText(Buffer.from(`\ufeff${xml}`, 'utf16le'))).toBe(xml);
    expect(xmlText(Buffer.from(`\ufeff${xml}`, 'utf16le').swap16())).toBe(xml);
    const latin = xml.replace('?>', ' encoding="ISO-8859-1"?>');
    expect(xmlText(Buffer.from(latin, 'latin1'))).toBe(latin);
  });

  it('are refused where they are not of their encoding, or of another', () => {
    expect(() => xmlText(Buffer.from(xml, 'latin1'))).toThrow('the XML has bytes that are not utf-8');
    expect(() => xmlText(Buffer.from('<?xml version="1.0" encoding="EBCDIC-CP-US"?>'))).toThrow('other than UTF-8');
  });
});
