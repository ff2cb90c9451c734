import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask, stored } from '../dicomweb/client.ts';
import { aSharedNode } from '../dicomweb/shared-node.ts';
import { asFile } from '../support/instances.ts';
import { hasOrthanc, type Orthanc, startOrthanc } from '../support/orthanc.ts';

/** The other directions than search (orthanc-search.test.ts): its plugin stores to the node and retrieves from it. */
const shared = aSharedNode();

const object = (study: string, instance: number): Buffer =>
  asFile({
    StudyInstanceUID: study,
    SeriesInstanceUID: `${study}.1`,
    SOPInstanceUID: `${study}.1.${instance}`,
    InstanceNumber: instance,
    PatientID: `P${study}`,
  });

/** Where a PS3.10 file's data set begins: preamble, prefix, group length and what that counts (PS3.10 7.1). */
const dataSetOf = (file: Buffer): Buffer => file.subarray(144 + file.readUInt32LE(140));

const path = (study: string, instance: number): string =>
  `/dicom-web/studies/${study}/series/${study}.1/instances/${study}.1.${instance}`;

describe.skipIf(!hasOrthanc)('Orthanc’s DICOMweb plugin as client of our store and retrieve', () => {
  let orthanc: Orthanc;

  beforeAll(async () => {
    orthanc = await startOrthanc({ aeTitle: 'CLIENT', dicomWebServers: { voxgate: `${shared.http}/dicom-web/` } });
  }, 60_000);
  afterAll(() => orthanc?.stop());

  it('stores a study of Orthanc’s here, every data set byte for byte (PS3.18 10.5)', async () => {
    const study = '1.2.826.0.1.10.1';
    const numbers = [1, 2, 3];
    await stored(
      orthanc.httpUrl,
      numbers.map((number) => object(study, number)),
    );
    const held = await orthanc.instances();
    const sent = await orthanc.ask<Record<string, unknown>>('/dicom-web/servers/voxgate/stow', {
      Resources: held.map(({ id }) => id),
      Synchronous: true,
    });
    expect(sent).toMatchObject({ InstancesCount: '3' });
    for (const number of numbers) {
      const answer = await ask(shared.http, path(study, number), {
        headers: { accept: 'application/dicom; transfer-syntax=*' },
      });
      expect(answer.status).toBe(200);
      expect(dataSetOf(answer.body).equals(dataSetOf(object(study, number)))).toBe(true);
    }
  });

  it('retrieves an instance, and the study it is of, from here (PS3.18 10.4)', async () => {
    const study = '1.2.826.0.1.10.2';
    await stored(
      shared.http,
      [1, 2, 3].map((number) => object(study, number)),
    );
    const here = async (): Promise<string[]> =>
      (await orthanc.instances())
        .map(({ sopInstanceUid }) => sopInstanceUid)
        .filter((uid) => uid.startsWith(study))
        .sort();
    const retrieve = (resource: Record<string, string>): Promise<unknown> =>
      orthanc.ask('/dicom-web/servers/voxgate/retrieve', { Resources: [resource], Synchronous: true });

    await retrieve({ Study: study, Series: `${study}.1`, Instance: `${study}.1.2` });
    expect(await here()).toEqual([`${study}.1.2`]);
    await retrieve({ Study: study });
    expect(await here()).toEqual([1, 2, 3].map((number) => `${study}.1.${number}`));

    for (const { id, sopInstanceUid } of await orthanc.instances()) {
      const number = [1, 2, 3].find((one) => sopInstanceUid === `${study}.1.${one}`);
      if (number === undefined) continue;
      expect(dataSetOf(await orthanc.file(id)).equals(dataSetOf(object(study, number)))).toBe(true);
    }
  });
});
