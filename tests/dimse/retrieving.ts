import type { Fields } from '../../src/dicom/build.ts';
import { dataset } from '../../src/dicom/build.ts';
import { bufferSource, parseDataSet } from '../../src/dicom/parse.ts';
import { texts } from '../../src/dicom/read-values.ts';
import { encodeDataSet } from '../../src/dicom/write.ts';
import type { CommandValues } from '../../src/network/command-set.ts';
import { isPending } from '../../src/network/message-exchange.ts';
import type { RequestorAssociation } from '../../src/peers/requestor.ts';
import { command, IMPLICIT, pData, pdv, RawScu } from '../support/raw-scu.ts';

/** What one retrieval said. */
export interface Said {
  readonly pending: CommandValues[];
  /** When each pending response came, in milliseconds from the request. */
  readonly pendingAt: number[];
  readonly final: CommandValues & { readonly status?: number | undefined };
  readonly finalAt: number;
  readonly failed: string[];
}

/** Asks for it and gathers every response. */
export async function retrieve(
  association: RequestorAssociation,
  name: 'C-MOVE-RQ' | 'C-GET-RQ',
  sopClassUid: string,
  identifier: Fields,
  { destination }: { destination?: string } = {},
): Promise<Said> {
  const context = association.contexts.find(({ abstractSyntaxUid }) => abstractSyntaxUid === sopClassUid)!;
  const began = performance.now();
  const pending: CommandValues[] = [];
  const pendingAt: number[] = [];
  const values = { affectedSopClassUid: sopClassUid, priority: 0, moveDestination: destination };
  const asked = encodeDataSet(dataset(identifier), { transferSyntaxUid: context.transferSyntaxUid });
  for await (const { command: answer, dataSet } of association.requestMany(context.id, name, values, asked, 30_000)) {
    if (isPending(answer.status ?? 0)) {
      pending.push(answer);
      pendingAt.push(performance.now() - began);
      continue;
    }
    const list =
      dataSet && parseDataSet(bufferSource(dataSet), { transferSyntaxUid: context.transferSyntaxUid }).dataset;
    const failed = list ? texts(list, 'FailedSOPInstanceUIDList') : [];
    return { pending, pendingAt, final: answer, finalAt: performance.now() - began, failed };
  }
  return { pending, pendingAt, final: {}, finalAt: performance.now() - began, failed: [] };
}

export const identifierContext = (sopClassUid: string): { sopClassUid: string; transferSyntaxUids: string[] } => ({
  sopClassUid,
  transferSyntaxUids: [IMPLICIT],
});

/** A caller that writes its own bytes, for what no well-behaved one does. */
export class RawRetriever {
  readonly scu: RawScu;
  readonly #sopClassUid: string;

  private constructor(scu: RawScu, sopClassUid: string) {
    this.scu = scu;
    this.#sopClassUid = sopClassUid;
  }

  static async associate(port: number, sopClassUid: string): Promise<RawRetriever> {
    const { scu } = await RawScu.associate(port, [{ abstractSyntax: sopClassUid, transferSyntaxes: [IMPLICIT] }]);
    return new RawRetriever(scu, sopClassUid);
  }

  move(messageId: number, destination: string, identifier: Fields): void {
    const asked = command({
      AffectedSOPClassUID: this.#sopClassUid,
      CommandField: 0x0021,
      MessageID: messageId,
      MoveDestination: destination,
      Priority: 0,
      CommandDataSetType: 1,
    });
    const keys = encodeDataSet(dataset(identifier), { transferSyntaxUid: IMPLICIT });
    this.scu.send(pData(pdv(1, 3, asked)), pData(pdv(1, 2, keys)));
  }

  cancel(messageId: number): void {
    const asked = { CommandField: 0x0fff, MessageIDBeingRespondedTo: messageId, CommandDataSetType: 0x0101 };
    this.scu.send(pData(pdv(1, 3, command(asked))));
  }
}
