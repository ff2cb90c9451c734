import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, describe, expect, it } from 'vitest';
import { number, text } from '../../src/dicom/read-values.ts';
import { layoutOf } from '../../src/imaging/frame-layout.ts';
import { render } from '../../src/imaging/render.ts';
import { renderFrame } from '../../src/imaging/render-frame.ts';
import { functionalGroup, type OpenedObject, openObject } from '../../src/imaging/render-object.ts';
import type { Picture, StoredObject } from '../../src/imaging/render-request.ts';
import { hasPrograms, runProgram } from '../support/programs.ts';
import { type ExpectedRow, expectedRows, hasSharedData, sharedData } from '../support/shared-data.ts';

/** DCMTK draws greys and colour, and presentation states, by code of its own; GDCM unpacks JPEG 2000 for it. */
const canJudge = hasSharedData && hasPrograms('dcmj2pnm', 'dcml2pnm', 'dcmp2pgm', 'gdcmconv');

const folder = mkdtempSync(join(tmpdir(), 'voxgate-rendered-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const fileOf = (name: string): StoredObject => ({ path: sharedData(name), size: statSync(sharedData(name)).size });

type Drawn = Pick<Picture, 'width' | 'height' | 'channels' | 'data'>;

/** Raw PGM or PPM of 8 bits. */
function readPnm(path: string): Drawn {
  const bytes = readFileSync(path);
  const head = /^P([56])\s+(?:#[^\n]*\n)*\s*(\d+)\s+(\d+)\s+255\s/.exec(bytes.toString('latin1', 0, 300));
  if (!head) throw new Error('no PNM of 8 bits');
  const [whole, kind, width, height] = head;
  const data = bytes.subarray(whole.length);
  return { width: Number(width), height: Number(height), channels: kind === '6' ? 3 : 1, data };
}

/** Share of samples that differ by more than one grey, and the largest difference. */
function difference(ours: Drawn, theirs: Drawn): { share: number; largest: number } {
  const samples = theirs.width * theirs.height * Math.max(ours.channels, theirs.channels);
  const at = (drawn: Drawn, i: number): number =>
    drawn.channels === Math.max(ours.channels, theirs.channels) ? drawn.data[i]! : drawn.data[Math.floor(i / 3)]!;
  let far = 0;
  let largest = 0;
  for (let i = 0; i < samples; i++) {
    const by = Math.abs(at(ours, i) - at(theirs, i));
    if (by > 1) far += 1;
    if (by > largest) largest = by;
  }
  return { share: far / samples, largest };
}

interface Window {
  readonly center: number;
  readonly width: number;
}

/** The middle 60 % of the values there are. */
function someWindow(row: ExpectedRow, { slope, intercept }: Rescale): Window {
  const low = Number(row['pixel_min']) * slope + intercept;
  const high = Number(row['pixel_max']) * slope + intercept;
  if (row['pixel_min'] === '' || !Number.isFinite(low + high)) return { center: 128, width: 200 };
  return { center: Math.round((low + high) / 2), width: Math.max(2, Math.round(Math.abs(high - low) * 0.6)) };
}

interface Rescale {
  readonly slope: number;
  readonly intercept: number;
}

function rescaleOf({ dataset }: OpenedObject): Rescale {
  const from = functionalGroup(dataset, 1, 'PixelValueTransformationSequence') ?? dataset;
  return { slope: number(from, 'RescaleSlope') || 1, intercept: number(from, 'RescaleIntercept') ?? 0 };
}

/** Undefined where DCMTK does not draw the file. */
async function drawnByDcmtk(row: ExpectedRow, options: readonly string[]): Promise<Drawn | undefined> {
  let path = sharedData(row['file']!);
  const syntax = row['TransferSyntaxUID'] ?? '';
  if (/\.4\.9[01]$/.test(syntax)) {
    const plain = join(folder, 'plain.dcm');
    rmSync(plain, { force: true });
    const { code } = await runProgram('gdcmconv', ['--raw', path, plain]);
    if (code !== 0) return undefined;
    path = plain;
  }
  const drawn = join(folder, 'drawn.pnm');
  rmSync(drawn, { force: true });
  const program = /\.4\.8[01]$/.test(syntax) ? 'dcml2pnm' : 'dcmj2pnm';
  const { code } = await runProgram(program, ['-O', ...options, '--write-raw-pnm', path, drawn]);
  return code === 0 && statSync(drawn, { throwIfNoEntry: false })?.size ? readPnm(drawn) : undefined;
}

const windowed = ({ center, width }: Window): string[] => ['+Wfl', '+Ww', String(center), String(width)];

/**
 * DCMTK does not know the rescaling of these: it stands in the functional groups of an enhanced object, or as UN, whose
 * VR the dictionary tells. They are judged in stored values, with the window brought there.
 */
const RESCALED_UNKNOWN_TO_DCMTK = [
  'series/mr-enhanced-philips-anat/IM1.dcm',
  'series/mr-enhanced-philips-fieldmap/IM_0027_fMAP.dcm',
  'transfer-syntaxes/ct-one-image-many-ts/CTImage.dcm_JPEG2000LosslessOnlyTransferSyntax_1.2.840.10008.1.2.4.90.dcm',
  'transfer-syntaxes/ct-one-image-many-ts/CTImage.dcm_JPEG2000TransferSyntax_1.2.840.10008.1.2.4.91.dcm',
  'transfer-syntaxes/ct-one-image-many-ts/CTImage.dcm_JPEGLSLossyTransferSyntax_1.2.840.10008.1.2.4.81.dcm',
];

/** Who is right where we differ all the same. */
const DIFFERENT: Readonly<Record<string, string>> = {
  'images/rt/rtdose_expb.dcm':
    'we: it is rtdose.dcm in big endian, and comes out as that does; DCMTK swaps words of 16 bits in values of 32',
  'transfer-syntaxes/colour-sc/SC_ybr_full_uncompressed.dcm':
    'we: 3 % of samples are 2 apart, where DCMTK rounds the factors of PS3.3 C.7.6.3.1.2',
};

describe.skipIf(!canJudge)('Rendering of every real image against DCMTK (PS3.3 C.11.2, PS3.18 10.4.1.1.3)', () => {
  it('is within one grey on 99 % of the samples, with the same window', async () => {
    const judged: string[] = [];
    const different: string[] = [];
    const undrawn: string[] = [];
    const refused: string[] = [];
    for (const row of expectedRows()) {
      const name = row['file']!;
      const object = opened(name);
      if (!object || object.frameCount === 0) continue;
      const rescale = rescaleOf(object);
      const window = someWindow(row, rescale);
      const inStored = RESCALED_UNKNOWN_TO_DCMTK.includes(name);
      const judge = inStored ? ['-M', ...windowed(inStoredValues(window, rescale))] : windowed(window);
      const theirs = await drawnByDcmtk(row, judge);
      let ours: Picture;
      try {
        ours = await renderFrame(object, 1, { window: { ...window, shape: 'linear' } });
      } catch (error) {
        expect(error, name).toMatchObject({ code: expect.stringMatching(/^(undecodable|not-dicom|not-found)$/) });
        refused.push(name);
        continue;
      }
      if (!theirs) {
        undrawn.push(name);
        continue;
      }
      judged.push(name);
      expect([ours.width, ours.height], name).toEqual([theirs.width, theirs.height]);
      if (difference(ours, theirs).share > 0.01) different.push(name);
    }
    process.stderr.write(
      `rendered: ${judged.length} judged, ${different.length} differ, ${undrawn.length} not drawn by DCMTK, ${refused.length} refused\n`,
    );
    expect(different.sort()).toEqual(Object.keys(DIFFERENT).sort());
    expect(judged.length).toBeGreaterThan(500);
    expect(refused.length).toBeLessThanOrEqual(4);
  }, 600_000);

  it('comes out the same of a dose in either byte order', async () => {
    const window = { center: 1_000_000, width: 300_000, shape: 'linear' } as const;
    const [little, big] = await Promise.all(
      ['images/rt/rtdose.dcm', 'images/rt/rtdose_expb.dcm'].map((name) =>
        renderFrame(openObject(fileOf(name)), 1, { window }),
      ),
    );
    expect(big!.data).toEqual(little!.data);
    expect(new Set(little!.data).size).toBeGreaterThan(1);
  });
});

function opened(name: string): OpenedObject | undefined {
  try {
    return openObject(fileOf(name));
  } catch {
    return undefined;
  }
}

/** Where the window lies before slope and intercept: linear windows are moved and stretched (C.11.2.1.2.1). */
function inStoredValues({ center, width }: Window, { slope, intercept }: Rescale): Window {
  return { center: (center - 0.5 - intercept) / slope + 0.5, width: (width - 1) / slope + 1 };
}

describe.skipIf(!canJudge)('Presentation states against DCMTK (PS3.3 A.33.1)', () => {
  const drawn = async (image: string, state: string, options: readonly string[] = []): Promise<[Drawn, Drawn]> => {
    const path = join(folder, 'state.pgm');
    await runProgram('dcmp2pgm', [...options, '-p', sharedData(state), sharedData(image), path]);
    const look = { type: 'image/png' } as const;
    const { bytes } = await render({ object: fileOf(image), frames: [1], look, presentation: fileOf(state) });
    const { data, info } = await sharp(bytes).greyscale().raw().toBuffer({ resolveWithObject: true });
    return [{ width: info.width, height: info.height, channels: 1, data }, readPnm(path)];
  };

  it('apply their Modality, VOI and Presentation LUT to the very greys', async () => {
    const [ours, theirs] = await drawn('sr-seg/pr/imageForPrLUTs.dcm', 'sr-seg/pr/prLUTs.dcm');
    expect(difference(ours, theirs)).toEqual({ share: 0, largest: 0 });
  });

  it('show six overlays: two within the pixels, two of the image, two of their own; dcmp2pgm draws none', async () => {
    const [ours, theirs] = await drawn('sr-seg/pr/overlay.dcm', 'sr-seg/pr/prOverlay.dcm');
    // The image has a line of text and six lines; each overlay writes its name above one of these.
    const { largest, share } = difference(ours, theirs);
    expect([largest, share > 0.005, share < 0.03]).toEqual([255, true, true]);
    for (const row of [141, 184, 226, 268, 310, 353]) {
      const lit = ours.data.subarray((row - 4) * 512, (row + 4) * 512).filter((grey) => grey === 255).length;
      expect(lit, `the overlay at row ${row}`).toBeGreaterThan(200);
    }
  });
});

describe.skipIf(!hasSharedData)('A segmentation over its CT (PS3.3 A.51)', () => {
  it('colours the organ where the mask of another program says it lies', async () => {
    const segmentation = fileOf('series/ct-liver-3slice-with-seg/liver.dcm');
    const object = openObject(segmentation);
    const ofFirst = [1, 2, 3].find((frame) => {
      const derivation = functionalGroup(object.dataset, frame, 'DerivationImageSequence');
      return JSON.stringify(derivation).includes(text(openObject(image).dataset, 'SOPInstanceUID') ?? '-');
    });
    const { bytes } = await render({
      object: image,
      frames: [1],
      look: { type: 'image/png' },
      segmentation: { object: segmentation, frames: [ofFirst!] },
    });
    const { data, info } = await sharp(bytes).raw().toBuffer({ resolveWithObject: true });
    const { rows, columns } = layoutOf(object.dataset, object.transferSyntaxUid);
    const mask = object.readFrame(ofFirst!);
    let agreeing = 0;
    for (let i = 0; i < rows * columns; i++) {
      const isMarked = data[i * info.channels] !== data[i * info.channels + 2];
      const isSet = ((mask[i >> 3]! >> (i & 7)) & 1) === 1;
      if (isMarked === isSet) agreeing += 1;
    }
    expect(agreeing).toBe(rows * columns);
    // Another slice of the series is no place for it.
    const other = { ...image, path: sharedData('series/ct-liver-3slice-with-seg/02.dcm') };
    await expect(
      render({
        object: { ...other, size: statSync(other.path).size },
        frames: [1],
        look: { type: 'image/png' },
        segmentation: { object: segmentation, frames: [ofFirst!] },
      }),
    ).rejects.toMatchObject({ code: 'not-acceptable' });
  });

  const image = hasSharedData ? fileOf('series/ct-liver-3slice-with-seg/01.dcm') : { path: '', size: 0 };
});
