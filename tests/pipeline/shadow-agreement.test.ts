import { existsSync, readdirSync } from 'node:fs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { AGREEMENT_LIMITS } from '../../src/agreement-settings.ts';
import { type AgreementStatistics, readAgreementStatistics } from '../../src/catalog/agreements.ts';
import { type Analysis, openAnalysis, readAnalysis, recordResults } from '../../src/catalog/analyses.ts';
import { type Database, migrate, openDatabase } from '../../src/catalog/database.ts';
import { createLog } from '../../src/log.ts';
import { judgeAgreement } from '../../src/pipeline/judge-agreement.ts';
import { compareWithShadow, type Found } from '../../src/pipeline/shadow-agreement.ts';
import { SOUND } from '../inference/packages.ts';
import { aDatabase, aFolder } from '../support/test-node.ts';

interface Room {
  readonly database: Database;
  readonly folder: string;
  /** Opens an analysis of one series, runs it with what it found, and records it as done. */
  open(version: string, mode: Analysis['mode'], series?: number): Promise<number>;
  run(id: number, found: Found): Promise<void>;
}

async function aRoom(): Promise<Room> {
  const database = openDatabase(await aDatabase());
  onTestFinished(() => database.destroy());
  await migrate(database);
  const folder = aFolder();
  const parts = { database, folder, log: createLog('silent', false) };
  return {
    database,
    folder,
    open: async (version, mode, series = 1) =>
      (await database.transaction((tx) =>
        openAnalysis(tx, {
          studyInstanceUid: '2.25.1',
          seriesInstanceUid: `2.25.${series}`,
          inputDigest: 'the same',
          modelId: 'lungs',
          modelVersion: version,
          modelDigest: version,
          route: 'chest',
          deliverTo: [],
          state: 'waiting',
          reason: 'Waiting.',
          receivedAt: null,
          mode,
        }),
      ))!,
    run: async (id, found) => {
      const analysis = (await readAnalysis(database, id))!;
      await compareWithShadow(parts, { analysis, manifest: SOUND, found });
      const outcome = { conclusion: 'Found.', findings: '[]', reason: 'Done.', results: [], peers: [] };
      await database.transaction((tx) => recordResults(tx, id, outcome));
    },
  };
}

/** Right lung (segment 1) in the first `voxels` of 16 in one slice, of as many millilitres. */
function found(voxels: number): Found {
  const numbers = { voxels, volumeMl: voxels, meanHu: 0, minHu: 0, maxHu: 0, stdHu: 0 };
  const measured = { segment: 1, centroid: [0, 0, 0] as const, ...numbers };
  return {
    rows: 4,
    columns: 4,
    classes: [],
    segments: {
      frames: voxels > 0 ? [{ segment: 1, slice: 3 }] : [],
      pixelData:
        voxels > 0 ? Uint8Array.of(2 ** Math.min(8, voxels) - 1, 2 ** Math.max(0, voxels - 8) - 1) : new Uint8Array(0),
      measurements: voxels > 0 ? [measured] : [],
    },
  };
}

describe('a model in the shadow of another', () => {
  it.each([
    ['before', true],
    ['after', false],
  ])('is held against it when it runs %s it, and no mask is left', async (_, shadowFirst) => {
    const { database, folder, open, run } = await aRoom();
    const primary = await open('1.0.0', 'primary');
    const shadow = await open('1.1.0', 'shadow');
    const runs: [number, Found][] = [
      [primary, found(10)],
      [shadow, found(6)],
    ];
    for (const [id, what] of shadowFirst ? runs.reverse() : runs) await run(id, what);
    const [left, right] = await readAgreementStatistics(database, 'lungs');
    expect(right).toMatchObject({
      label: 'Right lung',
      cases: 1,
      primaryModel: 'lungs@1.0.0',
      shadowModel: 'lungs@1.1.0',
    });
    expect(right!.dice!.mean).toBeCloseTo(12 / 16);
    expect(right!.volumePercent!.mean).toBeCloseTo(-50);
    expect(left).toMatchObject({ label: 'Left lung', dice: { mean: 1 }, volumePercent: null, oneSided: 0 });
    expect(readdirSync(folder)).toEqual([]);
  });

  it('is held against it when both end at the same moment, whichever looks first', async () => {
    const { database, folder, open, run } = await aRoom();
    for (let series = 1; series <= 12; series++) {
      const [primary, shadow] = [await open('1.0.0', 'primary', series), await open('1.1.0', 'shadow', series)];
      await Promise.all([
        run(primary, found(10)),
        new Promise((resolve) => setTimeout(resolve, series % 4)).then(() => run(shadow, found(6))),
      ]);
    }
    const statistics = await readAgreementStatistics(database, 'lungs');
    expect(statistics.find(({ label }) => label === 'Right lung')!.cases).toBe(12);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('is held against it also when another shadow runs later', async () => {
    const { database, folder, open, run } = await aRoom();
    const primary = await open('1.0.0', 'primary');
    const [one, two] = [await open('1.1.0', 'shadow'), await open('1.2.0', 'shadow')];
    await run(primary, found(8));
    await run(one, found(8));
    expect(existsSync(`${folder}/analysis-${primary}.masks`)).toBe(true);
    await run(two, found(4));
    const statistics = await readAgreementStatistics(database, 'lungs');
    expect(
      statistics.filter(({ label }) => label === 'Right lung').map(({ shadowModel, dice }) => [shadowModel, dice!.p50]),
    ).toEqual(
      expect.arrayContaining([
        ['lungs@1.1.0', 1],
        ['lungs@1.2.0', 8 / 12],
      ]),
    );
    expect(readdirSync(folder)).toEqual([]);
  });

  it('leaves nothing behind where there is no other, and fails no analysis when it cannot be compared', async () => {
    const { database, folder, open, run } = await aRoom();
    await run(await open('1.0.0', 'primary', 7), found(3));
    expect(readdirSync(folder)).toEqual([]);
    const primary = await open('1.0.0', 'primary');
    const shadow = await open('1.1.0', 'shadow');
    await run(primary, found(3));
    await run(shadow, { ...found(3), rows: 5 });
    expect(await readAgreementStatistics(database, 'lungs')).toEqual([]);
  });
});

const spread = (mean: number, p5 = mean, p95 = mean) => ({ mean, p5, p50: mean, p95 });

function statistics(changes: Partial<AgreementStatistics>): AgreementStatistics {
  return {
    route: 'chest',
    primaryModel: 'lungs@1.0.0',
    shadowModel: 'lungs@1.1.0',
    kind: 'segment',
    label: 'Right lung',
    cases: 100,
    first: new Date(0),
    last: new Date(0),
    dice: spread(0.97),
    volumePercent: spread(1),
    oneSided: 0,
    probability: null,
    ...changes,
  };
}

describe('the verdict on a shadow', () => {
  it.each<[string, Partial<AgreementStatistics>, string, RegExp | undefined]>([
    ['agrees', {}, 'agrees', undefined],
    ['is undecided with few series', { cases: 12 }, 'undecided', /12 of 50 series/],
    ['holds for a mean Dice', { dice: spread(0.8) }, 'hold', /mean Dice 0.8, at least 0.9/],
    ['holds for the worst twentieth', { dice: spread(0.95, 0.2) }, 'hold', /Dice 0.2 or less in one series of twenty/],
    ['holds for volumes, either way', { volumePercent: spread(-9) }, 'hold', /volumes differ by -9 %/],
    ['holds for what one finds alone', { oneSided: 6 }, 'hold', /alone in 6 of 100/],
    [
      'holds for probabilities',
      { kind: 'class', dice: null, volumePercent: null, probability: spread(0, -0.4, 0.05) },
      'hold',
      /probabilities differ by 0.4/,
    ],
  ])('%s', (_, changes, verdict, reason) => {
    const [judged] = judgeAgreement([statistics(changes)], []);
    expect(judged!.verdict).toBe(verdict);
    if (reason) expect(judged!.reasons.join('; ')).toMatch(reason);
  });

  it('is by the limits of its route', () => {
    const agreement = { ...AGREEMENT_LIMITS, dice: 0.99 };
    const judged = judgeAgreement([statistics({}), statistics({ route: 'other' })], [{ name: 'chest', agreement }]);
    expect(judged.map(({ route, verdict }) => [route, verdict])).toEqual([
      ['chest', 'hold'],
      ['other', 'agrees'],
    ]);
  });
});
