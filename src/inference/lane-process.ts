import { readFile, writeFile } from 'node:fs/promises';
import { Worker } from 'node:worker_threads';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import type { LaneReply, LaneRequest } from './lane-protocol.ts';

/**
 * An inference lane: the only process that loads ONNX Runtime. `run()` blocks its event loop for the whole of the
 * computation, and a run cannot be interrupted, so the lane is a process that can be killed.
 */
const PROVIDER = 'cpu';

let held: { key: string; session: InferenceSession } | undefined;

process.on('message', (request: LaneRequest) => {
  void answer(request).then((reply) => process.send?.(reply));
});
// The node is gone: so is whoever wanted the result.
process.on('disconnect', () => process.exit(0));
// A run blocks this thread and may never end, and with the node went the one that ends it: another thread looks.
const orphaned = `setInterval(() => process.ppid !== ${process.ppid} && process.kill(process.pid, 'SIGKILL'), 1000)`;
new Worker(orphaned, { eval: true }).unref();

const ready: LaneReply = { kind: 'ready' };
process.send?.(ready);

async function answer(request: LaneRequest): Promise<LaneReply> {
  try {
    const started = performance.now();
    const session = await sessionFor(request);
    const outputs = await session.run({
      [request.inputName]: await readTensor(request.input.path, request.input.shape),
    });
    const output = outputs[request.outputName];
    if (!output)
      return {
        kind: 'failed',
        reason: `the model has no output named ${request.outputName} (it has ${session.outputNames.join(', ')})`,
      };
    if (!(output.data instanceof Float32Array))
      return { kind: 'failed', reason: `the output ${request.outputName} is ${output.type}, not float32` };
    await writeFile(
      request.outputPath,
      new Uint8Array(output.data.buffer, output.data.byteOffset, output.data.byteLength),
    );
    return { kind: 'done', shape: output.dims, provider: PROVIDER, milliseconds: performance.now() - started };
  } catch (error) {
    return { kind: 'failed', reason: error instanceof Error ? error.message : String(error) };
  }
}

async function sessionFor({ modelPath, threads }: LaneRequest): Promise<InferenceSession> {
  const key = `${modelPath} ${threads}`;
  if (held?.key === key) return held.session;
  const before = held;
  held = undefined;
  await before?.session.release();
  const session = await InferenceSession.create(modelPath, {
    executionProviders: [PROVIDER],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    // Waiting threads that spin would take a core from the doors.
    extra: { session: { intra_op: { allow_spinning: '0' } } },
  });
  held = { key, session };
  return session;
}

async function readTensor(path: string, shape: readonly number[]): Promise<Tensor> {
  const bytes = await readFile(path);
  const count = shape.reduce((product, length) => product * length, 1);
  if (bytes.length !== count * 4)
    throw new Error(`the input tensor has ${bytes.length} bytes, its shape ${shape.join('×')} needs ${count * 4}`);
  // onnxruntime-node takes no SharedArrayBuffer; a private, aligned copy.
  const values = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
  return new Tensor('float32', values, [...shape]);
}
