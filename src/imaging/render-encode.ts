import { crc32, deflateSync } from 'node:zlib';
import sharp, { type Sharp } from 'sharp';
import { VoxgateError } from '../errors.ts';
import type { Look, Picture } from './render-request.ts';

// One picture is encoded by one thread: many requests share the cores, and a thread of the pool waits for each.
sharp.concurrency(1);
// Nothing is read from files; what is decoded once is not asked for again.
sharp.cache(false);

/** Of JPEG: no difference is seen at it, at a tenth of the bytes. */
const QUALITY = 90;

export interface Encoding {
  readonly look: Look;
  readonly size: { readonly width: number; readonly height: number };
  /** SVG elements to be drawn over the picture, in pixels of the result. */
  readonly drawing?: string | undefined;
  /** The ICC profile that the picture's colours are given in. */
  readonly profile?: Buffer | undefined;
}

/** A picture as JPEG, PNG or GIF of the size asked for. */
export async function encodePicture(picture: Picture, encoding: Encoding): Promise<Buffer> {
  const { look, profile } = encoding;
  const shown = shaped(picture, encoding);
  const wanted = look.iccProfile ?? 'no';
  if (wanted === 'no' || look.type === 'image/gif') return asType(shown, look).toBuffer();
  if (!profile) return asType(shown.withIccProfile('srgb'), look).toBuffer();
  const tagged = sharp(withProfile(await shown.png({ compressionLevel: 1 }).toBuffer(), profile));
  try {
    return await asType(wanted === 'yes' ? tagged.keepIccProfile() : tagged.withIccProfile('srgb'), look).toBuffer();
  } catch (cause) {
    throw new VoxgateError('not-acceptable', 'the ICC profile of the image cannot be used', { cause });
  }
}

/** Pictures of one size as an animated GIF; `delay` in ms. */
export async function encodeAnimation(
  pictures: readonly Picture[],
  { delay, encodings }: { readonly delay: number; readonly encodings: readonly Encoding[] },
): Promise<Buffer> {
  const [first] = encodings;
  const { width, height } = first!.size;
  const pages: Buffer[] = [];
  for (const [i, picture] of pictures.entries()) {
    const encoding = { ...encodings[i]!, size: { width, height } };
    pages.push(await shaped(picture, encoding).toColourspace('srgb').removeAlpha().raw().toBuffer());
  }
  const raw = { width, height: height * pages.length, channels: 3, pageHeight: height } as const;
  return sharp(Buffer.concat(pages), { raw, limitInputPixels: false })
    .gif({ delay: pages.map(() => delay), loop: 0, dither: 0, effort: 1 })
    .toBuffer();
}

function shaped(picture: Picture, { size, drawing }: Encoding): Sharp {
  const { width, height, channels, data } = picture;
  let image = sharp(data, { raw: { width, height, channels } });
  if (size.width !== width || size.height !== height)
    image = image.resize(size.width, size.height, { fit: 'fill', kernel: 'cubic' });
  if (!drawing) return channels === 1 ? image.toColourspace('b-w') : image;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${size.width}" height="${size.height}">${drawing}</svg>`;
  return image.toColourspace('srgb').composite([{ input: Buffer.from(svg) }]);
}

function asType(image: Sharp, { type, quality = QUALITY }: Look): Sharp {
  switch (type) {
    case 'image/jpeg':
      // Tables made to measure would save 3 % of the bytes and take twice as long. Colour keeps its full resolution.
      return image.jpeg({ quality, optimiseCoding: false, chromaSubsampling: '4:4:4' });
    case 'image/png':
      return image.png({ compressionLevel: 4, palette: false });
    case 'image/gif':
      return image.gif({ dither: 0, effort: 1 });
  }
}

/** A PNG with an embedded profile (PNG 11.3.2.3): how the encoder is told what the colours mean. */
function withProfile(png: Buffer, profile: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from('iCCPimage\0\0', 'latin1'), deflateSync(profile)]);
  const chunk = Buffer.alloc(body.length + 8);
  chunk.writeUInt32BE(body.length - 4);
  body.copy(chunk, 4);
  chunk.writeUInt32BE(crc32(body), body.length + 4);
  // Behind the signature and IHDR, 13 bytes with 12 around them.
  const headEnd = 8 + 25;
  return Buffer.concat([png.subarray(0, headEnd), chunk, png.subarray(headEnd)]);
}
