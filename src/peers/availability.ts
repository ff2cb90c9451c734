import type { JsonDataset } from '../dicom/dataset.ts';
import { INSTANCE_AVAILABILITY_NOTIFICATION } from '../dicom/sop-classes.ts';
import { EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN } from '../dicom/transfer-syntaxes.ts';
import { encodeDataSet } from '../dicom/write.ts';
import { VoxgateError } from '../errors.ts';
import { type DimseAddress, openAssociation } from './requestor.ts';

const DUPLICATE_SOP_INSTANCE = 0x0111;

/**
 * Tells a peer which instances are available and where (N-CREATE, PS3.4 R.3.2). One that was told before is content.
 * @throws VoxgateError peer-failed
 */
export async function notifyOf(address: DimseAddress, sopInstanceUid: string, notice: JsonDataset): Promise<void> {
  const association = await openAssociation(address, [
    {
      sopClassUid: INSTANCE_AVAILABILITY_NOTIFICATION,
      transferSyntaxUids: [EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN],
    },
  ]);
  try {
    const [context] = association.contexts;
    if (!context)
      throw new VoxgateError('peer-failed', `${address.calledAe} did not accept Instance Availability Notification`);
    const { command } = await association.request(
      context.id,
      'N-CREATE-RQ',
      { affectedSopClassUid: INSTANCE_AVAILABILITY_NOTIFICATION, affectedSopInstanceUid: sopInstanceUid },
      encodeDataSet(notice, { transferSyntaxUid: context.transferSyntaxUid }),
    );
    const status = command.status ?? 0;
    // Warnings (0107H, 0116H) tell of attributes that the peer leaves out.
    if (![0, 0x0107, 0x0116, DUPLICATE_SOP_INSTANCE].includes(status)) {
      const shown = status.toString(16).toUpperCase().padStart(4, '0');
      throw new VoxgateError('peer-failed', `${address.calledAe} answered N-CREATE with ${shown}H`);
    }
  } finally {
    await association.release();
  }
}
