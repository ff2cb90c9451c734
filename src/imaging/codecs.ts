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
  const { Context, NativeCodecs } = await library();
  const rgb = TO_RGB.has(codec) && layout.samplesPerPixel === 3;
  const context = new Context({
    width: layout.columns,
    height: layout.rows,
    bitsAllocated: layout.bitsAllocated,
    bitsStored: layout.bitsStored,
    samplesPerPixel: layout.samplesPerPixel,
    pixelRepresentation: layout.pixelRepresentation,
    planarConfiguration: 0,
    photometricInterpretation: layout.photometricInterpretation,
    encodedBuffer: encoded,
  });
  try {
    const convertColorspaceToRgb = rgb && layout.photometricInterpretation !== 'RGB';
    const decoded = NativeCodecs[DECODERS[codec]](context, { convertColorspaceToRgb });
    return {
      bytes: decoded.getDecodedBuffer() ?? new Uint8Array(),
      photometricInterpretation: rgb ? 'RGB' : layout.photometricInterpretation,
    };
  } catch (error) {
    // An exception leaves the frame's memory behind inside the module, or the module itself in an unknown state.
    NativeCodecs.release();
    loading = undefined;
    throw error;
  }
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
