import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { parseAccept, parseMediaType } from '../../src/dicom/media-types.ts';
import { boundaryOf, readMultipart } from '../../src/dicom/multipart.ts';
import { queryFromParameters } from '../../src/dicom/query-parameters.ts';
import { readJsonModel } from '../../src/dicom/read-json-model.ts';
import { readNativeXml } from '../../src/dicom/read-native-xml.ts';
import { part10Pieces } from '../../src/dicom/write.ts';
import { byteRangeOf } from '../../src/dicomweb/byte-range.ts';
import { VoxgateError } from '../../src/errors.ts';
import { NodeProcess } from '../support/node-process.ts';
import { isAlive, residentMegabytes } from '../support/process-health.ts';
import { stored } from './client.ts';
import { Chance, type FuzzRequest, KINDS, STORED } from './fuzz-cases.ts';

/**
 * Every parser behind HTTP, against a live node and by itself. `VOXGATE_FUZZ_CASES=50000` asks for more cases,
 * `VOXGATE_FUZZ_SEED` for others; a failure names the seed and the number of its case, which make it again.
 */
const CASES = Number(process.env['VOXGATE_FUZZ_CASES'] ?? 3000);
const SEED = Number(process.env['VOXGATE_FUZZ_SEED'] ?? 20_261_123);
const FIRST = Number(process.env['VOXGATE_FUZZ_FIRST'] ?? 0);
/** Requests at once: parsers that share something would be seen. */
const AT_ONCE = 8;
const DEADLINE_MS = 20_000;

/** What no input may be answered with; 501 and 503 say something. */
const NEVER = (status: number): boolean => status >= 500 && status !== 501 && status !== 503;

const names = Object.keys(KINDS);
const makeCase = (number: number): { kind: string; made: FuzzRequest } => {
  const kind = names[number % names.length]!;
  return { kind, made: KINDS[kind]!(new Chance(SEED, number)) };
};

const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });

/** The status; undefined where the node closed the connection without a word. */
function send(root: string, { method, path, headers, body }: FuzzRequest): Promise<number | undefined> {
  const { hostname, port } = new URL(root);
  return new Promise((resolve, reject) => {
    const outgoing = request({ hostname, port, path, method, headers, agent, timeout: DEADLINE_MS }, (incoming) => {
      incoming.resume();
      incoming.once('end', () => resolve(incoming.statusCode));
      incoming.once('error', () => resolve(incoming.statusCode));
    });
    outgoing.once('timeout', () => outgoing.destroy(new Error('no answer in time')));
    outgoing.once('error', (error) => (/no answer in time/.test(error.message) ? reject(error) : resolve(undefined)));
    outgoing.end(body);
  });
}

/** Not all of these are requests: it hangs up after a while. */
function sendRaw(root: string, bytes: Buffer): Promise<number | undefined> {
  return new Promise((resolve) => {
    const socket = connect(Number(new URL(root).port), '127.0.0.1');
    let seen = '';
    const end = (): void => {
      socket.destroy();
      resolve(Number(/^HTTP\/1\.1 (\d{3})/.exec(seen)?.[1]) || undefined);
    };
    const timer = setTimeout(end, 150);
    socket.on('data', (chunk: Buffer) => {
      seen += chunk.toString('latin1', 0, 20);
    });
    socket.on('error', () => undefined);
    socket.once('close', () => {
      clearTimeout(timer);
      end();
    });
    socket.write(bytes);
  });
}

describe('a live node', () => {
  it(
    `answers ${CASES} requests with something wrong in them, none with 500, and stays as it was`,
    async () => {
      const node = await NodeProcess.start({ models: '/nowhere', settleSeconds: 3000, idleSettleSeconds: 3000 });
      await stored(node.http, [STORED]);
      const { pid } = node;
      const faults: string[] = [];
      const statuses = new Map<string, number>();
      let next = FIRST;
      let megabytes: number | undefined;
      const run = async (): Promise<void> => {
        while (next < FIRST + CASES && faults.length < 10) {
          const number = next;
          next += 1;
          // Caches and compiled code have found their size by then.
          if (number === FIRST + Math.floor(CASES / 4)) megabytes = residentMegabytes(pid);
          const { kind, made } = makeCase(number);
          try {
            const status = made.raw ? await sendRaw(node.http, made.raw) : await send(node.http, made);
            const key = `${kind}: ${status ?? 'closed'}`;
            statuses.set(key, (statuses.get(key) ?? 0) + 1);
            if (status !== undefined && NEVER(status)) faults.push(`case ${number} (${kind}): ${status}`);
          } catch (error) {
            faults.push(`case ${number} (${kind}): ${String(error)}`);
          }
          if (!isAlive(pid)) faults.push(`case ${number} (${kind}): the node is gone`);
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, run));
      await sleep(1000);
      const after = residentMegabytes(pid);
      if (process.env['VOXGATE_FUZZ_CASES'])
        process.stderr.write(
          `${[...statuses].sort().map(([key, count]) => `${key} × ${count}`).join('\n')}\nRSS after a quarter ${megabytes?.toFixed()} MB, at the end ${after.toFixed()} MB\n`,
        ); // biome-ignore format: one statement
      expect([`seed ${SEED}`, ...faults]).toEqual([`seed ${SEED}`]);
      // What it would log of a bug of its own; the cases are not worth an error.
      expect(node.output.split('\n').filter((line) => /"level":[56]0/.test(line))).toEqual([]);
      expect(node.output).not.toMatch(/DOE/);
      const closed = [...statuses].filter(([key]) => key.endsWith('closed') && !key.startsWith('HTTP itself'));
      expect(closed).toEqual([]);
      expect(after - (megabytes ?? after)).toBeLessThan(150);
      expect(await fetch(`${node.http}/readyz`).then(({ status }) => status)).toBe(200);
    },
    60_000 + CASES * 40,
  );
});

describe('the parsers by themselves', () => {
  /** Whatever is wrong, it is said in our words; a TypeError would be a bug of ours. */
  const fuzz = (number: number, parse: () => unknown): void => {
    try {
      parse();
    } catch (error) {
      if (!(error instanceof VoxgateError)) throw new Error(`seed ${SEED}, case ${number}`, { cause: error });
    }
  };

  it(
    `take the same ${CASES} inputs, or say what is wrong with them`,
    async () => {
      for (let number = FIRST; number < FIRST + CASES; number += 1) {
        const { made } = makeCase(number);
        const text = made.body?.toString('utf8') ?? '';
        const [, search = ''] = made.path.split('?');
        for (const value of Object.values(made.headers)) {
          fuzz(number, () => parseAccept(value));
          fuzz(number, () => boundaryOf(parseMediaType(value)));
          fuzz(number, () => byteRangeOf(value, 4096));
        }
        for (const level of ['study', 'series', 'instance'] as const)
          fuzz(number, () => queryFromParameters(level, new URLSearchParams(search)));
        if (made.body === undefined) continue;
        fuzz(number, () => readNativeXml(text));
        for (const part of text.split('--a-boundary')) {
          fuzz(number, () => readNativeXml(part.slice(part.indexOf('\r\n\r\n') + 4)));
          const parsed = json(part.slice(part.indexOf('\r\n\r\n') + 4)) ?? json(text);
          for (const one of Array.isArray(parsed) ? parsed : [parsed])
            fuzz(number, () => {
              const { dataset, faults, bulk } = readJsonModel(one);
              const named = dataset['00080016']?.Value?.[0] && dataset['00080018']?.Value?.[0];
              if (faults.length > 0 || !named) return;
              const binary = Object.fromEntries(bulk.map(({ path }) => [path, { length: 16 }]));
              part10Pieces(dataset, { transferSyntaxUid: '1.2.840.10008.1.2.1', binary });
            });
        }
        await asyncFuzz(number, made.body);
      }
    },
    60_000 + CASES * 20,
  );

  const asyncFuzz = async (number: number, body: Buffer): Promise<void> => {
    const source = async function* (): AsyncGenerator<Buffer> {
      for (let at = 0; at < body.length; at += 97) yield body.subarray(at, at + 97);
    };
    try {
      for await (const part of readMultipart(source(), 'a-boundary', { maxParts: 20 }))
        for await (const _ of part.body);
    } catch (error) {
      if (!(error instanceof VoxgateError)) throw new Error(`seed ${SEED}, case ${number}`, { cause: error });
    }
  };
});

function json(text: string): unknown {
  try {
    return JSON.parse(text.slice(0, text.lastIndexOf(text.includes(']') ? ']' : '}') + 1));
  } catch {
    return undefined;
  }
}
