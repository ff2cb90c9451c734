import { type FrameIndex, frameIndex, serialiseFrameIndex } from '../dicom/frames.ts';
import { type ByteSource, type ParsedObject, parsePart10 } from '../dicom/parse.ts';
import { text } from '../dicom/read-values.ts';
import { isUid, isUsableAsUid } from '../dicom/uid.ts';
import { type Subject, VoxgateError } from '../errors.ts';
import { type Packed, pack } from '../storage/metadata-log.ts';
import { type Description, describeDataset, type Identifiers } from './describe-instance.ts';

/** What the request said of the object before its bytes came (C-STORE-RQ, PS3.7 9.1.1.1). */
export interface Announced {
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  readonly transferSyntaxUid: string;
}

/** What is known of an object besides its bytes. */
export interface Told {
  readonly announced?: Announced | undefined;
  /** Of texts in objects that name no Specific Character Set, as it is known of the sender. */
  readonly characterSet?: readonly string[] | undefined;
}

/** All that is read from an object: what the catalog records of it but for where it lies. */
export interface DescribedObject extends Description {
  readonly identifiers: Identifiers;
  readonly transferSyntaxUid: string;
  readonly dataSetOffset: number;
  readonly frameCount: number;
  /** Serialised frame index; null without frames, and where it is too long for a row. */
  readonly frames: string | null;
  /** That index, where it is too long for a row. */
  readonly longFrames: Packed | null;
  /** What was wrong with it and did not keep it from being stored; names attributes, never values. */
  readonly warnings: readonly string[];
  /** False when the object broke off before its end. */
  readonly complete: boolean;
}

/** A row stays small: the frames of one to some thirty fragments. A longer index lies with the metadata. */
const LONGEST_FRAMES = 250;

function framesText(index: FrameIndex | undefined): Pick<DescribedObject, 'frames' | 'longFrames'> {
  const frames = index === undefined ? null : serialiseFrameIndex(index);
  const isLong = frames !== null && frames.length > LONGEST_FRAMES;
  return isLong ? { frames: null, longFrames: pack(frames) } : { frames, longFrames: null };
}

/** A broken object can be wrong in every element; the first findings tell the story. */
const MOST_WARNINGS = 20;

/**
 * Reads an object's header and frames, and checks them against what was announced.
 * @throws VoxgateError not-dicom, unidentifiable, mismatch, unsupported-object; with the object's subject where it has one
 */
export function describeObject(source: ByteSource, { announced, characterSet }: Told = {}): DescribedObject {
  const parsed = parsePart10(source, characterSet === undefined ? {} : { characterSet });
  const subject: Subject = {
    sopClassUid: text(parsed.dataset, 'SOPClassUID') ?? '',
    sopInstanceUid: text(parsed.dataset, 'SOPInstanceUID') ?? '',
  };
  try {
    const identifiers = identify(parsed, announced);
    const frames = frameIndex(parsed, source);
    const warnings = [...oddUids(identifiers), ...parsed.warnings, ...(frames?.warnings ?? [])];
    return {
      ...describeDataset(parsed.dataset),
      identifiers,
      transferSyntaxUid: parsed.transferSyntaxUid,
      dataSetOffset: parsed.dataSetOffset,
      frameCount: frames?.count ?? 0,
      ...framesText(frames),
      warnings: warnings.slice(0, MOST_WARNINGS),
      complete: parsed.complete,
    };
  } catch (error) {
    if (!(error instanceof VoxgateError)) throw error;
    throw new VoxgateError(error.code, error.message, { cause: error, subject });
  }
}

const MEDIA_STORAGE_DIRECTORY = '1.2.840.10008.1.3.10';

/**
 * The four UIDs without which an object can neither be found nor told from another. The data set speaks; only the SOP
 * class may come from the file meta information or the request, for objects that lack it.
 */
function identify(parsed: ParsedObject, announced: Announced | undefined): Identifiers {
  const { dataset, meta } = parsed;
  const sopClassUid =
    text(dataset, 'SOPClassUID') ?? text(meta, 'MediaStorageSOPClassUID') ?? announced?.sopClassUid ?? '';
  if (sopClassUid === MEDIA_STORAGE_DIRECTORY || dataset['00041220'] !== undefined) {
    throw new VoxgateError(
      'unsupported-object',
      'a DICOMDIR (Media Storage Directory) is not a composite instance and is not kept',
    );
  }
  const identifiers: Identifiers = {
    sopClassUid,
    sopInstanceUid: text(dataset, 'SOPInstanceUID') ?? '',
    studyInstanceUid: text(dataset, 'StudyInstanceUID') ?? '',
    seriesInstanceUid: text(dataset, 'SeriesInstanceUID') ?? '',
  };
  for (const [name, uid] of named(identifiers)) {
    if (uid === '') throw new VoxgateError('unidentifiable', `${name} is missing or empty`);
    if (!isUsableAsUid(uid)) throw new VoxgateError('unidentifiable', `${name} is not a UID (PS3.5 9.1)`);
  }
  if (announced && announced.sopInstanceUid !== identifiers.sopInstanceUid) {
    throw new VoxgateError(
      'mismatch',
      'the SOP Instance UID (0008,0018) of the data set is not the Affected SOP Instance UID of the request',
    );
  }
  if (announced && announced.sopClassUid !== identifiers.sopClassUid) {
    throw new VoxgateError(
      'mismatch',
      'the SOP Class UID (0008,0016) of the data set is not the Affected SOP Class UID of the request',
    );
  }
  return identifiers;
}

function named(identifiers: Identifiers): (readonly [string, string])[] {
  return [
    ['SOP Class UID (0008,0016)', identifiers.sopClassUid],
    ['SOP Instance UID (0008,0018)', identifiers.sopInstanceUid],
    ['Study Instance UID (0020,000D)', identifiers.studyInstanceUid],
    ['Series Instance UID (0020,000E)', identifiers.seriesInstanceUid],
  ];
}

/** Identifiers that are no UIDs and are kept all the same. */
function oddUids(identifiers: Identifiers): string[] {
  return named(identifiers).flatMap(([name, uid]) =>
    isUid(uid) ? [] : [`${name} is not a UID (PS3.5 9.1); kept as it is`],
  );
}
