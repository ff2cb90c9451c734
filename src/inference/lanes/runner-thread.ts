import { statSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import { env, InferenceSession, Tensor } from 'onnxruntime-node';
import { sentenceOf, VoxgateError } from '../../errors.ts';
import { fromFloat16 } from './float16.ts';
import type { NetworkCall, NetworkRef, OutputTensor, Port } from './network.ts';
import type { FromThread, ToThread } from './runner-messages.ts';

/**
 * A thread of the lane process that holds sessions of ONNX Runtime and runs them one at a time. `run()` blocks it until
 * the network is done; the lane's own loop stays free to gather, add up and listen.
 */
type FileNetwork = Extract<NetworkRef, { kind: 'file' }>;

/** Sessions that are kept beside the one in use; their weights as their files are large. */
const KEPT_SESSIONS = 8;
const KEPT_BYTES = 2 ** 30;

/** In the order of their last use. */
const held = new Map<string, { readonly session: InferenceSession; readonly bytes: number }>();

// Why something fails is in what is thrown; by itself the library writes it to the error output too.
env.logLevel = 'fatal';

const port = parentPort;
port?.on('message', (asked: ToThread) => {
  void answer(asked).then(({ reply, transfer }) => port.postMessage(reply, transfer));
});
const ready: FromThread = { kind: 'ready' };
port?.postMessage(ready);

async function answer(asked: ToThread): Promise<{ reply: FromThread; transfer?: ArrayBuffer[] }> {
  const { id } = asked;
  try {
    if (asked.kind === 'describe') {
      const session = await sessionOf(asked.network);
      const [inputs, outputs] = [session.inputMetadata.map(portOf), session.outputMetadata.map(portOf)];
      return { reply: { kind: 'shape', id, shape: { inputs, outputs } } };
    }
    const outputs = await run(await sessionOf(asked.call.network), asked.call);
    return { reply: { kind: 'outputs', id, outputs }, transfer: outputs.map(({ values }) => values.buffer) };
  } catch (error) {
    const code = error instanceof VoxgateError ? error.code : 'inference-failed';
    return { reply: { kind: 'failed', id, code, reason: sentenceOf(error) } };
  }
}

async function sessionOf(network: NetworkRef): Promise<InferenceSession> {
  if (network.kind !== 'file') throw new Error('a model of a server is not run here');
  const key = `${network.key} ${network.path} ${network.provider} ${network.threads} ${network.large}`;
  const before = held.get(key);
  if (before) {
    held.delete(key);
    held.set(key, before);
    return before.session;
  }
  const session = await open(network);
  held.set(key, { session, bytes: statSync(network.path).size });
  await releaseOld();
  return session;
}

async function open({ path, provider, threads, large }: FileNetwork): Promise<InferenceSession> {
  try {
    return await InferenceSession.create(path, {
      executionProviders: [provider],
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      graphOptimizationLevel: 'all',
      // Its pool of memory never shrinks, and grows by powers of two.
      enableCpuMemArena: !large,
      // Waiting threads that spin would take a core from the doors.
      extra: { session: { intra_op: { allow_spinning: '0' } } },
    });
  } catch (error) {
    const reason = sentenceOf(error);
    const code = /alloc|memory/i.test(reason) ? 'out-of-resources' : 'bad-model';
    throw new VoxgateError(code, `the model cannot be opened with the provider ${provider}: ${reason}`, {
      cause: error,
    });
  }
}

async function releaseOld(): Promise<void> {
  let bytes = [...held.values()].reduce((sum, one) => sum + one.bytes, 0);
  for (const [key, one] of held) {
    if (held.size <= 1 || (held.size <= KEPT_SESSIONS && bytes <= KEPT_BYTES)) return;
    held.delete(key);
    bytes -= one.bytes;
    await one.session.release();
  }
}

async function run(session: InferenceSession, { input, outputs }: NetworkCall): Promise<OutputTensor[]> {
  for (const name of outputs)
    if (!session.outputNames.includes(name))
      throw new VoxgateError(
        'bad-model',
        `the model has no output named ${name} (it has ${session.outputNames.join(', ')})`,
      );
  const tensor = new Tensor(input.type, input.values, [...input.dims]);
  let results: InferenceSession.OnnxValueMapType;
  try {
    results = await session.run({ [input.name]: tensor }, [...outputs]);
  } catch (error) {
    const reason = sentenceOf(error);
    const code = /alloc|out of memory/i.test(reason) ? 'out-of-resources' : 'inference-failed';
    throw new VoxgateError(code, `the model failed: ${reason}`, { cause: error });
  }
  return outputs.map((name) => {
    const result = results[name]!;
    return { dims: result.dims, values: floats(name, result) };
  });
}

function floats(name: string, tensor: InferenceSession.OnnxValueMapType[string]): Float32Array<ArrayBuffer> {
  const { data, type } = tensor;
  if (data instanceof Float32Array && data.buffer instanceof ArrayBuffer)
    return new Float32Array(data.buffer, data.byteOffset, data.length);
  if (type === 'float16' && data instanceof Uint16Array) return fromFloat16(data);
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) return Float32Array.from(data, Number);
  if (ArrayBuffer.isView(data) && !(data instanceof DataView)) return Float32Array.from(data);
  throw new VoxgateError('bad-model', `the output ${name} is ${type}, which is no number`);
}

function portOf(metadata: InferenceSession.ValueMetadata): Port {
  return metadata.isTensor
    ? { name: metadata.name, type: metadata.type, dims: metadata.shape }
    : { name: metadata.name, type: 'no tensor', dims: [] };
}
