import { describe, expect, it } from 'vitest';
import {
  isStorageSopClass,
  MEDIA_STORAGE_DIRECTORY,
  STORAGE_SOP_CLASSES,
  sopClassName,
} from '../../src/dicom/sop-classes.ts';
import { readableSyntax, TRANSFER_SYNTAXES, transferSyntaxOf } from '../../src/dicom/transfer-syntaxes.ts';
import { isUid } from '../../src/dicom/uid.ts';

describe('the transfer syntaxes (PS3.6 Table A-1)', () => {
  it('are usable and distinct', () => {
    expect(new Set(TRANSFER_SYNTAXES.map((one) => one.uid)).size).toBe(TRANSFER_SYNTAXES.length);
    for (const { uid, name } of TRANSFER_SYNTAXES) {
      expect(isUid(uid)).toBe(true);
      expect(name).not.toBe('');
    }
  });

  it('are implicit in one case and big endian in one', () => {
    expect(TRANSFER_SYNTAXES.filter((one) => !one.explicitVr).map((one) => one.uid)).toEqual(['1.2.840.10008.1.2']);
    expect(TRANSFER_SYNTAXES.filter((one) => one.bigEndian).map((one) => one.uid)).toEqual(['1.2.840.10008.1.2.2']);
  });

  it('name the media type of a frame (PS3.18 Tables 8.7.3-2 and 8.7.3-4)', () => {
    const types = ['1.2', '1.2.4.70', '1.2.4.80', '1.2.4.90', '1.2.4.201', '1.2.4.110', '1.2.5', '1.2.4.102'].map(
      (tail) => transferSyntaxOf(`1.2.840.10008.${tail}`)?.mediaType,
    );
    expect(types).toEqual([
      'application/octet-stream',
      'image/jpeg',
      'image/jls',
      'image/jp2',
      'image/jphc',
      'image/jxl',
      'image/dicom-rle',
      'video/mp4',
    ]);
  });

  it('are read as explicit VR little endian with fragments when unknown (PS3.5 Annex A.4)', () => {
    expect(readableSyntax('1.2.3.4')).toMatchObject({ explicitVr: true, bigEndian: false, encapsulated: true });
  });
});

describe('the storage SOP classes (PS3.6 Table A-1)', () => {
  it('are distinct, and UIDs', () => {
    expect(new Set(STORAGE_SOP_CLASSES.map((one) => one.uid)).size).toBe(STORAGE_SOP_CLASSES.length);
    for (const { uid } of STORAGE_SOP_CLASSES) expect(isUid(uid)).toBe(true);
  });

  it.each([
    ['1.2.840.10008.5.1.4.1.1.2', 'CT Image Storage'],
    ['1.2.840.10008.5.1.4.1.1.66.7', 'Label Map Segmentation Storage'],
    ['1.2.840.10008.5.1.4.1.1.88.33', 'Comprehensive SR Storage'],
    ['1.2.840.10008.5.1.4.1.1.5', 'Nuclear Medicine Image Storage'],
    ['1.2.840.10008.5.1.4.34.7', 'RT Beams Delivery Instruction Storage'],
  ])('%s is %s and can be stored', (uid, name) => {
    expect(isStorageSopClass(uid)).toBe(true);
    expect(sopClassName(uid)).toBe(name);
  });

  it('leave out what belongs to no study', () => {
    expect(isStorageSopClass(MEDIA_STORAGE_DIRECTORY)).toBe(false);
    expect(isStorageSopClass('1.2.840.10008.5.1.4.38.1')).toBe(false);
    expect(sopClassName('1.2.840.10008.5.1.4.38.1')).toBe('Hanging Protocol Storage');
    expect(isStorageSopClass('1.2.840.10008.1.1')).toBe(false);
  });
});
