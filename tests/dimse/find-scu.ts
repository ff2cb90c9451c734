import { dataset, type Fields } from '../../src/dicom/build.ts';
import type { JsonDataset } from '../../src/dicom/dataset.ts';
import { bufferSource, parseDataSet } from '../../src/dicom/parse.ts';
import { number, text } from '../../src/dicom/read-values.ts';
import { encodeDataSet } from '../../src/dicom/write.ts';
import { addUserItems, extendedItem, readUserItems } from '../../src/network/negotiation.ts';
import { encoded, SECONDARY_CAPTURE } from '../support/instances.ts';
import { associateRequest, command, EXPLICIT, IMPLICIT, pData, pdv, RawScu, storeCommand } from '../support/raw-scu.ts';

export const PATIENT_ROOT = '1.2.840.10008.5.1.4.1.2.1.1';
export const STUDY_ROOT = '1.2.840.10008.5.1.4.1.2.2.1';
export const PATIENT_STUDY_ONLY = '1.2.840.10008.5.1.4.1.2.3.1';

export const PENDING = 0xff00;
export const CANCELLED = 0xfe00;
export const IDENTIFIER_DOES_NOT_MATCH = 0xa900;

export interface Answers {
  /** In the set they were written in: text is read, (0008,0005) is as it came. */
  readonly answers: readonly { readonly dataset: JsonDataset; readonly characterSet: readonly string[] }[];
  readonly status: number;
  readonly comment: string | undefined;
}

const FIND_CONTEXT = 1;
const STORE_CONTEXT = 3;

/** A service class user that queries, over an association of its own. */
export class FindScu {
  readonly scu: RawScu;
  /** What was agreed on in extended negotiation, hexadecimal. */
  readonly agreed: string | undefined;
  readonly #sopClass: string;
  readonly #transferSyntax: string;
  #messageId = 1;

  private constructor(scu: RawScu, sopClass: string, transferSyntax: string, agreed: string | undefined) {
    this.scu = scu;
    this.#sopClass = sopClass;
    this.#transferSyntax = transferSyntax;
    this.agreed = agreed;
  }

  static async open(
    port: number,
    {
      sopClass = STUDY_ROOT,
      transferSyntax = EXPLICIT,
      extended,
    }: { sopClass?: string; transferSyntax?: string; extended?: string } = {},
  ): Promise<FindScu> {
    const scu = await RawScu.connect(port);
    const request = associateRequest('VOXGATE', 'FINDSCU', [
      { abstractSyntax: sopClass, transferSyntaxes: [transferSyntax] },
      { abstractSyntax: SECONDARY_CAPTURE, transferSyntaxes: [EXPLICIT] },
    ]);
    const items = extended === undefined ? [] : [extendedItem(sopClass, Buffer.from(extended, 'hex'))];
    scu.send(addUserItems(request, items));
    const { type, content } = await scu.receive();
    if (type !== 0x02) throw new Error(`the association was answered with PDU type ${type}`);
    const head = Buffer.from([type, 0, 0, 0, 0, 0]);
    head.writeUInt32BE(content.length, 2);
    const agreed = readUserItems(Buffer.concat([head, content]))
      .extended.get(sopClass)
      ?.toString('hex');
    return new FindScu(scu, sopClass, transferSyntax, agreed);
  }

  async store(...instances: readonly Fields[]): Promise<void> {
    for (const fields of instances) {
      const uid = `1.2.3.4.9.${process.pid}.${uids++}`;
      const own = { SOPInstanceUID: uid, ...fields };
      this.scu.send(
        pData(pdv(STORE_CONTEXT, 3, storeCommand(SECONDARY_CAPTURE, String(own.SOPInstanceUID), this.#messageId++))),
        pData(pdv(STORE_CONTEXT, 2, encoded(own))),
      );
      const status = number((await this.#message()).command, 'Status');
      if (status !== 0) throw new Error(`C-STORE was answered with ${status?.toString(16)}H`);
    }
  }

  /** Asks by keywords, in UTF-8 unless a character set is given. */
  find(keys: Fields, characterSet: readonly string[] = []): Promise<Answers> {
    this.ask(keys, characterSet);
    return this.answers();
  }

  ask(keys: Fields, characterSet: readonly string[] = []): number {
    const identifier = dataset({ QueryRetrieveLevel: 'STUDY', ...keys });
    return this.askBytes(encodeDataSet(identifier, { transferSyntaxUid: this.#transferSyntax, characterSet }));
  }

  askBytes(identifier: Buffer): number {
    const messageId = this.#messageId++;
    const request = command({
      AffectedSOPClassUID: this.#sopClass,
      CommandField: 0x0020,
      MessageID: messageId,
      Priority: 0,
      CommandDataSetType: 1,
    });
    this.scu.send(pData(pdv(FIND_CONTEXT, 3, request)), pData(pdv(FIND_CONTEXT, 2, identifier)));
    return messageId;
  }

  cancel(messageId: number): void {
    const request = command({ CommandField: 0x0fff, MessageIDBeingRespondedTo: messageId, CommandDataSetType: 0x0101 });
    this.scu.send(pData(pdv(FIND_CONTEXT, 3, request)));
  }

  /** Everything up to the final response. */
  async answers(onAnswer: (count: number) => void = () => undefined): Promise<Answers> {
    const answers: { dataset: JsonDataset; characterSet: readonly string[] }[] = [];
    for (;;) {
      const { command: response, identifier } = await this.#message();
      const status = number(response, 'Status') ?? -1;
      if (status !== PENDING) return { answers, status, comment: text(response, 'ErrorComment') };
      const { dataset: read, characterSet } = parseDataSet(bufferSource(identifier), {
        transferSyntaxUid: this.#transferSyntax,
      });
      answers.push({ dataset: read, characterSet });
      onAnswer(answers.length);
    }
  }

  /** One message, however its fragments were put into PDUs. */
  async #message(): Promise<{ command: JsonDataset; identifier: Buffer }> {
    const commands: Buffer[] = [];
    const identifiers: Buffer[] = [];
    for (;;) {
      for (const { control, data } of await this.#values()) {
        (control & 1 ? commands : identifiers).push(data);
        if ((control & 2) === 0) continue;
        const read = parseDataSet(bufferSource(Buffer.concat(commands)), { transferSyntaxUid: IMPLICIT }).dataset;
        const isOver = (control & 1) === 0 || number(read, 'CommandDataSetType') === 0x0101;
        if (isOver) return { command: read, identifier: Buffer.concat(identifiers) };
      }
    }
  }

  readonly #pending: { control: number; data: Buffer }[] = [];

  async #values(): Promise<{ control: number; data: Buffer }[]> {
    const ready = this.#pending.shift();
    if (ready !== undefined) return [ready];
    const { type, content } = await this.scu.receive();
    if (type !== 0x04) throw new Error(`expected P-DATA-TF and got PDU type ${type}`);
    for (let at = 0; at < content.length; ) {
      const length = content.readUInt32BE(at);
      this.#pending.push({ control: content.readUInt8(at + 5), data: content.subarray(at + 6, at + 4 + length) });
      at += 4 + length;
    }
    return [this.#pending.shift()!];
  }
}

let uids = 1;
