import type { JsonDataset, JsonElement } from '../../src/dicom/dataset.ts';
import { bufferSource, parsePart10 } from '../../src/dicom/parse.ts';
import { items, text } from '../../src/dicom/read-values.ts';
import { encodePart10 } from '../../src/dicom/write.ts';

export function read(bytes: Buffer): { dataset: JsonDataset; pixels: Uint8Array } {
  const parsed = parsePart10(bufferSource(bytes));
  const { offset, length } = parsed.pixelData ?? { offset: 0, length: 0 };
  return { dataset: parsed.dataset, pixels: bytes.subarray(offset, offset + length) };
}

/** A data set that a test may change. */
export interface Mutable {
  [tag: string]: { vr: JsonElement['vr']; Value?: unknown[] };
}

/** The file with a fault in it, as a careless encoder would have written it; bytes that `change` returns become Pixel Data. */
export function tampered(bytes: Buffer, change: (ds: Mutable, pixels: Uint8Array) => unknown): Buffer {
  const { dataset, pixels } = read(bytes);
  const copy = structuredClone(dataset) as unknown as Mutable;
  const returned = change(copy, pixels);
  const changed = returned instanceof Uint8Array ? returned : pixels;
  return encodePart10(copy as unknown as JsonDataset, changed.length > 0 ? { binary: { '7FE00010': changed } } : {});
}

/** An item by tags and indexes in turn: at(ds, '00620002', 0). */
export function at(ds: Mutable, ...path: (string | number)[]): Mutable {
  let here: unknown = ds;
  for (const step of path) here = typeof step === 'number' ? (here as unknown[])[step] : (here as Mutable)[step]?.Value;
  if (typeof here !== 'object' || here === null) throw new Error(`nothing at ${path.join('/')}`);
  return here as Mutable;
}

/** A content item as a line: relationship, value type, concept meaning, value; indented by depth. */
export function outline(item: JsonDataset, depth = 0): string[] {
  const meaning = (sequence: string) => items(item, sequence).map((code) => text(code, 'CodeMeaning'))[0];
  const [measured = {}] = items(item, 'MeasuredValueSequence');
  const [unit = {}] = items(measured, 'MeasurementUnitsCodeSequence');
  const [reference = {}] = items(item, 'ReferencedSOPSequence');
  const value =
    meaning('ConceptCodeSequence') ??
    text(item, 'TextValue') ??
    text(item, 'UID') ??
    text(item, 'Date') ??
    (text(measured, 'NumericValue') && `${text(measured, 'NumericValue')} ${text(unit, 'CodeValue')}`) ??
    [text(reference, 'ReferencedSOPInstanceUID'), text(reference, 'ReferencedSegmentNumber')].filter(Boolean).join(' ');
  const parts = [text(item, 'RelationshipType'), text(item, 'ValueType'), meaning('ConceptNameCodeSequence')];
  const line = `${'  '.repeat(depth)}${parts.filter(Boolean).join(' ')}${value ? ` = ${value}` : ''}`;
  return [line, ...items(item, 'ContentSequence').flatMap((child) => outline(child, depth + 1))];
}
