import type { JsonDataset, JsonElement, JsonValue, PersonName } from './dataset.ts';
import { isPrivate, keywordOf } from './dictionary.ts';
import { isItem } from './read-values.ts';

/** PS3.19 Section A.1.6. */
export const NATIVE_DICOM = 'http://dicom.nema.org/PS3.19/models/NativeDICOM';

/** The component groups of a person name, and their components (PS3.19 Table 10.2-1). */
export const NAME_GROUPS = ['Alphabetic', 'Ideographic', 'Phonetic'] as const;
export const NAME_COMPONENTS = ['FamilyName', 'GivenName', 'MiddleName', 'NamePrefix', 'NameSuffix'] as const;

/**
 * The data set as a document of the Native DICOM Model (PS3.19 Section A.1). Private elements are (gggg,00ee) with their
 * creator, as Table A.1.5-2 demands; the elements that reserve the blocks stay, so that reading gives the same blocks.
 * Characters that XML 1.0 cannot hold (most control characters, which DICOM text may have) become U+FFFD.
 */
export function nativeXml(dataset: JsonDataset): string {
  const root = `<NativeDicomModel xmlns="${NATIVE_DICOM}" xml:space="preserve">`;
  return `<?xml version="1.0" encoding="UTF-8"?>\n${root}${attributes(dataset)}</NativeDicomModel>\n`;
}

/** No white space between elements: "preserve" would make it part of the data. */
function attributes(dataset: JsonDataset): string {
  let xml = '';
  for (const tag of Object.keys(dataset).sort()) xml += attribute(dataset, tag, dataset[tag]!);
  return xml;
}

function attribute(dataset: JsonDataset, tag: string, element: JsonElement): string {
  const creator = privateCreatorOf(dataset, tag);
  const name =
    creator === undefined
      ? `tag="${tag}" vr="${element.vr}"${keyword(tag)}`
      : `tag="${tag.slice(0, 4)}00${tag.slice(6)}" vr="${element.vr}" privateCreator="${attributeText(creator)}"`;
  const content = contentOf(element);
  return content === '' ? `<DicomAttribute ${name}/>` : `<DicomAttribute ${name}>${content}</DicomAttribute>`;
}

function keyword(tag: string): string {
  const found = isPrivate(tag) ? undefined : keywordOf(tag);
  return found === undefined ? '' : ` keyword="${found}"`;
}

/** Who has reserved the block of a private element in its data set (PS3.5 Section 7.8.1); undefined for other elements. */
export function privateCreatorOf(dataset: JsonDataset, tag: string): string | undefined {
  const block = tag.slice(4, 6);
  if (!isPrivate(tag) || block < '10') return undefined;
  const creator = dataset[`${tag.slice(0, 4)}00${block}`]?.Value?.[0];
  return typeof creator === 'string' && creator !== '' ? creator : undefined;
}

function contentOf(element: JsonElement): string {
  if (element.InlineBinary !== undefined) return `<InlineBinary>${text(element.InlineBinary)}</InlineBinary>`;
  if (element.BulkDataURI !== undefined) return `<BulkData uri="${attributeText(element.BulkDataURI)}"/>`;
  const values = element.Value ?? [];
  if (element.vr === 'SQ') return values.map((value, at) => item(value, at + 1)).join('');
  if (values.length === 1 && values[0] === null) return ''; // of zero length (Table A.1.5-2, Value)
  return values.map((value, at) => (element.vr === 'PN' ? personName(value, at + 1) : plain(value, at + 1))).join('');
}

function item(value: JsonValue, number: number): string {
  const content = isItem(value) ? attributes(value) : '';
  return content === '' ? `<Item number="${number}"/>` : `<Item number="${number}">${content}</Item>`;
}

function plain(value: JsonValue, number: number): string {
  const content = typeof value === 'string' ? text(value) : typeof value === 'number' ? String(value) : '';
  return content === '' ? `<Value number="${number}"/>` : `<Value number="${number}">${content}</Value>`;
}

function personName(value: JsonValue, number: number): string {
  const groups = typeof value === 'object' && value !== null ? (value as PersonName) : {}; // of a PN: JsonElement
  const content = NAME_GROUPS.map((group) => nameGroup(group, groups[group])).join('');
  return content === '' ? `<PersonName number="${number}"/>` : `<PersonName number="${number}">${content}</PersonName>`;
}

/**
 * Empty components are left out, but for the last: "A^B^^^" would else come back as "A^B". What stands behind a fifth
 * "^", where PS3.5 knows no component, stays with the suffix.
 */
function nameGroup(group: string, name: string | undefined): string {
  if (typeof name !== 'string' || name === '') return '';
  const parts = name.split('^');
  const components = [...parts.slice(0, 4), ...(parts.length > 4 ? [parts.slice(4).join('^')] : [])];
  const content = components.map((component, at) => {
    if (component === '' && at < components.length - 1) return '';
    return `<${NAME_COMPONENTS[at]}>${text(component)}</${NAME_COMPONENTS[at]}>`;
  });
  return `<${group}>${content.join('')}</${group}>`;
}

/** What is not a Char of XML 1.0 Section 2.2: controls, half of a surrogate pair, U+FFFE and U+FFFF. */
const NO_CHAR =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the ones to be found
  /[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;
/** A carriage return must be a reference: readers turn a plain one into a line feed (XML 1.0 Section 2.11). */
const REFERENCES: Readonly<Record<string, string>> = {
  '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', '\r': '&#13;', '\n': '&#10;', '\t': '&#9;',
}; // biome-ignore format: one line

function text(value: string): string {
  return value.replace(NO_CHAR, '\ufffd').replace(/[&<>\r]/g, (character) => REFERENCES[character]!);
}

/** White space in attributes becomes spaces unless it is written as references (XML 1.0 Section 3.3.3). */
function attributeText(value: string): string {
  return value.replace(NO_CHAR, '\ufffd').replace(/[&<>"\r\n\t]/g, (character) => REFERENCES[character]!);
}
