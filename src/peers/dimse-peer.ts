import dimse from 'dcmjs-dimse';
import { EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN } from '../dicom/transfer-syntaxes.ts';
import { VoxgateError } from '../errors.ts';
import type { OutgoingObject, Peer } from './peer.ts';
import { type Answer, type DimseAddress, type Exchange, exchange } from './requestor.ts';

const VERIFICATION = '1.2.840.10008.1.1';

/** A data set that is already encoded: sent byte for byte, where the library would write it anew. */
class EncodedDataset extends dimse.Dataset {
  #bytes: Buffer;
  constructor(identity: { SOPClassUID: string; SOPInstanceUID: string }, transferSyntaxUid: string, bytes: Buffer) {
    super(identity, transferSyntaxUid);
    this.#bytes = bytes;
  }
  override getDenaturalizedDataset(): Buffer {
    // Asked once. The library keeps every request to the end of the association, and the bytes with it otherwise.
    const bytes = this.#bytes;
    this.#bytes = Buffer.alloc(0);
    return bytes;
  }
}

export class DimsePeer implements Peer {
  readonly name: string;
  readonly #address: DimseAddress;

  constructor(name: string, address: DimseAddress) {
    this.name = name;
    this.#address = address;
  }

  async store(objects: readonly OutgoingObject[]): Promise<void> {
    if (objects.length === 0) return;
    const answers = await exchange(this.#address, objects.map(toExchange));
    const refused = objects.flatMap((object, i) => refusal(object, answers[i]));
    if (refused.length > 0)
      throw new VoxgateError('peer-failed', `${this.name} (${this.#address.calledAe}): ${eachOnce(refused)}`);
  }

  async echo(): Promise<void> {
    const [answer] = await exchange(this.#address, [
      {
        abstractSyntaxUid: VERIFICATION,
        transferSyntaxUids: [EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN],
        makeRequest: () => Promise.resolve(new dimse.requests.CEchoRequest()),
      },
    ]);
    if (answer?.status !== 0)
      throw new VoxgateError(
        'peer-failed',
        `${this.name}: C-ECHO was answered with ${answer ? hex(answer.status) : 'nothing'}`,
      );
  }
}

function toExchange(object: OutgoingObject): Exchange {
  const { sopClassUid, sopInstanceUid, transferSyntaxUid, dataSetOffset } = object;
  return {
    abstractSyntaxUid: sopClassUid,
    transferSyntaxUids: [transferSyntaxUid],
    async makeRequest() {
      const bytes = (await object.readFile()).subarray(dataSetOffset);
      const identity = { SOPClassUID: sopClassUid, SOPInstanceUID: sopInstanceUid };
      return new dimse.requests.CStoreRequest(new EncodedDataset(identity, transferSyntaxUid, bytes));
    },
  };
}

/** Success, and the warnings of PS3.4 Table B.2-1 (stored, with a remark), are both taken. */
function isStored(status: number): boolean {
  return status === 0 || status >> 12 === 0xb;
}

function refusal({ sopClassUid, transferSyntaxUid }: OutgoingObject, answer: Answer | undefined): string[] {
  if (!answer) return [`did not accept SOP class ${sopClassUid} in transfer syntax ${transferSyntaxUid}`];
  return isStored(answer.status)
    ? []
    : [`refused SOP class ${sopClassUid} with status ${hex(answer.status)} ${answer.comment}`.trim()];
}

/** A series is often refused as a whole, each of its objects with the same words. */
function eachOnce(sentences: readonly string[]): string {
  return [...new Set(sentences)]
    .map((sentence) => {
      const times = sentences.filter((other) => other === sentence).length;
      return times === 1 ? sentence : `${sentence} (${times} objects)`;
    })
    .join('; ');
}

function hex(status: number): string {
  return `${status.toString(16).toUpperCase().padStart(4, '0')}H`;
}
