import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stored } from '../dicomweb/client.ts';
import { aSharedNode } from '../dicomweb/shared-node.ts';
import { asFile } from '../support/instances.ts';
import { hasOrthanc, type Orthanc, startOrthanc } from '../support/orthanc.ts';

const shared = aSharedNode();
const STUDY = '1.2.826.0.1.9.1';

/** As Orthanc shows what another server has answered, with names and values. */
type Shown = Readonly<Record<string, { readonly Name: string; readonly Value: unknown }>>;

const value = (shown: Shown, name: string): unknown => Object.values(shown).find((one) => one.Name === name)?.Value;

describe.skipIf(!hasOrthanc)('Orthanc’s DICOMweb plugin as client of our search (PS3.18 10.6)', () => {
  let orthanc: Orthanc;

  beforeAll(async () => {
    await stored(shared.http, [
      asFile({
        StudyInstanceUID: STUDY,
        SeriesInstanceUID: `${STUDY}.1`,
        SOPInstanceUID: `${STUDY}.1.1`,
        PatientID: 'O1',
      }),
      asFile({
        StudyInstanceUID: STUDY,
        SeriesInstanceUID: `${STUDY}.1`,
        SOPInstanceUID: `${STUDY}.1.2`,
        InstanceNumber: 2,
        PatientID: 'O1',
      }),
    ]);
    orthanc = await startOrthanc({ aeTitle: 'ASKING', dicomWebServers: { voxgate: `${shared.http}/dicom-web/` } });
  }, 60_000);
  afterAll(() => orthanc?.stop());

  const search = (Uri: string, Arguments: Record<string, string>): Promise<Shown[]> =>
    orthanc.ask<Shown[]>('/dicom-web/servers/voxgate/qido', { Uri, Arguments });

  it('finds studies, series and instances, and reads what it is answered', async () => {
    const studies = await search('/studies', { '00100020': 'O1', limit: '10', includefield: '00081030' });
    // Orthanc 1.10 shows no value that is a number in JSON, as those of IS are (F.2.3)
    expect(studies.map((one) => [value(one, 'StudyInstanceUID'), value(one, 'ModalitiesInStudy')])).toEqual([
      [STUDY, 'OT'],
    ]);
    const series = await search(`/studies/${STUDY}/series`, { includefield: '00080060,0008103E' });
    expect(series.map((one) => [value(one, 'SeriesInstanceUID'), value(one, 'Modality')])).toEqual([
      [`${STUDY}.1`, 'OT'],
    ]);
    const instances = await search(`/studies/${STUDY}/series/${STUDY}.1/instances`, { InstanceNumber: '2' });
    expect(instances.map((one) => value(one, 'SOPInstanceUID'))).toEqual([`${STUDY}.1.2`]);
    expect(await search('/studies', { PatientID: 'nobody' })).toEqual([]);
  });
});
