import { number, numbers, text } from '../dicom/read-values.ts';
import { VoxgateError } from '../errors.ts';
import { layoutOf } from './frame-layout.ts';
import { annotationSvg } from './render-annotation.ts';
import { type Encoding, encodeAnimation, encodePicture } from './render-encode.ts';
import { renderFrame } from './render-frame.ts';
import { fittedSize, MOST_PIXELS, pixelAspect, place, regionOf, turned, UNTURNED } from './render-geometry.ts';
import { graphicsSvg } from './render-graphics.ts';
import { type OpenedObject, openObject } from './render-object.ts';
import { activatedOverlays, drawOverlays, overlayGroups } from './render-overlays.ts';
import { checkSupported, displayedArea, type Shown, stateSteps, turnOf } from './render-presentation.ts';
import type { Look, Picture, Region, Rendered, RenderRequest } from './render-request.ts';
import { overlaySegments } from './render-segments.ts';
import { drawShutters } from './render-shutter.ts';

/** All frames of an animation lie in memory as colour at once. */
const MOST_ANIMATED_PIXELS = 2 ** 25;

/**
 * A picture of one frame, or an animation of several, as PS3.18 8.3.5 asks for it: the image's own pipeline or that of a
 * presentation state, then the region, then the viewport, then annotations (PS3.4 N.2).
 *
 * @throws VoxgateError not-found, not-dicom, undecodable, too-large, bad-request (a region outside the image),
 *   not-acceptable: why it cannot be shown
 */
export async function render(request: RenderRequest): Promise<Rendered> {
  const object = openObject(request.object);
  const frames = request.frames.length > 0 ? request.frames : [representativeFrame(object)];
  const state = request.presentation && openObject(request.presentation);
  if (state) checkSupported(state.dataset);
  const views: View[] = [];
  let pixels = 0;
  for (const frame of frames) {
    const view = await viewOf(object, frame, request, state);
    views.push(view);
    pixels += view.encoding.size.width * view.encoding.size.height;
    if (frames.length > 1 && pixels > MOST_ANIMATED_PIXELS)
      throw new VoxgateError(
        'not-acceptable',
        `${frames.length} frames are too many for one animation of this size: ask for a smaller viewport, or for frames`,
      );
  }
  const [first] = views;
  if (!first) throw new VoxgateError('bad-request', 'no frame is asked for');
  const [frame = 1] = frames;
  if (views.length === 1) return { bytes: await encodePicture(first.picture, first.encoding), frame };
  const pictures = views.map(({ picture }) => picture);
  const encodings = views.map(({ encoding }) => encoding);
  return { bytes: await encodeAnimation(pictures, { delay: frameTime(object), encodings }), frame };
}

/** Representative Frame Number (PS3.3 C.7.6.6), or the one in the middle. */
function representativeFrame({ dataset, frameCount }: OpenedObject): number {
  const named = number(dataset, 'RepresentativeFrameNumber') ?? 0;
  return named >= 1 && named <= frameCount ? named : Math.max(1, Math.ceil(frameCount / 2));
}

interface View {
  readonly picture: Picture;
  readonly encoding: Encoding;
}

async function viewOf(
  object: OpenedObject,
  frame: number,
  { look, segmentation }: RenderRequest,
  state: OpenedObject | undefined,
): Promise<View> {
  const { dataset } = object;
  const shown: Shown = { sopInstanceUid: text(dataset, 'SOPInstanceUID') ?? '', frame };
  checkSize(object);
  const layout = layoutOf(dataset, object.transferSyntaxUid);
  const greySteps = state && stateSteps(state, shown, layout);
  let picture = await renderFrame(object, frame, { window: look.window, greySteps });
  if (segmentation) {
    const { frames } = segmentation;
    picture = await overlaySegments(picture, { object, frame }, { object: openObject(segmentation.object), frames });
  }
  const overlays = overlaysOf(object, state, look);
  if (overlays.length > 0) picture = await drawOverlays(picture, frame, overlays);
  if (state) picture = drawShutters(picture, state.dataset);

  const area = state && displayedArea(state.dataset, shown);
  const turn = state ? turnOf(state.dataset) : UNTURNED;
  const whole: Region = { x: 0, y: 0, width: picture.width, height: picture.height };
  const displayed = area?.region ?? whole;
  if (displayed.width * displayed.height > MOST_PIXELS)
    throw new VoxgateError('too-large', 'the displayed area of the presentation state is larger than is shown here');
  const turnedPicture = place(picture, displayed, turn);
  const { viewport } = look;
  const region = regionOf(viewport, turnedPicture);
  const flips = {
    ...UNTURNED,
    flipHorizontally: viewport?.flipHorizontally ?? false,
    flipVertically: viewport?.flipVertically ?? false,
  };
  const cut = place(turnedPicture, region, flips);
  const own = area?.aspect ?? pixelAspect(dataset, frame);
  const size = fittedSize(cut, turn.rotation % 180 === 90 ? 1 / own : own, viewport);

  const scale = [size.width / cut.width, size.height / cut.height] as const;
  const fromImage = (point: readonly [number, number]): readonly [number, number] => {
    const [x, y] = turned(turned(point, displayed, turn), region, flips);
    return [x * scale[0], y * scale[1]];
  };
  const drawing = [
    state ? graphicsSvg(state.dataset, shown, { ...size, fromImage }) : '',
    annotationSvg(dataset, { frame, annotations: look.annotations ?? [] }, size),
  ].join('');
  const profile = picture.channels === 3 ? soundProfile(object.bytesOf(dataset, 'ICCProfile')) : undefined;
  return { picture: cut, encoding: { look, size, drawing, profile } };
}

const LARGEST_PROFILE = 4 * 2 ** 20;

/** An ICC profile that says of itself what it is (ICC.1 7.2): what reads it was not written for anything else. */
function soundProfile(bytes: Buffer | undefined): Buffer | undefined {
  if (bytes === undefined || bytes.length < 132 || bytes.length > LARGEST_PROFILE) return undefined;
  const size = bytes.readUInt32BE(0);
  const isProfile = bytes.toString('latin1', 36, 40) === 'acsp' && bytes.toString('latin1', 16, 20) === 'RGB ';
  return isProfile && size >= 132 && size <= bytes.length ? bytes.subarray(0, size) : undefined;
}

/** Before anything is decoded: what is said of the size may be wrong, or an attack. */
function checkSize({ dataset }: OpenedObject): void {
  const rows = number(dataset, 'Rows') ?? 0;
  const columns = number(dataset, 'Columns') ?? 0;
  if (rows * columns > 2 ** 27)
    throw new VoxgateError('too-large', `an image of ${columns} x ${rows} pixels is larger than is shown here`);
}

function overlaysOf(object: OpenedObject, state: OpenedObject | undefined, { annotations }: Look) {
  if (state) {
    const own = new Set(overlayGroups(state.dataset));
    return activatedOverlays(state.dataset).flatMap((group) => {
      const from = own.has(group) ? state : object;
      return overlayGroups(from.dataset).includes(group) ? [{ object: from, group }] : [];
    });
  }
  if (!annotations?.includes('overlays')) return [];
  return overlayGroups(object.dataset).map((group) => ({ object, group }));
}

/** Milliseconds a frame is shown (PS3.3 C.7.6.5); ten a second where nothing is said. */
function frameTime({ dataset }: OpenedObject): number {
  const rate = number(dataset, 'RecommendedDisplayFrameRate') ?? number(dataset, 'CineRate');
  const vector = numbers(dataset, 'FrameTimeVector')[1];
  const time = rate ? 1000 / rate : (number(dataset, 'FrameTime') ?? vector ?? 100);
  return Math.max(20, Math.min(2000, Math.round(time) || 100));
}
