import { describe, expect, it } from 'vitest';
import {
  addUserItems,
  extendedItem,
  identityItem,
  identityResponseItem,
  readUserItems,
  roleItem,
} from '../../src/network/negotiation.ts';
import { PduError } from '../../src/network/pdu-reader.ts';
import { associateRequest } from '../support/raw-scu.ts';

const CT = '1.2.840.10008.5.1.4.1.1.2';
const FIND = '1.2.840.10008.5.1.4.1.2.2.1';
const proposal = associateRequest('VOXGATE', 'TEST', [{ abstractSyntax: CT, transferSyntaxes: ['1.2.840.10008.1.2'] }]);
const role = { sopClassUid: CT, user: false, provider: true };
const identity = {
  type: 2,
  wantsResponse: true,
  primary: Buffer.from('jörg', 'utf8'),
  secondary: Buffer.from([0, 255]),
};
const whole = addUserItems(proposal, [
  roleItem(role),
  extendedItem(FIND, Buffer.from([1, 1])),
  identityItem(identity),
  identityResponseItem(Buffer.from('yes')),
]);

describe('negotiation items that the library does not keep (PS3.7 D.3.3)', () => {
  it('reads what it writes: roles, extended negotiation, user identity byte for byte', () => {
    expect(whole.readUInt32BE(2)).toBe(whole.length - 6);
    expect(readUserItems(whole)).toEqual({
      roles: [role],
      extended: new Map([[FIND, Buffer.from([1, 1])]]),
      identity,
      identityResponse: Buffer.from('yes'),
    });
    expect(readUserItems(proposal)).toMatchObject({ roles: [], identity: undefined });
  });

  it('keeps a PDU without user information as it is', () => {
    const bare = Buffer.concat([proposal.subarray(0, 74)]);
    expect(addUserItems(bare, [roleItem(role)])).toBe(bare);
  });

  it('refuses every cut and every lie about a length, and nothing else happens: 20,000 mutations, seed 1', () => {
    let seed = 1;
    const random = (below: number): number => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
      return (seed >>> 8) % below;
    };
    let refused = 0;
    for (let i = 0; i < 20_000; i++) {
      const bytes = Buffer.from(whole.subarray(0, i % 3 === 0 ? random(whole.length) : whole.length));
      for (let j = 0; j <= random(4) && bytes.length > 0; j++) bytes[random(bytes.length)] = random(256);
      try {
        readUserItems(bytes);
      } catch (error) {
        if (!(error instanceof PduError)) throw error;
        refused += 1;
      }
    }
    expect(refused).toBeGreaterThan(5000);
  });
});
