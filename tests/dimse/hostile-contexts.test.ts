import { describe, expect, it } from 'vitest';
import { IMPLICIT, RawScu } from '../support/raw-scu.ts';
import { aNode } from '../support/test-node.ts';
import { associate, item } from './hostile-streams.ts';

/** Found by the storm of hostile.test.ts (seed 20260101): identifiers of presentation contexts (PS3.8 9.3.2.2). */
const VERIFICATION = '1.2.840.10008.1.1';
const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');

const context = (id: number): Buffer =>
  item(
    0x20,
    Buffer.concat([Buffer.from([id, 0, 0, 0]), item(0x30, latin1(VERIFICATION)), item(0x40, latin1(IMPLICIT))]),
  );

/** [identifier, result] of each presentation context in the answer; 'ended' where none came. */
async function answerTo(port: number, ids: readonly number[]): Promise<number[][] | 'ended'> {
  const maximum = Buffer.from([0, 0, 0x40, 0]);
  const user = item(0x50, Buffer.concat([item(0x51, maximum), item(0x52, latin1('1.2.3.4'))]));
  const scu = await RawScu.connect(port);
  scu.send(associate([item(0x10, latin1('1.2.840.10008.3.1.1.1')), ...ids.map(context), user]));
  const { type, content } = await scu.receive();
  scu.destroy();
  if (type !== 0x02) return 'ended';
  const answers: number[][] = [];
  for (let at = 68; at + 4 <= content.length; at += 4 + content.readUInt16BE(at + 2))
    if (content[at] === 0x21) answers.push([content[at + 4]!, content[at + 6]!]);
  return answers;
}

describe('presentation contexts', () => {
  it('may come in any order of their identifiers', async () => {
    const { dimsePort } = await aNode();
    // The answer's order is its own: it names them (PS3.8 9.3.3.2).
    expect(await answerTo(dimsePort, [5, 1, 3])).toEqual([
      [1, 0],
      [3, 0],
      [5, 0],
    ]);
    expect(await answerTo(dimsePort, [255, 7])).toEqual([
      [7, 0],
      [255, 0],
    ]);
  });

  it.each([
    ['used twice', [1, 1]],
    ['even', [2]],
    ['zero', [0]],
    ['used 300 times', Array.from({ length: 300 }, () => 255)],
  ])('with an identifier that is %s end the association, and the node goes on', async (_, ids) => {
    const { dimsePort } = await aNode();
    expect(await answerTo(dimsePort, ids)).toBe('ended');
    expect(await answerTo(dimsePort, [1])).toEqual([[1, 0]]);
  });
});
