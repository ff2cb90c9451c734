import type { Request } from 'express';
import type { LocatedInstance } from '../archive/archive.ts';
import type { MediaType } from '../dicom/media-types.ts';
import { EXPLICIT_VR_LITTLE_ENDIAN, readableSyntax } from '../dicom/transfer-syntaxes.ts';
import { acceptedBy, notAcceptable, type Offer, REPRESENTATIONS } from './accept.ts';
import { isBefore, mostWanted, type Rank } from './negotiate.ts';

/** Brings whole stored objects into other transfer syntaxes, never with loss. */
export interface ObjectTranscoder {
  /** In which, besides their own, objects stored in this one can be given. */
  targetsOf(transferSyntaxUid: string): readonly string[];
  /**
   * @returns a whole PS3.10 file that is gone when it is disposed of
   * @throws VoxgateError undecodable, not-dicom, too-large: why it cannot be done; the signal's reason
   */
  transcode(
    instance: LocatedInstance,
    transferSyntaxUid: string,
    signal: AbortSignal,
  ): Promise<{ readonly size: number; stream(): AsyncIterable<Buffer>; dispose(): Promise<void> }>;
}

/** In what form objects leave, and each in which transfer syntax. */
export interface ObjectPlan {
  readonly form: 'multipart' | 'single' | 'zip';
  /** By the transfer syntax in which objects are stored. */
  readonly syntaxes: ReadonlyMap<string, string>;
  /** Stored syntaxes for which the client named none: where the default cannot be made, these objects go as they are. */
  readonly byDefault: ReadonlySet<string>;
}

/**
 * The form that the client wants most of those that can be had of all the objects; one alone can be a single part.
 * @throws VoxgateError not-acceptable naming them
 */
export function planObjects(
  request: Request,
  instances: readonly LocatedInstance[],
  transcoder: ObjectTranscoder | undefined,
): ObjectPlan {
  const ranges = acceptedBy(request);
  const stored = [...new Set(instances.map(({ transferSyntaxUid }) => transferSyntaxUid))];
  const forms = REPRESENTATIONS.objects.filter(
    ({ type, multipart }) => multipart || type !== DICOM || isOne(instances),
  );
  let best: { readonly plan: ObjectPlan; readonly rank: Rank } | undefined;
  const offered: Offer[] = [];
  for (const form of forms) {
    const name = form.multipart ? 'multipart' : form.type === DICOM ? 'single' : 'zip';
    const syntaxes = new Map<string, string>();
    const byDefault = new Set<string>();
    let worst: Rank | undefined;
    for (const uid of stored) {
      const offers = offersOf(form, uid, transcoder);
      offered.push(...offers);
      const chosen = mostWanted(ranges, offers);
      if (chosen === undefined) break;
      syntaxes.set(uid, chosen.offer.transferSyntaxUid);
      if (!chosen.offer.onlyByName && !isAskedFor(ranges, chosen.offer)) byDefault.add(uid);
      if (worst === undefined || isBefore(worst, chosen.rank)) worst = chosen.rank;
    }
    if (worst === undefined || syntaxes.size < stored.length) continue;
    if (best === undefined || isBefore(worst, best.rank))
      best = { plan: { form: name, syntaxes, byDefault }, rank: worst };
  }
  if (best === undefined) throw notAcceptable(offered);
  return best.plan;
}

const DICOM = 'application/dicom';

function isOne(instances: readonly LocatedInstance[]): boolean {
  return instances.length === 1;
}

function isAskedFor(ranges: readonly MediaType[], { transferSyntaxUid }: Offer): boolean {
  return ranges.some(({ parameters }) => parameters['transfer-syntax'] === transferSyntaxUid);
}

type SyntaxOffer = Offer & { readonly transferSyntaxUid: string; readonly onlyByName: boolean };

/**
 * As stored first. Without a transfer syntax application/dicom means Explicit VR Little Endian (PS3.18 8.7.3.5.2), unless
 * what is held is lossy or cannot be decoded; a ZIP file holds what is stored.
 */
function offersOf(
  { type, multipart }: Offer,
  stored: string,
  transcoder: ObjectTranscoder | undefined,
): readonly SyntaxOffer[] {
  const targets = (transcoder?.targetsOf(stored) ?? []).filter((uid) => uid !== stored);
  const isDefaultOther = type === DICOM && targets.includes(EXPLICIT_VR_LITTLE_ENDIAN) && !readableSyntax(stored).lossy;
  const usual = isDefaultOther ? EXPLICIT_VR_LITTLE_ENDIAN : stored;
  return [stored, ...targets].map((transferSyntaxUid) => ({
    type,
    multipart,
    transferSyntaxUid,
    onlyByName: transferSyntaxUid !== usual,
  }));
}
