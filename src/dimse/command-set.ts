import { dataset, type Fields } from '../dicom/build.ts';
import { bufferSource, parseDataSet } from '../dicom/parse.ts';
import { number, text } from '../dicom/read-values.ts';
import { IMPLICIT_VR_LITTLE_ENDIAN } from '../dicom/transfer-syntaxes.ts';
import { encodeDataSet } from '../dicom/write.ts';

/**
 * The command sets that come often, C-STORE's and C-FIND's, read and written by ourselves (PS3.7 6.3.1, Annex E). The
 * library allocates 256 KiB for each element that it writes: on small objects that was half of a C-STORE's CPU time,
 * most of it in the garbage collector.
 */
export interface Request {
  readonly field: number;
  readonly messageId: number;
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
}

/** Command Field (0000,0100), PS3.7 Table E.1-1. */
export const C_STORE_RQ = 0x0001;
export const C_FIND_RQ = 0x0020;
const RESPONSE = 0x8000;

/** Command Data Set Type (0000,0800): this value says that none follows, any other that one does. */
const NO_DATA_SET = 0x0101;
const DATA_SET_FOLLOWS = 0x0001;

/** @throws VoxgateError not-dicom */
export function readRequest(commandSet: Buffer): Request {
  const command = parseDataSet(bufferSource(commandSet), { transferSyntaxUid: IMPLICIT_VR_LITTLE_ENDIAN }).dataset;
  return {
    field: number(command, 'CommandField') ?? 0,
    messageId: number(command, 'MessageID') ?? 0,
    sopClassUid: text(command, 'AffectedSOPClassUID') ?? '',
    sopInstanceUid: text(command, 'AffectedSOPInstanceUID') ?? '',
  };
}

export interface Answer {
  readonly status: number;
  /** Error Comment (0000,0902), at most 64 characters. */
  readonly comment?: string;
  /** Encoded in the transfer syntax of the presentation context. */
  readonly dataSet?: Buffer;
}

/** Where an answer goes: the presentation context of its request, and what the peer takes in one PDU (0: anything). */
export interface Way {
  readonly contextId: number;
  readonly maxPduLength: number;
}

/** The response to a request as the bytes of its P-DATA-TF PDUs: the command set, then the data set if there is one. */
export function encodeAnswer(request: Request, { status, comment, dataSet }: Answer, way: Way): Buffer {
  const command = encodeCommand({
    AffectedSOPClassUID: request.sopClassUid,
    CommandField: request.field | RESPONSE,
    MessageIDBeingRespondedTo: request.messageId,
    CommandDataSetType: dataSet ? DATA_SET_FOLLOWS : NO_DATA_SET,
    Status: status,
    ErrorComment: comment,
    AffectedSOPInstanceUID: request.sopInstanceUid === '' ? undefined : request.sopInstanceUid,
  });
  return Buffer.concat([...pdus(COMMAND, command, way), ...(dataSet ? pdus(DATA_SET, dataSet, way) : [])]);
}

function encodeCommand(fields: Fields): Buffer {
  const elements = encodeDataSet(dataset(fields), { transferSyntaxUid: IMPLICIT_VR_LITTLE_ENDIAN });
  // Command Group Length (0000,0000) UL: the bytes behind it.
  const groupLength = Buffer.alloc(12);
  groupLength.writeUInt32LE(4, 4);
  groupLength.writeUInt32LE(elements.length, 8);
  return Buffer.concat([groupLength, elements]);
}

/** Message control header of a presentation data value (PS3.8 E.2). */
const DATA_SET = 0;
const COMMAND = 1;
const LAST_FRAGMENT = 2;

const PDU_HEADER_BYTES = 6;
const PDV_HEADER_BYTES = 6;
const LARGEST_FRAGMENT = 128 * 1024;

/** P-DATA-TF PDUs of one presentation data value each (PS3.8 9.3.5). */
function pdus(kind: typeof COMMAND | typeof DATA_SET, bytes: Buffer, { contextId, maxPduLength }: Way): Buffer[] {
  const room = maxPduLength === 0 ? LARGEST_FRAGMENT : Math.min(maxPduLength - PDV_HEADER_BYTES, LARGEST_FRAGMENT);
  const size = Math.max(room, 1);
  const written: Buffer[] = [];
  for (let at = 0; at === 0 || at < bytes.length; at += size) {
    const fragment = bytes.subarray(at, at + size);
    const head = Buffer.alloc(PDU_HEADER_BYTES + PDV_HEADER_BYTES);
    head.writeUInt8(0x04, 0);
    head.writeUInt32BE(PDV_HEADER_BYTES + fragment.length, 2);
    head.writeUInt32BE(2 + fragment.length, 6);
    head.writeUInt8(contextId, 10);
    head.writeUInt8(at + size >= bytes.length ? kind | LAST_FRAGMENT : kind, 11);
    written.push(head, fragment);
  }
  return written;
}
