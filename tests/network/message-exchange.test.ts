import { once } from 'node:events';
import { createServer, connect as dial, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { COMMAND_FIELDS, encodeCommand } from '../../src/network/command-set.ts';
import { type IncomingRequest, MessageExchange } from '../../src/network/message-exchange.ts';
import { MessageWriter } from '../../src/network/message-writer.ts';
import { PduError, PduReader } from '../../src/network/pdu-reader.ts';

async function aConnection(): Promise<{ near: Socket; far: Socket }> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const arrived = once(server, 'connection');
  const near = dial(typeof address === 'object' ? address!.port : 0, '127.0.0.1');
  const [far]: Socket[] = await arrived;
  onTestFinished(() => {
    near.destroy();
    far!.destroy();
    server.close();
  });
  for (const socket of [near, far!]) socket.on('error', () => undefined);
  return { near, far: far! };
}

/** Two sides of a connection that speak messages; what each performs is the test's. */
async function twoSides(perform: (request: IncomingRequest) => Promise<void>) {
  const { near, far } = await aConnection();
  const failures: unknown[] = [];
  const sides = [near, far].map((socket) => {
    const writer = new MessageWriter(socket, 300);
    writer.maxPduLength = 1024;
    const exchange = new MessageExchange(writer, { openSink: () => undefined, perform }, (error) =>
      failures.push(error),
    );
    const reader = new PduReader({
      control: () => undefined,
      fragment: (...fragment) => exchange.takeFragment(...fragment),
    });
    socket.on('data', (chunk: Buffer) => {
      socket.pause();
      Promise.resolve(reader.push(chunk)).then(
        () => socket.resume(),
        (error: unknown) => failures.push(error),
      );
    });
    return exchange;
  });
  return { user: sides[0]!, provider: sides[1]!, near, far, failures };
}

const FIND = { affectedSopClassUid: '1.2.3', priority: 0 };

async function collect<T>(from: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const one of from) all.push(one);
  return all;
}

describe('messages of an association (PS3.7 6.3)', () => {
  it('brings a data set of many fragments to the other side, and its responses back in order', async () => {
    const dataSet = Buffer.from(Array.from({ length: 10_000 }, (_, i) => i % 251));
    const { user } = await twoSides(async (request) => {
      expect(request.dataSet?.equals(dataSet)).toBe(true);
      for (const i of [1, 2, 3]) await request.respond({ status: 0xff00 }, Buffer.from([i]));
      await request.respond({ status: 0 });
    });
    const responses = await collect(user.requestMany(1, 'C-FIND-RQ', FIND, dataSet, 1000));
    expect(responses.map((one) => [one.command.status, one.dataSet?.[0]])).toEqual([
      [0xff00, 1],
      [0xff00, 2],
      [0xff00, 3],
      [0, undefined],
    ]);
    expect(responses[0]!.command.affectedSopClassUid).toBe('1.2.3');
  });

  it('cancels the request that C-CANCEL-RQ names, and no other (PS3.7 9.3.2.3)', async () => {
    const { user } = await twoSides(async (request) => {
      for (let i = 0; i < 100 && !request.signal.aborted; i++) {
        await request.respond({ status: 0xff00 }, Buffer.from([i]));
        await sleep(5);
      }
      await request.respond({ status: request.signal.aborted ? 0xfe00 : 0 });
    });
    for await (const _ of user.requestMany(1, 'C-FIND-RQ', FIND, Buffer.from('key'), 1000)) break;
    // What the cancelled one still sends is dropped, and this one gets its own.
    const all = await collect(user.requestMany(1, 'C-FIND-RQ', FIND, Buffer.from('key'), 1000));
    expect(all).toHaveLength(101);
    expect(all.at(-1)!.command.status).toBe(0);
  });

  it('serves a request of the provider while its own is being performed, as C-GET needs (PS3.4 C.4.3)', async () => {
    const { user, provider } = await twoSides(async (request) => {
      if (request.command.commandField === COMMAND_FIELDS['C-STORE-RQ']) return request.respond({ status: 0xb000 });
      const stored = await provider.request(
        3,
        'C-STORE-RQ',
        { affectedSopInstanceUid: '1.2' },
        Buffer.from('object'),
        1000,
      );
      await request.respond({ status: stored.command.status });
    });
    const answer = await user.request(1, 'C-GET-RQ', FIND, Buffer.from('key'), 1000);
    expect(answer.command.status).toBe(0xb000);
  });

  it('gives up a request that is not answered, and all of them when the association ends', async () => {
    const { user } = await twoSides(() => new Promise(() => undefined));
    await expect(user.request(1, 'C-ECHO-RQ', {}, undefined, 50)).rejects.toThrow('within 0.05 s');
    const waiting = expect(user.request(1, 'C-ECHO-RQ', {}, undefined, 5000)).rejects.toThrow('the association ended');
    await user.end();
    await waiting;
    await expect(user.request(1, 'C-ECHO-RQ', {}, undefined, 50)).rejects.toThrow('is over');
  });

  it('does not wait on for a response that it has given up, and drops it when it comes', async () => {
    const { user, failures } = await twoSides(async (request) => {
      await sleep(200);
      await request.respond({ status: 0 });
    });
    await expect(user.request(1, 'C-ECHO-RQ', {}, undefined, 50)).rejects.toThrow('within 0.05 s');
    // Else the silence of the peer would be taken for our own, and its association never be ended.
    expect(user.performing).toBe(false);
    expect((await user.request(1, 'C-ECHO-RQ', {}, undefined, 2000)).command.id).toBe(2);
    expect(failures).toEqual([]);
  });

  it('cuts a peer that takes nothing of what is written to it', async () => {
    const { near, far } = await aConnection();
    far.pause();
    const writer = new MessageWriter(near, 200);
    const endless = {
      length: 1 << 30,
      pieces: async function* () {
        for (;;) yield Buffer.alloc(1 << 20);
      },
    };
    await expect(writer.write(1, Buffer.alloc(10), endless)).rejects.toThrow('took nothing for 0.2 s');
    expect(near.destroyed).toBe(true);
    await expect(writer.write(1, Buffer.alloc(10))).rejects.toThrow('is over');
  });

  it('does not leave a peer waiting for bytes that are not there', async () => {
    const { near } = await aConnection();
    const short = {
      length: 100,
      pieces: async function* () {
        yield Buffer.alloc(60);
      },
    };
    await expect(new MessageWriter(near, 200).write(1, Buffer.alloc(10), short)).rejects.toThrow('shorter or longer');
    expect(near.destroyed).toBe(true);
  });

  const exchange = (): MessageExchange =>
    new MessageExchange(
      { write: () => Promise.resolve() } as unknown as MessageWriter,
      { openSink: () => undefined, perform: () => new Promise(() => undefined) },
      () => undefined,
    );
  const find = encodeCommand(COMMAND_FIELDS['C-FIND-RQ'], { messageId: 1 }, true);
  const echo = encodeCommand(COMMAND_FIELDS['C-ECHO-RQ'], { messageId: 1 }, false);

  type Fragment = Parameters<MessageExchange['takeFragment']>;
  const data = (contextId: number): Fragment => [contextId, false, Buffer.alloc(1024), false];
  const whole = (command: Buffer): Fragment => [1, true, command, true];

  it.each<[string, Fragment[]]>([
    ['a data set without a command', [data(1)]],
    ['a data set in another context', [whole(find), data(3)]],
    ['two commands at once', [whole(find), whole(find)]],
    ['a response to nothing', [whole(encodeCommand(0x8030, { respondsTo: 5 }, false))]],
    ['an endless command', Array(100).fill([1, true, Buffer.alloc(1024), false])],
    ['an endless identifier', [whole(find), ...Array(17 * 1024).fill(data(1))]],
    ['requests without end', Array(100).fill(whole(echo))],
  ])('refuses %s', (_, fragments) => {
    const to = exchange();
    expect(() => {
      for (const fragment of fragments) to.takeFragment(...fragment);
    }).toThrow(PduError);
  });
});
