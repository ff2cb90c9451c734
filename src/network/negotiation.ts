import { PduError } from './pdu-reader.ts';

/**
 * The parts of an association's negotiation that the library does not keep: it sets a role on the first context of a SOP
 * class only, takes user identities for text, and knows no extended negotiation. They are read from and written into the
 * bytes of A-ASSOCIATE-RQ and -AC (PS3.8 9.3.2, PS3.7 Annex D.3.3).
 */
export interface UserItems {
  readonly roles: readonly RoleSelection[];
  /** Service class application information by SOP class (PS3.7 D.3.3.5). */
  readonly extended: ReadonlyMap<string, Buffer>;
  readonly identity: UserIdentity | undefined;
  /** Server response of a user identity negotiation; of an A-ASSOCIATE-AC. */
  readonly identityResponse: Buffer | undefined;
}

/** Roles that the requestor of the association proposes for itself, or is granted (PS3.7 D.3.3.4). */
export interface RoleSelection {
  readonly sopClassUid: string;
  readonly user: boolean;
  readonly provider: boolean;
}

/** PS3.7 D.3.3.7: 1 user name, 2 user name and passcode, 3 Kerberos, 4 SAML, 5 JSON web token. */
export interface UserIdentity {
  readonly type: number;
  readonly wantsResponse: boolean;
  readonly primary: Buffer;
  readonly secondary: Buffer;
}

const PDU_HEADER_BYTES = 6;
/** Protocol version, reserved, two AE titles, reserved. */
const FIXED_BYTES = 68;
const ITEM_HEADER_BYTES = 4;

const PRESENTATION_CONTEXT = 0x20;
const USER_INFORMATION = 0x50;
const ROLE_SELECTION = 0x54;
const EXTENDED_NEGOTIATION = 0x56;
const USER_IDENTITY = 0x58;
const USER_IDENTITY_RESPONSE = 0x59;

interface Item {
  readonly type: number;
  readonly offset: number;
  readonly content: Buffer;
}

/**
 * Reads an A-ASSOCIATE-RQ or -AC and checks every length in it, so that the library does not run over its end.
 * @throws PduError naming what does not fit
 */
export function readUserItems(pdu: Buffer): UserItems {
  const roles: RoleSelection[] = [];
  const extended = new Map<string, Buffer>();
  let identity: UserIdentity | undefined;
  let identityResponse: Buffer | undefined;
  for (const { type, content } of itemsOf(pdu, PDU_HEADER_BYTES + FIXED_BYTES)) {
    if (type === PRESENTATION_CONTEXT || type === PRESENTATION_CONTEXT + 1) checkContext(content);
    if (type !== USER_INFORMATION) continue;
    for (const item of itemsOf(content, 0)) {
      if (item.type === ROLE_SELECTION) roles.push(readRole(item.content));
      else if (item.type === EXTENDED_NEGOTIATION) extended.set(...readExtended(item.content));
      else if (item.type === USER_IDENTITY) identity = readIdentity(item.content);
      else if (item.type === USER_IDENTITY_RESPONSE) identityResponse = sized(item.content, 0, 'user identity').value;
      else checkFixedItem(item);
    }
  }
  return { roles, extended, identity, identityResponse };
}

/**
 * An A-ASSOCIATE-RQ with its presentation contexts in the order of their identifiers, which PS3.8 9.3.2.2 leaves to the
 * requestor and the library takes for granted: it renumbers any that comes behind a greater one.
 * @throws PduError for an identifier that is even or used twice
 */
export function orderContexts(pdu: Buffer): Buffer {
  const start = PDU_HEADER_BYTES + FIXED_BYTES;
  const contexts: { readonly id: number; readonly bytes: Buffer }[] = [];
  const others: Buffer[] = [];
  for (const { type, offset, content } of itemsOf(pdu, start)) {
    const bytes = pdu.subarray(offset, offset + ITEM_HEADER_BYTES + content.length);
    if (type === PRESENTATION_CONTEXT) contexts.push({ id: content.readUInt8(0), bytes });
    else others.push(bytes);
  }
  contexts.sort((a, b) => a.id - b.id);
  for (const [i, { id }] of contexts.entries())
    if (id % 2 === 0 || id === contexts[i - 1]?.id)
      throw new PduError(`${id} is no identifier of a presentation context, or is used twice (PS3.8 9.3.2.2)`, 6);
  return Buffer.concat([pdu.subarray(0, start), ...contexts.map(({ bytes }) => bytes), ...others]);
}

function* itemsOf(bytes: Buffer, start: number): Generator<Item> {
  if (bytes.length < start) throw new PduError('an association PDU ends before its items', 6);
  for (let at = start; at < bytes.length; ) {
    if (at + ITEM_HEADER_BYTES > bytes.length) throw new PduError('an association item is cut off', 6);
    const length = bytes.readUInt16BE(at + 2);
    const end = at + ITEM_HEADER_BYTES + length;
    if (end > bytes.length) throw new PduError('an association item is longer than what holds it', 6);
    yield { type: bytes.readUInt8(at), offset: at, content: bytes.subarray(at + ITEM_HEADER_BYTES, end) };
    at = end;
  }
}

/** Presentation context ID, three reserved bytes, then its syntaxes. */
function checkContext(content: Buffer): void {
  for (const _ of itemsOf(content, 4));
}

/** Items that the library reads with a length it knows, whatever theirs says. */
const FIXED_LENGTHS: ReadonlyMap<number, number> = new Map([
  [0x51, 4],
  [0x53, 4],
]);

function checkFixedItem({ type, content }: Item): void {
  const expected = FIXED_LENGTHS.get(type);
  if (expected !== undefined && content.length !== expected)
    throw new PduError(`a user information item of type ${type.toString(16)}H has ${content.length} bytes`, 6);
}

function sized(bytes: Buffer, at: number, what: string): { value: Buffer; end: number } {
  if (at + 2 > bytes.length) throw new PduError(`the ${what} item is cut off`, 6);
  const end = at + 2 + bytes.readUInt16BE(at);
  if (end > bytes.length) throw new PduError(`a field of the ${what} item is longer than the item`, 6);
  return { value: bytes.subarray(at + 2, end), end };
}

function readRole(content: Buffer): RoleSelection {
  const { value, end } = sized(content, 0, 'role selection');
  if (end + 2 > content.length) throw new PduError('the role selection item is cut off', 6);
  return { sopClassUid: uidText(value), user: content[end] === 1, provider: content[end + 1] === 1 };
}

function readExtended(content: Buffer): [string, Buffer] {
  const { value, end } = sized(content, 0, 'extended negotiation');
  return [uidText(value), content.subarray(end)];
}

function readIdentity(content: Buffer): UserIdentity {
  if (content.length < 2) throw new PduError('the user identity item is cut off', 6);
  const primary = sized(content, 2, 'user identity');
  const secondary = sized(content, primary.end, 'user identity');
  return {
    type: content[0]!,
    wantsResponse: content[1] === 1,
    primary: primary.value,
    secondary: secondary.value,
  };
}

function uidText(bytes: Buffer): string {
  return bytes.toString('latin1').replace(/[\0 ]+$/, '');
}

/** An A-ASSOCIATE-RQ or -AC with further items at the end of its user information. */
export function addUserItems(pdu: Buffer, items: readonly Buffer[]): Buffer {
  if (items.length === 0) return pdu;
  for (const { type, offset, content } of itemsOf(pdu, PDU_HEADER_BYTES + FIXED_BYTES)) {
    if (type !== USER_INFORMATION) continue;
    const added = Buffer.concat(items);
    const end = offset + ITEM_HEADER_BYTES + content.length;
    const extended = Buffer.concat([pdu.subarray(0, end), added, pdu.subarray(end)]);
    extended.writeUInt16BE(content.length + added.length, offset + 2);
    extended.writeUInt32BE(extended.length - PDU_HEADER_BYTES, 2);
    return extended;
  }
  return pdu;
}

export function roleItem({ sopClassUid, user, provider }: RoleSelection): Buffer {
  return item(ROLE_SELECTION, [counted(Buffer.from(sopClassUid, 'latin1')), Buffer.from([+user, +provider])]);
}

export function extendedItem(sopClassUid: string, information: Buffer): Buffer {
  return item(EXTENDED_NEGOTIATION, [counted(Buffer.from(sopClassUid, 'latin1')), information]);
}

export function identityItem({ type, wantsResponse, primary, secondary }: UserIdentity): Buffer {
  return item(USER_IDENTITY, [Buffer.from([type, +wantsResponse]), counted(primary), counted(secondary)]);
}

/** The server response: empty for a user name, with or without passcode (PS3.7 D.3.3.7.2). */
export function identityResponseItem(response: Buffer): Buffer {
  return item(USER_IDENTITY_RESPONSE, [counted(response)]);
}

function counted(value: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(value.length);
  return Buffer.concat([length, value]);
}

function item(type: number, parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const head = Buffer.from([type, 0, 0, 0]);
  head.writeUInt16BE(content.length, 2);
  return Buffer.concat([head, content]);
}
