// node kserve-server.mjs NAME=MODEL.onnx …: a server of the Open Inference Protocol (KServe v2) with the binary tensor data
// extension, written from the text of both, so that our client is not held against itself. Prints its port.
import { createServer } from 'node:http';
import { InferenceSession, Tensor } from 'onnxruntime-node';

const DATATYPES = { float32: 'FP32', float16: 'FP16', int64: 'INT64' };
const ARRAYS = { FP32: Float32Array, FP16: Uint16Array, INT64: BigInt64Array };
const models = new Map();
for (const argument of process.argv.slice(2)) {
  const [name, path] = argument.split('=');
  models.set(name, await InferenceSession.create(path, { intraOpNumThreads: 1 }));
}

const server = createServer(async (request, response) => {
  try {
    await answer(request, response);
  } catch (error) {
    json(response, 400, { error: String(error.message ?? error) });
  }
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
process.on('disconnect', () => process.exit(0));

async function answer(request, response) {
  const parts = new URL(request.url, 'http://server').pathname.split('/').slice(1);
  if (parts.shift() !== 'v2') return json(response, 404, { error: 'not found' });
  if (parts.join('/') === 'health/ready' || parts.join('/') === 'health/live') return json(response, 200, {});
  if (parts.shift() !== 'models') return json(response, 404, { error: 'not found' });
  const name = decodeURIComponent(parts.shift());
  const model = models.get(name);
  if (parts[0] === 'versions') parts.splice(0, 2);
  if (!model) return json(response, 404, { error: `there is no model ${name}` });
  if (parts.length === 0)
    return json(response, 200, {
      name,
      versions: ['1'],
      platform: 'onnxruntime_onnx',
      inputs: model.inputMetadata.map(port),
      outputs: model.outputMetadata.map(port),
    });
  if (parts[0] === 'ready') return json(response, 200, {});
  if (parts[0] !== 'infer' || request.method !== 'POST') return json(response, 404, { error: 'not found' });

  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = Buffer.concat(chunks);
  const headerLength = Number(request.headers['inference-header-content-length'] ?? body.length);
  const asked = JSON.parse(body.subarray(0, headerLength).toString('utf8'));
  const feeds = {};
  let at = headerLength;
  for (const input of asked.inputs) {
    const size = input.parameters.binary_data_size;
    const bytes = new Uint8Array(body.subarray(at, at + size));
    const type = Object.keys(DATATYPES).find((one) => DATATYPES[one] === input.datatype);
    feeds[input.name] = new Tensor(type, new ARRAYS[input.datatype](bytes.buffer), input.shape);
    at += size;
  }
  if (at !== body.length) return json(response, 400, { error: `${body.length - at} bytes are left over` });
  const results = await model.run(
    feeds,
    asked.outputs.map((output) => output.name),
  );
  const tensors = asked.outputs.map(({ name: output }) => {
    const { dims, type, data } = results[output];
    const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    const header = {
      name: output,
      shape: dims,
      datatype: DATATYPES[type],
      parameters: { binary_data_size: bytes.length },
    };
    return { header, bytes };
  });
  const header = Buffer.from(
    JSON.stringify({ model_name: name, model_version: '1', outputs: tensors.map((one) => one.header) }),
  );
  response.writeHead(200, {
    'Content-Type': 'application/octet-stream',
    'Inference-Header-Content-Length': header.length,
  });
  response.end(Buffer.concat([header, ...tensors.map(({ bytes }) => bytes)]));
}

function port({ name, type, shape }) {
  return { name, datatype: DATATYPES[type], shape: shape.map((length) => (typeof length === 'number' ? length : -1)) };
}

function json(response, status, value) {
  response.writeHead(status, { 'Content-Type': 'application/json' });
  response.end(JSON.stringify(value));
}
