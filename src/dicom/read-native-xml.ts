import { SaxesParser, type SaxesTagNS } from 'saxes';
import { VoxgateError } from '../errors.ts';
import type { JsonDataset, PersonName } from './dataset.ts';
import { isTag, isVr, vrOf } from './dictionary.ts';
import { NAME_COMPONENTS, NAME_GROUPS, NATIVE_DICOM } from './native-xml.ts';
import { datasetOf, elementOf, NativeXmlFault, type XmlAttribute } from './native-xml-model.ts';
import { MAX_ELEMENTS } from './reading.ts';

/** Which element may stand in which (PS3.19 Section A.1.6); what is not named here holds text, or nothing. */
const PLACES: Readonly<Record<string, readonly string[]>> = {
  '': ['NativeDicomModel'],
  NativeDicomModel: ['DicomAttribute'],
  Item: ['DicomAttribute'],
  DicomAttribute: ['Value', 'Item', 'PersonName', 'BulkData', 'InlineBinary'],
  PersonName: NAME_GROUPS,
  Alphabetic: NAME_COMPONENTS,
  Ideographic: NAME_COMPONENTS,
  Phonetic: NAME_COMPONENTS,
};
const HOLDS_TEXT: ReadonlySet<string> = new Set(['Value', 'InlineBinary', ...NAME_COMPONENTS]);
/** As deep as the sequences of a data set may be. */
const MAX_DEPTH = 64;
/** Empty values that a writer may leave out in a row; a number alone must not make a list of millions. */
const MAX_LEFT_OUT = 1000;

/**
 * Reads a document of the Native DICOM Model (PS3.19 Section A.1), with its namespace or without. Private elements get
 * the block that their creator has reserved in the data set, or the next free one. Document types, and so entities beyond
 * the five of XML, are refused.
 *
 * @throws VoxgateError bad-request, naming the line, for what is not well-formed or not of the model
 */
export function readNativeXml(text: string): JsonDataset {
  const parser = new SaxesParser({ xmlns: true });
  const model = new Model();
  const refuse = (sentence: string, cause?: unknown): never => {
    throw new VoxgateError('bad-request', `line ${parser.line} of the XML: ${sentence}`, { cause });
  };
  parser.on('error', (error) => refuse('it is not well-formed', error));
  parser.on('doctype', () => refuse('a document type declaration is not taken'));
  parser.on('opentag', (tag) => model.open(tag));
  parser.on('closetag', (tag) => model.close(tag.local));
  parser.on('text', (characters) => model.text(characters));
  parser.on('cdata', (characters) => model.text(characters));
  try {
    parser.write(text).close();
  } catch (error) {
    if (error instanceof NativeXmlFault) refuse(error.message);
    throw error;
  }
  return model.dataset ?? refuse('there is no data set');
}

/** An element that is open. */
interface Open {
  readonly name: string;
  /** From "number": the place among its like, from 1. */
  readonly number: number;
}

/** Builds the data set while elements open and close. */
class Model {
  dataset: JsonDataset | undefined;
  readonly #open: Open[] = [];
  /** Attributes of each data set that is open, the innermost last. */
  readonly #datasets: XmlAttribute[][] = [];
  readonly #attributes: XmlAttribute[] = [];
  #name: Partial<Record<keyof PersonName, string>> = {};
  #components: string[] = [];
  #text = '';
  #elements = 0;

  open(tag: SaxesTagNS): void {
    const parent = this.#open.at(-1)?.name ?? '';
    const name = tag.local;
    if (tag.uri !== '' && tag.uri !== NATIVE_DICOM) throw new NativeXmlFault('an element of another namespace');
    if (PLACES[parent]?.includes(name) !== true) {
      throw new NativeXmlFault(`an element that has no place in ${parent === '' ? 'the document' : parent}`);
    }
    this.#count(1);
    this.#open.push({ name, number: this.#begin(name, tag) });
    this.#text = '';
  }

  text(characters: string): void {
    const { name = '' } = this.#open.at(-1) ?? {};
    if (HOLDS_TEXT.has(name)) this.#text += characters;
    else if (/\S/.test(characters))
      throw new NativeXmlFault(`text has no place in ${name === '' ? 'the document' : name}`);
  }

  close(name: string): void {
    const { number } = this.#open.pop()!;
    const attribute = this.#attributes.at(-1);
    if (name === 'DicomAttribute') {
      this.#attributes.pop();
      this.#datasets.at(-1)!.push({ ...attribute!, element: elementOf(attribute!) });
    } else if (name === 'NativeDicomModel') {
      this.dataset = datasetOf(this.#datasets.pop()!);
    } else if (name === 'Item') {
      attribute!.values.push(datasetOf(this.#datasets.pop()!));
    } else if (name === 'Value') {
      attribute!.values.push(this.#text);
    } else if (name === 'InlineBinary') {
      attribute!.binary = this.#text;
    } else if (name === 'PersonName') {
      attribute!.values.push(this.#name);
    } else if (isNameGroup(name)) {
      this.#name[name] = Array.from(this.#components, (component) => component ?? '').join('^');
    } else if (HOLDS_TEXT.has(name)) {
      this.#components[number] = this.#text;
    }
  }

  /** Prepares for what the element will hold; returns its number. */
  #begin(name: string, tag: SaxesTagNS): number {
    const attribute = this.#attributes.at(-1);
    if (PLACES['DicomAttribute']!.includes(name)) {
      if (attribute!.content !== undefined && (attribute!.content !== name || !isNumbered(name))) {
        throw new NativeXmlFault(`${name} stands beside ${attribute!.content}`);
      }
      attribute!.content = name;
    }
    if (name === 'NativeDicomModel' || name === 'Item') this.#datasets.push([]);
    if (this.#datasets.length > MAX_DEPTH) throw new NativeXmlFault(`sequences are nested over ${MAX_DEPTH} deep`);
    if (name === 'DicomAttribute') this.#attributes.push(attributeOf(tag));
    if (name === 'BulkData') attribute!.uri = bulkUriOf(tag);
    if (name === 'PersonName') this.#name = {};
    if (isNameGroup(name)) {
      if (this.#name[name] !== undefined) throw new NativeXmlFault(`${name} occurs twice`);
      this.#components = [];
    }
    return isNumbered(name) ? this.#place(attribute!, tag.attributes['number']?.value) : nameComponent(name);
  }

  /** Values come in order; one that was left out is empty. */
  #place(attribute: XmlAttribute, written: string | undefined): number {
    const next = attribute.values.length + 1;
    const number = written === undefined ? next : /^\s*\d{1,9}\s*$/.test(written) ? Number(written) : 0;
    if (number < next || number > next + MAX_LEFT_OUT)
      throw new NativeXmlFault('the attribute "number" does not count up from 1');
    this.#count(number - next);
    while (attribute.values.length + 1 < number) attribute.values.push(null);
    return number;
  }

  #count(elements: number): void {
    this.#elements += elements;
    if (this.#elements > MAX_ELEMENTS) throw new NativeXmlFault(`it has over ${MAX_ELEMENTS} elements`);
  }
}

function isNumbered(name: string): boolean {
  return name === 'Value' || name === 'Item' || name === 'PersonName';
}

function isNameGroup(name: string): name is keyof PersonName {
  return (NAME_GROUPS as readonly string[]).includes(name);
}

/** Which component of a name it is, from 0; -1 for other elements. */
function nameComponent(name: string): number {
  return (NAME_COMPONENTS as readonly string[]).indexOf(name);
}

function attributeOf({ attributes }: SaxesTagNS): XmlAttribute {
  const tag = attributes['tag']?.value.toUpperCase() ?? '';
  if (!isTag(tag)) throw new NativeXmlFault('a DicomAttribute has no tag of eight hexadecimal digits');
  const vr = attributes['vr']?.value ?? vrOf(tag) ?? 'UN';
  if (!isVr(vr)) throw new NativeXmlFault(`${tag} has a VR that PS3.5 does not know`);
  const creator = attributes['privateCreator']?.value ?? '';
  return { tag, vr, ...(creator === '' ? {} : { creator }), values: [], element: { vr } };
}

/** Of WADO-RS and STOW-RS it is "uri"; the hosting interface of PS3.19 has "uuid" instead. */
function bulkUriOf({ attributes }: SaxesTagNS): string {
  const uri = attributes['uri']?.value ?? '';
  if (uri !== '') return uri;
  const uuid = attributes['uuid']?.value ?? '';
  if (uuid === '') throw new NativeXmlFault('a BulkData has neither uri nor uuid');
  return `urn:uuid:${uuid}`;
}
