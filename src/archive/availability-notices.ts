import { insertNotice, recordExpected } from '../catalog/availability.ts';
import type { Database } from '../catalog/database.ts';
import type { JsonDataset } from '../dicom/dataset.ts';
import { text } from '../dicom/read-values.ts';
import { isUsableAsUid } from '../dicom/uid.ts';
import { announcedInstances } from './performed-series.ts';
import { StepFault } from './procedure-steps.ts';

/**
 * Takes an Instance Availability Notification (PS3.4 R.3.2) as evidence of what a study consists of.
 * @throws StepFault
 */
export async function takeNotice(
  database: Database,
  sopInstanceUid: string,
  announcedBy: string,
  notice: JsonDataset,
): Promise<void> {
  const studyInstanceUid = text(notice, 'StudyInstanceUID');
  if (studyInstanceUid === undefined)
    throw new StepFault('missing', 'Study Instance UID is missing', 'StudyInstanceUID');
  if (!isUsableAsUid(studyInstanceUid))
    throw new StepFault('invalid', 'Study Instance UID is no UID', 'StudyInstanceUID');
  const instances = announcedInstances(notice);
  if (instances.length === 0) throw new StepFault('empty', 'the notice names no instance', 'ReferencedSeriesSequence');
  await database.transaction(async (tx) => {
    const row = { sopInstanceUid, studyInstanceUid, announcedBy, instances: instances.length };
    if (!(await insertNotice(tx, row)))
      throw new StepFault('duplicate', 'a notice of that SOP Instance UID came before');
    await recordExpected(tx, { source: 'ian', sourceUid: sopInstanceUid }, instances);
  });
}
