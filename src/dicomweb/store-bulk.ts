import type { Elsewhere } from '../dicom/byte-writer.ts';
import type { JsonDataset, JsonElement, Vr } from '../dicom/dataset.ts';
import { NUMBER_SIZES } from '../dicom/decode-values.ts';
import type { AttributeFault, ReadModel } from '../dicom/read-json-model.ts';
import { number, text } from '../dicom/read-values.ts';
import { EXPLICIT_VR_LITTLE_ENDIAN } from '../dicom/transfer-syntaxes.ts';
import { type BinaryValues, part10Pieces } from '../dicom/write.ts';
import { type Subject, VoxgateError } from '../errors.ts';
import type { BulkPart } from './bulk-part.ts';
import { checkNativeLength, type PixelTag, partsOfPixels, pixelForm, statedSyntax } from './pixel-parts.ts';

const PIXEL_TAGS: readonly PixelTag[] = ['7FE00010', '7FE00008', '7FE00009'];
const ENCAPSULATED_DOCUMENT = '00420011';

/** An instance of which the metadata have come, and not yet all of its bulk data (PS3.18 10.5.1). */
export class PendingInstance {
  readonly #model: ReadModel;
  readonly #keyOf: (uri: string) => string;
  readonly #came = new Map<string, BulkPart[]>();

  constructor(model: ReadModel, keyOf: (uri: string) => string) {
    this.#model = model;
    this.#keyOf = keyOf;
  }

  get subject(): Subject | undefined {
    const { dataset } = this.#model;
    const sopClassUid = text(dataset, 'SOPClassUID');
    const sopInstanceUid = text(dataset, 'SOPInstanceUID');
    return sopClassUid && sopInstanceUid ? { sopClassUid, sopInstanceUid } : undefined;
  }

  get faults(): readonly AttributeFault[] {
    return this.#model.faults;
  }

  /** Keys of the locations at which its values are. */
  get wanted(): string[] {
    return [...new Set(this.#model.bulk.map(({ uri }) => this.#keyOf(uri)))];
  }

  /** What has come for it. */
  get parts(): BulkPart[] {
    return [...this.#came.values()].flat();
  }

  give(key: string, part: BulkPart): void {
    const parts = this.#came.get(key);
    if (parts) parts.push(part);
    else this.#came.set(key, [part]);
  }

  /** Whether all is there, so far as one can know: of frames as many as the image has. */
  isComplete(): boolean {
    return this.missing().length === 0;
  }

  /** What there is no part of. */
  missing(): AttributeFault[] {
    return this.#model.bulk.flatMap(({ path, uri }) => {
      const parts = this.#came.get(this.#keyOf(uri)) ?? [];
      const needed = this.#needed(path, parts);
      if (parts.length >= needed) return [];
      const sentence =
        parts.length === 0
          ? 'no part of the request has the Content-Location of its BulkDataURI'
          : `${parts.length} of ${needed} frames have come`;
      return [{ tag: path.slice(0, 8), sentence }];
    });
  }

  #needed(path: string, [first]: readonly BulkPart[]): number {
    return path === '7FE00010' && first ? partsOfPixels(this.#model.dataset, first) : 1;
  }

  /**
   * The Part 10 file, the bulk data in their places.
   * @throws VoxgateError unidentifiable, mismatch, undecodable, unsupported-media-type, too-large
   */
  pieces(): readonly (Uint8Array | Elsewhere)[] {
    const { bulk, transferSyntaxUid } = this.#model;
    let { dataset } = this.#model;
    if (this.subject === undefined)
      throw new VoxgateError('unidentifiable', 'SOP Class UID or SOP Instance UID is missing or empty');
    const binary: Record<string, BinaryValues[string]> = {};
    let syntax = EXPLICIT_VR_LITTLE_ENDIAN;
    for (const { path, uri, vr } of bulk) {
      const parts = this.#came.get(this.#keyOf(uri)) ?? [];
      const pixels = PIXEL_TAGS.find((tag) => tag === path);
      if (pixels) {
        const form = pixelForm(dataset, pixels, parts, statedSyntax(dataset, transferSyntaxUid));
        syntax = form.transferSyntaxUid;
        dataset = { ...dataset, ...form.added };
        binary[path] = form.value;
        continue;
      }
      const [part] = parts;
      if (!part || parts.length > 1) throw mismatch(`${path} has ${parts.length} parts, and one is its value`);
      if (path === ENCAPSULATED_DOCUMENT) dataset = { ...dataset, ...documentOf(dataset, part) };
      checkLength(path, vr, part.length);
      binary[path] = part;
    }
    for (const tag of PIXEL_TAGS) checkInline(dataset, tag);
    return part10Pieces(dataset, { transferSyntaxUid: syntax, binary });
  }
}

/** Pixel data in the metadata themselves. */
function checkInline(dataset: JsonDataset, tag: PixelTag): void {
  const bytes = dataset[tag]?.InlineBinary;
  if (bytes !== undefined) checkNativeLength(dataset, tag, Buffer.from(bytes, 'base64').length);
}

const WORDS: Partial<Readonly<Record<Vr, number>>> = { OW: 2, OF: 4, OL: 4, OD: 8, OV: 8, AT: 4 };

function checkLength(path: string, vr: Vr, length: number): void {
  const word = WORDS[vr] ?? NUMBER_SIZES[vr] ?? 1;
  if (length % word !== 0) throw mismatch(`${path} (${vr}) came with ${length} bytes, no multiple of ${word}`);
}

/** An encapsulated document is of the type it is told to be, and as long (PS3.3 C.24.2): its padding is no part of it. */
function documentOf(dataset: JsonDataset, part: BulkPart): JsonDataset {
  const said = text(dataset, 'MIMETypeOfEncapsulatedDocument');
  const { type } = part.mediaType;
  if (said !== undefined && type !== 'application/octet-stream' && said.toLowerCase() !== type)
    throw mismatch('the encapsulated document is not of the type that (0042,0012) names');
  const length = number(dataset, 'EncapsulatedDocumentLength');
  if (length !== undefined && length !== part.length)
    throw mismatch('the encapsulated document is not as long as (0042,0015) says');
  const added: Record<string, JsonElement> = { '00420015': { vr: 'UL', Value: [part.length] } };
  if (said === undefined) added['00420012'] = { vr: 'LO', Value: [type] };
  return added;
}

function mismatch(sentence: string): VoxgateError {
  return new VoxgateError('mismatch', sentence);
}
