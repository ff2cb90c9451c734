import { describe, expect, it } from 'vitest';
import type { DescribedInstance } from '../../src/archive/archive.ts';
import type { Analysis } from '../../src/catalog/analyses.ts';
import { dataset } from '../../src/dicom/build.ts';
import type { ModelManifest } from '../../src/inference/model-manifest.ts';
import { gatherInputs } from '../../src/pipeline/gather-inputs.ts';
import { SOUND } from '../inference/packages.ts';

/** An MR series of two echoes, four slices each. */
const TWO_ECHOES: readonly DescribedInstance[] = [4.9, 9.8].flatMap((echo, e) =>
  [0, 1, 2, 3].map((slice) => {
    const sopInstanceUid = `1.2.3.${e}.${slice}`;
    return {
      sopInstanceUid,
      sopClassUid: '1.2.840.10008.5.1.4.1.1.4',
      transferSyntaxUid: '1.2.840.10008.1.2.1',
      dataset: dataset({
        SOPInstanceUID: sopInstanceUid,
        SOPClassUID: '1.2.840.10008.5.1.4.1.1.4',
        Modality: 'MR',
        ImageType: ['ORIGINAL', 'PRIMARY'],
        EchoTime: echo,
        EchoNumbers: e + 1,
        Rows: 8,
        Columns: 8,
        BitsAllocated: 16,
        BitsStored: 12,
        HighBit: 11,
        PixelRepresentation: 0,
        SamplesPerPixel: 1,
        PhotometricInterpretation: 'MONOCHROME2',
        PixelSpacing: [1, 1],
        ImageOrientationPatient: [1, 0, 0, 0, 1, 0],
        ImagePositionPatient: [0, 0, slice * 2],
        FrameOfReferenceUID: '1.2.9',
      }),
    } as unknown as DescribedInstance;
  }),
);

const archive = { describe: async () => [...TWO_ECHOES] };
const analysis = (slots: readonly string[]) =>
  ({
    studyInstanceUid: '1',
    seriesInstanceUid: '2',
    inputs: slots.map((slot) => ({ slot, studyInstanceUid: '1', seriesInstanceUid: '2', sopInstanceUids: [] })),
  }) as unknown as Analysis;

function manifest(...stacks: (string | undefined)[]): ModelManifest {
  const [slot] = SOUND.inputs;
  return {
    ...SOUND,
    inputs: stacks.map((stack, i) => ({
      ...slot!,
      slot: `t${i}`,
      units: 'any',
      ...(stack && { stack }),
      missing: 'zero',
    })),
  };
}

describe('what fills the inputs of a model', () => {
  it('is never guessed where a series holds several stacks', async () => {
    await expect(gatherInputs(archive, analysis(['t0']), manifest(undefined))).rejects.toThrow(
      /holds 2 stacks \(.*4\.9.*, of 4; .*9\.8.*, of 4\) and the model takes one: which is not said/,
    );
  });

  it('is the stack that the manifest names, and two inputs may take one each of the same series', async () => {
    const gathered = await gatherInputs(archive, analysis(['t0', 't1']), manifest('9.8', '4.9'));
    expect(gathered.map((slot) => slot!.stack.frames.map(({ header }) => header.echoTime))).toEqual([
      [9.8, 9.8, 9.8, 9.8],
      [4.9, 4.9, 4.9, 4.9],
    ]);
    await expect(gatherInputs(archive, analysis(['t0']), manifest('b 1000'))).rejects.toThrow(
      /none of the stacks of the series \(.*\) is called "b 1000"/,
    );
  });

  it('goes without a second series where the manifest says so, and not without the first', async () => {
    expect(await gatherInputs(archive, analysis(['t0']), manifest('9.8', '4.9'))).toMatchObject([{}, undefined]);
    await expect(gatherInputs(archive, analysis(['t1']), manifest('9.8', '4.9'))).rejects.toThrow(
      /no series fills the input "t0"/,
    );
  });

  it('is what was routed: instances that are gone since are told', async () => {
    const gone = {
      ...analysis([]),
      inputs: [{ slot: 't0', studyInstanceUid: '1', seriesInstanceUid: '2', sopInstanceUids: ['9'] }],
    };
    await expect(gatherInputs(archive, gone, manifest('9.8'))).rejects.toThrow(
      /1 of the 1 instances .* no longer held/,
    );
  });
});
