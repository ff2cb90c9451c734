import type { JsonDataset, JsonElement } from '../../dicom/dataset.ts';

/** A private attribute (PS3.5 7.8.1): the block is wherever its creator says. */
export interface PrivateAttribute {
  readonly group: string;
  readonly creator: string;
  /** Last two digits of its tag. */
  readonly element: string;
  /** How its bytes are to be read where nobody said (VR UN of implicit little endian). */
  readonly unknownAs: 'text' | 'float32' | 'float64';
}

/** Its numbers; empty where it is absent or none. */
export function privateNumbers(dataset: JsonDataset, attribute: PrivateAttribute): number[] {
  const element = privateElement(dataset, attribute);
  if (element === undefined) return [];
  if (element.Value) return element.Value.map((value) => (value === null || value === '' ? Number.NaN : Number(value)));
  const bytes = element.InlineBinary === undefined ? undefined : Buffer.from(element.InlineBinary, 'base64');
  if (bytes === undefined || bytes.length === 0) return [];
  if (attribute.unknownAs === 'text') return textOf(bytes).split('\\').map(Number);
  const width = attribute.unknownAs === 'float32' ? 4 : 8;
  return Array.from({ length: Math.floor(bytes.length / width) }, (_, i) =>
    width === 4 ? bytes.readFloatLE(i * 4) : bytes.readDoubleLE(i * 8),
  );
}

/** Its first value as text. */
export function privateText(dataset: JsonDataset, attribute: PrivateAttribute): string | undefined {
  const element = privateElement(dataset, attribute);
  const value = element?.Value?.[0];
  if (typeof value === 'string' || typeof value === 'number') return String(value).trim();
  return element?.InlineBinary === undefined ? undefined : textOf(Buffer.from(element.InlineBinary, 'base64'));
}

const textOf = (bytes: Buffer): string => bytes.toString('latin1').replace(/[\0 ]+$/, '');

/** Blocks are reserved from the first on; nobody is known to reserve more than these. */
const BLOCKS = Array.from({ length: 0x20 }, (_, i) => (0x10 + i).toString(16).toUpperCase());

function privateElement(dataset: JsonDataset, { group, creator, element }: PrivateAttribute): JsonElement | undefined {
  for (const block of BLOCKS) {
    const owner = dataset[`${group}00${block}`]?.Value?.[0];
    if (typeof owner === 'string' && owner.trim() === creator) return dataset[`${group}${block}${element}`];
  }
  return undefined;
}
