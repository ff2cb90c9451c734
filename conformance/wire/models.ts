import { SaxesParser } from 'saxes';
import type { Element } from './data-set.ts';

/** The data set as the DICOM JSON Model (PS3.18 Annex F), with bulk data named by addresses. */
export function jsonModel(
  elements: readonly Element[],
  bulk: Readonly<Record<string, readonly [vr: string, uri: string]>>,
) {
  const given = elements.map(([tag, vr, value]) => [
    tag,
    { vr, ...(value === '' ? {} : { Value: [jsonValue(vr, value)] }) },
  ]);
  const named = Object.entries(bulk).map(([tag, [vr, uri]]) => [tag, { vr, BulkDataURI: uri }]);
  return Object.fromEntries([...given, ...named].sort(([a], [b]) => (String(a) < String(b) ? -1 : 1)));
}

function jsonValue(vr: string, value: Element[2]): unknown {
  if (vr === 'PN') return { Alphabetic: value };
  return vr === 'IS' || vr === 'DS' ? Number(value) : value;
}

/** The same as the Native DICOM Model (PS3.19 A.1). */
export function xmlModel(
  elements: readonly Element[],
  bulk: Readonly<Record<string, readonly [vr: string, uri: string]>>,
): string {
  const attributes = [
    ...elements.map(([tag, vr, value]) => ({
      tag,
      vr,
      content: vr === 'PN' ? name(String(value)) : `<Value number="1">${value}</Value>`,
    })),
    ...Object.entries(bulk).map(([tag, [vr, uri]]) => ({ tag, vr, content: `<BulkData uri="${uri}"/>` })),
  ].sort((a, b) => (a.tag < b.tag ? -1 : 1));
  const body = attributes.map(
    ({ tag, vr, content }) => `<DicomAttribute tag="${tag}" vr="${vr}">${content}</DicomAttribute>`,
  );
  return `<?xml version="1.0" encoding="UTF-8"?><NativeDicomModel xmlns="http://dicom.nema.org/PS3.19/models/NativeDICOM">${body.join('')}</NativeDicomModel>`;
}

function name(text: string): string {
  const [family = '', given = ''] = text.split('^');
  return `<PersonName number="1"><Alphabetic><FamilyName>${family}</FamilyName><GivenName>${given}</GivenName></Alphabetic></PersonName>`;
}

/** First values of a document's attributes at its top, by tag. @throws where it is not well-formed */
export function readXml(text: string): Map<string, string> {
  const values = new Map<string, string>();
  const open: { name: string; tag?: string }[] = [];
  const parser = new SaxesParser({ xmlns: false });
  parser.on('error', (error) => {
    throw error;
  });
  parser.on('opentag', ({ name: element, attributes }) => {
    const tag = attributes['tag'];
    open.push({ name: element, ...(tag === undefined ? {} : { tag: String(tag) }) });
    if (tag !== undefined && open.length === 2) values.set(String(tag), '');
  });
  parser.on('text', (chunk) => {
    const attribute = open[1]?.tag;
    if (attribute !== undefined && open.filter(({ tag }) => tag).length === 1 && chunk.trim() !== '')
      values.set(attribute, (values.get(attribute) ?? '') + chunk);
  });
  parser.on('closetag', () => open.pop());
  parser.write(text).close();
  return values;
}
