import { sentenceOf, VoxgateError } from '../../errors.ts';
import { describedPorts, inferRequest, readInferResponse } from './kserve-messages.ts';
import type { NetworkCall, NetworkRef, NetworkShape, OutputTensor, Runner } from './network.ts';

/**
 * A model of a server that speaks the Open Inference Protocol (KServe v2) over HTTP, tensors by the binary tensor data
 * extension (Triton docs/protocol/extension_binary_data.md). Windows are sent, nothing else of the job.
 */
type ServerModel = Extract<NetworkRef, { kind: 'kserve' }>;

/** What only asks is answered at once. */
const ASK_MS = 10_000;
const METADATA_BYTES = 2 ** 20;
/** Servers take less than 2 GiB a body (triton-inference-server/server#5649); so do we. */
const BODY_BYTES = 2 ** 31 - 1;
/** Tries of one request whose connection failed; an answer, whatever it says, is an answer. */
const TRIES = 2;

export class KserveRunner implements Runner {
  /** @throws VoxgateError inference-failed when the server or its model is not ready */
  async describe(network: NetworkRef): Promise<NetworkShape> {
    const model = serverModel(network);
    await ask(model, 'v2/health/ready');
    await ask(model, `${pathOf(model)}/ready`);
    const text = new TextDecoder().decode(await ask(model, pathOf(model)));
    return describedPorts(text);
  }

  async run({ network, input, outputs }: NetworkCall): Promise<readonly OutputTensor[]> {
    const model = serverModel(network);
    const { headerLength, body } = inferRequest(input, outputs);
    if (body.byteLength > BODY_BYTES)
      throw new VoxgateError(
        'bad-model',
        `a batch of windows is ${body.byteLength} bytes; a server takes ${BODY_BYTES}`,
      );
    const response = await request(model, `${pathOf(model)}/infer`, model.timeoutMs, {
      method: 'POST',
      body,
      headers: {
        'Content-Type': 'application/octet-stream',
        'Inference-Header-Content-Length': String(headerLength),
      },
    });
    const bytes = await bodyOf(response, BODY_BYTES);
    return readInferResponse(bytes, response.headers.get('Inference-Header-Content-Length'), outputs);
  }
}

function serverModel(network: NetworkRef): ServerModel {
  if (network.kind !== 'kserve') throw new Error('a file is not run by a server');
  return network;
}

function pathOf({ model, version }: ServerModel): string {
  const path = `v2/models/${encodeURIComponent(model)}`;
  return version === undefined ? path : `${path}/versions/${encodeURIComponent(version)}`;
}

async function ask(model: ServerModel, path: string): Promise<Uint8Array<ArrayBuffer>> {
  return bodyOf(await request(model, path, ASK_MS, {}), METADATA_BYTES);
}

/** An answer of success; redirects are not followed: pixels go where the package says, and nowhere else. */
async function request(model: ServerModel, path: string, timeoutMs: number, init: RequestInit): Promise<Response> {
  const url = urlOf(model, path);
  const signal = AbortSignal.timeout(timeoutMs);
  for (let attempt = 1; ; attempt++) {
    try {
      const response = await fetch(url, { ...init, signal, redirect: 'manual' });
      if (response.ok) return response;
      throw await refusal(response, url);
    } catch (error) {
      if (error instanceof VoxgateError) throw error;
      if (signal.aborted) throw failed(`${url.origin} did not answer within ${timeoutMs / 1000} s`, error);
      if (attempt === TRIES) throw failed(`${url.origin} cannot be reached: ${causeOf(error)}`, error);
    }
  }
}

function urlOf({ url }: ServerModel, path: string): URL {
  const base = URL.canParse(url) ? new URL(url.endsWith('/') ? url : `${url}/`) : undefined;
  if (!base || !['http:', 'https:'].includes(base.protocol))
    throw new VoxgateError('bad-model', 'engine.kserve.url is no http or https address');
  return new URL(path, base);
}

async function refusal(response: Response, url: URL): Promise<VoxgateError> {
  if (response.status >= 300 && response.status < 400)
    return failed(`${url.origin} answered ${url.pathname} with a redirect, which is not followed`);
  const text = new TextDecoder().decode(await bodyOf(response, METADATA_BYTES));
  const said = /"error"\s*:\s*"((?:[^"\\]|\\.)*)"/.exec(text)?.[1] ?? '';
  return failed(`${url.origin} answered ${url.pathname} with ${response.status}${said && `: ${said.slice(0, 300)}`}`);
}

async function bodyOf(response: Response, limit: number): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const part of response.body ?? []) {
      length += part.byteLength;
      if (length > limit) throw failed(`the server's answer is longer than ${limit} bytes`);
      parts.push(part);
    }
  } catch (error) {
    throw error instanceof VoxgateError ? error : failed(`the server's answer broke off: ${causeOf(error)}`, error);
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.byteLength;
  }
  return bytes;
}

function failed(sentence: string, cause?: unknown): VoxgateError {
  return new VoxgateError('inference-failed', sentence, { cause });
}

/** fetch says "fetch failed"; why is in its cause. */
function causeOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return sentenceOf(cause);
}
