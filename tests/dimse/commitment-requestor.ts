import type { Fields } from '../../src/dicom/build.ts';
import { dataset } from '../../src/dicom/build.ts';
import type { JsonDataset } from '../../src/dicom/dataset.ts';
import { bufferSource, parseDataSet } from '../../src/dicom/parse.ts';
import { items, number, text } from '../../src/dicom/read-values.ts';
import { encodeDataSet } from '../../src/dicom/write.ts';
import { SECONDARY_CAPTURE } from '../support/instances.ts';
import { getJson } from '../support/node-process.ts';
import { command, EXPLICIT, IMPLICIT, pData, pdv, RawScu } from '../support/raw-scu.ts';

export const PUSH_MODEL = '1.2.840.10008.1.20.1';
export const WELL_KNOWN = '1.2.840.10008.1.20.1.1';

export interface Reference {
  readonly sopClass: string;
  readonly instance: string;
}

export const ref = (instance: string, sopClass = SECONDARY_CAPTURE): Reference => ({ sopClass, instance });

export function actionInformation(transactionUid: string, references: readonly Reference[]): Fields {
  return {
    TransactionUID: transactionUid,
    ReferencedSOPSequence: references.map(({ sopClass, instance }) => ({
      ReferencedSOPClassUID: sopClass,
      ReferencedSOPInstanceUID: instance,
    })),
  };
}

/** A modality that asks for storage commitment, byte by byte. */
export class Requestor {
  readonly scu: RawScu;
  readonly #syntax: string;
  #messageId = 0;

  private constructor(scu: RawScu, syntax: string) {
    this.scu = scu;
    this.#syntax = syntax;
  }

  static async open(port: number, { calling = 'MODALITY', syntax = IMPLICIT } = {}): Promise<Requestor> {
    const proposal = { abstractSyntax: PUSH_MODEL, transferSyntaxes: [syntax] };
    const { scu, answer } = await RawScu.associate(port, [proposal], { calling });
    if (answer.type !== 0x02) throw new Error(`the association was answered with PDU ${answer.type}`);
    return new Requestor(scu, syntax);
  }

  /** Sends an N-ACTION; resolves to its response. */
  async act(information: Fields | undefined, changes: Fields = {}): Promise<JsonDataset> {
    this.#messageId += 1;
    const request = command({
      RequestedSOPClassUID: PUSH_MODEL,
      CommandField: 0x0130,
      MessageID: this.#messageId,
      CommandDataSetType: information ? 1 : 0x0101,
      RequestedSOPInstanceUID: WELL_KNOWN,
      ActionTypeID: 1,
      ...changes,
    });
    this.scu.send(pData(pdv(1, 3, request)));
    if (information)
      this.scu.send(pData(pdv(1, 2, encodeDataSet(dataset(information), { transferSyntaxUid: this.#syntax }))));
    return this.scu.receiveCommand();
  }

  /** Takes the next N-EVENT-REPORT and answers it. */
  async event(status = 0): Promise<CommitmentEvent> {
    const request = await this.scu.receiveCommand();
    const { content } = await this.scu.receive();
    const information = parseDataSet(bufferSource(content.subarray(6)), { transferSyntaxUid: this.#syntax }).dataset;
    this.scu.send(
      pData(
        pdv(
          1,
          3,
          command({
            AffectedSOPClassUID: PUSH_MODEL,
            CommandField: 0x8100,
            MessageIDBeingRespondedTo: number(request, 'MessageID'),
            CommandDataSetType: 0x0101,
            Status: status,
            AffectedSOPInstanceUID: WELL_KNOWN,
          }),
        ),
      ),
    );
    return readEvent(request, information);
  }
}

export interface CommitmentEvent {
  readonly commandField: number | undefined;
  readonly eventType: number | undefined;
  readonly transactionUid: string | undefined;
  readonly retrieveFrom: string | undefined;
  readonly committed: readonly string[];
  /** Failure Reason by SOP Instance UID. */
  readonly failed: Readonly<Record<string, number | undefined>>;
}

export function readEvent(request: JsonDataset, information: JsonDataset): CommitmentEvent {
  const uid = (item: JsonDataset): string => text(item, 'ReferencedSOPInstanceUID') ?? '';
  return {
    commandField: number(request, 'CommandField'),
    eventType: number(request, 'EventTypeID'),
    transactionUid: text(information, 'TransactionUID'),
    retrieveFrom: text(information, 'RetrieveAETitle'),
    committed: items(information, 'ReferencedSOPSequence').map(uid),
    failed: Object.fromEntries(
      items(information, 'FailedSOPSequence').map((item) => [uid(item), number(item, 'FailureReason')]),
    ),
  };
}

export interface ShownCommitment {
  readonly transactionUid: string;
  readonly state: string;
  readonly reportedBy: string | null;
  readonly lastError: string | null;
  readonly failures: number;
  readonly requestor: string;
}

/** The newest request of that Transaction UID, once it is in the state. */
export async function untilState(http: string, transactionUid: string, state: string): Promise<ShownCommitment> {
  const until = Date.now() + 20_000;
  for (;;) {
    const { received } = await getJson<{ received: ShownCommitment[] }>(`${http}/api/commitments`);
    const shown = received.find((one) => one.transactionUid === transactionUid);
    if (shown?.state === state) return shown;
    if (Date.now() > until) throw new Error(`not ${state} within 20 s: ${JSON.stringify(shown)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

export { EXPLICIT, IMPLICIT };
