import { describe, expect, it } from 'vitest';
import type { InferenceRequest, InferenceResult } from '../../src/inference/engine.ts';
import { Job } from '../../src/inference/lanes/job.ts';
import type { NetworkCall, OutputTensor, Runner } from '../../src/inference/lanes/network.ts';
import { Schedule } from '../../src/inference/lanes/schedule.ts';
import { aRequest, floatsIn } from './a-request.ts';

/** Says what it is given, and waits to be told to answer: x + 1, or the mean of x in every voxel. */
class SlowRunner implements Runner {
  readonly calls: NetworkCall[] = [];
  readonly #held: (() => void)[] = [];
  readonly #answer: (values: Float32Array) => Float32Array<ArrayBuffer>;
  #isOpen: boolean;

  constructor({ isOpen = false, answer = (values: Float32Array) => values.map((value) => value + 1) } = {}) {
    this.#isOpen = isOpen;
    this.#answer = (values) => new Float32Array(answer(values));
  }

  describe() {
    const dims = ['n', 'c', 'a', 'b', 'd'];
    return Promise.resolve({
      inputs: [{ name: 'x', type: 'float32', dims }],
      outputs: [{ name: 'y', type: 'float32', dims }],
    });
  }

  async run(call: NetworkCall): Promise<readonly OutputTensor[]> {
    this.calls.push(call);
    if (!this.#isOpen) await new Promise<void>((resolve) => this.#held.push(resolve));
    return [{ dims: call.input.dims, values: this.#answer(call.input.values as Float32Array) }];
  }

  /** Ends the run under way. */
  async release(): Promise<void> {
    await settled();
    this.#held.shift()?.();
    await settled();
  }

  openAll(): void {
    this.#isOpen = true;
    for (const release of this.#held.splice(0)) release();
  }

  /** First values of each window of each run. */
  get given(): number[][] {
    return this.calls.map(({ input }) => {
      const length = input.values.length / input.dims[0]!;
      return Array.from({ length: input.dims[0]! }, (_, i) => input.values[i * length]!);
    });
  }
}

const settled = () => new Promise((resolve) => setTimeout(resolve, 5));

let ids = 0;

function aJob(request: InferenceRequest, schedule?: () => Schedule): { job: Job; result: Promise<InferenceResult> } {
  let job: Job | undefined;
  const result = new Promise<InferenceResult>((done, failed) => {
    job = new Job(++ids, request, {
      slab: () => {},
      done,
      failed,
      stirred: () => schedule?.().stir(),
      overdue: () => {},
    });
  });
  return { job: job!, result };
}

/** Opened jobs of one schedule with one runner. */
async function scheduled(runner: SlowRunner, requests: readonly InferenceRequest[], isExpected = () => false) {
  const schedule: Schedule = new Schedule([runner], isExpected);
  const jobs = requests.map((request) => aJob(request, () => schedule));
  const opener = new SlowRunner({ isOpen: true });
  for (const { job } of jobs) await job.open({ local: opener, remote: opener }, { runners: 1, threads: 1 });
  const add = (i: number) => schedule.add(jobs[i]!.job);
  return { add, results: jobs.map(({ result }) => result), jobs };
}

/** Four windows of two voxels: first values `from`, from + 2, … */
function fourWindows(from: number, more: Partial<Parameters<typeof aRequest>[0]> = {}) {
  const values = Float32Array.from({ length: 8 }, (_, i) => from + i);
  const { window, ...rest } = more ?? {};
  return aRequest({
    shape: [1, 1, 8, 1, 1],
    values,
    window: { roi: [2, 1, 1], overlap: 0, ...window },
    key: 'one model',
    ...rest,
  });
}

const KSERVE = { engine: { providers: ['kserve' as const], kserve: { url: 'http://127.0.0.1:1', model: 'm' } } };

describe('the schedule of runs', () => {
  it('takes the greatest priority first, and among equals who came first', async () => {
    const runner = new SlowRunner();
    const { add, results } = await scheduled(runner, [
      fourWindows(10),
      fourWindows(20),
      fourWindows(30, { priority: 7 }),
    ]);
    for (const i of [0, 1, 2]) add(i);
    await settled();
    runner.openAll();
    await Promise.all(results);
    expect(runner.given.map(([first]) => Math.floor(first! / 10))).toEqual([3, 3, 3, 3, 1, 1, 1, 1, 2, 2, 2, 2]);
  });

  it('lets an urgent job in between two runs of another', async () => {
    const runner = new SlowRunner();
    const { add, results } = await scheduled(runner, [fourWindows(10), fourWindows(90, { priority: 50 })]);
    add(0);
    await settled();
    add(1);
    await settled();
    runner.openAll();
    await Promise.all(results);
    expect(runner.given.map(([first]) => first)).toEqual([10, 90, 92, 94, 96, 12, 14, 16]);
  });

  it('lets it in between two runs of one window, mirrored', async () => {
    const runner = new SlowRunner();
    const mirrored = fourWindows(10, { window: { mirrorAxes: [0] } });
    const { add, results } = await scheduled(runner, [mirrored, fourWindows(90, { priority: 50 })]);
    add(0);
    await settled();
    add(1);
    await settled();
    runner.openAll();
    const [first] = await Promise.all(results);
    expect(runner.given.map(([value]) => value)).toEqual([10, 90, 92, 94, 96, 11, 12, 13, 14, 15, 16, 17]);
    expect([...floatsIn(first!.outputs['y']!.path!)]).toEqual([11, 12, 13, 14, 15, 16, 17, 18]);
  });

  it('fills batches across jobs of one model; the last one is filled with nothing', async () => {
    const runner = new SlowRunner();
    const three = { ...KSERVE, window: { batch: 3 } };
    const { add, results } = await scheduled(runner, [fourWindows(10, three), fourWindows(20, three)]);
    add(0);
    add(1);
    await settled();
    runner.openAll();
    const [first, second] = await Promise.all(results);
    expect(runner.given).toEqual([
      [10, 12, 14],
      [16, 20, 22],
      [24, 26, 0],
    ]);
    expect([...floatsIn(first!.outputs['y']!.path!)]).toEqual([11, 12, 13, 14, 15, 16, 17, 18]);
    expect([...floatsIn(second!.outputs['y']!.path!)]).toEqual([21, 22, 23, 24, 25, 26, 27, 28]);
  });

  it('runs nothing once before a shape counts as open at a server; on the processor it does not', async () => {
    const opener = new SlowRunner({ isOpen: true });
    const open = async (request: InferenceRequest) =>
      aJob(request).job.open({ local: opener, remote: opener }, { runners: 1, threads: 1 });
    await open(fourWindows(10));
    expect(opener.given).toEqual([]);
    for (const from of [10, 20])
      await open(fourWindows(from, { ...KSERVE, key: 'a cold model', window: { batch: 2 } }));
    expect(opener.given).toEqual([[0, 0]]);
  });

  it('waits a moment with a batch that is not full when another job of its model is coming', async () => {
    const runner = new SlowRunner({ isOpen: true });
    const eight = { ...KSERVE, window: { batch: 8 } };
    const { add, results } = await scheduled(runner, [fourWindows(10, eight), fourWindows(20, eight)], () => true);
    add(0);
    await new Promise((resolve) => setTimeout(resolve, 2));
    add(1);
    await Promise.all(results);
    expect(runner.given).toEqual([[10, 12, 14, 16, 20, 22, 24, 26]]);
    const alone = await scheduled(runner, [fourWindows(30, eight)], () => true);
    alone.add(0);
    await alone.results[0];
    expect(runner.given[1]).toEqual([30, 32, 34, 36, 0, 0, 0, 0]);
  });

  it('leaves out what is cancelled, and fails alone what fails alone', async () => {
    const runner = new SlowRunner();
    const { add, results, jobs } = await scheduled(runner, [fourWindows(10), fourWindows(20)]);
    add(0);
    add(1);
    await settled();
    jobs[0]!.job.cancel();
    runner.openAll();
    await results[1];
    expect(runner.given.map(([first]) => first)).toEqual([10, 20, 22, 24, 26]);
  });
});

describe('windows that are one value throughout', () => {
  /** As a network would: what it says depends on all of the window. */
  const mean = (values: Float32Array) =>
    values.map(() => values.reduce((sum, value) => sum + value, 0) / values.length);
  const values = Float32Array.of(5, 5, 1, 2, 5, 5, 5, 5, 7, 7, 3, 4, 5, 5, -9, -8);
  const request = (window = {}) =>
    aRequest({ shape: [1, 1, 16, 1, 1], values, window: { roi: [2, 1, 1], overlap: 0, ...window } });

  it('are run once, and have the same answer to the bit', async () => {
    const runner = new SlowRunner({ isOpen: true, answer: mean });
    const { add, results } = await scheduled(runner, [request()]);
    add(0);
    const { windows, skipped, outputs } = (await results[0])!;
    expect({ windows, skipped }).toEqual({ windows: 5, skipped: 3 });
    expect([...floatsIn(outputs['y']!.path!)]).toEqual([5, 5, 1.5, 1.5, 5, 5, 5, 5, 7, 7, 3.5, 3.5, 5, 5, -8.5, -8.5]);
  });

  it('include those with nothing above the limit of air, where the package says so', async () => {
    const runner = new SlowRunner({ isOpen: true, answer: mean });
    const { add, results } = await scheduled(runner, [request({ skipBelow: 2 })]);
    add(0);
    const { windows, skipped, outputs } = (await results[0])!;
    expect({ windows, skipped }).toEqual({ windows: 4, skipped: 4 });
    expect([...floatsIn(outputs['y']!.path!)]).toEqual([5, 5, 2, 2, 5, 5, 5, 5, 7, 7, 3.5, 3.5, 5, 5, 2, 2]);
  });

  it('are not one where its zeros differ in sign', async () => {
    const runner = new SlowRunner({ isOpen: true });
    const zeros = aRequest({
      shape: [1, 1, 4, 1, 1],
      values: Float32Array.of(0, 0, -0, -0),
      window: { roi: [2, 1, 1], overlap: 0 },
    });
    const { add, results } = await scheduled(runner, [zeros]);
    add(0);
    expect(await results[0]).toMatchObject({ windows: 2, skipped: 0 });
  });
});
