import { VoxgateError } from '../errors.ts';

/**
 * Command sets (PS3.7 6.3.1, Annex E), read and written by ourselves. The library allocates 256 KiB for each element
 * that it writes (on small objects that was half of a C-STORE's CPU time), and takes letters out of UIDs.
 */
export const COMMAND_FIELDS = {
  'C-STORE-RQ': 0x0001,
  'C-GET-RQ': 0x0010,
  'C-FIND-RQ': 0x0020,
  'C-MOVE-RQ': 0x0021,
  'C-ECHO-RQ': 0x0030,
  'N-EVENT-REPORT-RQ': 0x0100,
  'N-GET-RQ': 0x0110,
  'N-SET-RQ': 0x0120,
  'N-ACTION-RQ': 0x0130,
  'N-CREATE-RQ': 0x0140,
  'N-DELETE-RQ': 0x0150,
  'C-CANCEL-RQ': 0x0fff,
} as const;
export type RequestName = keyof typeof COMMAND_FIELDS;

/** Bit of Command Field (0000,0100) that makes a response of a request. */
export const RESPONSE = 0x8000;
/** Command Data Set Type (0000,0800): this value says that none follows, any other that one does. */
const NO_DATA_SET = 0x0101;
const DATA_SET_FOLLOWS = 0x0001;

/** The elements of PS3.7 Table E.1-1 that are in use: name, element number of group 0000, VR. */
const ELEMENTS = {
  affectedSopClassUid: [0x0002, 'UI'],
  requestedSopClassUid: [0x0003, 'UI'],
  commandField: [0x0100, 'US'],
  messageId: [0x0110, 'US'],
  respondsTo: [0x0120, 'US'],
  moveDestination: [0x0600, 'AE'],
  priority: [0x0700, 'US'],
  dataSetType: [0x0800, 'US'],
  status: [0x0900, 'US'],
  offendingElement: [0x0901, 'AT'],
  errorComment: [0x0902, 'LO'],
  errorId: [0x0903, 'US'],
  affectedSopInstanceUid: [0x1000, 'UI'],
  requestedSopInstanceUid: [0x1001, 'UI'],
  eventTypeId: [0x1002, 'US'],
  actionTypeId: [0x1008, 'US'],
  remaining: [0x1020, 'US'],
  completed: [0x1021, 'US'],
  failed: [0x1022, 'US'],
  warning: [0x1023, 'US'],
  moveOriginatorAeTitle: [0x1030, 'AE'],
  moveOriginatorMessageId: [0x1031, 'US'],
} as const;

type ElementName = keyof typeof ELEMENTS;
type ValueOf<Name extends ElementName> = (typeof ELEMENTS)[Name][1] extends 'US' | 'AT' ? number : string;

/** The elements of a command set; an AT is (group << 16) + element. */
export type CommandElements = { readonly [Name in ElementName]?: ValueOf<Name> | undefined };

/** A command as it came. */
export interface Command extends CommandElements {
  readonly commandField: number;
  /** Of a request its own, of a response that of its request: 0 where it is missing. */
  readonly id: number;
  readonly isResponse: boolean;
  readonly hasDataSet: boolean;
}

/** What a sender says of a command; its kind and whether a data set follows are added. */
export type CommandValues = Omit<CommandElements, 'commandField' | 'dataSetType'>;

const HEADER_BYTES = 8;
const nameOfElement: ReadonlyMap<number, ElementName> = new Map(
  (Object.keys(ELEMENTS) as ElementName[]).map((name) => [ELEMENTS[name][0], name]),
);

/** @throws VoxgateError not-dicom naming what is wrong */
export function readCommand(bytes: Buffer): Command {
  const read: Record<string, string | number> = {};
  for (let at = 0; at < bytes.length; ) {
    if (at + HEADER_BYTES > bytes.length) throw broken('ends in the middle of an element');
    const group = bytes.readUInt16LE(at);
    const element = bytes.readUInt16LE(at + 2);
    const length = bytes.readUInt32LE(at + 4);
    at += HEADER_BYTES;
    if (group !== 0) throw broken(`has an element of group ${group.toString(16).padStart(4, '0')}`);
    if (length > bytes.length - at) throw broken('has an element that is longer than itself');
    const name = nameOfElement.get(element);
    if (name !== undefined) read[name] = readValue(ELEMENTS[name][1], bytes.subarray(at, at + length));
    at += length;
  }
  const elements: CommandElements = read;
  const { commandField, dataSetType, messageId, respondsTo } = elements;
  if (commandField === undefined) throw broken('has no Command Field (0000,0100)');
  const isResponse = (commandField & RESPONSE) !== 0;
  // A C-CANCEL-RQ is a request without an ID of its own (PS3.7 9.3.2.3).
  const id = (isResponse || commandField === COMMAND_FIELDS['C-CANCEL-RQ'] ? respondsTo : messageId) ?? 0;
  return { ...elements, commandField, id, isResponse, hasDataSet: (dataSetType ?? NO_DATA_SET) !== NO_DATA_SET };
}

function readValue(vr: 'UI' | 'US' | 'AE' | 'LO' | 'AT', value: Buffer): string | number {
  if (vr === 'US') return value.length >= 2 ? value.readUInt16LE(0) : 0;
  if (vr === 'AT') return value.length >= 4 ? value.readUInt16LE(0) * 0x10000 + value.readUInt16LE(2) : 0;
  return value
    .toString('latin1')
    .replace(/[\0 ]+$/, '')
    .trimStart();
}

function broken(sentence: string): VoxgateError {
  return new VoxgateError('not-dicom', `the command set ${sentence}`);
}

/** A request or response as the bytes of its command set, group length included. */
export function encodeCommand(commandField: number, values: CommandValues, hasDataSet: boolean): Buffer {
  const elements: CommandElements = {
    ...values,
    commandField,
    dataSetType: hasDataSet ? DATA_SET_FOLLOWS : NO_DATA_SET,
  };
  const pieces: Buffer[] = [Buffer.alloc(HEADER_BYTES + 4)];
  let bytes = 0;
  for (const name of Object.keys(ELEMENTS) as ElementName[]) {
    const value = elements[name];
    if (value === undefined) continue;
    const [element, vr] = ELEMENTS[name];
    const piece = encodeElement(element, vr, value);
    bytes += piece.length;
    pieces.push(piece);
  }
  // Command Group Length (0000,0000) UL: the bytes behind it.
  pieces[0]!.writeUInt32LE(4, 4);
  pieces[0]!.writeUInt32LE(bytes, HEADER_BYTES);
  return Buffer.concat(pieces);
}

function encodeElement(element: number, vr: 'UI' | 'US' | 'AE' | 'LO' | 'AT', value: string | number): Buffer {
  if (typeof value === 'number') {
    const encoded = Buffer.alloc(HEADER_BYTES + (vr === 'AT' ? 4 : 2));
    writeHeader(encoded, element, encoded.length - HEADER_BYTES);
    if (vr === 'AT') encoded.writeUInt16LE(Math.floor(value / 0x10000), HEADER_BYTES);
    encoded.writeUInt16LE(value & 0xffff, vr === 'AT' ? HEADER_BYTES + 2 : HEADER_BYTES);
    return encoded;
  }
  const odd = value.length % 2 === 1;
  const encoded = Buffer.alloc(HEADER_BYTES + value.length + (odd ? 1 : 0), vr === 'UI' ? 0 : 0x20);
  writeHeader(encoded, element, encoded.length - HEADER_BYTES);
  encoded.write(value, HEADER_BYTES, 'latin1');
  return encoded;
}

function writeHeader(into: Buffer, element: number, length: number): void {
  into.writeUInt16LE(0, 0);
  into.writeUInt16LE(element, 2);
  into.writeUInt32LE(length, 4);
}
