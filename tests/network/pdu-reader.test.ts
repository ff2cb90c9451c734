import { describe, expect, it } from 'vitest';
import { PduError, PduReader } from '../../src/network/pdu-reader.ts';
import { pData, pdu, pdv } from '../support/raw-scu.ts';

interface Seen {
  readonly fragments: { contextId: number; isCommand: boolean; bytes: string; last: boolean }[];
  readonly control: number[];
}

function aReader(delay?: () => Promise<void>): { reader: PduReader; seen: Seen } {
  const seen: Seen = { fragments: [], control: [] };
  const reader = new PduReader({
    control: (whole) => {
      seen.control.push(whole.readUInt8(0));
      return undefined;
    },
    fragment: (contextId, isCommand, piece, last) => {
      const note = () => void seen.fragments.push({ contextId, isCommand, bytes: piece.toString('latin1'), last });
      if (!delay) return note() as undefined;
      return delay().then(note);
    },
  });
  return { reader, seen };
}

const joined = ({ fragments }: Seen): string => fragments.map(({ bytes }) => bytes).join('');

/** What it throws at once and what it throws later, alike. */
async function pushed(reader: PduReader, bytes: Buffer): Promise<void> {
  await reader.push(bytes);
}

describe('the PDU reader (PS3.8 9.3)', () => {
  const stream = Buffer.concat([
    pData(pdv(1, 3, Buffer.from('command'))),
    pData(pdv(1, 0, Buffer.from('first ')), pdv(1, 0, Buffer.from('second '))),
    pData(pdv(1, 2, Buffer.from('last'))),
    pdu(0x05, Buffer.alloc(4)),
  ]);

  it.each([1, 2, 3, 5, 7, 11, 1000])(
    'gives the same pieces in the same order when bytes come %i at a time',
    async (size) => {
      const { reader, seen } = aReader();
      for (let at = 0; at < stream.length; at += size) await reader.push(stream.subarray(at, at + size));
      expect(joined(seen)).toBe('commandfirst second last');
      expect(seen.fragments.filter(({ last }) => last).map(({ isCommand }) => isCommand)).toEqual([true, false]);
      expect(seen.control).toEqual([5]);
      expect(reader.atBoundary).toBe(true);
    },
  );

  it('keeps the order when each piece takes its own time', async () => {
    let turn = 0;
    const { reader, seen } = aReader(() => new Promise((resolve) => setTimeout(resolve, turn++ % 2 === 0 ? 8 : 0)));
    await reader.push(stream);
    expect(joined(seen)).toBe('commandfirst second last');
  });

  it('tells an empty last fragment (PS3.8 Annex E)', async () => {
    const { reader, seen } = aReader();
    await reader.push(pData(pdv(3, 0, Buffer.from('all')), pdv(3, 2, Buffer.alloc(0))));
    expect(seen.fragments.at(-1)).toEqual({ contextId: 3, isCommand: false, bytes: '', last: true });
  });

  it.each([
    ['an unknown type', pdu(0x55, Buffer.alloc(4)), 1],
    ['a control PDU of two gigabytes', Buffer.from([1, 0, 0x80, 0, 0, 0]), 6],
    ['a control PDU without content', Buffer.from([5, 0, 0, 0, 0, 0]), 6],
    ['a value longer than its PDU', Buffer.from([4, 0, 0, 0, 0, 8, 0, 0, 1, 0, 1, 0]), 6],
    ['a value of one byte', Buffer.from([4, 0, 0, 0, 0, 8, 0, 0, 0, 1, 1, 0]), 6],
    ['a PDU that ends inside a value header', pdu(0x04, Buffer.alloc(3)), 6],
  ])('refuses %s before taking memory for it', async (_, bytes, abortReason) => {
    const { reader } = aReader();
    const refusal = await pushed(reader, bytes).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(PduError);
    expect(refusal).toMatchObject({ abortReason });
  });

  it('survives 100,000 mutated streams, seed 1', async () => {
    let seed = 1;
    const random = (below: number): number => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
      return seed % below;
    };
    let refused = 0;
    for (let i = 0; i < 100_000; i++) {
      const bytes = Buffer.from(stream);
      for (let j = 0; j <= random(4); j++) bytes[random(bytes.length)] = random(256);
      const { reader } = aReader();
      await pushed(reader, bytes).catch((error: unknown) => {
        if (!(error instanceof PduError)) throw error;
        refused += 1;
      });
    }
    expect(refused).toBeGreaterThan(1000);
  });
});
