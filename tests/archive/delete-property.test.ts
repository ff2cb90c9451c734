import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { stow } from '../dicomweb/client.ts';
import { openNode, type SharedNode } from '../dicomweb/shared-node.ts';
import { asFile } from '../support/instances.ts';
import { api, asText, expectTrueCounts, faults, retrieved } from './kept.ts';

/** Numbers that look like chance and are the same for the same seed (mulberry32). */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

const STUDIES = [1, 2] as const;
const [SERIES, INSTANCES, VARIANTS] = [2, 3, 2];

const uidOf = (study: number, series: number, instance: number): string => `1.2.9.${study}.${series}.${instance}`;

/** One of two contents under the same SOP Instance UID. */
function fileOf(uid: string, variant: number): Buffer {
  const parts = uid.split('.');
  return asFile({
    StudyInstanceUID: parts.slice(0, 4).join('.'),
    SeriesInstanceUID: parts.slice(0, 5).join('.'),
    SOPInstanceUID: uid,
    Modality: `M${parts[4]}`,
    Rows: 4 + variant,
  });
}

const ALL = STUDIES.flatMap((study) =>
  Array.from({ length: SERIES * INSTANCES }, (_, i) => uidOf(study, 1 + (i % SERIES), 1 + Math.floor(i / SERIES))),
);

function pathOf(uid: string, depth: number): string {
  const parts = uid.split('.');
  const [study, series] = [parts.slice(0, 4).join('.'), parts.slice(0, 5).join('.')];
  return `/studies/${study}${depth > 0 ? `/series/${series}` : ''}${depth > 1 ? `/instances/${uid}` : ''}`;
}

interface InTrash {
  readonly kind: 'instance' | 'conflict';
  readonly uid: string;
  readonly variant: number;
}

/** What must be there, said in a few lines: the judge of the node. */
class Model {
  readonly live = new Map<string, number>();
  readonly apart = new Set<string>();
  readonly trash = new Map<number, InTrash[]>();

  send(uid: string, variant: number): void {
    if (!this.live.has(uid)) this.live.set(uid, variant);
    else if (this.live.get(uid) !== variant) this.apart.add(`${uid} ${variant}`);
  }

  delete(id: number, prefix: string): void {
    const inside = (uid: string): boolean => uid === prefix || uid.startsWith(`${prefix}.`);
    const gone: InTrash[] = [];
    for (const [uid, variant] of this.live) if (inside(uid)) gone.push({ kind: 'instance', uid, variant });
    for (const key of this.apart) {
      const [uid, variant] = key.split(' ');
      if (inside(uid!)) gone.push({ kind: 'conflict', uid: uid!, variant: Number(variant) });
    }
    this.toTrash(id, gone);
  }

  toTrash(id: number, gone: InTrash[]): void {
    for (const { kind, uid, variant } of gone)
      if (kind === 'instance') this.live.delete(uid);
      else this.apart.delete(`${uid} ${variant}`);
    this.trash.set(id, gone);
  }

  undo(id: number): { restored: number; left: number } {
    const waiting = this.trash.get(id) ?? [];
    const left = waiting.filter(({ kind, uid, variant }) =>
      kind === 'instance' ? this.live.has(uid) : this.apart.has(`${uid} ${variant}`),
    );
    for (const one of waiting)
      if (!left.includes(one)) {
        if (one.kind === 'instance') this.live.set(one.uid, one.variant);
        else this.apart.add(`${one.uid} ${one.variant}`);
      }
    this.trash.set(id, left);
    return { restored: waiting.length - left.length, left: left.length };
  }
}

async function purged(node: SharedNode, id: number): Promise<void> {
  const { status } = await api(node, 'POST', `/deletions/${id}/purge`);
  expect(status).toBe(202);
  await vi.waitFor(
    async () => expect(await node.sql('SELECT FROM trash WHERE deletion_id = $1', [id])).toEqual([]),
    10_000,
  );
}

describe('deletions, re-sends, undos and purges in any order', () => {
  it.each([1, 2])('leave what a model of them says (seed %i)', async (seed) => {
    const node = await openNode();
    onTestFinished(() => node.stop());
    const dice = random(seed);
    const pick = <T>(all: readonly T[]): T => all[dice(all.length)]!;
    const model = new Model();
    const steps: (() => Promise<void>)[] = [
      async () => {
        const sent = Array.from({ length: 1 + dice(6) }, () => [pick(ALL), dice(VARIANTS)] as const);
        for (const [uid, variant] of sent) {
          expect([200, 202]).toContain((await stow(node.http, [fileOf(uid, variant)])).status);
          model.send(uid, variant);
        }
      },
      async () => {
        const [uid, depth] = [pick(ALL), dice(3)];
        const { status, said } = await api(node, 'DELETE', pathOf(uid, depth), { reason: 'chance' });
        if (status === 200)
          model.delete(
            Number(said['deletionId']),
            uid
              .split('.')
              .slice(0, 4 + depth)
              .join('.'),
          );
        else expect(status).toBe(404);
      },
      async () => {
        if (model.trash.size === 0) return;
        const id = pick([...model.trash.keys()]);
        const { said } = await api(node, 'POST', `/deletions/${id}/undo`);
        const { restored, left } = model.undo(id);
        expect([said['restored'], (said['left'] as unknown[]).length]).toEqual([restored, left]);
      },
      async () => {
        if (model.trash.size === 0 || dice(3) > 0) return;
        const id = pick([...model.trash.keys()]);
        await purged(node, id);
        model.trash.delete(id);
      },
      async () => {
        const { said } = await api(node, 'GET', '/conflicts');
        const list = said['conflicts'] as { id: number; sopInstanceUid: string; kind: string }[];
        if (list.length === 0) return;
        const { id, sopInstanceUid: uid, kind } = pick(list);
        const key = [...model.apart].filter((one) => one.startsWith(`${uid} `));
        // Of two contents, one is held and the other apart; both are only where the UID was free for a while.
        if (key.length !== 1) return;
        const variant = Number(key[0]!.split(' ')[1]);
        const accepted = dice(2) === 0;
        const done = await api(node, 'POST', `/conflicts/${id}/${accepted ? 'accept' : 'dismiss'}`);
        expect(done.status).toBe(200);
        const deletion = done.said['deletionId'];
        if (accepted) {
          const before = model.live.get(uid);
          expect(kind === 'free').toBe(before === undefined);
          if (before !== undefined) model.toTrash(Number(deletion), [{ kind: 'instance', uid, variant: before }]);
          model.apart.delete(key[0]!);
          model.live.set(uid, variant);
        } else model.toTrash(Number(deletion), [{ kind: 'conflict', uid, variant }]);
      },
    ];
    for (let step = 0; step < 80; step++) {
      await pick([...steps, steps[0]!])();
      if (step % 20 !== 19) continue;
      await expectTrueCounts(node);
      for (const study of STUDIES) {
        const held = [...model.live].filter(([uid]) => uid.startsWith(`1.2.9.${study}.`));
        const files = held.map(([uid, variant]) => fileOf(uid, variant));
        expect(await retrieved(node, `/studies/1.2.9.${study}`)).toEqual(asText(files));
      }
      const apart = await node.sql('SELECT count(*)::integer AS n FROM conflicts');
      expect(apart).toEqual([{ n: model.apart.size }]);
      expect(await faults(node)).toEqual([]);
    }
  });

  it('lose nothing and count right while four senders send what is deleted, brought back and purged meanwhile', async () => {
    const node = await openNode();
    onTestFinished(() => node.stop());
    const ids: number[] = [];
    const until = Date.now() + 4000;
    const acknowledged = new Set<string>();
    const wrong: string[] = [];
    const sender = async (seed: number): Promise<void> => {
      const dice = random(seed);
      while (Date.now() < until) {
        const uids = [...new Set(Array.from({ length: 1 + dice(5) }, () => ALL[dice(ALL.length)]!))];
        const answer = await stow(
          node.http,
          uids.map((uid) => fileOf(uid, 0)),
        );
        if (answer.status === 200) for (const uid of uids) acknowledged.add(uid);
        else wrong.push(answer.text);
      }
    };
    const deleter = async (seed: number): Promise<void> => {
      const dice = random(seed);
      while (Date.now() < until) {
        const { status, said } = await api(node, 'DELETE', pathOf(ALL[dice(ALL.length)]!, dice(3)), {
          reason: 'chance',
        });
        if (status === 200) ids.push(Number(said['deletionId']));
        else if (status !== 404) wrong.push(JSON.stringify(said));
        if (ids.length === 0) continue;
        const id = ids[dice(ids.length)]!;
        const again = await api(node, 'POST', `/deletions/${id}/${dice(4) === 0 ? 'purge' : 'undo'}`);
        if (again.status > 202) wrong.push(JSON.stringify(again.said));
      }
    };
    await Promise.all([sender(1), sender(2), sender(3), sender(4), deleter(5), deleter(6)]);
    expect(wrong, node.log()).toEqual([]);
    expect(acknowledged.size).toBe(ALL.length);
    await vi.waitFor(async () => expect(await node.sql('SELECT FROM trash WHERE purging')).toEqual([]), 10_000);
    await expectTrueCounts(node);
    expect(await node.sql('SELECT FROM conflicts')).toEqual([]);
    expect(await faults(node)).toEqual([]);
    // With everything sent once more, all of it is held, byte for byte; with the trash emptied it still is.
    const whole = ALL.map((uid) => fileOf(uid, 0));
    expect((await stow(node.http, whole)).status).toBe(200);
    for (const id of ids) await api(node, 'POST', `/deletions/${id}/purge`);
    await vi.waitFor(async () => expect(await node.sql('SELECT FROM trash')).toEqual([]), 20_000);
    const held = (await Promise.all(STUDIES.map((study) => retrieved(node, `/studies/1.2.9.${study}`)))).flat();
    expect(held.sort()).toEqual(asText(whole));
    await expectTrueCounts(node);
    expect(await faults(node)).toEqual([]);
  });
});
