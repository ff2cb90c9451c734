import { mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateRawSync, deflateSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { dataset } from '../../src/dicom/build.ts';
import { readBulk } from '../../src/dicom/bulk.ts';
import { frameIndex, frameRanges } from '../../src/dicom/frames.ts';
import {
  type ByteSource,
  bufferSource,
  fileSource,
  type ParsedObject,
  parseDataSet,
  parsePart10,
} from '../../src/dicom/parse.ts';
import { number, text } from '../../src/dicom/read-values.ts';
import {
  DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN as DEFLATED,
  EXPLICIT_VR_LITTLE_ENDIAN as EXPLICIT,
  EXPLICIT_VR_BIG_ENDIAN as EXPLICIT_BIG,
  IMPLICIT_VR_LITTLE_ENDIAN as IMPLICIT,
} from '../../src/dicom/transfer-syntaxes.ts';
import { encodeDataSet, encodePart10 } from '../../src/dicom/write.ts';
import { END_OF_SEQUENCE, implicit, item, long, openItem, part10, short, UNDEFINED, us } from './raw-elements.ts';

function read(transferSyntaxUid: string, ...content: readonly Uint8Array[]): ParsedObject {
  return parseDataSet(bufferSource(Buffer.concat(content)), { transferSyntaxUid });
}

const JPEG = '1.2.840.10008.1.2.4.50';

const SMALL = dataset({ SOPClassUID: '1.2', SOPInstanceUID: '1.2.3', PatientID: 'x', Rows: 2 });

describe('where the data set begins (PS3.10 Section 7.1)', () => {
  it('follows preamble, prefix and File Meta Information', () => {
    const parsed = parsePart10(bufferSource(encodePart10(SMALL)));
    expect(parsed).toMatchObject({ dataset: SMALL, transferSyntaxUid: EXPLICIT, complete: true, warnings: [] });
  });

  it('is found without preamble', () => {
    const parsed = parsePart10(bufferSource(encodePart10(SMALL).subarray(132)));
    expect(parsed).toMatchObject({
      dataset: SMALL,
      transferSyntaxUid: EXPLICIT,
      warnings: ['the preamble is missing'],
    });
  });

  it.each([IMPLICIT, EXPLICIT])('is found without File Meta Information, and %s recognised', (transferSyntaxUid) => {
    const parsed = parsePart10(bufferSource(encodeDataSet(SMALL, { transferSyntaxUid })));
    expect(parsed).toMatchObject({ dataset: SMALL, transferSyntaxUid, dataSetOffset: 0, meta: {} });
    expect(parsed.warnings).toEqual(['the File Meta Information is missing']);
  });

  it('is found behind a prefix without File Meta Information', () => {
    const bytes = Buffer.concat([
      Buffer.alloc(128),
      Buffer.from('DICM'),
      encodeDataSet(SMALL, { transferSyntaxUid: IMPLICIT }),
    ]);
    expect(parsePart10(bufferSource(bytes))).toMatchObject({
      dataset: SMALL,
      transferSyntaxUid: IMPLICIT,
      dataSetOffset: 132,
    });
  });

  it('is not fooled by the letters DICM at byte 128 of a data set', () => {
    const uid = short('00080018', 'UI', '1.2.3\0');
    const bytes = Buffer.concat([uid, short('00080080', 'LO', `${'x'.repeat(128 - uid.length - 8)}DICM12`)]);
    expect(bytes.toString('latin1', 128, 132)).toBe('DICM');
    expect(text(parsePart10(bufferSource(bytes)).dataset, 'SOPInstanceUID')).toBe('1.2.3');
  });

  it('reads on where the group length is missing or wrong, and says so', () => {
    const file = encodePart10(SMALL);
    const without = Buffer.concat([file.subarray(0, 132), file.subarray(144)]);
    expect(parsePart10(bufferSource(without))).toMatchObject({
      dataset: SMALL,
      warnings: [expect.stringContaining('(0002,0000)')],
    });
    const wrong = Buffer.from(file);
    wrong.writeUInt32LE(3, 140);
    expect(parsePart10(bufferSource(wrong))).toMatchObject({
      dataset: SMALL,
      warnings: [expect.stringContaining('(0002,0000)')],
    });
  });

  it.each([
    ['nothing', Buffer.alloc(0)],
    ['zeros', Buffer.alloc(1000)],
    ['text', Buffer.from('This is no DICOM file, although it is rather long. '.repeat(20))],
    ['a JPEG', Buffer.from('ffd8ffe000104a46494600010100000100010000ffdb', 'hex')],
    ['a prefix alone', Buffer.concat([Buffer.alloc(128), Buffer.from('DICM')])],
    ['a File Meta Information that breaks off', encodePart10(SMALL).subarray(0, 150)],
  ])('refuses %s as not DICOM', (_name, bytes) => {
    expect(() => parsePart10(bufferSource(bytes))).toThrow(expect.objectContaining({ code: 'not-dicom' }));
  });

  it('goes by what the data look like where the declared syntax is plainly another', () => {
    const parsed = parsePart10(bufferSource(part10(EXPLICIT, encodeDataSet(SMALL, { transferSyntaxUid: IMPLICIT }))));
    expect(parsed).toMatchObject({
      dataset: SMALL,
      transferSyntaxUid: EXPLICIT,
      warnings: [expect.stringContaining('declared')],
    });
    expect(
      parsePart10(bufferSource(part10(IMPLICIT, encodeDataSet(SMALL, { transferSyntaxUid: EXPLICIT })))).dataset,
    ).toEqual(SMALL);
  });

  it('takes an empty data set from DIMSE for what it is', () => {
    expect(read(IMPLICIT)).toMatchObject({ dataset: {}, complete: true, warnings: [] });
  });
});

describe('encodings (PS3.5 Section 7, Annex A)', () => {
  it('reads explicit VR big endian, binary values turned to little endian', () => {
    const bytes = Buffer.concat([
      Buffer.from('00280010 5553 0002 0102'.replaceAll(' ', ''), 'hex'),
      Buffer.from('00281201 4f57 0000 00000004 01020304'.replaceAll(' ', ''), 'hex'),
      Buffer.from(
        '00620002 5351 0000 ffffffff fffee000 ffffffff 00620004 5553 0002 0007 fffee00d 00000000 fffee0dd 00000000'.replaceAll(
          ' ',
          '',
        ),
        'hex',
      ),
      Buffer.from('7fe00010 4f57 0000 00000004 0a0b0c0d'.replaceAll(' ', ''), 'hex'),
    ]);
    const source = bufferSource(bytes);
    const parsed = parseDataSet(source, { transferSyntaxUid: EXPLICIT_BIG });
    expect(number(parsed.dataset, 'Rows')).toBe(0x0102);
    expect(parsed.dataset['00281201']?.InlineBinary).toBe(Buffer.from([2, 1, 4, 3]).toString('base64'));
    expect(parsed.dataset['00620002']?.Value).toEqual([{ '00620004': { vr: 'US', Value: [7] } }]);
    expect([...readBulk(parsed.bulk.get('7FE00010')!, source)]).toEqual([0x0b, 0x0a, 0x0d, 0x0c]);
    expect(parsed).toMatchObject({ complete: true, warnings: [] });
  });

  it.each([
    ['raw', deflateRawSync],
    ['behind a zlib header', deflateSync],
  ])('inflates a deflated data set, %s (PS3.5 Annex A.5)', (_name, deflate) => {
    const bytes = deflate(encodeDataSet(SMALL, { transferSyntaxUid: EXPLICIT }));
    const parsed = parsePart10(bufferSource(part10(DEFLATED, bytes)));
    expect(parsed).toMatchObject({ dataset: SMALL, deflated: true, complete: true, warnings: [] });
  });

  it('keeps what can be inflated of a stream that is broken', () => {
    const noise = Array.from({ length: 5000 }, (_, i) => Math.sin(i));
    const whole = deflateRawSync(
      encodeDataSet({ ...SMALL, '30060050': { vr: 'DS', Value: noise } }, { transferSyntaxUid: EXPLICIT }),
    );
    const parsed = parsePart10(bufferSource(part10(DEFLATED, whole.subarray(0, whole.length - 500))));
    expect(parsed.complete).toBe(false);
    expect(text(parsed.dataset, 'SOPInstanceUID')).toBe('1.2.3');
  });

  it('never inflates more than 64 MiB of a bomb', () => {
    const bomb = deflateRawSync(
      Buffer.concat([
        encodeDataSet(SMALL, { transferSyntaxUid: EXPLICIT }),
        long('7FE00010', 'OB', Buffer.alloc(200e6)),
      ]),
    );
    expect(bomb.length).toBeLessThan(300_000);
    const parsed = parsePart10(bufferSource(part10(DEFLATED, bomb)));
    expect(parsed.complete).toBe(false);
    expect(parsed.dataset).toMatchObject(SMALL);
  });

  it('resolves "US or SS" of implicit VR by Pixel Representation (PS3.5 Annex A.1)', () => {
    const padding = implicit('00280120', Buffer.from([0xff, 0xff]));
    const sign = (value: number) => implicit('00280103', Buffer.from([value, 0]));
    expect(read(IMPLICIT, sign(1), padding).dataset['00280120']).toEqual({ vr: 'SS', Value: [-1] });
    expect(read(IMPLICIT, sign(0), padding).dataset['00280120']).toEqual({ vr: 'US', Value: [65535] });
  });

  it('resolves "US or SS" in an item by its own Pixel Representation, or by that of what is around it', () => {
    const padding = implicit('00280120', Buffer.from([0xff, 0xff]));
    const sign = (value: number) => implicit('00280103', Buffer.from([value, 0]));
    const parsed = read(
      IMPLICIT,
      sign(1),
      implicit('00880200', Buffer.concat([item(sign(0), padding), item(padding)])),
    );
    expect(parsed.dataset['00880200']?.Value).toEqual([
      { '00280103': { vr: 'US', Value: [0] }, '00280120': { vr: 'US', Value: [65535] } },
      { '00280120': { vr: 'SS', Value: [-1] } },
    ]);
  });

  it('takes encapsulated pixels for OB where implicit VR says nothing (PS3.5 Annex A.4)', () => {
    const fragments = Buffer.concat([
      implicit('7FE00010', '', UNDEFINED),
      item(),
      item(Buffer.alloc(4)),
      END_OF_SEQUENCE,
    ]);
    expect(read(IMPLICIT, implicit('00080060', 'OT'), fragments).dataset['7FE00010']?.vr).toBe('OB');
  });

  it('keeps private elements, as UN where implicit VR does not tell more (PS3.5 Section 7.8)', () => {
    const parsed = read(IMPLICIT, implicit('00090010', 'MINE'), implicit('00091001', 'abcd'));
    expect(parsed.dataset).toEqual({
      '00090010': { vr: 'LO', Value: ['MINE'] },
      '00091001': { vr: 'UN', InlineBinary: Buffer.from('abcd').toString('base64') },
    });
  });
});

describe('UN (PS3.5 Section 6.2.2)', () => {
  it('of a known attribute is what the dictionary says', () => {
    const parsed = read(EXPLICIT, long('00080060', 'UN', 'MR'), long('00280010', 'UN', Buffer.from([1, 2])));
    expect(parsed.dataset).toEqual({
      '00080060': { vr: 'CS', Value: ['MR'] },
      '00280010': { vr: 'US', Value: [0x0201] },
    });
  });

  it('of undefined length is a sequence in implicit VR (CP-246)', () => {
    const parsed = read(
      EXPLICIT,
      long('00091001', 'UN', '', UNDEFINED),
      openItem(implicit('00080060', 'MR')),
      END_OF_SEQUENCE,
      short('00100020', 'LO', 'x '),
    );
    expect(parsed.dataset['00091001']).toEqual({ vr: 'SQ', Value: [{ '00080060': { vr: 'CS', Value: ['MR'] } }] });
    expect(parsed).toMatchObject({ complete: true, warnings: [] });
    expect(text(parsed.dataset, 'PatientID')).toBe('x');
  });

  it('of defined length is a sequence where the dictionary says so, in either VR', () => {
    for (const content of [implicit('00080060', 'MR'), short('00080060', 'CS', 'MR')]) {
      const parsed = read(EXPLICIT, long('00081140', 'UN', item(content)));
      expect(parsed.dataset['00081140']).toEqual({ vr: 'SQ', Value: [{ '00080060': { vr: 'CS', Value: ['MR'] } }] });
    }
  });

  it('holds long values of VRs with a 16-bit length (CP-1066)', () => {
    const parsed = read(EXPLICIT, long('30060050', 'UN', '1.5\\'.repeat(20_000).slice(0, -1)));
    expect(parsed.dataset['30060050']?.vr).toBe('DS');
    expect(parsed.dataset['30060050']?.Value).toHaveLength(20_000);
  });
});

describe('sequences (PS3.5 Section 7.5)', () => {
  const segment = us('00620004', 1);
  const expected = { vr: 'SQ', Value: [{ '00620004': { vr: 'US', Value: [1] } }] };

  it.each([
    ['defined lengths', long('00620002', 'SQ', item(segment))],
    ['an item of undefined length', long('00620002', 'SQ', openItem(segment))],
    ['undefined lengths', Buffer.concat([long('00620002', 'SQ', '', UNDEFINED), openItem(segment), END_OF_SEQUENCE])],
    [
      'a sequence of undefined length',
      Buffer.concat([long('00620002', 'SQ', '', UNDEFINED), item(segment), END_OF_SEQUENCE]),
    ],
  ])('are read with %s', (_name, bytes) => {
    const parsed = read(EXPLICIT, bytes, us('00280010', 5));
    expect(parsed.dataset['00620002']).toEqual(expected);
    expect(number(parsed.dataset, 'Rows')).toBe(5);
    expect(parsed).toMatchObject({ complete: true });
  });

  it('keep empty items', () => {
    expect(read(EXPLICIT, long('00620002', 'SQ', Buffer.concat([item(), item()]))).dataset['00620002']).toEqual({
      vr: 'SQ',
      Value: [{}, {}],
    });
    expect(read(EXPLICIT, long('00620002', 'SQ', '')).dataset['00620002']).toEqual({ vr: 'SQ' });
  });

  it('of private tags are read where the VR says so', () => {
    const parsed = read(EXPLICIT, long('00091001', 'SQ', item(short('00091002', 'LO', 'ab'))));
    expect(parsed.dataset['00091001']).toEqual({ vr: 'SQ', Value: [{ '00091002': { vr: 'LO', Value: ['ab'] } }] });
  });

  it('of undefined length are read in implicit VR even where the tag is unknown', () => {
    const parsed = read(
      IMPLICIT,
      implicit('00091001', '', UNDEFINED),
      openItem(implicit('00091002', 'ab')),
      END_OF_SEQUENCE,
    );
    expect(parsed.dataset['00091001']).toMatchObject({ vr: 'SQ', Value: [{ '00091002': { vr: 'UN' } }] });
  });

  it('may be nested up to 64 deep, and reading ends there without harm', () => {
    const level = Buffer.concat([long('00081140', 'SQ', '', UNDEFINED), implicit('FFFEE000', '', UNDEFINED)]);
    const nested = Buffer.concat(Array.from({ length: 100_000 }, () => level));
    const parsed = read(EXPLICIT, short('00080018', 'UI', '1.2.'), nested);
    expect(parsed.complete).toBe(false);
    expect(parsed.warnings).toEqual(['(0008,1140) is nested over 64 deep']);
    expect(text(parsed.dataset, 'SOPInstanceUID')).toBe('1.2.');
  });

  it('do not hide what follows them when an item lies', () => {
    const lying = Buffer.concat([implicit('FFFEE000', '', 1000), us('00620004', 1)]);
    const parsed = read(EXPLICIT, long('00620002', 'SQ', lying), short('00630010', 'LO', 'ab'), us('00700040', 1));
    expect(parsed.dataset['00620002']).toEqual(expected);
    expect(parsed.warnings).toEqual([expect.stringContaining('00620002/0')]);
    expect(parsed.dataset['00700040']).toEqual({ vr: 'US', Value: [1] });
    expect(parsed.complete).toBe(true);
  });

  it('carry their own character set, and inherit it where they have none (PS3.3 Section C.12.1.1.2)', () => {
    const parsed = read(
      EXPLICIT,
      short('00080005', 'CS', 'ISO_IR 144'),
      short('00080080', 'LO', Buffer.from([0xb6])),
      long(
        '00081140',
        'SQ',
        Buffer.concat([
          item(short('00080005', 'CS', 'ISO_IR 100'), short('00080080', 'LO', Buffer.from([0xe4]))),
          item(short('00080080', 'LO', Buffer.from([0xb6]))),
        ]),
      ),
      short('00081010', 'SH', Buffer.from([0xb6])),
    );
    expect(text(parsed.dataset, 'InstitutionName')).toBe('Ж');
    expect(text(parsed.dataset, 'StationName')).toBe('Ж');
    expect(parsed.dataset['00081140']?.Value).toMatchObject([
      { '00080080': { Value: ['ä'] } },
      { '00080080': { Value: ['Ж'] } },
    ]);
    expect(parsed.characterSet).toEqual(['ISO_IR 144']);
    expect(parsed.dataset['00080005']).toEqual({ vr: 'CS', Value: ['ISO_IR 192'] });
  });
});

describe('values (PS3.18 Annex F.2, PS3.5 Section 6.2)', () => {
  const value = (tag: string, vr: string, bytes: string) => read(EXPLICIT, short(tag, vr, bytes)).dataset[tag];

  it.each([
    ['00080060', 'CS', ' MR ', ['MR']],
    ['00080008', 'CS', 'A\\ B\\\\', ['A', 'B', null, null]],
    ['00080018', 'UI', '1.2\0', ['1.2']],
    ['00100010', 'PN', 'A^B =C= ', [{ Alphabetic: 'A^B ', Ideographic: 'C', Phonetic: undefined }]],
    ['00204000', 'LT', '  a\\b  ', ['  a\\b']],
    ['00280030', 'DS', '1.50\\+.5\\1e2\\-0.0', [1.5, 0.5, 100, 0]],
    ['00280030', 'DS', 'abc\\1,5\\1e999', ['abc', '1,5', '1e999']],
    ['00280030', 'DS', '9007199254740993\\9007199254740991\\1e20', ['9007199254740993', 9007199254740991, 1e20]],
    ['00200013', 'IS', '+007', [7]],
    ['00200013', 'IS', '1.0', ['1.0']],
    ['00200013', 'IS', 'NaN', ['NaN']],
  ])('%s %s of %j is %j', (tag, vr, bytes, expected) => {
    expect(value(tag, vr, bytes)?.Value?.map(withoutEmptyGroups)).toEqual(expected.map(withoutEmptyGroups));
  });

  it.each(['', '  ', '\0\0'])('%j is no value at all', (bytes) => {
    expect(value('00080060', 'CS', bytes)).toEqual({ vr: 'CS' });
    expect(value('00100010', 'PN', bytes)).toEqual({ vr: 'PN' });
  });

  it('AT is eight hexadecimal digits', () => {
    expect(read(EXPLICIT, short('00280009', 'AT', Buffer.from('18006310', 'hex'))).dataset['00280009']?.Value).toEqual([
      '00181063',
    ]);
  });

  it('64-bit numbers beyond 53 bits are strings', () => {
    const bytes = Buffer.alloc(16);
    bytes.writeBigUInt64LE(5n, 0);
    bytes.writeBigUInt64LE(2n ** 63n, 8);
    expect(read(EXPLICIT, long('7FE00003', 'UV', bytes)).dataset['7FE00003']?.Value).toEqual([
      5,
      '9223372036854775808',
    ]);
    expect(read(EXPLICIT, long('00720082', 'SV', bytes)).dataset['00720082']?.Value).toEqual([
      5,
      '-9223372036854775808',
    ]);
  });

  it('single precision is the shortest number that is the same', () => {
    const bytes = Buffer.alloc(12);
    bytes.writeFloatLE(0.1, 0);
    bytes.writeFloatLE(Number.NEGATIVE_INFINITY, 4);
    bytes.writeFloatLE(16777216, 8);
    expect(read(EXPLICIT, short('00089459', 'FL', bytes)).dataset['00089459']?.Value).toEqual([
      0.1,
      '-Infinity',
      16777216,
    ]);
  });

  it('a number of odd length loses what is left over, with a warning', () => {
    const parsed = read(EXPLICIT, short('00280010', 'US', Buffer.from([1, 0, 9])));
    expect(parsed.dataset['00280010']).toEqual({ vr: 'US', Value: [1] });
    expect(parsed.warnings).toEqual(['00280010 (US) has 3 bytes, which is no multiple of 2']);
  });

  it('a byte outside the character set leaves the JSON valid', () => {
    const parsed = read(
      EXPLICIT,
      short('0008103E', 'LO', Buffer.from([0x41, 0xb5])),
      short('00180015', 'CS', Buffer.from([0x41, 0xb5])),
    );
    expect(text(parsed.dataset, 'SeriesDescription')).toBe('Aµ');
    expect(text(parsed.dataset, 'BodyPartExamined')).toBe('Aµ');
  });

  it('bytes up to 1024 are in the JSON, more are bulk data with their place', () => {
    const small = Buffer.alloc(1024, 1);
    const big = Buffer.alloc(1026, 2);
    const parts = [long('00282000', 'OB', small), long('54000100', 'SQ', item(long('54001010', 'OW', big)))];
    const source = bufferSource(Buffer.concat(parts));
    const parsed = parseDataSet(source, { transferSyntaxUid: EXPLICIT });
    expect(parsed.dataset['00282000']).toEqual({ vr: 'OB', InlineBinary: small.toString('base64') });
    expect(parsed.dataset['54000100']?.Value).toEqual([
      { '54001010': { vr: 'OW', BulkDataURI: 'bulkdata/54000100/0/54001010' } },
    ]);
    expect(readBulk(parsed.bulk.get('54000100/0/54001010')!, source).equals(big)).toBe(true);
  });

  it('text over a megabyte is bulk data in UTF-8', () => {
    const source = bufferSource(
      Buffer.concat([short('00080005', 'CS', 'ISO_IR 144'), long('00420013', 'UT', Buffer.alloc(1_100_000, 0xb6))]),
    );
    const parsed = parseDataSet(source, { transferSyntaxUid: EXPLICIT });
    expect(parsed.dataset['00420013']).toEqual({ vr: 'UT', BulkDataURI: 'bulkdata/00420013' });
    expect(readBulk(parsed.bulk.get('00420013')!, source).toString('utf8')).toBe('Ж'.repeat(1_100_000));
  });
});

describe('data that break off or lie about lengths', () => {
  it('keep what came before the break', () => {
    const file = encodePart10(dataset({ SOPClassUID: '1.2', SOPInstanceUID: '1.2.3', PatientID: 'abcdef' }));
    const parsed = parsePart10(bufferSource(file.subarray(0, -2)));
    expect(parsed.complete).toBe(false);
    expect(text(parsed.dataset, 'SOPInstanceUID')).toBe('1.2.3');
    expect(parsed.warnings).toEqual([expect.stringContaining('00100020')]);
  });

  it('do not make the reader take memory for what is not there', () => {
    const before = process.memoryUsage().arrayBuffers;
    const parsed = read(EXPLICIT, us('00280010', 5), long('00291010', 'OB', 'short', 3_000_000_000));
    expect(parsed.complete).toBe(false);
    expect(number(parsed.dataset, 'Rows')).toBe(5);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(10e6);
  });

  it('keep as many of the pixels as are there', () => {
    const parsed = read(EXPLICIT, us('00280010', 5), long('7FE00010', 'OW', Buffer.alloc(10), 100));
    expect(parsed.pixelData).toMatchObject({ tag: '7FE00010', length: 10, encapsulated: false });
    expect(parsed.complete).toBe(false);
  });

  it('are whole behind padding with zeros', () => {
    expect(read(EXPLICIT, us('00280010', 5), Buffer.alloc(100))).toMatchObject({ complete: true, warnings: [] });
    expect(read(EXPLICIT, us('00280010', 5), Buffer.alloc(3))).toMatchObject({ complete: true, warnings: [] });
    expect(read(EXPLICIT, us('00280010', 5), Buffer.from([1, 2, 3]))).toMatchObject({ complete: false });
  });

  it('make sense in spite of letters that are no VR', () => {
    const future = long('00080060', 'ZZ', 'MR');
    const meaningless = short('00080070', '--', 'ab');
    const unmarked = implicit('00080080', 'cd');
    const parsed = read(
      EXPLICIT,
      short('00080050', 'SH', 'a1'),
      future,
      meaningless,
      unmarked,
      short('00081010', 'SH', 'ef'),
    );
    expect(parsed.dataset).toMatchObject({
      '00080060': { vr: 'CS', Value: ['MR'] },
      '00080070': { vr: 'LO', Value: ['ab'] },
      '00080080': { vr: 'LO', Value: ['cd'] },
      '00081010': { vr: 'SH', Value: ['ef'] },
    });
    expect(parsed.warnings).toHaveLength(3);
  });

  it('are read once a tag, the last one counting, with a warning', () => {
    const parsed = read(EXPLICIT, us('00280010', 1), us('00280010', 2));
    expect(number(parsed.dataset, 'Rows')).toBe(2);
    expect(parsed.warnings).toEqual([
      '(0028,0010) is not in ascending order',
      '00280010 occurs twice; the last one counts',
    ]);
  });

  it('leave out group lengths and trailing padding, and group 0002, which belongs elsewhere', () => {
    const parsed = read(EXPLICIT, us('00080000', 1), us('00280010', 1), long('FFFCFFFC', 'OB', Buffer.alloc(2000)));
    expect(parsed.dataset).toEqual({ '00280010': { vr: 'US', Value: [1] } });
    expect(read(EXPLICIT, short('00020010', 'UI', '1.2.'), us('00280010', 1)).dataset).toEqual({
      '00280010': { vr: 'US', Value: [1] },
    });
  });

  it('say what is wrong at most fifty times, and never a value', () => {
    const parsed = read(EXPLICIT, ...Array.from({ length: 200 }, () => short('00100010', 'PN', 'Secret^Name ')));
    expect(parsed.warnings).toHaveLength(51);
    expect(parsed.warnings.join()).not.toContain('Secret');
  });

  it('end where a data set has over 50,000 attributes', () => {
    const many = Array.from({ length: 60_000 }, (_, i) =>
      short((0x00100011 + i).toString(16).padStart(8, '0'), 'LO', ''),
    );
    const parsed = read(EXPLICIT, short('00080018', 'UI', '1.2.'), ...many);
    expect(parsed.complete).toBe(false);
    expect(Object.keys(parsed.dataset).length).toBeLessThan(51_000);
  });
});

describe('sources', () => {
  const folder = mkdtempSync(join(tmpdir(), 'voxgate-parse-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  it('are read the same from a file as from memory, across pages', () => {
    const ds = dataset({
      SOPClassUID: '1.2',
      SOPInstanceUID: '1.2.3',
      StrainDescription: 'y'.repeat(200_000),
      SegmentSequence: Array.from({ length: 5000 }, (_, i) => ({ SegmentNumber: i, SegmentLabel: `label ${i}` })),
    });
    const bytes = encodePart10(ds, { binary: { '7FE00010': Buffer.alloc(300_000, 3) } });
    const path = join(folder, 'one.dcm');
    writeFileSync(path, bytes);
    const fromFile = parsePart10(fileSource(openSync(path, 'r'), bytes.length));
    expect(fromFile).toEqual(parsePart10(bufferSource(bytes)));
    expect(fromFile.dataset).toMatchObject(ds);
  });

  it('are not read where big values lie', () => {
    const bytes = encodePart10(dataset({ SOPClassUID: '1.2', SOPInstanceUID: '1.2.3' }), {
      binary: { '7FE00010': Buffer.alloc(50e6) },
    });
    let taken = 0;
    const inner = bufferSource(bytes);
    const counting: ByteSource = {
      size: inner.size,
      read(offset, length) {
        const got = inner.read(offset, length);
        taken += got.length;
        return got;
      },
    };
    expect(parsePart10(counting).pixelData?.length).toBe(50e6);
    expect(taken).toBeLessThan(200_000);
  });

  it('may be larger than 4 GiB, and cost no memory for it', () => {
    const path = join(folder, 'large.dcm');
    const fragment = 2 ** 31;
    const head = part10(
      JPEG,
      short('00280008', 'IS', '3 '),
      long('7FE00010', 'OB', '', UNDEFINED),
      implicit('FFFEE000', ''),
    );
    const file = openSync(path, 'w+');
    writeSync(file, head, 0, head.length, 0);
    for (let n = 0; n < 3; n += 1) {
      const at = head.length + n * (8 + fragment);
      writeSync(file, implicit('FFFEE000', Buffer.from([0xff, 0xd8, 0xff, n]), fragment), 0, 12, at); // a hole behind it
    }
    const size = head.length + 3 * (8 + fragment) + 8;
    writeSync(file, END_OF_SEQUENCE, 0, 8, size - 8);
    const before = process.memoryUsage().arrayBuffers;
    const source = fileSource(file, size);
    const parsed = parsePart10(source);
    const index = frameIndex(parsed, source)!;
    expect(parsed).toMatchObject({ complete: true, warnings: [] });
    expect(frameRanges(index, 3)).toEqual([[head.length + 2 * (8 + fragment) + 8, fragment]]);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(10e6);
  });

  it('give fewer bytes only at their end', () => {
    const path = join(folder, 'two');
    writeFileSync(path, Buffer.from(Array.from({ length: 200_000 }, (_, i) => i % 251)));
    const source = fileSource(openSync(path, 'r'), 200_000);
    for (const [offset, length] of [
      [0, 10],
      [65_530, 20],
      [131_000, 70_000],
      [199_990, 100],
      [65_536, 65_536],
      [200_000, 5],
    ] as const) {
      const got = source.read(offset, length);
      expect(got).toHaveLength(Math.max(0, Math.min(length, 200_000 - offset)));
      expect([...got.subarray(0, 3)]).toEqual([0, 1, 2].map((i) => (offset + i) % 251).slice(0, got.length));
    }
  });
});

function withoutEmptyGroups(value: unknown): unknown {
  return value === null ? null : JSON.parse(JSON.stringify(value));
}
