import { dataset, type Fields } from '../../src/dicom/build.ts';
import { encodeDataSet } from '../../src/dicom/write.ts';
import { anInstance, SECONDARY_CAPTURE } from '../support/instances.ts';
import { command, IMPLICIT, pData, pdu, pdv, storeCommand } from '../support/raw-scu.ts';

/**
 * Conversations as hostile and broken peers hold them: what a real one would say (PS3.8 9.3, PS3.7 9 and 10), with
 * something wrong in it. All of it comes from a seed, so that any of them can be held again.
 */

export type Random = () => number;

/** Mulberry32. */
export function seeded(seed: number): Random {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export const below = (random: Random, limit: number): number => Math.floor(random() * limit);
export const oneOf = <T>(random: Random, values: readonly T[]): T => values[below(random, values.length)]!;

/** The contexts of every hostile association, with identifiers 1, 3, 5 and so on. */
const CLASSES = {
  echo: '1.2.840.10008.1.1',
  store: SECONDARY_CAPTURE,
  find: '1.2.840.10008.5.1.4.1.2.2.1',
  move: '1.2.840.10008.5.1.4.1.2.2.2',
  get: '1.2.840.10008.5.1.4.1.2.2.3',
  commitment: '1.2.840.10008.1.20.1',
  performedStep: '1.2.840.10008.3.1.2.3.3',
} as const;
type ClassName = keyof typeof CLASSES;
const NAMES: readonly ClassName[] = ['echo', 'store', 'find', 'move', 'get', 'commitment', 'performedStep'];
const contextOf = (name: ClassName): number => 2 * NAMES.indexOf(name) + 1;

export function item(type: number, content: Buffer): Buffer {
  const head = Buffer.from([type, 0, 0, 0]);
  head.writeUInt16BE(content.length, 2);
  return Buffer.concat([head, content]);
}

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');

/** The variable items of an A-ASSOCIATE-RQ, one buffer each, so that they can be lost, doubled and swapped. */
function associateItems(): Buffer[] {
  const maximum = Buffer.alloc(4);
  maximum.writeUInt32BE(16_384);
  return [
    item(0x10, latin1('1.2.840.10008.3.1.1.1')),
    ...NAMES.map((name) =>
      item(
        0x20,
        Buffer.concat([
          Buffer.from([contextOf(name), 0, 0, 0]),
          item(0x30, latin1(CLASSES[name])),
          item(0x40, latin1(IMPLICIT)),
        ]),
      ),
    ),
    item(0x50, Buffer.concat([item(0x51, maximum), item(0x52, latin1('1.2.3.4')), item(0x55, latin1('HOSTILE'))])),
  ];
}

export function associate(items: readonly Buffer[] = associateItems(), calling = 'HOSTILE'): Buffer {
  const fixed = [Buffer.from([0, 1, 0, 0]), latin1('VOXGATE'.padEnd(16)), latin1(calling.padEnd(16)), Buffer.alloc(32)];
  return pdu(0x01, Buffer.concat([...fixed, ...items]));
}

export const RELEASE = pdu(0x05, Buffer.alloc(4));
export const ABORT = pdu(0x07, Buffer.alloc(4));

interface Message {
  readonly contextId: number;
  readonly command: Buffer;
  readonly dataSet?: Buffer;
}

const implicit = (fields: Fields): Buffer => encodeDataSet(dataset(fields), { transferSyntaxUid: IMPLICIT });

const stored = encodeDataSet(dataset(anInstance({ SOPInstanceUID: '1.2.3.4.6.6.6' })), {
  transferSyntaxUid: IMPLICIT,
  binary: { '7FE00010': Buffer.alloc(64, 0x5a) },
});

const request = (name: ClassName, field: number, more: Fields = {}): Buffer =>
  command({ AffectedSOPClassUID: CLASSES[name], CommandField: field, MessageID: 1, Priority: 0, ...more });

/** One message of each kind, as a well-behaved peer would send it. */
const MESSAGES: readonly Message[] = [
  { contextId: contextOf('echo'), command: request('echo', 0x0030, { CommandDataSetType: 0x0101 }) },
  { contextId: contextOf('echo'), command: request('echo', 0x0030, { CommandDataSetType: 0x0101 }) },
  { contextId: contextOf('store'), command: storeCommand(SECONDARY_CAPTURE, '1.2.3.4.6.6.6'), dataSet: stored },
  {
    contextId: contextOf('find'),
    command: request('find', 0x0020, { CommandDataSetType: 1 }),
    dataSet: implicit({
      QueryRetrieveLevel: 'STUDY',
      PatientID: 'NOBODY*',
      StudyDate: '20260101-',
      StudyInstanceUID: null,
    }),
  },
  {
    contextId: contextOf('move'),
    command: request('move', 0x0021, { CommandDataSetType: 1, MoveDestination: 'NOWHERE' }),
    dataSet: implicit({ QueryRetrieveLevel: 'STUDY', StudyInstanceUID: '1.2.3.4.7' }),
  },
  {
    contextId: contextOf('get'),
    command: request('get', 0x0010, { CommandDataSetType: 1 }),
    dataSet: implicit({ QueryRetrieveLevel: 'STUDY', StudyInstanceUID: '1.2.3.4.7' }),
  },
  {
    contextId: contextOf('commitment'),
    command: command({
      RequestedSOPClassUID: CLASSES.commitment,
      CommandField: 0x0130,
      MessageID: 1,
      CommandDataSetType: 1,
      RequestedSOPInstanceUID: '1.2.840.10008.1.20.1.1',
      ActionTypeID: 1,
    }),
    dataSet: implicit({
      TransactionUID: '1.2.3.4.8',
      ReferencedSOPSequence: [{ ReferencedSOPClassUID: SECONDARY_CAPTURE, ReferencedSOPInstanceUID: '1.2.3.4.9' }],
    }),
  },
  {
    contextId: contextOf('performedStep'),
    command: request('performedStep', 0x0140, { CommandDataSetType: 1, AffectedSOPInstanceUID: '1.2.3.4.10' }),
    dataSet: implicit({ PerformedProcedureStepStatus: 'IN PROGRESS', Modality: 'OT' }),
  },
  {
    contextId: contextOf('find'),
    command: command({ CommandField: 0x0fff, MessageIDBeingRespondedTo: 1, CommandDataSetType: 0x0101 }),
  },
];

/** Bits flipped, lengths that lie, delimiters where none belong, pieces moved, the end lost. */
export function mutatedBytes(original: Buffer, random: Random): Buffer {
  const bytes = Buffer.from(original);
  if (bytes.length < 8) return bytes;
  const at = () => below(random, bytes.length - 4);
  for (let left = 1 + below(random, 5); left > 0; left -= 1) {
    const kind = random();
    if (kind < 0.35) bytes[at()] = below(random, 256);
    else if (kind < 0.6) bytes[at()]! ^= 1 << below(random, 8);
    else if (kind < 0.7) bytes.writeUInt32LE(0xffffffff, at());
    else if (kind < 0.8) bytes.writeUInt32LE(below(random, 100_000), at());
    else if (kind < 0.9) bytes.writeUInt32LE(0xe000fffe, at());
    else bytes.copyWithin(at(), at(), at());
  }
  return random() < 0.15 ? bytes.subarray(0, 2 * below(random, bytes.length / 2)) : bytes;
}

/** A message as P-DATA-TF PDUs, cut as no sender would cut it: tiny and empty fragments, several in one PDU (all legal). */
function pdus({ contextId, command: set, dataSet }: Message, random: Random): Buffer[] {
  const values = [
    ...fragments(set, 1, contextId, random),
    ...(dataSet ? fragments(dataSet, 0, contextId, random) : []),
  ];
  const units: Buffer[] = [];
  while (values.length > 0) units.push(pData(...values.splice(0, 1 + below(random, 3))));
  return units;
}

function fragments(bytes: Buffer, kind: number, contextId: number, random: Random): Buffer[] {
  if (random() < 0.7) return [pdv(contextId, kind | 2, bytes)];
  const size = 1 + below(random, bytes.length);
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += size) {
    if (random() < 0.2) pieces.push(pdv(contextId, kind, Buffer.alloc(0)));
    pieces.push(pdv(contextId, kind, bytes.subarray(at, at + size)));
  }
  return [...pieces, pdv(contextId, kind | 2, Buffer.alloc(0))];
}

/** What is wrong stands in the content: a node can read on behind it. */
function wrongContent(random: Random): Buffer[] {
  const message = oneOf(random, MESSAGES);
  if (message.dataSet && random() < 0.7)
    return pdus({ ...message, dataSet: mutatedBytes(message.dataSet, random) }, random);
  // Behind the group length and the SOP class: message ID, priority, identifiers and whatever stands there.
  const set = Buffer.from(message.command);
  set[set.length - 1 - below(random, 12)] = below(random, 256);
  return pdus({ ...message, command: set }, random);
}

/** What is wrong stands in the frame, in the order or in the kind of what comes: mostly the end of the association. */
const WRONG_FRAMES: readonly ((units: Buffer[], random: Random) => Buffer[])[] = [
  (units, random) => units.map((unit) => mutatedBytes(unit, random)),
  (units, random) => replaced(units, random, (unit) => unit.writeUInt32BE(below(random, 2 * unit.length), 2)),
  (units, random) =>
    replaced(units, random, (unit) => unit.writeUInt32BE(oneOf(random, [0, 1, 0x7fffffff, 0xffffffff]), 2)),
  (units, random) => replaced(units, random, (unit) => unit.writeUInt8(below(random, 256), 0)),
  (units, random) =>
    replaced(units, random, (unit) => unit.writeUInt32BE(oneOf(random, [0, 1, 2, 0xffffffff, unit.length]), 6)),
  (units, random) =>
    replaced(units, random, (unit) => unit.writeUInt8(oneOf(random, [0, 2, 99, 255, below(random, 16)]), 10)),
  (units, random) => replaced(units, random, (unit) => unit.writeUInt8(below(random, 256), 11)),
  (units, random) => units.map((unit) => unit.subarray(0, below(random, unit.length))),
  (units) => units.flatMap((unit) => [unit, unit]),
  (units) => [...units].reverse(),
  (units) => units.slice(1),
  (units, random) => [...units.slice(0, 1), ...pdus(oneOf(random, MESSAGES), random), ...units.slice(1)],
  (units, random) => [
    pData(...Array.from({ length: 500 }, () => pdv(1 + 2 * below(random, 4), 0, Buffer.alloc(0)))),
    ...units,
  ],
  (units) => [RELEASE, ...units],
  (units) => [ABORT, ...units],
  (units) => [...units.slice(0, 1), associate(), ...units.slice(1)],
  (units, random) => [pdu(oneOf(random, [2, 3, 6]), Buffer.alloc(below(random, 80))), ...units],
  (_, random) => [Buffer.from(Array.from({ length: 1 + below(random, 300) }, () => below(random, 256)))],
  () => [latin1('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')],
  () => [Buffer.from('16030100c6010000c20303', 'hex')],
  (_, random) => pdus({ contextId: 1, command: Buffer.alloc(70_000, below(random, 256)) }, random),
  (_, random) =>
    pdus({ contextId: 5, command: MESSAGES[3]!.command, dataSet: nested(500 + below(random, 20_000)) }, random),
];

function replaced(units: Buffer[], random: Random, change: (unit: Buffer) => void): Buffer[] {
  const chosen = below(random, units.length);
  return units.map((unit, i) => {
    if (i !== chosen || unit.length < 12) return unit;
    const copy = Buffer.from(unit);
    change(copy);
    return copy;
  });
}

/** Sequences in sequences (implicit VR, undefined lengths), never closed. */
function nested(depth: number): Buffer {
  return Buffer.concat(Array.from({ length: depth }, () => Buffer.from('08004011fffffffffeff00e0ffffffff', 'hex')));
}

const WRONG_ASSOCIATIONS: readonly ((random: Random) => Buffer)[] = [
  (random) => mutatedBytes(associate(), random),
  (random) => associate(associateItems().map((one) => (random() < 0.3 ? mutatedBytes(one, random) : one))),
  (random) => associate(associateItems().filter(() => random() < 0.7)),
  (random) => associate(associateItems().flatMap((one) => (random() < 0.4 ? [one, one] : [one]))),
  () => associate([...associateItems()].reverse()),
  (random) => associate([...associateItems().slice(0, -1), item(0x50, randomItems(random))]),
  (random) => associate([...Array.from({ length: 300 }, () => oneOf(random, associateItems()))]),
  (random) => pdu(0x01, Buffer.alloc(below(random, 200), below(random, 256))),
  () => associate([]),
  () => associate(associateItems(), '\0\\\n\x7f'),
];

/** User information of items that lie about their lengths (PS3.7 Annex D). */
function randomItems(random: Random): Buffer {
  return Buffer.concat(
    Array.from({ length: 1 + below(random, 20) }, () => {
      const one = item(0x50 + below(random, 12), Buffer.alloc(below(random, 40), below(random, 256)));
      if (random() < 0.3) one.writeUInt16BE(oneOf(random, [0, 1, 0xffff, below(random, 400)]), 2);
      return one;
    }),
  );
}

export interface Conversation {
  readonly bytes: Buffer;
  /** Messages, and requests for an association, with something wrong in them, in the order they stand in. */
  readonly mutations: number;
  /** False where already the request for the association is wrong. */
  readonly associates: boolean;
}

/** What one hostile peer says on one connection, without waiting for answers. */
export function conversation(random: Random): Conversation {
  const associates = random() < 0.85;
  const first = associates ? associate() : oneOf(random, WRONG_ASSOCIATIONS)(random);
  const contents = Array.from({ length: below(random, 9) }, () => wrongContent(random));
  const frames = Array.from({ length: 1 + below(random, 2) }, () =>
    oneOf(random, WRONG_FRAMES)(pdus(oneOf(random, MESSAGES), random), random),
  );
  const ending = random() < 0.2 ? [RELEASE] : [];
  return {
    bytes: Buffer.concat([first, ...contents.flat(), ...frames.flat(), ...ending]),
    mutations: contents.length + frames.length + (associates ? 0 : 1),
    associates,
  };
}
