import type { JsonDataset } from '../dicom/dataset.ts';
import { items, number, numbers, text } from '../dicom/read-values.ts';
import { VoxgateError } from '../errors.ts';
import type { FrameLayout } from './decode.ts';
import { ofRange } from './render-frame.ts';
import type { Turn } from './render-geometry.ts';
import { soundAspect } from './render-geometry.ts';
import { type GreySteps, modalityStep, presentationStep, voiOf } from './render-grey.ts';
import type { OpenedObject } from './render-object.ts';
import type { Region } from './render-request.ts';
import { lookUpTable } from './render-tables.ts';

export const GRAYSCALE_SOFTCOPY_PRESENTATION_STATE = '1.2.840.10008.5.1.4.1.1.11.1';

/** The image, or the frame of one, that is shown by a presentation state. */
export interface Shown {
  readonly sopInstanceUid: string;
  /** Counted from 1. */
  readonly frame: number;
}

/** One image of a presentation state; `frames` is absent where all are meant. */
export interface ReferencedImage {
  readonly seriesInstanceUid: string | undefined;
  readonly sopInstanceUid: string;
  readonly frames: readonly number[] | undefined;
}

/**
 * The images that a presentation state is about (PS3.3 C.11.11).
 * @throws VoxgateError not-acceptable for a kind of state that is not rendered here
 */
export function imagesOf(state: JsonDataset): ReferencedImage[] {
  if (text(state, 'SOPClassUID') !== GRAYSCALE_SOFTCOPY_PRESENTATION_STATE)
    throw refused('of presentation states only Grayscale Softcopy Presentation States');
  return items(state, 'ReferencedSeriesSequence').flatMap((series) =>
    items(series, 'ReferencedImageSequence').map((image) => {
      const frames = numbers(image, 'ReferencedFrameNumber').filter((frame) => frame >= 1);
      return {
        seriesInstanceUid: text(series, 'SeriesInstanceUID'),
        sopInstanceUid: text(image, 'ReferencedSOPInstanceUID') ?? '',
        frames: frames.length > 0 ? frames : undefined,
      };
    }),
  );
}

/** Whether an item of a presentation state is about the image; one that names none is about all. */
export function isAbout(item: JsonDataset, { sopInstanceUid, frame }: Shown): boolean {
  const named = items(item, 'ReferencedImageSequence');
  return (
    named.length === 0 ||
    named.some((image) => {
      const frames = numbers(image, 'ReferencedFrameNumber');
      return (
        text(image, 'ReferencedSOPInstanceUID') === sopInstanceUid && (frames.length === 0 || frames.includes(frame))
      );
    })
  );
}

/** @throws VoxgateError not-acceptable for what would be shown otherwise than the state says */
export function checkSupported(state: JsonDataset): void {
  if (text(state, 'SOPClassUID') !== GRAYSCALE_SOFTCOPY_PRESENTATION_STATE)
    throw refused('of presentation states only Grayscale Softcopy Presentation States');
  const masks = items(state, 'MaskSubtractionSequence').map((mask) => text(mask, 'MaskOperation')?.trim());
  if (masks.some((operation) => operation !== 'NONE')) throw refused('no presentation states with mask subtraction');
}

/** The state says it all: what the image says of its own greys is left aside (PS3.3 A.33.1, PS3.4 N.2.1). */
export function stateSteps(state: OpenedObject, shown: Shown, layout: FrameLayout): GreySteps {
  const signed = layout.pixelRepresentation === 1;
  const modality = modalityStep(state, 1, signed, state.dataset);
  const item = items(state.dataset, 'SoftcopyVOILUTSequence').find((one) => isAbout(one, shown));
  const voi = (item && voiOf(state, item)) ?? wholeOutput(state, layout, modality);
  return { modality, voi, presentation: presentationStep(state, state.dataset) };
}

/** No VOI LUT: all that the Modality LUT can give, from black to white. */
function wholeOutput(state: OpenedObject, layout: FrameLayout, modality: GreySteps['modality']): GreySteps['voi'] {
  const [table] = items(state.dataset, 'ModalityLUTSequence');
  if (!table) return ofRange(layout, modality);
  const white = 2 ** lookUpTable(state, table, false).bits - 1;
  return (value) => value / white;
}

export interface DisplayedArea {
  readonly region: Region;
  /** Height of a pixel by its width; undefined where the state does not say. */
  readonly aspect: number | undefined;
}

/** PS3.3 C.10.4: corners are pixels of the image before it is turned, both shown, counted from 1. */
export function displayedArea(state: JsonDataset, shown: Shown): DisplayedArea | undefined {
  const item = items(state, 'DisplayedAreaSelectionSequence').find((one) => isAbout(one, shown));
  if (!item) return undefined;
  const [x1, y1] = numbers(item, 'DisplayedAreaTopLeftHandCorner');
  const [x2, y2] = numbers(item, 'DisplayedAreaBottomRightHandCorner');
  if (x1 === undefined || y1 === undefined || x2 === undefined || y2 === undefined) return undefined;
  const region = {
    x: Math.min(x1, x2) - 1,
    y: Math.min(y1, y2) - 1,
    width: Math.abs(x2 - x1) + 1,
    height: Math.abs(y2 - y1) + 1,
  };
  const [rows = 0, columns = 0] = [
    numbers(item, 'PresentationPixelSpacing'),
    numbers(item, 'PresentationPixelAspectRatio'),
  ].find(([a = 0, b = 0]) => a > 0 && b > 0) ?? [0, 0];
  return { region, aspect: rows > 0 ? soundAspect(rows / columns) : undefined };
}

/** PS3.3 C.10.6. */
export function turnOf(state: JsonDataset): Turn {
  const rotation = (((number(state, 'ImageRotation') ?? 0) % 360) + 360) % 360;
  if (rotation !== 0 && rotation !== 90 && rotation !== 180 && rotation !== 270)
    throw refused('no rotations other than by right angles');
  return { rotation, flipHorizontally: text(state, 'ImageHorizontalFlip')?.trim() === 'Y', flipVertically: false };
}

function refused(what: string): VoxgateError {
  return new VoxgateError('not-acceptable', `${what} are rendered here`);
}
