import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JsonDataset } from '../../src/dicom/dataset.ts';
import { text } from '../../src/dicom/read-values.ts';
import { asFile } from '../support/instances.ts';
import { expectedRows, hasSharedData, sharedData } from '../support/shared-data.ts';
import { XmlHttpRequest } from '../support/xml-http-request.ts';
import { stored } from './client.ts';
import { aSharedNode } from './shared-node.ts';

interface Place {
  readonly studyInstanceUID: string;
  readonly seriesInstanceUID: string;
  readonly sopInstanceUID: string;
}

interface MediaType {
  readonly mediaType: string;
  readonly transferSyntaxUID?: string;
}

type Search = (options: Partial<Place> & { queryParams?: Readonly<Record<string, string>> }) => Promise<JsonDataset[]>;
type Retrieve<T> = (options: Place) => Promise<T>;

/** As its documentation has it; the declarations of the package ask for more than it needs. */
interface Judge {
  storeInstances(options: { datasets: readonly ArrayBufferLike[] }): Promise<unknown>;
  searchForStudies: Search;
  searchForSeries: Search;
  searchForInstances: Search;
  retrieveStudyMetadata: Retrieve<JsonDataset[]>;
  retrieveSeriesMetadata: Retrieve<JsonDataset[]>;
  retrieveInstanceMetadata: Retrieve<JsonDataset | JsonDataset[]>;
  retrieveInstance: Retrieve<ArrayBuffer>;
  retrieveSeries: Retrieve<ArrayBuffer[]>;
  retrieveStudy: Retrieve<ArrayBuffer[]>;
  retrieveInstanceFrames(
    options: Place & { frameNumbers: readonly number[]; mediaTypes?: readonly MediaType[] },
  ): Promise<ArrayBuffer[]>;
  retrieveBulkData(options: { BulkDataURI: string; mediaTypes?: readonly MediaType[] }): Promise<ArrayBuffer[]>;
}

const published: { api: { DICOMwebClient: new (options: { url: string; verbose: boolean }) => Judge } } = createRequire(
  import.meta.url,
)('dicomweb-client');

const shared = aSharedNode();
const STUDY = '1.2.3.740';
const place = { studyInstanceUID: STUDY, seriesInstanceUID: `${STUDY}.1`, sopInstanceUID: `${STUDY}.1.1` };
const pixels = Buffer.from(Array.from({ length: 3 * 64 * 64 }, (_, i) => i % 251));
const file = asFile(
  {
    StudyInstanceUID: STUDY,
    SeriesInstanceUID: place.seriesInstanceUID,
    SOPInstanceUID: place.sopInstanceUID,
    Rows: 64,
    Columns: 64,
    NumberOfFrames: 3,
  },
  pixels,
);

const toBuffer = (bytes: ArrayBuffer | undefined): Buffer => Buffer.from(bytes ?? new ArrayBuffer(0));

describe('the npm package dicomweb-client, an outside judge', () => {
  let api: Judge;
  const before: unknown = Reflect.get(globalThis, 'XMLHttpRequest');

  beforeAll(async () => {
    Reflect.set(globalThis, 'XMLHttpRequest', XmlHttpRequest);
    api = new published.api.DICOMwebClient({ url: `${shared.http}/dicom-web`, verbose: false });
    await api.storeInstances({ datasets: [Uint8Array.from(file).buffer] });
  });
  afterAll(() => Reflect.set(globalThis, 'XMLHttpRequest', before));

  it('finds what it has stored, at each level', async () => {
    const queryParams = { StudyInstanceUID: STUDY };
    for (const found of [
      await api.searchForStudies({ queryParams }),
      await api.searchForSeries({ studyInstanceUID: STUDY }),
      await api.searchForInstances({ studyInstanceUID: STUDY, seriesInstanceUID: place.seriesInstanceUID }),
    ])
      expect(found.map((one) => text(one, 'StudyInstanceUID'))).toEqual([STUDY]);
    expect(await api.searchForStudies({ queryParams: { StudyInstanceUID: '1.2.3.99999' } })).toEqual([]);
  });

  it('retrieves metadata of study, series and instance', async () => {
    const [study] = await api.retrieveStudyMetadata(place);
    const [series] = await api.retrieveSeriesMetadata(place);
    const instance = await api.retrieveInstanceMetadata(place);
    for (const one of [study, series, [instance].flat()[0]])
      expect(text(one!, 'SOPInstanceUID')).toBe(place.sopInstanceUID);
  });

  it('retrieves instances of each level, byte for byte', async () => {
    expect(toBuffer(await api.retrieveInstance(place)).equals(file)).toBe(true);
    for (const parts of [await api.retrieveSeries(place), await api.retrieveStudy(place)]) {
      expect(parts).toHaveLength(1);
      expect(toBuffer(parts[0]).equals(file)).toBe(true);
    }
  });

  it('retrieves frames, in the order asked', async () => {
    const frames = await api.retrieveInstanceFrames({ ...place, frameNumbers: [3, 1] });
    expect(frames.map(toBuffer)).toEqual([pixels.subarray(2 * 4096), pixels.subarray(0, 4096)]);
    const mediaTypes = [{ mediaType: 'application/octet-stream', transferSyntaxUID: '1.2.840.10008.1.2.1' }];
    const [second] = await api.retrieveInstanceFrames({ ...place, frameNumbers: [2], mediaTypes });
    expect(toBuffer(second).equals(pixels.subarray(4096, 2 * 4096))).toBe(true);
  });

  it('retrieves bulk data by the address that the metadata name', async () => {
    const metadata = [await api.retrieveInstanceMetadata(place)].flat()[0];
    const BulkDataURI = metadata!['7FE00010']!.BulkDataURI!;
    for (const mediaTypes of [undefined, [{ mediaType: 'application/octet-stream' }]]) {
      const [bytes] = await api.retrieveBulkData({ BulkDataURI, ...(mediaTypes && { mediaTypes }) });
      expect(toBuffer(bytes).equals(pixels)).toBe(true);
    }
  });

  it.skipIf(!hasSharedData)(
    'retrieves compressed frames of real data, by either name of their media type',
    async () => {
      const name = 'images/sm/sm_image_jpegls_nobot.dcm';
      const row = expectedRows().find((one) => one['file'] === name)!;
      await stored(shared.http, [readFileSync(sharedData(name))]);
      const real = {
        studyInstanceUID: row['StudyInstanceUID']!,
        seriesInstanceUID: row['SeriesInstanceUID']!,
        sopInstanceUID: row['SOPInstanceUID']!,
      };
      for (const mediaType of ['image/jls', 'image/x-jls']) {
        const mediaTypes = [{ mediaType, transferSyntaxUID: '1.2.840.10008.1.2.4.80' }];
        const [frame] = await api.retrieveInstanceFrames({ ...real, frameNumbers: [1], mediaTypes });
        expect(toBuffer(frame).toString('hex', 0, 4)).toBe('ffd8fff7');
      }
    },
  );

  it('is told what it may not have', async () => {
    await expect(api.retrieveSeriesMetadata({ ...place, seriesInstanceUID: '1.2.3.99' })).rejects.toMatchObject({
      status: 404,
    });
  });
});
