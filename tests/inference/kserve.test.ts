import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { KserveRunner } from '../../src/inference/lanes/kserve.ts';
import type { NetworkRef } from '../../src/inference/lanes/network.ts';

interface Seen {
  readonly request: IncomingMessage;
  readonly body: Buffer;
}

/** A server that answers each request as it is told to, and keeps what it was sent. */
async function aServer(
  answer: (response: ServerResponse, seen: Seen) => void,
  changes: { url?: string; timeoutMs?: number } = {},
): Promise<{ network: NetworkRef; seen: Seen[] }> {
  const seen: Seen[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const one = { request, body: Buffer.concat(chunks) };
    seen.push(one);
    answer(response, one);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const network: NetworkRef = {
    kind: 'kserve',
    url: `http://127.0.0.1:${port}/serving`,
    model: 'a model',
    version: '2',
    timeoutMs: 5000,
    ...changes,
  };
  return { network, seen };
}

const call = (network: NetworkRef) => ({
  network,
  input: { name: 'x', type: 'float32' as const, dims: [1, 1, 2], values: Float32Array.of(1, 2) },
  outputs: ['y'],
});

/** The answer that the protocol wants: y = the three numbers. */
function good(
  response: ServerResponse,
  changes: Record<string, unknown> = {},
  data = Buffer.from(Float32Array.of(3, 4, 5).buffer),
): void {
  const output = { name: 'y', shape: [1, 3], datatype: 'FP32', parameters: { binary_data_size: 12 }, ...changes };
  const header = Buffer.from(JSON.stringify({ model_name: 'a model', outputs: [output] }));
  response.writeHead(200, { 'Inference-Header-Content-Length': header.length });
  response.end(Buffer.concat([header, data]));
}

describe('the client of KServe v2', () => {
  it('sends a window and nothing else, in the form of the protocol', async () => {
    const { network, seen } = await aServer((response) => good(response));
    const [output] = await new KserveRunner().run(call(network));
    expect(output).toEqual({ dims: [1, 3], values: Float32Array.of(3, 4, 5) });
    const [{ request, body }] = seen as [Seen];
    expect([request.method, request.url]).toEqual(['POST', '/serving/v2/models/a%20model/versions/2/infer']);
    const length = Number(request.headers['inference-header-content-length']);
    expect(JSON.parse(body.subarray(0, length).toString())).toEqual({
      inputs: [{ name: 'x', shape: [1, 1, 2], datatype: 'FP32', parameters: { binary_data_size: 8 } }],
      outputs: [{ name: 'y', parameters: { binary_data: true } }],
    });
    expect(body.subarray(length)).toEqual(Buffer.from(Float32Array.of(1, 2).buffer));
  });

  it('reads every type of number as floats', async () => {
    const values = {
      INT64: BigInt64Array.of(3n, 4n, 5n),
      FP16: Uint16Array.of(0x4200, 0x4400, 0x4500),
      UINT8: Uint8Array.of(3, 4, 5),
    };
    for (const [datatype, { buffer, byteLength }] of Object.entries(values)) {
      const changes = { datatype, parameters: { binary_data_size: byteLength } };
      const { network } = await aServer((response) => good(response, changes, Buffer.from(buffer)));
      expect((await new KserveRunner().run(call(network)))[0]!.values, datatype).toEqual(Float32Array.of(3, 4, 5));
    }
  });

  it('asks whether server and model are ready before it believes what the model is', async () => {
    const metadata = { inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 1, 2] }], outputs: [] };
    const { network, seen } = await aServer((response) => response.end(JSON.stringify(metadata)));
    expect(await new KserveRunner().describe(network)).toEqual({
      inputs: [{ name: 'x', type: 'float32', dims: [-1, 1, 2] }],
      outputs: [],
    });
    expect(seen.map(({ request }) => request.url)).toEqual([
      '/serving/v2/health/ready',
      '/serving/v2/models/a%20model/versions/2/ready',
      '/serving/v2/models/a%20model/versions/2',
    ]);
  });

  it('tries again when the connection breaks, once, and never when there is an answer', async () => {
    let broken = 0;
    const once = await aServer((response) => (broken++ === 0 ? void response.destroy() : good(response)));
    expect(await new KserveRunner().run(call(once.network))).toHaveLength(1);
    const always = await aServer((response) => void response.destroy());
    await expect(new KserveRunner().run(call(always.network))).rejects.toMatchObject({
      code: 'inference-failed',
      message: expect.stringContaining('cannot be reached'),
    });
    expect(always.seen).toHaveLength(2);
    const refusing = await aServer((response) => response.writeHead(503).end('{"error": "no memory"}'));
    await expect(new KserveRunner().run(call(refusing.network))).rejects.toThrow('with 503: no memory');
    expect(refusing.seen).toHaveLength(1);
  });

  it('follows no redirect', async () => {
    const other = await aServer((response) => good(response));
    const { network } = await aServer((response) => {
      response.writeHead(307, { Location: other.network.kind === 'kserve' ? `${other.network.url}/x` : '' }).end();
    });
    await expect(new KserveRunner().run(call(network))).rejects.toThrow('a redirect, which is not followed');
    expect(other.seen).toEqual([]);
  });

  it('does not wait for ever', async () => {
    const { network } = await aServer(() => undefined, { timeoutMs: 200 });
    await expect(new KserveRunner().run(call(network))).rejects.toThrow('did not answer within 0.2 s');
  });

  it.each<[string, (response: ServerResponse) => void, string]>([
    ['no JSON', (response) => response.end('<html>'), 'it is no JSON'],
    ['no outputs', (response) => response.end('{}'), 'no list of outputs'],
    ['another output', (response) => good(response, { name: 'z' }), 'it has no output y'],
    ['numbers as text', (response) => good(response, { parameters: {}, data: [3, 4, 5] }), 'is not binary'],
    ['fewer numbers than its shape', (response) => good(response, { shape: [1, 4] }), 'has 12 bytes, not 16'],
    ['a shape of no lengths', (response) => good(response, { shape: [-1, 3] }), 'has shape -1×3'],
    ['strings', (response) => good(response, { datatype: 'BYTES' }), 'is BYTES, which is no number'],
    ['a tensor that breaks off', (response) => good(response, {}, Buffer.alloc(7)), 'has 7 bytes, not 12'],
    [
      'a header longer than itself',
      (response) => response.writeHead(200, { 'Inference-Header-Content-Length': '999' }).end('{}'),
      '999 of 2 bytes',
    ],
  ])('refuses an answer with %s', async (_, answer, reason) => {
    const { network } = await aServer(answer);
    await expect(new KserveRunner().run(call(network))).rejects.toMatchObject({
      code: 'inference-failed',
      message: expect.stringContaining(reason),
    });
  });

  it('refuses an address that is none', async () => {
    const network: NetworkRef = { kind: 'kserve', url: 'file:///etc/passwd', model: 'm', timeoutMs: 1000 };
    await expect(new KserveRunner().run(call(network))).rejects.toMatchObject({ code: 'bad-model' });
  });
});
