import { describe, expect, it } from 'vitest';
import { Arrivals, type ArrivingTransfer } from '../../src/archive/arrivals.ts';
import { settleKey } from '../../src/archive/commit-queue.ts';
import { dataset } from '../../src/dicom/build.ts';
import {
  type CompletenessEvidence,
  type CompletenessLimits,
  judgeCompleteness,
  type Sending,
} from '../../src/pipeline/completeness.ts';
import { closureOf } from '../../src/pipeline/geometry-closure.ts';
import { isBelieved, learn, NO_PACE, resumesWithin } from '../../src/pipeline/source-pace.ts';

const LIMITS: CompletenessLimits = { leastQuiet: 0.25, settle: 2, mostQuiet: 10, idle: 60, announced: 600 };

const DONE: Sending = {
  open: false,
  othersOpen: false,
  cut: false,
  transfers: 1,
  longestPause: 0,
  resumesWithin: undefined,
};

function evidence(changes: Partial<CompletenessEvidence> = {}): CompletenessEvidence {
  return {
    held: 30,
    quiet: 0,
    sending: DONE,
    announcements: [],
    closure: { kind: 'unknown', because: 'not every image says where it lies' },
    ...changes,
  };
}

const CLOSED = { kind: 'closed', because: '30 places 3.00 mm apart without a hole' } as const;
const waitOf = (changes: Partial<CompletenessEvidence>): number => judgeCompleteness(evidence(changes), LIMITS).wait;
const announced = (expected: number, held: number, of: 'series' | 'acquisition' | 'study' = 'series') => [
  { by: 'the procedure step (MPPS)', expected, held, of },
];

describe('whether a series is complete', () => {
  it('waits a quarter of a second when its sender is done and its places are even, two seconds when nothing else is known', () => {
    expect(waitOf({ closure: CLOSED })).toBe(0.25);
    expect(waitOf({ closure: { kind: 'single', because: 'an image of DX stands for itself' } })).toBe(0.5);
    expect(waitOf({})).toBe(2);
    expect(judgeCompleteness(evidence({ quiet: 2.1 }), LIMITS)).toMatchObject({ settled: true, confidence: 'medium' });
  });

  it('waits for nothing more when every announced instance is here, whatever the sender does', () => {
    for (const sending of [DONE, { ...DONE, open: true }, { ...DONE, cut: true }, undefined])
      expect(judgeCompleteness(evidence({ sending, announcements: announced(30, 30) }), LIMITS)).toMatchObject({
        settled: true,
        confidence: 'high',
        reason: expect.stringContaining('all 30 instances'),
      });
  });

  it('never fires early while a sender keeps its association open, or has announced more, and pauses 20 s', () => {
    for (const quiet of [0, 5, 20, 50]) {
      expect(
        judgeCompleteness(evidence({ quiet, sending: { ...DONE, open: true }, closure: CLOSED }), LIMITS).settled,
      ).toBe(false);
      for (const of of ['series', 'acquisition', 'study'] as const)
        expect(
          judgeCompleteness(
            evidence({
              quiet,
              sending: { ...DONE, transfers: 12 },
              announcements: announced(30, 12, of),
              closure: CLOSED,
            }),
            LIMITS,
          ).settled,
          `${of} ${quiet}`,
        ).toBe(false);
    }
  });

  it('takes what was announced and never comes for lost after ten minutes, and says so', () => {
    const lost = evidence({ quiet: 600.5, announcements: announced(30, 12) });
    expect(judgeCompleteness(lost, LIMITS)).toMatchObject({
      settled: true,
      complete: false,
      confidence: 'low',
      reason: expect.stringContaining('12 of 30 instances'),
    });
    expect(waitOf({ announcements: announced(30, 12) })).toBe(600);
  });

  it('believes a list of the series more than what an acquisition gave', () => {
    const both = [...announced(30, 30), { by: '0020,1002', expected: 60, held: 30, of: 'acquisition' as const }];
    expect(waitOf({ announcements: both })).toBe(0);
  });

  it('does not let a count of the study keep back a series that has no hole', () => {
    expect(waitOf({ announcements: announced(896, 100, 'study'), closure: CLOSED })).toBe(0.25);
    expect(waitOf({ announcements: announced(896, 100, 'study') })).toBe(60);
  });

  it('waits longer for a sender that goes on with a series on its next association, and where places are missing', () => {
    expect(waitOf({ closure: CLOSED, sending: { ...DONE, resumesWithin: 4 } })).toBe(4);
    expect(waitOf({ closure: CLOSED, sending: { ...DONE, resumesWithin: 0 } })).toBe(0.25);
    expect(waitOf({ sending: { ...DONE, resumesWithin: 0 } })).toBe(1);
    expect(waitOf({ sending: { ...DONE, transfers: 3, longestPause: 20 } })).toBe(30);
    expect(waitOf({ sending: { ...DONE, othersOpen: true }, closure: CLOSED })).toBe(2);
    expect(waitOf({ closure: { kind: 'holes', because: 'images seem to be missing at 1 of its places' } })).toBe(10);
    expect(waitOf({ sending: { ...DONE, cut: true }, closure: CLOSED })).toBe(60);
    expect(waitOf({ sending: undefined })).toBe(60);
  });
});

function slices(places: readonly number[], more = {}) {
  return places.map((z) =>
    dataset({
      Modality: 'CT',
      ImageOrientationPatient: [1, 0, 0, 0, 1, 0],
      ImagePositionPatient: [-120.5, -120.5, z],
      ...more,
    }),
  );
}

describe('the places of a series', () => {
  const even = Array.from({ length: 20 }, (_, i) => -300 + 2.5 * i);

  it('are closed when their steps are even, in whatever order they came, with as many images at each', () => {
    expect(closureOf(slices([...even].reverse())).kind).toBe('closed');
    expect(closureOf(slices([...even, ...even])).kind).toBe('closed');
    expect(closureOf([...slices(even), ...slices([5], { ImageOrientationPatient: [0, 1, 0, 0, 0, -1] })]).kind).toBe(
      'unknown',
    );
  });

  it('have a hole where a step is twice as long, or a place has fewer images than the others', () => {
    expect(closureOf(slices(even.filter((_, i) => i !== 7))).kind).toBe('holes');
    expect(closureOf(slices([...even, ...even.slice(0, 12)])).kind).toBe('holes');
  });

  it('prove nothing with four of them, uneven steps, or none', () => {
    expect(closureOf(slices(even.slice(0, 4))).kind).toBe('unknown');
    expect(closureOf(slices([...even, 70.3])).kind).toBe('unknown');
    expect(closureOf(slices(even, { ImagePositionPatient: [] })).kind).toBe('unknown');
    expect(closureOf([]).kind).toBe('unknown');
  });

  it('do not matter for a projection or a multi-frame object', () => {
    expect(closureOf([dataset({ Modality: 'DX' })]).kind).toBe('single');
    expect(closureOf([dataset({ Modality: 'MR', NumberOfFrames: 30 })]).kind).toBe('single');
  });
});

describe('the habit of a sender', () => {
  it('is known after three series: how soon it goes on, if ever', () => {
    let pace = NO_PACE;
    for (let i = 0; i < 2; i++) pace = learn(pace, { pausesMs: [] });
    expect(resumesWithin(pace)).toBeUndefined();
    pace = learn(pace, { pausesMs: [] });
    expect(resumesWithin(pace)).toBe(0);
    pace = learn(pace, { pausesMs: Array.from({ length: 50 }, () => 1500) });
    expect(resumesWithin(pace)).toBe(4096);
    for (let i = 0; i < 100; i++) pace = learn(pace, { pausesMs: Array.from({ length: 500 }, () => 30) });
    expect(resumesWithin(pace)).toBe(64);
  });

  it('of announcing what does not come is not waited for again', () => {
    let pace = NO_PACE;
    for (let i = 0; i < 3; i++) {
      expect(isBelieved(pace)).toBe(true);
      pace = learn(pace, { pausesMs: [], announced: 'unmet' });
    }
    expect(isBelieved(pace)).toBe(false);
    expect(isBelieved(learn(pace, { pausesMs: [], announced: 'met' }))).toBe(true);
  });
});

describe('how a series comes in', () => {
  const KEY = settleKey('1.2', '1.2.1');
  const aTransfer = (source: string, begunAt: number): ArrivingTransfer & { gained: Map<string, unknown> } => ({
    source,
    begunAt,
    gained: new Map(),
  });

  it('is known by its transfers, their ends and the pauses between them', () => {
    let now = 0;
    const arrivals = new Arrivals(() => now);
    const store = (transfer: ReturnType<typeof aTransfer>): void => {
      transfer.gained.set(KEY, true);
      arrivals.stored(KEY, transfer);
    };
    const [first, second] = [aTransfer('CT@1', 0), aTransfer('CT@1', 5000)];
    arrivals.begun(first);
    store(first);
    now = 300;
    store(first);
    expect(arrivals.of(KEY, '1.2')).toMatchObject({
      open: 1,
      transfers: 1,
      quietMs: 0,
      longestWithinMs: 300,
      lastEnd: undefined,
    });
    arrivals.ended(first, 'released');
    now = 5000;
    arrivals.begun(second);
    expect(arrivals.of(KEY, '1.2')).toMatchObject({
      open: 0,
      othersOpen: 1,
      transfers: 1,
      lastEnd: 'released',
      quietMs: 4700,
    });
    now = 20_000;
    expect(arrivals.of(KEY, '1.2')).toMatchObject({ othersOpen: 0 });
    store(second);
    arrivals.ended(second, 'cut');
    expect(arrivals.of(KEY, '1.2')).toMatchObject({
      open: 0,
      transfers: 2,
      stored: 3,
      lastEnd: 'cut',
      longestBetweenMs: 19_700,
    });
    expect(arrivals.takePauses(KEY)).toEqual({ source: 'CT@1', betweenMs: [19_700] });
    expect(arrivals.takePauses(KEY)?.betweenMs).toEqual([]);
    expect(arrivals.of(settleKey('1.2', '1.2.2'), '1.2')).toBeUndefined();
  });
});
