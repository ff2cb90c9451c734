import dimse from 'dcmjs-dimse';
import { EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN } from '../dicom/transfer-syntaxes.ts';
import { VoxgateError } from '../errors.ts';
import type { OutgoingObject, Peer } from './peer.ts';
import { type Answer, type DimseAddress, type Exchange, exchange } from './requestor.ts';

const VERIFICATION = '1.2.840.10008.1.1';

/** A data set that is already encoded: sent byte for byte, where the library would write it anew. */
class EncodedDataset extends dimse.Dataset {
  readonly #bytes: Buffer;
  constructor(identity: { SOPClassUID: string; SOPInstanceUID: string }, transferSyntaxUid: string, bytes: Buffer) {
    super(identity, transferSyntaxUid);
    this.#bytes = bytes;
  }
  override getDenaturalizedDataset(): Buffer {
    return this.#bytes;
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
    const exchanges = await Promise.all(objects.map(toExchange));
    const answers = await exchange(this.#address, exchanges);
    const refused = objects.flatMap((object, i) => refusal(object, answers[i]));
    if (refused.length > 0)
      throw new VoxgateError('peer-failed', `${this.name} (${this.#address.calledAe}): ${refused.join('; ')}`);
  }

  async echo(): Promise<void> {
    const request = new dimse.requests.CEchoRequest();
    const [answer] = await exchange(this.#address, [
      {
        request,
        abstractSyntaxUid: VERIFICATION,
        transferSyntaxUids: [EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN],
      },
    ]);
    if (answer?.status !== 0)
      throw new VoxgateError(
        'peer-failed',
        `${this.name}: C-ECHO was answered with ${answer ? hex(answer.status) : 'nothing'}`,
      );
  }
}

async function toExchange(object: OutgoingObject): Promise<Exchange> {
  const { sopClassUid, sopInstanceUid, transferSyntaxUid, dataSetOffset } = object;
  const bytes = (await object.readFile()).subarray(dataSetOffset);
  const dataset = new EncodedDataset(
    { SOPClassUID: sopClassUid, SOPInstanceUID: sopInstanceUid },
    transferSyntaxUid,
    bytes,
  );
  return {
    request: new dimse.requests.CStoreRequest(dataset),
    abstractSyntaxUid: sopClassUid,
    transferSyntaxUids: [transferSyntaxUid],
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

function hex(status: number): string {
  return `${status.toString(16).toUpperCase().padStart(4, '0')}H`;
}
