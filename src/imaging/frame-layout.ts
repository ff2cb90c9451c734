import type { JsonDataset } from '../dicom/dataset.ts';
import { number, text } from '../dicom/read-values.ts';
import { RLE_LOSSLESS } from '../dicom/transfer-syntaxes.ts';
import { type DecodedFrame, decodeFrame, type FrameLayout } from './decode.ts';

const JPEG_LOSSLESS = new Set(['1.2.840.10008.1.2.4.57', '1.2.840.10008.1.2.4.70']);
const SUBSAMPLED = /^YBR_(FULL_422|PARTIAL_422|PARTIAL_420)$/;

/** How the pixels of an image lie, as its data set says (PS3.3 C.7.6.3). */
export function layoutOf(dataset: JsonDataset, transferSyntaxUid: string): FrameLayout {
  const bitsAllocated = number(dataset, 'BitsAllocated') ?? 0;
  const bitsStored = number(dataset, 'BitsStored') ?? bitsAllocated;
  return {
    transferSyntaxUid,
    rows: number(dataset, 'Rows') ?? 0,
    columns: number(dataset, 'Columns') ?? 0,
    samplesPerPixel: number(dataset, 'SamplesPerPixel') ?? 1,
    planarConfiguration: number(dataset, 'PlanarConfiguration') === 1 ? 1 : 0,
    photometricInterpretation: text(dataset, 'PhotometricInterpretation') ?? 'MONOCHROME2',
    bitsAllocated,
    bitsStored,
    highBit: number(dataset, 'HighBit') ?? bitsStored - 1,
    pixelRepresentation: number(dataset, 'PixelRepresentation') === 1 ? 1 : 0,
  };
}

/**
 * Colour that was stored losslessly as YBR is left so: converted to RGB it would be rounded. Samples that no longer are
 * subsampled are no longer said to be.
 */
export async function decodeAsStored(encoded: Uint8Array, layout: FrameLayout): Promise<DecodedFrame> {
  const { photometricInterpretation: stored, transferSyntaxUid } = layout;
  const kept = JPEG_LOSSLESS.has(transferSyntaxUid) && stored.startsWith('YBR');
  const decoded = await decodeFrame(encoded, kept ? { ...layout, photometricInterpretation: 'RGB' } : asBytes(layout));
  const said = kept ? stored : decoded.photometricInterpretation;
  const byPixel = decoded.planarConfiguration === 1 && layout.planarConfiguration === 0;
  return {
    bytes: byPixel ? interleaved(decoded.bytes, layout) : decoded.bytes,
    planarConfiguration: byPixel ? 0 : decoded.planarConfiguration,
    photometricInterpretation: SUBSAMPLED.test(said) ? 'YBR_FULL' : said,
  };
}

/** RLE packs single bits as the bytes that they lie in (PS3.5 Annex G knows bytes alone). */
function asBytes(layout: FrameLayout): FrameLayout {
  const { rows, columns, bitsAllocated, transferSyntaxUid } = layout;
  if (bitsAllocated !== 1 || transferSyntaxUid !== RLE_LOSSLESS) return layout;
  const bytes = { bitsAllocated: 8, bitsStored: 8, highBit: 7 };
  return { ...layout, ...bytes, rows: 1, columns: Math.ceil((rows * columns) / 8) };
}

/** Planes of samples to samples pixel by pixel. */
export function interleaved(planes: Uint8Array, { samplesPerPixel, bitsAllocated }: FrameLayout): Uint8Array {
  const width = bitsAllocated / 8;
  const pixels = planes.length / (samplesPerPixel * width);
  const pixelsInTurn = new Uint8Array(planes.length);
  let from = 0;
  for (let sample = 0; sample < samplesPerPixel; sample++)
    for (let pixel = 0; pixel < pixels; pixel++)
      for (let byte = 0; byte < width; byte++)
        pixelsInTurn[(pixel * samplesPerPixel + sample) * width + byte] = planes[from++]!;
  return pixelsInTurn;
}
