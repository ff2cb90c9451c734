import { expect, it } from 'vitest';
import { bufferSource, parseDataSet } from '../../src/dicom/parse.ts';
import { text } from '../../src/dicom/read-values.ts';

/** Group length of group 0008, then SOP Instance UID 1.2. */
const LITTLE = Buffer.from('08000000554c04000c0000000800180055490400312e3200', 'hex');
const BIG = Buffer.from('00080000554c00040000000c0008001855490004312e3200', 'hex');

it.each([
  ['little endian', '1.2.840.10008.1.2.1', LITTLE],
  ['big endian', '1.2.840.10008.1.2.2', BIG],
])(
  'a data set in %s that begins with a group length is read in the order it is declared in (PS3.5 7.2)',
  (_, transferSyntaxUid, bytes) => {
    const { dataset, warnings } = parseDataSet(bufferSource(bytes), { transferSyntaxUid });
    expect(text(dataset, 'SOPInstanceUID')).toBe('1.2');
    expect(warnings).toEqual([]);
  },
);
