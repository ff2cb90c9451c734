import { describe, expect, it } from 'vitest';
import type { JsonDataset } from '../../src/dicom/dataset.ts';
import { items, text } from '../../src/dicom/read-values.ts';
import { leftHalfModel } from '../inference/onnx-models.ts';
import { put } from '../inference/packages.ts';
import { asFile } from '../support/instances.ts';
import { getJson } from '../support/node-process.ts';
import { aFolder, aNode, type TestNode } from '../support/test-node.ts';
import { ended } from './send-phantom.ts';

const SIZE = 32;
const finding = { value: '60046008', scheme: 'SCT', meaning: 'Pleural effusion' };

/** A library with one model: how bright is the left half of a radiograph, as it is shown? */
function aLibrary(): string {
  const library = aFolder();
  put(library, {
    id: 'left-half',
    onnx: leftHalfModel(SIZE),
    manifest: {
      title: 'Brightness of the left half',
      inputs: [
        {
          slot: 'image',
          gates: [{ when: { Modality: 'DX' }, otherwise: 'It is made for radiographs.' }],
          units: 'any',
          kind: 'image',
          asShown: true,
          geometry: { minimumSlices: 1, tilt: 'refuse', spacing: 'refuse', duplicates: 'refuse' },
          missing: 'refuse',
          waitSeconds: 0,
        },
      ],
      // Columns of the image become the last axis: [1][1][row][column].
      transforms: [{ op: 'transpose', axes: [1, 0, 2] }],
      tensors: { input: { name: 'x', type: 'float32' }, output: 'y' },
      output: {
        kind: 'classification',
        activation: 'none',
        classes: [{ label: 'Bright on the left', finding, presentFrom: 0.7, absentBelow: 0.3 }],
      },
      postprocess: [],
      segments: [],
      measurements: [],
      results: ['SR'],
      destinationLadder: ['SR-3D'],
      plausibility: [],
      nothingFound: 'Nothing is bright on the left.',
    },
  });
  return library;
}

/** White on the left, black on the right of the picture, in either way to store it. */
function aRadiograph(series: string, photometric: 'MONOCHROME1' | 'MONOCHROME2', whiteOnTheLeft: boolean): Buffer {
  const pixels = new Uint8Array(SIZE * SIZE);
  for (let i = 0; i < pixels.length; i++) {
    const white = i % SIZE < SIZE / 2 === whiteOnTheLeft;
    pixels[i] = white === (photometric === 'MONOCHROME2') ? 255 : 0;
  }
  return asFile(
    {
      SOPClassUID: '1.2.840.10008.5.1.4.1.1.1.1',
      SOPInstanceUID: `${series}.1`,
      SeriesInstanceUID: series,
      Modality: 'DX',
      PhotometricInterpretation: photometric,
      Rows: SIZE,
      Columns: SIZE,
      WindowCenter: 128,
      WindowWidth: 256,
    },
    pixels,
  );
}

async function store(node: TestNode, file: Buffer): Promise<void> {
  const response = await fetch(`${node.http}/dicom-web/studies`, {
    method: 'POST',
    headers: { 'content-type': 'application/dicom' },
    body: new Uint8Array(file),
  });
  expect([200, 202]).toContain(response.status);
}

describe('a classifier of whole images', () => {
  it('answers as the picture is seen, however it is stored, and its report says so', async () => {
    const node = await aNode({
      models: [aLibrary()],
      routes: [{ name: 'now', model: 'left-half', deliverTo: [], priority: [{ priority: 100 }] }],
    });
    const cases = [
      ['1.2.3.4.1.1', 'MONOCHROME2', true, 'Present: Bright on the left (100 %).'],
      ['1.2.3.4.1.2', 'MONOCHROME1', true, 'Present: Bright on the left (100 %).'],
      ['1.2.3.4.1.3', 'MONOCHROME2', false, 'Nothing is bright on the left.'],
    ] as const;
    for (const [series, photometric, left] of cases) await store(node, aRadiograph(series, photometric, left));
    for (const [series, , , sentence] of cases) {
      const { analyses } = await ended(node, series);
      expect(analyses[0]!.reason).toContain(sentence);
      expect(analyses[0]!.results).toHaveLength(1);
    }
    const reports = await getJson<JsonDataset[]>(`${node.http}/dicom-web/series?Modality=SR`);
    expect(reports).toHaveLength(3);
    const [document] = await getJson<JsonDataset[]>(
      `${node.http}/dicom-web/studies/1.2.3.4.1/series/${text(reports[0]!, 'SeriesInstanceUID')}/metadata`,
    );
    expect(JSON.stringify(items(document!, 'ContentSequence'))).toContain('Pleural effusion');
  });
});
