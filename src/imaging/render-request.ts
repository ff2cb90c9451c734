/** What can be asked of a rendering (PS3.18 8.3.5); plain data, fit to be sent to a thread. */

/** An object as it is stored. */
export interface StoredObject {
  readonly path: string;
  readonly size: number;
}

/** PS3.3 C.11.2.1.2: center and width in the units of the Modality LUT's output. */
export interface Window {
  readonly center: number;
  readonly width: number;
  readonly shape: 'linear' | 'linear-exact' | 'sigmoid';
}

/** A part of the source picture, in its pixels. */
export interface Region {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** What part of the picture is shown how large (PS3.18 8.3.5.1.3). Width and height bound the result; its shape is kept. */
export interface Viewport {
  readonly width?: number | undefined;
  readonly height?: number | undefined;
  readonly region?: Region | undefined;
  /** The region counts in fractions of the picture (PS3.18 9.1.2.2.4, "region") instead of pixels. */
  readonly relative?: boolean | undefined;
  readonly flipHorizontally?: boolean | undefined;
  readonly flipVertically?: boolean | undefined;
  /** A small picture stays small: thumbnails. */
  readonly onlyReduce?: boolean | undefined;
}

export const PICTURE_TYPES = ['image/jpeg', 'image/png', 'image/gif'] as const;
export type PictureType = (typeof PICTURE_TYPES)[number];

export const ANNOTATIONS = ['patient', 'technique', 'overlays'] as const;
export type Annotation = (typeof ANNOTATIONS)[number];

export interface Look {
  readonly type: PictureType;
  readonly window?: Window | undefined;
  readonly viewport?: Viewport | undefined;
  /** 1 to 100; of JPEG alone. */
  readonly quality?: number | undefined;
  readonly annotations?: readonly Annotation[] | undefined;
  /** Whether an ICC profile is embedded: none, that of the image (sRGB for one without), or sRGB. */
  readonly iccProfile?: 'no' | 'yes' | 'srgb' | undefined;
}

export interface RenderRequest {
  readonly object: StoredObject;
  /** Counted from 1. One, but for an animated GIF; none means the one frame that stands for all. */
  readonly frames: readonly number[];
  readonly look: Look;
  /** A Softcopy Presentation State that says how the image is to be shown. */
  readonly presentation?: StoredObject | undefined;
  /** A Segmentation whose segments are laid over the image. */
  readonly segmentation?: { readonly object: StoredObject; readonly frames: readonly number[] } | undefined;
}

export interface Rendered {
  readonly bytes: Uint8Array;
  /** The first, or only, frame that is seen. */
  readonly frame: number;
}

/** Samples of 8 bits, pixel by pixel: grey, or red, green and blue. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3;
  readonly data: Uint8Array;
}
