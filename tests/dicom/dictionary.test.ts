import { describe, expect, it } from 'vitest';
import { isPrivateCreator, keywordOf, tagOf, tagOfKeywordOrTag, vrOf } from '../../src/dicom/dictionary.ts';

describe('the data dictionary (PS3.6)', () => {
  it('translates keywords and tags both ways', () => {
    expect(tagOf('PatientName')).toBe('00100010');
    expect(keywordOf('00100010')).toBe('PatientName');
    expect(tagOf('NoSuchAttribute')).toBeUndefined();
    expect(keywordOf('00100099')).toBeUndefined();
  });

  it('knows retired attributes by their keyword', () => {
    expect(tagOf('SmallestImagePixelValueInPlane')).toBe('00280110');
    expect(keywordOf('00280110')).toBe('SmallestImagePixelValueInPlane');
  });

  it('gives the VR that implicit VR data mostly mean where PS3.6 leaves a choice', () => {
    expect(vrOf('00280120')).toBe('US');
    expect(vrOf('7FE00010')).toBe('OW');
    expect(vrOf('00283006')).toBe('OW');
    expect(vrOf('00041200')).toBe('UL');
  });

  it('knows the repeating groups 50xx and 60xx in even groups only (PS3.5 Section 7.6)', () => {
    expect(vrOf('60020010')).toBe('US');
    expect(keywordOf('601E3000')).toBe('OverlayData');
    expect(keywordOf('60010010')).toBeUndefined();
    expect(vrOf('60013000')).toBeUndefined();
  });

  it('knows the retired attributes whose elements are numbered', () => {
    expect(vrOf('00280423')).toBe('AT');
    expect(vrOf('00280403')).toBe('LO');
    expect(keywordOf('00203105')).toBe('SourceImageIDs');
    expect(vrOf('10000013')).toBe('US');
    expect(vrOf('10100000')).toBe('UL');
  });

  it('is PS3.6 where dcmjs is not', () => {
    expect(vrOf('00660040')).toBe('OL');
    expect(vrOf('00760034')).toBe('SQ');
    expect(tagOf('ViewOrientationModifierCodeSequence')).toBe('006862F0');
  });

  it('takes private creators for LO and group lengths for UL (PS3.5 Sections 7.2 and 7.8.1)', () => {
    expect(vrOf('00090010')).toBe('LO');
    expect(isPrivateCreator('000900FF')).toBe(true);
    expect(isPrivateCreator('00091001')).toBe(false);
    expect(vrOf('00091001')).toBeUndefined();
    expect(vrOf('00090000')).toBe('UL');
    expect(vrOf('00080000')).toBe('UL');
  });

  it('accepts a tag in either case where a keyword is asked for', () => {
    expect(tagOfKeywordOrTag('0020000d')).toBe('0020000D');
    expect(tagOfKeywordOrTag('StudyInstanceUID')).toBe('0020000D');
    expect(tagOfKeywordOrTag('study')).toBeUndefined();
  });
});
