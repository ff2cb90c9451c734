import { loadSettings } from '../config.ts';
import { sentenceOf, VoxgateError } from '../errors.ts';

/**
 * Asks the running node of these settings; `T` is what its own API answers.
 * @throws VoxgateError not-found where none answers, bad-request with its reason where it refuses
 */
export async function askNode<T>(method: 'GET' | 'POST', path: string, body: object = {}): Promise<T> {
  const { host, port } = loadSettings().http;
  const name = host === '0.0.0.0' || host === '::' ? 'localhost' : host.includes(':') ? `[${host}]` : host;
  const sent = method === 'GET' ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
  const response = await fetch(`http://${name}:${port}${path}`, { method, ...sent }).catch((cause: unknown) => {
    throw new VoxgateError('not-found', `no node answers at ${name}:${port}: ${sentenceOf(cause)}`, { cause });
  });
  const answer: unknown = await response.json();
  if (response.ok) return answer as T;
  const said = typeof answer === 'object' && answer !== null && 'error' in answer ? String(answer.error) : 'no reason';
  throw new VoxgateError('bad-request', `the node answers ${response.status}: ${said}`);
}
