import type { DecodedFrame, FrameLayout } from './decode.ts';

/** The codecs of dcmjs-codecs: one WebAssembly module with libjpeg-turbo, CharLS, OpenJPEG, OpenJPH and libjxl. */
export type Codec = 'jpeg' | 'jpeg-ls' | 'jpeg-2000' | 'jpeg-xl' | 'htj2k';

type Library = typeof import('dcmjs-codecs');

const DECODERS = {
  jpeg: 'decodeJpeg',
  'jpeg-ls': 'decodeJpegLs',
  'jpeg-2000': 'decodeJpeg2000',
  'jpeg-xl': 'decodeJpegXl',
  htj2k: 'decodeHtJpeg2000',
} as const satisfies Record<Codec, keyof Library['NativeCodecs']>;

/** Colour these bring out as RGB; JPEG-LS keeps what was put in. */
const TO_RGB: ReadonlySet<Codec> = new Set<Codec>(['jpeg', 'jpeg-2000', 'jpeg-xl', 'htj2k']);

/** Encoders that lose nothing, and what makes them so. */
export type Encoder = 'rle' | 'jpeg-lossless' | 'jpeg-ls' | 'jpeg-2000' | 'htj2k' | 'htj2k-rpcl';

const RPCL = 2;
const ENCODERS = {
  rle: ['encodeRle', {}],
  // First-order prediction, selection value 1 (PS3.5 Section 8.2.1).
  'jpeg-lossless': ['encodeJpeg', { lossy: false, predictor: 1, pointTransform: 0 }],
  'jpeg-ls': ['encodeJpegLs', { lossy: false }],
  'jpeg-2000': ['encodeJpeg2000', { lossy: false }],
  htj2k: ['encodeHtJpeg2000', { lossy: false }],
  'htj2k-rpcl': ['encodeHtJpeg2000', { lossy: false, progressionOrder: RPCL }],
} as const satisfies Record<Encoder, readonly [keyof Library['NativeCodecs'], object]>;

/** The module keeps the memory of the largest frame it has seen; after a larger one than this it is loaded anew. */
const KEPT_MEMORY_BYTES = 64 * 1024 * 1024;

let loading: Promise<Library> | undefined;

/**
 * Decodes one frame. Runs on the calling thread: up to 50 ms for 512 x 512 JPEG 2000.
 * Whatever the codec thinks of the stream, the caller has to check the number of bytes that came out.
 */
export async function decodeWithCodec(
  codec: Codec,
  encoded: Uint8Array,
  layout: FrameLayout,
): Promise<Omit<DecodedFrame, 'planarConfiguration'>> {
  const rgb = TO_RGB.has(codec) && layout.samplesPerPixel === 3;
  const convertColorspaceToRgb = rgb && layout.photometricInterpretation !== 'RGB';
  const bytes = await perform(layout, { encodedBuffer: encoded }, ({ NativeCodecs }, context) =>
    NativeCodecs[DECODERS[codec]](context, { convertColorspaceToRgb }).getDecodedBuffer(),
  );
  return { bytes, photometricInterpretation: rgb ? 'RGB' : layout.photometricInterpretation };
}

/**
 * Encodes one frame, colour by pixel. Runs on the calling thread: up to 50 ms for 512 x 512 JPEG 2000.
 * Whatever the codec says, the caller has to check that the same pixels come out of it again.
 */
export function encodeWithCodec(encoder: Encoder, pixels: Uint8Array, layout: FrameLayout): Promise<Uint8Array> {
  const [name, parameters] = ENCODERS[encoder];
  return perform(layout, { decodedBuffer: pixels }, ({ NativeCodecs }, context) =>
    NativeCodecs[name](context, parameters).getEncodedBuffer(),
  );
}

async function perform(
  layout: FrameLayout,
  input: { readonly encodedBuffer: Uint8Array } | { readonly decodedBuffer: Uint8Array },
  work: (loaded: Library, context: InstanceType<Library['Context']>) => Uint8Array | undefined,
): Promise<Uint8Array> {
  const loaded = await library();
  const context = new loaded.Context({
    width: layout.columns,
    height: layout.rows,
    bitsAllocated: layout.bitsAllocated,
    bitsStored: layout.bitsStored,
    samplesPerPixel: layout.samplesPerPixel,
    pixelRepresentation: layout.pixelRepresentation,
    planarConfiguration: 0,
    photometricInterpretation: layout.photometricInterpretation,
    ...input,
  });
  try {
    const output = work(loaded, context) ?? new Uint8Array();
    if (output.length > KEPT_MEMORY_BYTES) release(loaded);
    return output;
  } catch (error) {
    // An exception leaves the frame's memory behind inside the module, or the module itself in an unknown state.
    release(loaded);
    throw error;
  }
}

function release({ NativeCodecs }: Library): void {
  NativeCodecs.release();
  loading = undefined;
}

/** Loaded with the first compressed frame: 30 MB and 90 ms that uncompressed series never pay. */
function library(): Promise<Library> {
  loading ??= load();
  return loading;
}

async function load(): Promise<Library> {
  const { default: codecs } = await import('dcmjs-codecs');
  // What it would print is thrown as well.
  codecs.log.setLevel('silent');
  await codecs.NativeCodecs.initializeAsync();
  return codecs;
}
