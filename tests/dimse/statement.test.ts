import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Association } from '../../conformance/wire/association.ts';
import { aSharedNode } from '../dicomweb/shared-node.ts';

const shared = aSharedNode();
const CT = '1.2.840.10008.5.1.4.1.1.2';
const EXPLICIT = '1.2.840.10008.1.2.1';

/** The UIDs of a table of the statement, as a reader of it finds them. */
function uidsOf(table: string): string[] {
  const text = readFileSync('conformance/statement.md', 'utf8');
  const begin = text.indexOf(`<!-- table: ${table} -->`);
  return [...text.slice(begin, text.indexOf('<!-- /table -->', begin)).matchAll(/\| (1\.2\.840\.10008[\d.]+) /g)].map(
    ([, uid]) => uid!,
  );
}

/** What a caller is told who proposes these, 128 contexts an association. */
async function answersTo(
  proposals: { abstractSyntax: string; transferSyntax: string }[],
): Promise<Map<number, number[]>> {
  const { settings, dimsePort: port } = shared.node;
  const results = new Map<number, number[]>();
  for (let at = 0; at < proposals.length; at += 128) {
    const some = proposals.slice(at, at + 128);
    const association = await Association.request(
      { aeTitle: settings.aeTitle, host: '127.0.0.1', port },
      some.map(({ abstractSyntax, transferSyntax }) => ({ abstractSyntax, transferSyntaxes: [transferSyntax] })),
    );
    for (const i of some.keys()) {
      const { result } = association.answer(i);
      results.set(result, [...(results.get(result) ?? []), at + i]);
    }
    await association.release();
  }
  return results;
}

describe('what the conformance statement lists (PS3.2)', () => {
  it('accepts every storage SOP class that the conformance statement lists', async () => {
    const uids = uidsOf('storageClasses');
    expect(uids.length).toBeGreaterThan(150);
    const answers = await answersTo(uids.map((abstractSyntax) => ({ abstractSyntax, transferSyntax: EXPLICIT })));
    expect([...answers.keys()]).toEqual([0]);
  });

  it('accepts every transfer syntax that the conformance statement lists', async () => {
    const uids = uidsOf('transferSyntaxes');
    expect(uids.length).toBeGreaterThan(50);
    const answers = await answersTo(uids.map((transferSyntax) => ({ abstractSyntax: CT, transferSyntax })));
    expect([...answers.keys()]).toEqual([0]);
  });

  it('accepts every SOP class that the conformance statement says it provides', async () => {
    const uids = uidsOf('presentationContexts');
    expect(uids.length).toBeGreaterThan(12);
    const answers = await answersTo(uids.map((abstractSyntax) => ({ abstractSyntax, transferSyntax: EXPLICIT })));
    expect([...answers.keys()]).toEqual([0]);
  });
});
