import { dataset, type Fields } from '../../src/dicom/build.ts';
import type { JsonDataset } from '../../src/dicom/dataset.ts';
import { bufferSource, parseDataSet } from '../../src/dicom/parse.ts';
import { number } from '../../src/dicom/read-values.ts';
import { encodeDataSet } from '../../src/dicom/write.ts';
import { command, IMPLICIT, pData, pdv, RawScu } from '../support/raw-scu.ts';

/** A user of DIMSE-N services (PS3.7 10), byte by byte. */
export class NormalizedScu {
  readonly scu: RawScu;
  readonly #sopClass: string;

  private constructor(scu: RawScu, sopClass: string) {
    this.scu = scu;
    this.#sopClass = sopClass;
  }

  static async open(port: number, sopClass: string): Promise<NormalizedScu> {
    const proposal = { abstractSyntax: sopClass, transferSyntaxes: [IMPLICIT] };
    const { scu } = await RawScu.associate(port, [proposal], { calling: 'MODALITY' });
    return new NormalizedScu(scu, sopClass);
  }

  create(instance: string | undefined, fields: Fields): Promise<JsonDataset> {
    return this.#ask(
      { AffectedSOPClassUID: this.#sopClass, CommandField: 0x0140, AffectedSOPInstanceUID: instance },
      fields,
    );
  }

  set(instance: string, fields: Fields): Promise<JsonDataset> {
    return this.#ask(
      { RequestedSOPClassUID: this.#sopClass, CommandField: 0x0120, RequestedSOPInstanceUID: instance },
      fields,
    );
  }

  /** The data set, or the response without one. */
  async get(instance: string): Promise<JsonDataset> {
    const response = await this.#ask({
      RequestedSOPClassUID: this.#sopClass,
      CommandField: 0x0110,
      RequestedSOPInstanceUID: instance,
    });
    if (number(response, 'CommandDataSetType') === 0x0101) return response;
    const { content } = await this.scu.receive();
    return parseDataSet(bufferSource(content.subarray(6)), { transferSyntaxUid: IMPLICIT }).dataset;
  }

  async #ask(request: Fields, fields?: Fields): Promise<JsonDataset> {
    this.scu.send(pData(pdv(1, 3, command({ ...request, MessageID: 1, CommandDataSetType: fields ? 1 : 0x0101 }))));
    if (fields) this.scu.send(pData(pdv(1, 2, encodeDataSet(dataset(fields), { transferSyntaxUid: IMPLICIT }))));
    return this.scu.receiveCommand();
  }
}
