// HTTP as the workloads need it: connections that stay open, bodies counted and kept only when they are looked at.
import { Agent, request } from 'node:http';

const ANSWER_WITHIN_MS = 120_000;

export class Client {
  #agent;
  #root;

  constructor(root, connections) {
    this.#root = root;
    this.#agent = new Agent({ keepAlive: true, maxSockets: connections });
  }

  /**
   * @param body a Buffer, or a function that writes to the request and ends it
   * @returns {Promise<{ status: number, headers: object, length: number, body: () => Buffer }>}
   */
  send(method, path, { accept, headers = {}, body } = {}) {
    return new Promise((resolve, reject) => {
      const outgoing = request(
        this.#root + path,
        {
          method,
          agent: this.#agent,
          headers: { ...(accept ? { accept } : {}), ...headers },
          timeout: ANSWER_WITHIN_MS,
        },
        (response) => {
          const chunks = [];
          let length = 0;
          response.on('data', (chunk) => {
            chunks.push(chunk);
            length += chunk.length;
          });
          response.on('error', reject);
          response.on('end', () =>
            resolve({
              status: response.statusCode,
              headers: response.headers,
              length,
              body: () => Buffer.concat(chunks, length),
            }),
          );
        },
      );
      outgoing.on('timeout', () =>
        outgoing.destroy(new Error(`no answer to ${path} within ${ANSWER_WITHIN_MS / 1000} s`)),
      );
      outgoing.on('error', reject);
      if (typeof body === 'function') body(outgoing).catch((error) => outgoing.destroy(error));
      else outgoing.end(body);
    });
  }

  async get(path, accept) {
    const answer = await this.send('GET', path, { accept });
    if (answer.status !== 200) throw new Error(`GET ${path} was answered with HTTP ${answer.status}`);
    return answer;
  }

  async getJson(path) {
    return JSON.parse((await this.get(path, 'application/dicom+json')).body().toString());
  }

  close() {
    this.#agent.destroy();
  }
}

/** The content of the first part of a multipart/related answer (RFC 2046 5.1.1). */
export function firstPart({ headers, body }) {
  const boundary = /boundary="?([^";]+)"?/i.exec(headers['content-type'] ?? '')?.[1];
  if (!boundary) throw new Error('an answer that should be multipart names no boundary');
  const bytes = body();
  const start = bytes.indexOf('\r\n\r\n', bytes.indexOf(`--${boundary}`)) + 4;
  return bytes.subarray(start, bytes.lastIndexOf(`\r\n--${boundary}`));
}
