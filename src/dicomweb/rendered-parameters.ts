import { VoxgateError } from '../errors.ts';
import { ANNOTATIONS, type Annotation, type Look, type Viewport, type Window } from '../imaging/render-request.ts';

/** What a request asks of a rendering besides its media type. */
export type AskedLook = Omit<Look, 'type'>;

/** More than any screen has in one direction. */
const LARGEST_SIDE = 8192;
/** Of a thumbnail whose size is not asked for. */
const THUMBNAIL_SIDE = 128;

/**
 * The parameters of PS3.18 8.3.5.1; others are passed over (8.3.1).
 * @throws VoxgateError bad-request naming the parameter
 */
export function renderedParameters(query: URLSearchParams): AskedLook {
  return {
    window: windowOf(query.get('window')),
    viewport: viewportOf(query.get('viewport')),
    quality: qualityOf('quality', query.get('quality')),
    annotations: annotationsOf(query.get('annotation')),
    iccProfile: iccProfileOf(query.get('iccprofile')),
  };
}

/** PS3.18 8.3.5.2: of a thumbnail nothing but the size is asked. */
export function thumbnailParameters(query: URLSearchParams): AskedLook {
  const text = query.get('viewport');
  if (text === null || text === '') return { viewport: thumbnailOf(THUMBNAIL_SIDE, THUMBNAIL_SIDE) };
  const [width, height, ...more] = text.split(',');
  if (more.length > 0) throw wrong('viewport', 'of a thumbnail is its width and height alone');
  return { viewport: thumbnailOf(side('viewport', width), side('viewport', height)) };
}

function thumbnailOf(width: number, height: number): Viewport {
  return { width, height, onlyReduce: true };
}

const SHAPES: Readonly<Record<string, Window['shape']>> = {
  linear: 'linear',
  'linear-exact': 'linear-exact',
  sigmoid: 'sigmoid',
};

/** "center,width,function" (8.3.5.1.4); older clients leave the function out. */
function windowOf(text: string | null): Window | undefined {
  if (text === null || text === '') return undefined;
  const [center = '', width = '', shape = 'linear', ...more] = text.split(',').map((part) => part.trim());
  if (more.length > 0) throw wrong('window', 'must be center,width,function');
  const known = SHAPES[shape.toLowerCase().replace('_', '-')];
  if (!known) throw wrong('window', 'has a function other than linear, linear-exact and sigmoid');
  return windowFrom('window', { center: decimal('window', center), width: decimal('window', width), shape: known });
}

/** @throws VoxgateError bad-request for a width that means nothing (PS3.3 C.11.2.1.2) */
export function windowFrom(name: string, window: Window): Window {
  if (window.shape === 'linear' ? window.width < 1 : window.width <= 0)
    throw wrong(name, 'needs a width of at least 1, or above 0 for linear-exact and sigmoid');
  return window;
}

/** "vw,vh,sx,sy,sw,sh" (8.3.5.1.3): what follows the size may be left out; a negative width or height mirrors. */
function viewportOf(text: string | null): Viewport | undefined {
  if (text === null || text === '') return undefined;
  const parts = text.split(',').map((part) => part.trim());
  if (parts.length !== 2 && parts.length !== 6) throw wrong('viewport', 'must be vw,vh or vw,vh,sx,sy,sw,sh');
  const [vw, vh, sx = '', sy = '', sw = '', sh = ''] = parts;
  const size = { width: side('viewport', vw), height: side('viewport', vh) };
  if (parts.length === 2) return size;
  const [x, y] = [sx, sy].map((part) => (part === '' ? 0 : decimal('viewport', part)));
  const [width, height] = [sw, sh].map((part) => (part === '' ? Number.POSITIVE_INFINITY : decimal('viewport', part)));
  if (x! < 0 || y! < 0 || width === 0 || height === 0)
    throw wrong('viewport', 'has a region that begins outside the image, or is empty');
  return {
    ...size,
    region: { x: x!, y: y!, width: Math.abs(width!), height: Math.abs(height!) },
    flipHorizontally: width! < 0,
    flipVertically: height! < 0,
  };
}

/** @throws VoxgateError bad-request */
export function side(name: string, text: string | undefined): number {
  const pixels = /^\d{1,5}$/.test(text ?? '') ? Number(text) : 0;
  if (pixels < 1 || pixels > LARGEST_SIDE) throw wrong(name, `must be given in whole pixels from 1 to ${LARGEST_SIDE}`);
  return pixels;
}

/** @throws VoxgateError bad-request */
export function qualityOf(name: string, text: string | null): number | undefined {
  if (text === null || text === '') return undefined;
  const quality = /^\d{1,3}$/.test(text) ? Number(text) : 0;
  if (quality < 1 || quality > 100) throw wrong(name, 'must be a whole number from 1 to 100');
  return quality;
}

/** @throws VoxgateError bad-request */
export function annotationsOf(text: string | null): Annotation[] {
  if (text === null || text === '') return [];
  return text.split(',').map((part) => {
    const known = ANNOTATIONS.find((annotation) => annotation === part.trim().toLowerCase());
    if (!known) throw wrong('annotation', `takes ${ANNOTATIONS.join(', ')}`);
    return known;
  });
}

function iccProfileOf(text: string | null): Look['iccProfile'] {
  switch (text) {
    case null:
    case '':
    case 'no':
      return 'no';
    case 'yes':
    case 'srgb':
      return text;
    case 'adobergb':
    case 'rommrgb':
      throw wrong('iccprofile', `is ${text}, a colour space that is not made here: ask for no, yes or srgb`);
    default:
      throw wrong('iccprofile', 'takes no, yes and srgb');
  }
}

/** @throws VoxgateError bad-request for what is no finite decimal number */
export function decimal(name: string, text: string): number {
  const value = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?$/.test(text.trim()) ? Number(text) : Number.NaN;
  if (!Number.isFinite(value)) throw wrong(name, 'holds something that is no decimal number');
  return value;
}

export function wrong(name: string, what: string): VoxgateError {
  return new VoxgateError('bad-request', `the parameter ${name} ${what}`);
}
