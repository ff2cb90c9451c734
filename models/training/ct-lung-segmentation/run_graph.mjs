// Runs a model on a raw float32 volume, as the node would: run_graph.mjs <model.onnx> <in.f32> <D> <H> <W> <out.f32>
import { readFile, writeFile } from 'node:fs/promises';
import { InferenceSession, Tensor } from 'onnxruntime-node';

const [model, input, d, h, w, output] = process.argv.slice(2);
const dims = [1, 1, Number(d), Number(h), Number(w)];
const bytes = await readFile(input);
const voxels = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
const session = await InferenceSession.create(model, {
  executionProviders: ['cpu'],
  intraOpNumThreads: 2,
  interOpNumThreads: 1,
});
const started = performance.now();
const { scores } = await session.run({ ct_hu: new Tensor('float32', Float32Array.from(voxels), dims) });
const seconds = (performance.now() - started) / 1000;
await writeFile(output, new Uint8Array(scores.data.buffer, scores.data.byteOffset, scores.data.byteLength));
// Not resourceUsage().maxRSS: that starts at the size of the process that started this one.
const [, peakKiB] = /VmHWM:\s+(\d+)/.exec(await readFile('/proc/self/status', 'utf8'));
console.log(JSON.stringify({ seconds, peakMiB: Number(peakKiB) / 1024, shape: scores.dims }));
