import type { Grid } from '../grid.ts';
import type { AssembledFrame, AssembledStack, RefusedFrames, StackKind, StackRequest } from './assembled-stack.ts';
import type { FrameHeader, ImageHeader } from './image-header.ts';
import { normalOf } from './split-stacks.ts';
import { stackFacts } from './stack-facts.ts';
import { valuesOf } from './values.ts';

/** Images and cines: each frame that stands alone for itself, frames that follow in time together. */
export function flatStacks(
  headers: readonly ImageHeader[],
  frames: readonly AssembledFrame[],
  want: StackRequest,
): (AssembledStack | RefusedFrames)[] {
  const byInstance = new Map<number, AssembledFrame[]>();
  for (const frame of frames) {
    const known = byInstance.get(frame.instance);
    if (known) known.push(frame);
    else byInstance.set(frame.instance, [frame]);
  }
  const several = byInstance.size > 1;
  return [...byInstance].flatMap(([instance, own]) => {
    const label = several ? `image ${instance + 1}` : '';
    if (want.kind === 'cine') return [flatStack(own, label, want, headers[instance]!.isCine)];
    // The frames of an enhanced object lie in the patient one by one; those of a cine are no images for themselves.
    const isSplit = own.every(({ header }) => header.position !== undefined);
    if (!isSplit) return [flatStack(own, label, want, headers[instance]!.isCine)];
    return own.map((frame) =>
      flatStack(
        [frame],
        own.length > 1 ? [label, `frame ${frame.frame}`].filter(Boolean).join(', ') : label,
        want,
        false,
      ),
    );
  });
}

function flatStack(
  own: readonly AssembledFrame[],
  label: string,
  want: StackRequest,
  isCine: boolean,
): AssembledStack | RefusedFrames {
  const first = own[0]!.header;
  const channels = isColour(first) ? 3 : 1;
  const refuse = (reason: string): RefusedFrames => ({
    reason,
    instances: [own[0]!.instance],
    frames: own.length,
    label,
  });
  const unfit = kindRefusal(own.length, channels, isCine, want.kind) ?? pixelRefusal(first);
  if (unfit !== undefined) return refuse(unfit);
  const values = channels === 3 ? colourValues(own, want) : valuesOf(own, want.units);
  if (!values.ok) return refuse(values.reason);
  const { maximumPixelSpacing } = want.geometry;
  const measured = first.calibration === 'patient' || first.calibration === 'calibrated';
  const pixel = Math.max(...(first.pixelSpacing ?? [0]));
  if (measured && maximumPixelSpacing !== undefined && pixel > maximumPixelSpacing)
    return refuse(
      `The pixels are ${pixel.toFixed(2)} mm wide and the model accepts at most ${maximumPixelSpacing} mm.`,
    );
  const inverted = channels === 1 && first.photometricInterpretation.trim() === 'MONOCHROME1';
  const placed = want.kind !== 'cine' && isPlaced(first);
  return {
    kind: want.kind,
    channels,
    grid: placed ? placedGrid(first) : flatGrid(first, own.length),
    placed,
    calibration: first.calibration,
    frameOfReferenceUid: placed ? first.frameOfReferenceUid : undefined,
    frames: inverted
      ? values.frames.map((frame) => ({ ...frame, header: { ...frame.header, inverted } }))
      : values.frames,
    copies: [],
    units: values.units,
    notes: [
      ...values.notes,
      ...(inverted
        ? ['The lowest stored value is white (MONOCHROME1): values were turned round within their range.']
        : []),
      ...(measured ? [] : [CALIBRATION_NOTES[first.calibration === 'detector' ? 'detector' : 'none']]),
    ],
    label,
    facts: stackFacts(own, label),
  };
}

const CALIBRATION_NOTES = {
  detector: 'Pixel distances are those at the detector and not in the patient: no length follows from them.',
  none: 'Nothing says how large a pixel is: no length follows from them.',
} as const;

const isColour = ({ samplesPerPixel, photometricInterpretation }: FrameHeader): boolean =>
  samplesPerPixel === 3 || photometricInterpretation.trim() === 'PALETTE COLOR';

function kindRefusal(count: number, channels: 1 | 3, isCine: boolean, kind: StackKind): string | undefined {
  if (kind === 'cine') {
    if (count === 1) return 'The object has one frame; a cine needs two or more.';
    return isCine ? undefined : `The ${count} frames of the object do not say that they follow each other in time.`;
  }
  if (count > 1) return `The object has ${count} frames; one image is asked for.`;
  if (kind === 'colour-image' && channels === 1) return 'The image is grey; a colour image is asked for.';
  if (kind === 'image' && channels === 3) return 'The image is in colour; a grey one is asked for.';
  return undefined;
}

const GREY = new Set(['MONOCHROME1', 'MONOCHROME2', 'PALETTE COLOR']);

function pixelRefusal(header: FrameHeader): string | undefined {
  const { rows, columns, samplesPerPixel, photometricInterpretation, bitsAllocated } = header;
  if (rows < 1 || columns < 1) return 'The image is without Rows or Columns.';
  if (header.hasFloatPixels) return 'The image has floating point pixels, which are not read here.';
  if (![8, 16, 32].includes(bitsAllocated)) return `The image has pixels of ${bitsAllocated || 'no'} bits.`;
  if (samplesPerPixel !== 1 && samplesPerPixel !== 3) return `The image has ${samplesPerPixel} samples per pixel.`;
  if (samplesPerPixel === 1 && !GREY.has(photometricInterpretation.trim()))
    return `The image is ${photometricInterpretation || 'of no photometric interpretation'}, with one sample per pixel.`;
  return undefined;
}

function colourValues(frames: readonly AssembledFrame[], { units }: StackRequest): ReturnType<typeof valuesOf> {
  if (units !== 'any') return { ok: false, reason: `The image is in colour, and the model needs ${units}.` };
  const plain = { rescaleSlope: 1, rescaleIntercept: 0, hasModalityLut: false };
  const rgb = frames.map((frame) => ({ ...frame, header: { ...frame.header, ...plain } }));
  return { ok: true, units: 'RGB', frames: rgb, notes: [] };
}

const isPlaced = (header: FrameHeader): boolean =>
  header.position !== undefined && normalOf(header) !== undefined && (header.pixelSpacing ?? [0]).every((mm) => mm > 0);

function placedGrid(header: FrameHeader): Grid {
  return {
    columns: header.columns,
    rows: header.rows,
    slices: 1,
    columnSpacing: header.pixelSpacing![1],
    rowSpacing: header.pixelSpacing![0],
    sliceSpacing: header.sliceThickness && header.sliceThickness > 0 ? header.sliceThickness : 1,
    rowDirection: header.rowDirection!,
    columnDirection: header.columnDirection!,
    normal: normalOf(header)!,
    origin: header.position!,
  };
}

/** Columns to the right, rows down, frames behind each other; in mm of whatever `calibration` says, or in pixels. */
function flatGrid({ columns, rows, pixelSpacing }: FrameHeader, slices: number): Grid {
  const [rowSpacing, columnSpacing] = pixelSpacing?.every((mm) => mm > 0 && Number.isFinite(mm))
    ? pixelSpacing
    : [1, 1];
  return {
    columns,
    rows,
    slices,
    columnSpacing: columnSpacing!,
    rowSpacing: rowSpacing!,
    sliceSpacing: 1,
    rowDirection: [1, 0, 0],
    columnDirection: [0, 1, 0],
    normal: [0, 0, 1],
    origin: [0, 0, 0],
  };
}
