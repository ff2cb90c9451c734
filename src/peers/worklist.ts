import type { JsonDataset } from '../dicom/dataset.ts';
import { bufferSource, parseDataSet } from '../dicom/parse.ts';
import { MODALITY_WORKLIST_FIND } from '../dicom/sop-classes.ts';
import { EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN } from '../dicom/transfer-syntaxes.ts';
import { encodeDataSet } from '../dicom/write.ts';
import { VoxgateError } from '../errors.ts';
import { isPending } from '../network/message-exchange.ts';
import { type DimseAddress, openAssociation } from './requestor.ts';

const MEDIUM = 0;

/**
 * Asks a peer for its scheduled procedure steps (Modality Worklist C-FIND, PS3.4 Annex K), in one association for all
 * queries; each is cancelled once it has given so many answers.
 * @returns the answers to each query
 * @throws VoxgateError peer-failed
 */
export async function queryWorklist(
  address: DimseAddress,
  queries: readonly JsonDataset[],
  mostAnswers: number,
): Promise<JsonDataset[][]> {
  const association = await openAssociation(address, [
    {
      sopClassUid: MODALITY_WORKLIST_FIND,
      transferSyntaxUids: [EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN],
    },
  ]);
  try {
    const [context] = association.contexts;
    if (!context) throw new VoxgateError('peer-failed', `${address.calledAe} did not accept Modality Worklist queries`);
    const { id, transferSyntaxUid } = context;
    const answers: JsonDataset[][] = [];
    for (const query of queries) {
      const found: JsonDataset[] = [];
      answers.push(found);
      const responses = association.requestMany(
        id,
        'C-FIND-RQ',
        { affectedSopClassUid: MODALITY_WORKLIST_FIND, priority: MEDIUM },
        encodeDataSet(query, { transferSyntaxUid }),
      );
      for await (const { command, dataSet } of responses) {
        const status = command.status ?? 0;
        if (!isPending(status)) requireSuccess(address, status);
        else if (dataSet) found.push(parseDataSet(bufferSource(dataSet), { transferSyntaxUid }).dataset);
        if (found.length >= mostAnswers) break;
      }
    }
    return answers;
  } finally {
    await association.release();
  }
}

function requireSuccess({ calledAe }: DimseAddress, status: number): void {
  if (status === 0) return;
  const shown = status.toString(16).toUpperCase().padStart(4, '0');
  throw new VoxgateError('peer-failed', `${calledAe} answered a worklist query with ${shown}H`);
}
