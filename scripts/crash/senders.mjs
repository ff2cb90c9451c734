// Four senders that remember what was acknowledged, and send again what was in doubt when the node died.
import { setTimeout as sleep } from 'node:timers/promises';
import { Association, storePdus } from '../../bench/association.mjs';
import { Client } from '../../bench/http.mjs';
import { asFile, SOP_CLASS } from './objects.mjs';

const SUCCESS = 0x0000;
/** Out of resources, A7xxH: come again (PS3.4 Table B.2-1). */
const isPassing = (status) => status >> 8 === 0xa7;
const HTTP_UNAVAILABLE = 503;
const MOST_PARTS = 3;
/** How often something that was acknowledged is sent again, by the other door. */
const REPEATED = 0.03;
const RETRY_MS = 20;

/** Opens and closes for all senders at once. */
class Gate {
  #opened;
  #open;
  open() {
    this.#open?.();
    this.#open = undefined;
  }
  close() {
    if (this.#open) return;
    this.#opened = new Promise((resolve) => {
      this.#open = resolve;
    });
  }
  passed() {
    return this.#opened;
  }
}

export class Traffic {
  /** Acknowledged objects by SOP Instance UID: { sop, study, series, digest }. */
  acknowledged = new Map();
  /** Everything ever put on a wire: what a node may hold. */
  sent = new Map();
  /** Those acknowledged since the last look. */
  fresh = [];
  /** Answers that no sender should get. */
  unexpected = [];
  inDoubt = 0;
  #gate = new Gate();
  #running = false;
  #stopped = false;

  #senders;
  #idle = 4;

  constructor(node, source, random) {
    this.node = node;
    this.source = source;
    this.random = random;
    this.#gate.close();
    this.#senders = [storeSender, storeSender, stowSender, stowSender].map((send) => this.#loop(send));
  }

  get isRunning() {
    return this.#running;
  }

  go() {
    this.#running = true;
    this.#gate.open();
  }

  /** Resolves when this many more were acknowledged, or the time is up: a kill in an idle node shows nothing. */
  async flowing(more, withinMs) {
    const [before, deadline] = [this.acknowledged.size, performance.now() + withinMs];
    while (this.acknowledged.size < before + more && performance.now() < deadline) await sleep(5);
  }

  /** Call it after the node is dead: senders find out by themselves. */
  async pause() {
    this.#running = false;
    this.#gate.close();
    while (this.#idle < this.#senders.length) await sleep(2);
  }

  async end() {
    this.#stopped = true;
    this.#gate.open();
    await Promise.all(this.#senders);
  }

  next() {
    if (this.random() < REPEATED && this.#repeatable) return this.#repeatable;
    const object = this.source.next();
    const { dataSet, ...known } = object;
    this.sent.set(object.sop, known);
    return object;
  }

  #repeatable;

  acknowledge(object) {
    const { dataSet, ...known } = object;
    if (!this.acknowledged.has(object.sop)) {
      this.acknowledged.set(object.sop, known);
      this.fresh.push(known);
    }
    this.#repeatable = object;
  }

  takeFresh() {
    return this.fresh.splice(0);
  }

  async #loop(send) {
    const unanswered = [];
    for (;;) {
      await this.#gate.passed();
      if (this.#stopped) return;
      this.#idle -= 1;
      // What was sent and not answered goes first, as a modality would do it.
      this.inDoubt += unanswered.length;
      while (this.#running) {
        await send(this, unanswered).catch(() => undefined);
        await sleep(RETRY_MS);
      }
      this.#idle += 1;
    }
  }
}

/** One association after another, up to 50 objects each. */
async function storeSender(traffic, unanswered) {
  const association = await Association.open(traffic.node.dimse, [{ sopClass: SOP_CLASS }]);
  for (let left = 50; left > 0 && traffic.isRunning; left -= 1) {
    if (unanswered.length === 0) unanswered.push(traffic.next());
    const [object] = unanswered;
    const status = await association.store(storePdus(SOP_CLASS, object));
    if (status === SUCCESS) traffic.acknowledge(object);
    else if (!isPassing(status)) traffic.unexpected.push(`C-STORE status ${status.toString(16).padStart(4, '0')}H`);
    if (!isPassing(status)) unanswered.shift();
  }
  await association.release();
}

/** One request after another, of one to three objects each. */
async function stowSender(traffic, unanswered) {
  const client = new Client(traffic.node.root, 1);
  try {
    while (traffic.isRunning) {
      const parts = 1 + Math.floor(traffic.random() * MOST_PARTS);
      while (unanswered.length < parts) unanswered.push(traffic.next());
      const { status, body } = await client.send('POST', '/dicom-web/studies', {
        accept: 'application/dicom+json',
        headers: { 'content-type': 'multipart/related; type="application/dicom"; boundary=crash' },
        body: multipart(unanswered.map(asFile)),
      });
      if (status === HTTP_UNAVAILABLE) return;
      const text = body().toString();
      const answer = status === 200 || status === 202 || status === 409 ? JSON.parse(text) : undefined;
      const stored = new Set((answer?.['00081199']?.Value ?? []).map((item) => item['00081155'].Value[0]));
      for (const object of unanswered) if (stored.has(object.sop)) traffic.acknowledge(object);
      if (status !== 200) traffic.unexpected.push(`STOW-RS HTTP ${status}: ${text.slice(0, 500)}`);
      unanswered.length = 0;
    }
  } finally {
    client.close();
  }
}

function multipart(files) {
  const pieces = files.flatMap((file) => [
    Buffer.from('--crash\r\nContent-Type: application/dicom\r\n\r\n'),
    file,
    Buffer.from('\r\n'),
  ]);
  return Buffer.concat([...pieces, Buffer.from('--crash--\r\n')]);
}
