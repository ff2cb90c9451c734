import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { number } from '../../src/dicom/read-values.ts';
import { encoded, SECONDARY_CAPTURE } from '../support/instances.ts';
import type { NodeProcess } from '../support/node-process.ts';
import { command, EXPLICIT, IMPLICIT, pData, pdv, RawScu, storeCommand } from '../support/raw-scu.ts';

const VERIFICATION = '1.2.840.10008.1.1';
const OBJECTS_AN_ASSOCIATION = 20;
const PAUSE_MS = 40;

interface Sent {
  readonly study: string;
  readonly series: string;
  readonly sop: string;
  readonly dataSet: Buffer;
}

/** A modality that goes on with its work, whatever others do: one object after another, until it is told to stop. */
export class SteadySender {
  readonly sent: Sent[] = [];
  readonly #node: NodeProcess;
  readonly #name: string;
  readonly #pauseMs: number;
  readonly #work: Promise<void>;
  #stopped = false;

  /** @param name a digit string, part of its UIDs */
  constructor(node: NodeProcess, name: string, pauseMs = PAUSE_MS) {
    this.#node = node;
    this.#name = name;
    this.#pauseMs = pauseMs;
    this.#work = this.#run();
    this.#work.catch(() => undefined); // told by stop()
  }

  /** Ends the work; rejects if anything was refused on the way. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#work;
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      const { scu, answer } = await RawScu.associate(
        this.#node.dimsePort,
        [{ abstractSyntax: SECONDARY_CAPTURE, transferSyntaxes: [EXPLICIT] }],
        { calling: `STEADY${this.#name}` },
      );
      expect(answer.type, 'A-ASSOCIATE-AC for a legitimate sender').toBe(0x02);
      for (let left = OBJECTS_AN_ASSOCIATION; left > 0 && !this.#stopped; left -= 1) {
        await this.#store(scu);
        await sleep(this.#pauseMs);
      }
      expect((await scu.release()).type).toBe(0x06);
      scu.destroy();
    }
  }

  async #store(scu: RawScu): Promise<void> {
    const study = `1.2.3.77.${this.#name}`;
    const one = { study, series: `${study}.1`, sop: `${study}.1.${this.sent.length + 1}` };
    const dataSet = encoded(
      { StudyInstanceUID: one.study, SeriesInstanceUID: one.series, SOPInstanceUID: one.sop },
      Buffer.alloc(16, this.sent.length),
    );
    scu.send(pData(pdv(1, 3, storeCommand(SECONDARY_CAPTURE, one.sop))), pData(pdv(1, 2, dataSet)));
    expect(number(await scu.receiveCommand(), 'Status'), 'status for a legitimate sender').toBe(0);
    this.sent.push({ ...one, dataSet });
  }

  /** How many of its objects come back with the bytes that went in. */
  async intact(): Promise<number> {
    let intact = 0;
    for (const { study, series, sop, dataSet } of this.sent) {
      const response = await fetch(`${this.#node.http}/dicom-web/studies/${study}/series/${series}/instances/${sop}`, {
        headers: { accept: 'application/dicom' },
      });
      const file = Buffer.from(await response.arrayBuffer());
      if (response.status === 200 && file.subarray(file.length - dataSet.length).equals(dataSet)) intact += 1;
    }
    return intact;
  }
}

/** From connect to the answer of C-ECHO, in milliseconds. */
export async function echoMs(port: number): Promise<number> {
  const started = performance.now();
  const { scu, answer } = await RawScu.associate(port, [
    { abstractSyntax: VERIFICATION, transferSyntaxes: [IMPLICIT] },
  ]);
  expect(answer.type).toBe(0x02);
  const request = { AffectedSOPClassUID: VERIFICATION, CommandField: 0x0030, MessageID: 1, CommandDataSetType: 0x0101 };
  scu.send(pData(pdv(1, 3, command(request))));
  expect(number(await scu.receiveCommand(), 'Status')).toBe(0);
  const ms = performance.now() - started;
  await scu.release();
  scu.destroy();
  return ms;
}

/** Asks every half second how long C-ECHO takes, until it is stopped. */
export class EchoWatch {
  readonly milliseconds: number[] = [];
  readonly #work: Promise<void>;
  #stopped = false;

  constructor(port: number) {
    this.#work = this.#run(port);
    this.#work.catch(() => undefined); // told by stop()
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#work;
  }

  async #run(port: number): Promise<void> {
    while (!this.#stopped) {
      this.milliseconds.push(await echoMs(port));
      await sleep(500);
    }
  }

  /** 95 of 100 were faster. */
  get p95(): number {
    const sorted = [...this.milliseconds].sort((a, b) => a - b);
    return sorted[Math.floor(sorted.length * 0.95)] ?? 0;
  }
}
